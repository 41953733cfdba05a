from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.resources import inventory, routes
from tests.support.api import MAIN, now

SIMULATOR = {
    "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL", "NumberCapabilities": ["SMS"], "NumberType": "SIMULATOR",
}  # fmt: skip
TEN_DLC = SIMULATOR | {"NumberType": "TEN_DLC"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:replies"
ROLE = "arn:aws:iam::123456789012:role/publisher"


async def enter(aws, *numbers, **more):
    for number in numbers:
        await inventory.add(aws.desk, number=number, now=now(), **{"kind": "TEN_DLC"} | more)


async def test_a_number_of_the_inventory_lives_and_goes_back(aws_anywhere):
    aws = aws_anywhere
    await enter(aws, "+12065550170", "+12065550171", monthly_price=Decimal("1.5"), rate=3)
    wish = {
        "IsoCountryCode": "US", "NumberCapabilities": ["SMS"], "NumberType": "TEN_DLC",
    }  # fmt: skip
    listed = await aws.call("list_available_phone_numbers", **wish)
    assert listed["AvailablePhoneNumbers"] == ["+12065550170", "+12065550171"]
    made = await aws.call(
        "request_phone_number", **TEN_DLC, DeletionProtectionEnabled=True, InternationalSendingEnabled=True,
        Tags=[{"Key": "team", "Value": "ops"}],
    )  # fmt: skip
    created = made.pop("CreatedTimestamp")
    number_id, arn = made.pop("PhoneNumberId"), made.pop("PhoneNumberArn")
    assert arn.startswith("arn:aws:sms-voice:us-east-1:")
    assert arn.endswith(f":phone-number/{number_id}")
    assert made == {
        "PhoneNumber": "+12065550170", "Status": "ACTIVE", "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL",
        "NumberCapabilities": ["SMS"], "NumberType": "TEN_DLC", "MonthlyLeasingPrice": "1.50", "TwoWayEnabled": False,
        "SelfManagedOptOutsEnabled": False, "OptOutListName": "Default", "InternationalSendingEnabled": True,
        "DeletionProtectionEnabled": True, "Tags": [{"Key": "team", "Value": "ops"}],
    }  # fmt: skip
    listed = await aws.call("list_available_phone_numbers", **wish)
    assert listed["AvailablePhoneNumbers"] == ["+12065550171"]
    (shown,) = (await aws.call("describe_phone_numbers", PhoneNumberIds=[arn]))["PhoneNumbers"]
    del made["Tags"]
    limits = {"RateLimits": {"SMS": 3}}
    ids = {"PhoneNumberId": number_id, "PhoneNumberArn": arn, "CreatedTimestamp": created}
    assert shown == {**made, **ids, "MessagingLimits": limits}
    refused = await aws.refused("release_phone_number", PhoneNumberId=arn)
    assert (refused["Reason"], refused["ResourceId"]) == ("DELETION_PROTECTION_ENABLED", number_id)
    changed = await aws.call(
        "update_phone_number", PhoneNumberId=arn, TwoWayEnabled=True, TwoWayChannelArn=TOPIC, TwoWayChannelRole=ROLE,
        DeletionProtectionEnabled=False, InternationalSendingEnabled=False,
    )  # fmt: skip
    now_two_way = {"TwoWayEnabled": True, "TwoWayChannelArn": TOPIC, "TwoWayChannelRole": ROLE}
    off = {"DeletionProtectionEnabled": False, "InternationalSendingEnabled": False}
    assert changed == {**made, **ids, **now_two_way, **off}
    gone = await aws.call("release_phone_number", PhoneNumberId=number_id)
    assert (gone["Status"], gone["PhoneNumberId"], gone["TwoWayChannelArn"]) == ("DELETED", number_id, TOPIC)
    refused = await aws.refused("describe_phone_numbers", PhoneNumberIds=[number_id])
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert (refused["ResourceType"], refused["ResourceId"]) == ("phone-number", number_id)
    refused = await aws.refused("list_tags_for_resource", ResourceArn=arn)
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    again = await aws.call("request_phone_number", **TEN_DLC)
    assert (again["PhoneNumber"], again["MonthlyLeasingPrice"]) == ("+12065550170", "1.50")
    assert again["PhoneNumberId"] != number_id


async def test_simulator_numbers_are_always_there(aws):
    first = await aws.call("request_phone_number", **SIMULATOR)
    second = await aws.call("request_phone_number", **SIMULATOR)
    assert first["Status"] == "ACTIVE"
    assert first["PhoneNumber"] != second["PhoneNumber"]
    assert (first["NumberType"], first["MonthlyLeasingPrice"]) == ("SIMULATOR", "0.00")
    await aws.call("release_phone_number", PhoneNumberId=first["PhoneNumberId"])
    assert (await aws.call("request_phone_number", **SIMULATOR))["PhoneNumber"] == first["PhoneNumber"]


async def test_a_request_sent_again_leases_one_number(aws):
    token = {"ClientToken": "once"}
    first = await aws.call("request_phone_number", **SIMULATOR, **token)
    assert await aws.call("request_phone_number", **SIMULATOR, **token) == first


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"MessageType": "PROMOTIONAL"}, "ValidationException", "INVALID_PARAMETER"),
        ({"IsoCountryCode": "GB"}, "ResourceNotFoundException", None),
        ({"NumberCapabilities": ["SMS", "VOICE"]}, "ResourceNotFoundException", None),
        ({"NumberType": "TOLL_FREE"}, "ResourceNotFoundException", None),
        ({"OptOutListName": "Nope"}, "ResourceNotFoundException", None),
        ({"PoolId": "pool-1"}, "ResourceNotFoundException", None),
        ({"RegistrationId": "registration-1"}, "ResourceNotFoundException", None),
        ({"Tags": [{"Key": "a", "Value": "1"}] * 2}, "ValidationException", "INVALID_PARAMETER"),
        ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "ServiceQuotaExceededException", "TAGS_PER_RESOURCE"),
    ],
)  # fmt: skip
async def test_a_number_that_cannot_be_leased_is_not(aws, change, code, reason):
    refused = await aws.refused("request_phone_number", **SIMULATOR | change)
    assert (refused["Error"]["Code"], refused.get("Reason")) == (code, reason)
    kinds = {"OptOutListName": "opt-out-list", "PoolId": "pool", "RegistrationId": "registration"}
    if code == "ResourceNotFoundException":
        assert refused["ResourceType"] == kinds.get(*change, "phone-number")
    assert len((await aws.call("describe_phone_numbers"))["PhoneNumbers"]) == 1  # the one of the bench


