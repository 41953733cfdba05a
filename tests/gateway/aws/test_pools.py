from __future__ import annotations

import pytest

from gateway.resources import keywords, pools
from tests.support.api import MAIN, now

TOPIC = "arn:aws:sns:us-east-1:123456789012:replies"
SIMULATOR = {
    "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL", "NumberCapabilities": ["SMS"], "NumberType": "SIMULATOR",
}  # fmt: skip


async def number(aws, **more):
    return (await aws.call("request_phone_number", **SIMULATOR | more))["PhoneNumberId"]


async def pool_of(aws, identity, **more):
    return await aws.call(
        "create_pool",
        **{"OriginationIdentity": identity, "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL"} | more,
    )


async def test_a_pool_lives_and_goes(aws_anywhere):
    aws = aws_anywhere
    first = await number(aws)
    tags = [{"Key": "team", "Value": "ops"}]
    made = await pool_of(aws, first, DeletionProtectionEnabled=True, Tags=tags)
    pool_id, arn, created = made.pop("PoolId"), made.pop("PoolArn"), made.pop("CreatedTimestamp")
    assert arn.endswith(f":pool/{pool_id}")
    assert made == {
        "Status": "ACTIVE", "MessageType": "TRANSACTIONAL", "TwoWayEnabled": False, "SelfManagedOptOutsEnabled": False,
        "OptOutListName": "Default", "SharedRoutesEnabled": False, "DeletionProtectionEnabled": True, "Tags": tags,
    }  # fmt: skip
    del made["Tags"]
    ids = {"PoolId": pool_id, "PoolArn": arn, "CreatedTimestamp": created}
    assert (await aws.call("describe_pools", PoolIds=[arn]))["Pools"] == [{**made, **ids}]
    refused = await aws.refused("delete_pool", PoolId=arn)
    assert (refused["Reason"], refused["ResourceId"]) == ("DELETION_PROTECTION_ENABLED", pool_id)
    second = await number(aws)
    link = {"PoolId": pool_id, "OriginationIdentity": second, "IsoCountryCode": "US"}
    answer = await aws.call("associate_origination_identity", **link)
    assert (answer["PoolArn"], answer["OriginationIdentity"], answer["IsoCountryCode"]) == (arn, second, "US")
    pages = await aws.pages("list_pool_origination_identities", PoolId=arn)
    assert [[one["OriginationIdentity"] for one in page["OriginationIdentities"]] for page in pages] == [
        [first],
        [second],
    ]
    assert {page["PoolId"] for page in pages} == {pool_id}
    await aws.call("disassociate_origination_identity", **link)
    list_name = "News"
    await aws.call("create_opt_out_list", OptOutListName=list_name)
    changed = await aws.call(
        "update_pool", PoolId=pool_id, TwoWayEnabled=True, TwoWayChannelArn=TOPIC, SelfManagedOptOutsEnabled=True,
        OptOutListName=list_name, SharedRoutesEnabled=True, DeletionProtectionEnabled=False,
    )  # fmt: skip
    told = {
        "TwoWayEnabled": True, "TwoWayChannelArn": TOPIC, "SelfManagedOptOutsEnabled": True, "OptOutListName": "News",
        "SharedRoutesEnabled": True, "DeletionProtectionEnabled": False,
    }  # fmt: skip
    assert changed == {**made, **ids, **told}
    (member,) = (await aws.call("describe_phone_numbers", PhoneNumberIds=[first]))["PhoneNumbers"]
    assert (member["PoolId"], member["TwoWayChannelArn"], member["OptOutListName"]) == (pool_id, TOPIC, "News")
    for operation in ("update_phone_number", "release_phone_number"):
        more = {"TwoWayEnabled": False, "SelfManagedOptOutsEnabled": False} if "update" in operation else {}
        refused = await aws.refused(operation, PhoneNumberId=first, **more)
        assert (refused["Reason"], refused["ResourceId"]) == ("PHONE_NUMBER_ASSOCIATED_TO_POOL", first)
    gone = await aws.call("delete_pool", PoolId=pool_id)
    del changed["DeletionProtectionEnabled"]
    assert gone == {**changed, "Status": "DELETING"}
    refused = await aws.refused("describe_pools", PoolIds=[pool_id])
    assert (refused["ResourceType"], refused["ResourceId"]) == ("pool", pool_id)
    refused = await aws.refused("list_tags_for_resource", ResourceArn=arn)
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert (await aws.call("release_phone_number", PhoneNumberId=first))["Status"] == "DELETED"


