from __future__ import annotations

import pytest

from gateway.resources import opt_outs
from tests.support.api import MAIN, now
from tests.support.aws import serving_aws

PEOPLE = [f"+120655501{number}" for number in (42, 43, 44)]
NEWS = {"OptOutListName": "News"}


@pytest.fixture
async def news(aws):
    return await aws.call("create_opt_out_list", **NEWS)


async def test_a_list_lives_and_goes(aws_anywhere):
    aws = aws_anywhere
    tags = [{"Key": "team", "Value": "ops"}]
    made = await aws.call("create_opt_out_list", **NEWS, Tags=tags)
    assert made["OptOutListArn"].endswith(":opt-out-list/News")
    assert made.pop("Tags") == tags
    assert (await aws.call("describe_opt_out_lists", OptOutListNames=[made["OptOutListArn"]]))["OptOutLists"] == [made]
    refused = await aws.refused("create_opt_out_list", **NEWS)
    assert (refused["Reason"], refused["ResourceId"]) == ("RESOURCE_ALREADY_EXISTS", "News")
    named = [
        [one["OptOutListName"] for one in page["OptOutLists"]] for page in await aws.pages("describe_opt_out_lists")
    ]
    assert named == [["Default"], ["News"]]
    assert (await aws.call("describe_opt_out_lists", Owner="SHARED"))["OptOutLists"] == []
    number = await aws.new_number("+12065550188", opt_out_list="News")
    for name, reason in (("News", "RESOURCE_DELETION_NOT_ALLOWED"), ("Default", "RESOURCE_DELETION_NOT_ALLOWED")):
        refused = await aws.refused("delete_opt_out_list", OptOutListName=name)
        assert (refused["Reason"], refused["ResourceId"]) == (reason, name)
    await aws.call("release_phone_number", PhoneNumberId=number.id)
    assert await aws.call("delete_opt_out_list", **NEWS) == made
    for operation in ("delete_opt_out_list", "describe_opted_out_numbers"):
        refused = await aws.refused(operation, **NEWS)
        assert (refused["ResourceType"], refused["ResourceId"]) == ("opt-out-list", "News")


async def test_a_person_is_put_on_a_list_and_taken_off(aws, news):
    arn = news["OptOutListArn"]
    put = await aws.call("put_opted_out_number", OptOutListName=arn, OptedOutNumber=PEOPLE[0].removeprefix("+"))
    told = {"OptOutListArn": arn, "OptOutListName": "News"}
    person = {"OptedOutNumber": PEOPLE[0], "EndUserOptedOut": False, "OptedOutTimestamp": put["OptedOutTimestamp"]}
    assert put == told | person
    assert await aws.call("put_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[0]) == put
    shown = await aws.call("describe_opted_out_numbers", **NEWS, OptedOutNumbers=[PEOPLE[0]])
    assert shown == told | {"OptedOutNumbers": [person]}
    refused = await aws.refused("describe_opted_out_numbers", **NEWS, OptedOutNumbers=PEOPLE[:2])
    assert (refused["ResourceType"], refused["ResourceId"]) == ("opted-out-number", PEOPLE[1])
    gone = await aws.call("delete_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[0])
    assert gone["OptedOutTimestamp"] >= put["OptedOutTimestamp"]
    assert gone == put | {"OptedOutTimestamp": gone["OptedOutTimestamp"]}
    refused = await aws.refused("delete_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[0])
    assert refused["ResourceType"] == "opted-out-number"
    for _ in range(2):  # no lock unless it is asked for
        await aws.call("put_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[0])
        await aws.call("delete_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[0])


@pytest.mark.parametrize("number", ["+999999999999", "+1206", "+0"])
async def test_what_is_no_number_is_refused(aws, news, number):
    refused = await aws.refused("put_opted_out_number", **NEWS, OptedOutNumber=number)
    assert (refused["Error"]["Code"], refused["Reason"]) == ("ValidationException", "INVALID_PARAMETER")
    assert refused["Fields"][0]["Name"] == "OptedOutNumber"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], PEOPLE),
        (["true"], PEOPLE[1:2]),
        (["false"], [PEOPLE[0], PEOPLE[2]]),
        (["true", "false"], PEOPLE),
        (["maybe"], []),
    ],
)
async def test_filters_and_pages(aws, news, filters, found):
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=PEOPLE[0])
    for person in PEOPLE:
        await aws.desk.store.write(
            lambda tx, person=person: opt_outs.add_in(
                tx, account_id=MAIN, phone=person, list_name="News", at=now(), by_end_user=person == PEOPLE[1],
                actor="person", how="test",
            )
        )  # fmt: skip
    asked = {"Filters": [{"Name": "end-user-opted-out", "Values": filters}]} if filters else {}
    pages = await aws.pages("describe_opted_out_numbers", **NEWS, **asked)
    assert [one["OptedOutNumber"] for page in pages for one in page["OptedOutNumbers"]] == found
    assert all(len(page["OptedOutNumbers"]) == 1 for page in pages) or not found
    named = await aws.call("describe_opted_out_numbers", **NEWS, **asked, OptedOutNumbers=PEOPLE)
    assert [one["OptedOutNumber"] for one in named["OptedOutNumbers"]] == found


async def test_a_lock_allows_one_opting_in(tmp_path):
    async with serving_aws(tmp_path, opt_in_lock_days=30) as aws:
        await aws.call("create_opt_out_list", **NEWS)
        for name in ("Default", "News"):
            await aws.call("put_opted_out_number", OptOutListName=name, OptedOutNumber=PEOPLE[0])
        await aws.call("delete_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[0])
        refused = await aws.refused("delete_opted_out_number", OptOutListName="Default", OptedOutNumber=PEOPLE[0])
        assert (refused["Error"]["Code"], refused["Reason"]) == (
            "ValidationException",
            "PHONE_NUMBER_CANNOT_BE_OPTED_IN",
        )
        await aws.call("put_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[1])
        await aws.call("delete_opted_out_number", **NEWS, OptedOutNumber=PEOPLE[1])