@pytest.mark.parametrize(
    ("preference", "patterns", "found"),
    [
        ("StartsWith", ["425"], ["+14255550171"]),
        ("StartsWith", ["+1206", "+1425"], ["+12065550170", "+14255550171"]),
        ("StartsWith", ["+425"], []),
        ("EndsWith", ["170"], ["+12065550170"]),
        ("Contains", ["5550171"], ["+14255550171"]),
        ("ExactMatch", ["2065550170"], ["+12065550170"]),
        ("ExactMatch", ["+12065550170"], ["+12065550170"]),
        ("ExactMatch", ["065550170"], []),
    ],
)
async def test_a_number_may_be_asked_for_by_its_digits(aws, preference, patterns, found):
    await enter(aws, "+12065550170", "+14255550171")
    asked = {"NumberPreference": [{"PreferenceType": [preference], "Filter": patterns}]}
    wish = {"IsoCountryCode": "US", "NumberCapabilities": ["SMS"], "NumberType": "TEN_DLC"}
    listed = await aws.pages("list_available_phone_numbers", **wish, **asked)
    assert [number for page in listed for number in page["AvailablePhoneNumbers"]] == found
    if found:
        assert (await aws.call("request_phone_number", **TEN_DLC, **asked))["PhoneNumber"] == found[0]


FILTERS = [
    ("status", "ACTIVE", {"+12065550172", "+12065550173"}),
    ("status", "PENDING", set()),
    ("iso-country-code", "US", {"+12065550172", "+12065550173"}),
    ("iso-country-code", "GB", set()),
    ("message-type", "PROMOTIONAL", {"+12065550173"}),
    ("number-capability", "MMS", {"+12065550173"}),
    ("number-type", "TOLL_FREE", {"+12065550172"}),
    ("two-way-enabled", "true", {"+12065550173"}),
    ("self-managed-opt-outs-enabled", "true", {"+12065550173"}),
    ("opt-out-list-name", "News", {"+12065550172"}),
    ("deletion-protection-enabled", "true", {"+12065550172"}),
    ("two-way-channel-arn", TOPIC, {"+12065550173"}),
]


@pytest.fixture
async def two(aws):
    """A key of an account with two numbers that differ in all that can be filtered by."""
    key = await aws.new_account("two")
    mine = {"account_id": "two"}
    await aws.call("create_opt_out_list", key, OptOutListName="News")
    await aws.new_number(
        "+12065550172", kind="TOLL_FREE", opt_out_list="News", two_way=False, deletion_protection=True, **mine
    )
    other = await aws.new_number(
        "+12065550173", message_type="PROMOTIONAL", capabilities=["SMS", "MMS"], self_managed_opt_outs=True, **mine
    )
    await aws.call("update_phone_number", key, PhoneNumberId=other.id, TwoWayChannelArn=TOPIC)
    return key


async def test_filters_and_pages(aws, two):
    for name, value, found in FILTERS:
        pages = await aws.pages("describe_phone_numbers", two, Filters=[{"Name": name, "Values": [value, "x"]}])
        shown = [one["PhoneNumber"] for page in pages for one in page["PhoneNumbers"]]
        assert (name, sorted(shown)) == (name, sorted(found))
    both = [{"Name": "number-type", "Values": ["TOLL_FREE"]}, {"Name": "message-type", "Values": ["PROMOTIONAL"]}]
    assert (await aws.call("describe_phone_numbers", two, Filters=both))["PhoneNumbers"] == []
    pages = await aws.pages("describe_phone_numbers", two)
    assert [len(page["PhoneNumbers"]) for page in pages] == [1, 1]