async def test_a_number_may_be_leased_into_a_pool(aws):
    pool_id = (await pool_of(aws, await number(aws)))["PoolId"]
    assert (await aws.call("request_phone_number", **SIMULATOR, PoolId=pool_id))["PoolId"] == pool_id
    await aws.call("create_opt_out_list", OptOutListName="News")
    refused = await aws.refused("request_phone_number", **SIMULATOR, PoolId=pool_id, OptOutListName="News")
    assert refused["Reason"] == "OPT_OUT_LIST_MISMATCH"
    found = await aws.call("describe_phone_numbers", Filters=[{"Name": "number-type", "Values": ["SIMULATOR"]}])
    assert len(found["PhoneNumbers"]) == 2


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({"message_type": "PROMOTIONAL"}, "MESSAGE_TYPE_MISMATCH"),
        ({"opt_out_list": "News"}, "OPT_OUT_LIST_MISMATCH"),
        ({"two_way": True}, "TWO_WAY_CONFIG_MISMATCH"),
        ({"match_mode": "whole"}, "KEYWORD_MISMATCH"),
        ({"capabilities": ["SMS", "MMS"]}, "NUMBER_CAPABILITIES_MISMATCH"),
    ],
)
async def test_a_number_that_differs_does_not_fit_the_pool(aws, different, reason):
    await aws.call("create_opt_out_list", OptOutListName="News")
    pool = await pool_of(aws, await number(aws))
    stranger = await aws.new_number("+12065550188", **{"two_way": False, "match_mode": "begins"} | different)
    refused = await aws.refused(
        "associate_origination_identity", PoolId=pool["PoolId"], OriginationIdentity=stranger.id, IsoCountryCode="US"
    )
    assert refused["Error"]["Code"] == "ConflictException"
    assert (refused["Reason"], refused["ResourceType"], refused["ResourceId"]) == (reason, "phone-number", stranger.id)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({"TwoWayChannelArn": TOPIC}, {"TwoWayChannelArn": TOPIC + "2"}, "TWO_WAY_CONFIG_MISMATCH"),
        (
            {"TwoWayChannelArn": TOPIC},
            {"TwoWayChannelArn": TOPIC, "TwoWayChannelRole": "arn:aws:iam::123456789012:role/x"},
            "TWO_WAY_CONFIG_MISMATCH",
        ),
        (
            {"TwoWayChannelArn": TOPIC},
            {"TwoWayChannelArn": TOPIC, "SelfManagedOptOutsEnabled": True},
            "SELF_MANAGED_OPT_OUTS_MISMATCH",
        ),
    ],
)
async def test_two_way_must_be_that_of_the_pool(aws, first, second, reason):
    ids = [await number(aws), await number(aws)]
    for one, change in zip(ids, (first, second), strict=True):
        await aws.call("update_phone_number", PhoneNumberId=one, TwoWayEnabled=True, **change)
    pool = await pool_of(aws, ids[0])
    assert pool["TwoWayChannelArn"] == TOPIC
    refused = await aws.refused("associate_origination_identity", PoolId=pool["PoolId"], OriginationIdentity=ids[1])
    assert refused["Reason"] == reason


async def test_what_is_in_a_pool_and_what_is_not(aws):
    ids = [await number(aws) for _ in range(3)]
    pool, other = (await pool_of(aws, ids[0]))["PoolId"], (await pool_of(aws, ids[1]))["PoolId"]

    async def reason(operation, pool_id, identity, **more):
        refused = await aws.refused(
            f"{operation}_origination_identity", PoolId=pool_id, OriginationIdentity=identity, **more
        )
        return refused.get("Reason") or refused["ResourceType"]

    assert await reason("associate", pool, ids[0]) == "RESOURCE_ALREADY_ASSOCIATED"
    assert await reason("associate", pool, ids[1]) == "PHONE_NUMBER_ASSOCIATED_TO_POOL"
    assert await reason("associate", pool, ids[2], IsoCountryCode="GB") == "COUNTRY_CODE_MISMATCH"
    assert await reason("associate", "pool-1", ids[2]) == "pool"
    assert await reason("associate", pool, "phone-1") == "phone-number"
    assert await reason("associate", pool, "Nobody", IsoCountryCode="GB") == "sender-id"
    assert await reason("associate", pool, "Nobody") == "MISSING_PARAMETER"
    assert await reason("associate", pool, f"arn:aws:sms-voice:us-east-1:1:pool/{other}") == "INVALID_ARN"
    assert await reason("disassociate", pool, ids[0]) == "LAST_PHONE_NUMBER"
    assert await reason("disassociate", pool, ids[1]) == "PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL"
    refused = await aws.refused(
        "create_pool", OriginationIdentity=ids[0], IsoCountryCode="US", MessageType="TRANSACTIONAL"
    )
    assert refused["Reason"] == "PHONE_NUMBER_ASSOCIATED_TO_POOL"
    refused = await aws.refused(
        "create_pool", OriginationIdentity=ids[2], IsoCountryCode="US", MessageType="PROMOTIONAL"
    )
    assert refused["Reason"] == "MESSAGE_TYPE_MISMATCH"


