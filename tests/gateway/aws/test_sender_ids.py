from __future__ import annotations

import pytest

from gateway.routing.directory import type_misfit

BOTH = ["TRANSACTIONAL", "PROMOTIONAL"]


async def request(aws, name="Acme", country="GB", **more):
    return await aws.call("request_sender_id", SenderId=name, IsoCountryCode=country, **more)


async def test_a_sender_id_lives_and_goes(aws_anywhere):
    aws = aws_anywhere
    tags = [{"Key": "team", "Value": "ops"}]
    made = await request(aws, DeletionProtectionEnabled=True, MessageTypes=["PROMOTIONAL"], Tags=tags)
    arn = made.pop("SenderIdArn")
    assert arn.endswith(":sender-id/Acme/GB")
    assert made == {
        "SenderId": "Acme", "IsoCountryCode": "GB", "MessageTypes": ["PROMOTIONAL"], "MonthlyLeasingPrice": "0.00",
        "DeletionProtectionEnabled": True, "Registered": False, "Tags": tags,
    }  # fmt: skip
    named = {"SenderId": "ACME", "IsoCountryCode": "GB"}
    refused = await aws.refused("release_sender_id", **named)
    assert (refused["Reason"], refused["ResourceType"]) == ("DELETION_PROTECTION_ENABLED", "sender-id")
    unchanged = await aws.call("update_sender_id", **named)
    assert unchanged["DeletionProtectionEnabled"]
    changed = await aws.call("update_sender_id", **named, DeletionProtectionEnabled=False)
    del made["Tags"]
    assert changed == {**made, "SenderIdArn": arn, "DeletionProtectionEnabled": False}
    (shown,) = (await aws.call("describe_sender_ids", SenderIds=[{"SenderId": arn, "IsoCountryCode": "GB"}]))[
        "SenderIds"
    ]
    assert shown == changed
    del changed["DeletionProtectionEnabled"]
    assert await aws.call("release_sender_id", **named) == changed
    refused = await aws.refused("describe_sender_ids", SenderIds=[named])
    assert (refused["ResourceType"], refused["ResourceId"]) == ("sender-id", "ACME/GB")
    refused = await aws.refused("list_tags_for_resource", ResourceArn=arn)
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    await request(aws)
    assert (await aws.call("list_tags_for_resource", ResourceArn=arn))["Tags"] == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SenderId": "12345"}, "INVALID_PARAMETER"),
        ({"SenderId": "Acme-"}, "INVALID_PARAMETER"),
        ({"SenderId": "-Acme"}, "INVALID_PARAMETER"),
        ({"SenderId": "12345678"}, "INVALID_PARAMETER"),
        ({"SenderId": "twelve-chars"}, "INVALID_PARAMETER"),
        ({"IsoCountryCode": "XX"}, "INVALID_PARAMETER"),
        ({"IsoCountryCode": "US"}, "SENDER_ID_NOT_SUPPORTED"),
        ({"SenderId": "NEWS"}, "RESOURCE_ALREADY_EXISTS"),
    ],
)
async def test_a_sender_id_that_cannot_be_is_refused(aws, change, reason):
    await request(aws, "News")
    refused = await aws.refused("request_sender_id", **{"SenderId": "Acme", "IsoCountryCode": "GB"} | change)
    assert refused["Reason"] == reason


@pytest.mark.parametrize(
    ("given", "shown"), [(None, BOTH), ([], BOTH), (BOTH, BOTH), (["PROMOTIONAL"], ["PROMOTIONAL"])]
)
async def test_it_is_for_both_types_unless_it_is_for_one(aws, given, shown):
    made = await request(aws, **({} if given is None else {"MessageTypes": given}))
    assert sorted(made["MessageTypes"]) == sorted(shown)
    directory = aws.desk.catalog.directory("main")
    identity = directory.find("Acme", "GB")
    fits = [kind for kind in BOTH if not type_misfit(identity, kind)]
    assert fits == [kind for kind in BOTH if kind in shown]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("sender-id", "Acme", {("Acme", "GB"), ("Acme", "FR")}),
        ("iso-country-code", "FR", {("Acme", "FR")}),
        ("iso-country-code", "ZZ", {("World", "ZZ")}),
        ("message-type", "PROMOTIONAL", {("Acme", "GB")}),
        ("deletion-protection-enabled", "true", {("Acme", "FR")}),
        ("registered", "true", set()),
        ("registered", "false", {("Acme", "GB"), ("Acme", "FR"), ("World", "ZZ")}),
    ],
)
async def test_filters_and_pages(aws, name, value, found):
    key = await aws.new_account("two")
    await aws.call("request_sender_id", key, SenderId="Acme", IsoCountryCode="GB")
    await aws.call(
        "request_sender_id", key, SenderId="Acme", IsoCountryCode="FR", MessageTypes=["TRANSACTIONAL"],
        DeletionProtectionEnabled=True,
    )  # fmt: skip
    await aws.new_sender_id("World", account_id="two")
    pages = await aws.pages("describe_sender_ids", key, Filters=[{"Name": name, "Values": [value]}])
    assert {(one["SenderId"], one["IsoCountryCode"]) for page in pages for one in page["SenderIds"]} == found
    assert [len(page["SenderIds"]) for page in await aws.pages("describe_sender_ids", key)] == [1, 1, 1]
    assert (await aws.call("describe_sender_ids", key, Owner="SHARED"))["SenderIds"] == []


async def test_one_of_every_country_is_named_by_zz(aws):
    made = await aws.new_sender_id("World")
    shown = await aws.call("update_sender_id", SenderId="World", IsoCountryCode="ZZ", DeletionProtectionEnabled=False)
    assert shown["SenderIdArn"].endswith(":sender-id/World/ZZ")
    await aws.call("tag_resource", ResourceArn=shown["SenderIdArn"], Tags=[{"Key": "a", "Value": "1"}])
    await aws.call("release_sender_id", SenderId=shown["SenderIdArn"], IsoCountryCode="ZZ")
    assert made.id not in aws.desk.catalog.directory("main").identity_by_id


async def test_an_arn_and_a_country_that_differ(aws):
    made = await request(aws)
    refused = await aws.refused("release_sender_id", SenderId=made["SenderIdArn"], IsoCountryCode="FR")
    assert refused["Reason"] == "COUNTRY_CODE_MISMATCH"