async def test_owner_goes_without_ids(aws, two):
    assert len((await aws.call("describe_phone_numbers", two, Owner="SELF"))["PhoneNumbers"]) == 2
    assert (await aws.call("describe_phone_numbers", two, Owner="SHARED"))["PhoneNumbers"] == []
    refused = await aws.refused("describe_phone_numbers", two, Owner="SELF", PhoneNumberIds=["phone-1"])
    assert refused["Reason"] == "PARAMETERS_CANNOT_BE_USED_TOGETHER"
    refused = await aws.refused("describe_phone_numbers", two, NextToken="bm9uZQ==")
    assert refused["Reason"] == "INVALID_NEXT_TOKEN"


async def test_one_accounts_numbers_are_not_anothers(aws, two):
    mine = (await aws.call("describe_phone_numbers", two))["PhoneNumbers"][0]["PhoneNumberId"]
    for operation in ("update_phone_number", "release_phone_number"):
        refused = await aws.refused(operation, PhoneNumberId=mine)
        assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert mine not in str(await aws.call("describe_phone_numbers"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TwoWayEnabled": True}, "TWO_WAY_CHANNEL_NOT_PRESENT"),
        ({"TwoWayChannelArn": TOPIC}, "TWO_WAY_NOT_ENABLED"),
        ({"TwoWayEnabled": False, "TwoWayChannelArn": TOPIC}, "TWO_WAY_NOT_ENABLED"),
        ({"SelfManagedOptOutsEnabled": True}, "TWO_WAY_NOT_ENABLED"),
        ({"TwoWayEnabled": True, "TwoWayChannelArn": "no channel at all".replace(" ", "-") + "x" * 9}, "INVALID_ARN"),
        ({"TwoWayEnabled": True, "TwoWayChannelArn": TOPIC, "TwoWayChannelRole": "x" * 20}, "INVALID_PARAMETER"),
    ],
)
async def test_two_way_needs_a_channel_and_a_channel_two_way(aws, change, reason):
    made = await aws.call("request_phone_number", **SIMULATOR)
    refused = await aws.refused("update_phone_number", PhoneNumberId=made["PhoneNumberId"], **change)
    assert (refused["Error"]["Code"], refused["Reason"]) == ("ValidationException", reason)
    (shown,) = (await aws.call("describe_phone_numbers", PhoneNumberIds=[made["PhoneNumberId"]]))["PhoneNumbers"]
    assert not shown["TwoWayEnabled"]


async def test_the_channel_is_in_the_catalog_until_two_way_is_off(aws):
    made = await aws.call("request_phone_number", **SIMULATOR)
    number_id = made["PhoneNumberId"]
    connect = "connect.us-east-1.amazonaws.com"
    for channel in (TOPIC, connect):
        await aws.call("update_phone_number", PhoneNumberId=number_id, TwoWayEnabled=True, TwoWayChannelArn=channel)
        account_id, identity = aws.desk.catalog.identity_by_sender(made["PhoneNumber"])
        assert (account_id, identity.two_way_channel) == (MAIN, channel)
    off = await aws.call("update_phone_number", PhoneNumberId=number_id, TwoWayEnabled=False)
    assert "TwoWayChannelArn" not in off
    assert aws.desk.catalog.identity_by_sender(made["PhoneNumber"])[1].two_way_channel == ""


async def test_a_number_that_a_route_names_cannot_be_released(aws):
    made = await aws.call("request_phone_number", **SIMULATOR)
    await routes.create(aws.desk, account_id=MAIN, connectors=["c1"], identity_id=made["PhoneNumberId"], now=now())
    refused = await aws.refused("release_phone_number", PhoneNumberId=made["PhoneNumberId"])
    assert refused["Reason"] == "PHONE_NUMBER_CANNOT_BE_RELEASED"


async def test_a_number_for_a_registration(aws):
    made = await aws.call("create_registration", RegistrationType="US_TOLL_FREE_REGISTRATION")
    registration = made["RegistrationId"]
    await enter(aws, "+18005550170", kind="TOLL_FREE")
    toll_free = SIMULATOR | {"NumberType": "TOLL_FREE"}
    refused = await aws.refused("request_phone_number", **SIMULATOR, RegistrationId=registration)
    assert refused["Reason"] == "INVALID_REGISTRATION_ASSOCIATION"
    leased = await aws.call("request_phone_number", **toll_free, RegistrationId=made["RegistrationArn"])
    number_id = leased["PhoneNumberId"]
    (shown,) = (await aws.call("describe_phone_numbers", PhoneNumberIds=[number_id]))["PhoneNumbers"]
    changed = await aws.call("update_phone_number", PhoneNumberId=number_id, InternationalSendingEnabled=True)
    assert {one["RegistrationId"] for one in (leased, shown, changed)} == {registration}
    refused = await aws.refused("release_phone_number", PhoneNumberId=number_id)
    assert (refused["Reason"], refused["ResourceId"]) == ("PHONE_NUMBER_ASSOCIATED_TO_REGISTRATION", number_id)
    await aws.call("delete_registration", RegistrationId=registration)
    assert (await aws.call("release_phone_number", PhoneNumberId=number_id))["Status"] == "DELETED"