async def test_a_sender_id_may_be_in_many_pools(aws):
    made = await aws.call("request_sender_id", SenderId="Acme", IsoCountryCode="GB")
    pool = (await pool_of(aws, made["SenderIdArn"], IsoCountryCode="GB", MessageType="PROMOTIONAL"))["PoolId"]
    second = (await pool_of(aws, await number(aws)))["PoolId"]
    link = {"PoolId": second, "OriginationIdentity": "Acme", "IsoCountryCode": "GB"}
    answer = await aws.call("associate_origination_identity", **link)
    assert (answer["OriginationIdentity"], answer["OriginationIdentityArn"]) == ("Acme", made["SenderIdArn"])
    (shown,) = (await aws.call("list_pool_origination_identities", PoolId=pool))["OriginationIdentities"]
    assert shown == {
        "OriginationIdentityArn": made["SenderIdArn"], "OriginationIdentity": "Acme", "IsoCountryCode": "GB",
        "NumberCapabilities": ["SMS"],
    }  # fmt: skip
    for name, value, count in (
        ("iso-country-code", "GB", 1), ("iso-country-code", "FR", 0), ("number-capability", "SMS", 2),
        ("number-capability", "VOICE", 0),
    ):  # fmt: skip
        filters = [{"Name": name, "Values": [value]}]
        listed = await aws.call("list_pool_origination_identities", PoolId=second, Filters=filters)
        assert (name, value, len(listed["OriginationIdentities"])) == (name, value, count)
    refused = await aws.refused("release_sender_id", SenderId="Acme", IsoCountryCode="GB")
    assert refused["Reason"] == "SENDER_ID_ASSOCIATED_TO_POOL"
    await aws.call("disassociate_origination_identity", **link)
    refused = await aws.refused("disassociate_origination_identity", **link)
    assert refused["ResourceType"] == "sender-id"
    refused = await aws.refused("disassociate_origination_identity", **link | {"PoolId": pool})
    assert refused["Reason"] == "RESOURCE_MODIFICATION_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("status", "ACTIVE", {"one", "two"}),
        ("status", "CREATING", set()),
        ("message-type", "PROMOTIONAL", {"two"}),
        ("two-way-enabled", "true", {"two"}),
        ("self-managed-opt-outs-enabled", "true", {"two"}),
        ("opt-out-list-name", "Default", {"one", "two"}),
        ("shared-routes-enabled", "true", {"two"}),
        ("deletion-protection-enabled", "true", {"one"}),
        ("two-way-channel-arn", TOPIC, {"two"}),
    ],
)
async def test_filters_and_pages(aws, name, value, found):
    one = (await pool_of(aws, await number(aws), DeletionProtectionEnabled=True))["PoolId"]
    stranger = await aws.new_number("+12065550188", message_type="PROMOTIONAL")
    made = await pools.create(aws.desk, account_id=MAIN, identity_id=stranger.id, shared_routes=True, now=now())
    await aws.call(
        "update_pool", PoolId=made.id, TwoWayEnabled=True, TwoWayChannelArn=TOPIC, SelfManagedOptOutsEnabled=True
    )
    names = {one: "one", made.id: "two"}
    pages = await aws.pages("describe_pools", Filters=[{"Name": name, "Values": [value]}])
    assert {names[pool["PoolId"]] for page in pages for pool in page["Pools"]} == found
    assert [len(page["Pools"]) for page in await aws.pages("describe_pools")] == [1, 1]
    assert (await aws.call("describe_pools", Owner="SHARED"))["Pools"] == []
    assert (await aws.refused("describe_pools", Owner="SELF", PoolIds=[one]))["Reason"] == (
        "PARAMETERS_CANNOT_BE_USED_TOGETHER"
    )


async def test_the_rules_of_two_way_are_those_of_numbers(aws):
    pool = (await pool_of(aws, await number(aws)))["PoolId"]
    for change, reason in (
        ({"TwoWayEnabled": True}, "TWO_WAY_CHANNEL_NOT_PRESENT"),
        ({"SelfManagedOptOutsEnabled": True}, "TWO_WAY_NOT_ENABLED"),
        ({"TwoWayChannelArn": TOPIC}, "TWO_WAY_NOT_ENABLED"),
    ):
        assert (await aws.refused("update_pool", PoolId=pool, **change))["Reason"] == reason
    refused = await aws.refused("update_pool", PoolId=pool, OptOutListName="Nope")
    assert (refused["ResourceType"], refused["ResourceId"]) == ("opt-out-list", "Nope")
    await aws.call("update_pool", PoolId=pool, TwoWayEnabled=True, TwoWayChannelArn=TOPIC)
    await aws.call("update_pool", PoolId=pool, TwoWayEnabled=False)
    (shown,) = (await aws.call("describe_pools", PoolIds=[pool]))["Pools"]
    assert "TwoWayChannelArn" not in shown


async def test_keywords_must_be_those_of_the_pool(aws):
    pool = (await pool_of(aws, await number(aws)))["PoolId"]
    other = await number(aws)
    await keywords.put(aws.desk, account_id=MAIN, owner_id=other, word="MENU", message="x", now=now())
    refused = await aws.refused("associate_origination_identity", PoolId=pool, OriginationIdentity=other)
    assert refused["Reason"] == "KEYWORD_MISMATCH"
