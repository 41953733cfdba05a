"""RCS agents as boto3 sees them: kept faithfully, and no send is pretended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import Conflict
from gateway.resources import opt_out_lists

if TYPE_CHECKING:
    from tests.support.aws import Aws

TOPIC = "arn:aws:sns:us-east-1:123456789012:inbound"
ROLE = "arn:aws:iam::123456789012:role/inbound"


async def new(aws: Aws, **more: Any) -> str:
    return str((await aws.call("create_rcs_agent", **more))["RcsAgentId"])


async def news(aws: Aws) -> None:
    await opt_out_lists.create(aws.desk, account_id="main", name="News", now=aws.services.now())


async def test_a_whole_life(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    await news(aws)
    made = await aws.call("create_rcs_agent", OptOutListName="News", Tags=[{"Key": "of", "Value": "us"}])
    one, arn = made["RcsAgentId"], made["RcsAgentArn"]
    assert (made["Status"], made["OptOutListName"], made["TwoWayEnabled"]) == ("CREATED", "News", False)
    assert (await aws.call("list_tags_for_resource", ResourceArn=arn))["Tags"] == made["Tags"]
    changed = await aws.call(
        "update_rcs_agent", RcsAgentId=arn, TwoWayEnabled=True, TwoWayChannelArn=TOPIC, TwoWayChannelRole=ROLE,
        SelfManagedOptOutsEnabled=True, TwoWayMediaS3BucketName="media", TwoWayMediaS3KeyPrefix="in/",
        TwoWayMediaS3Role=ROLE, TwoWayRcsEventsEnabled=["ALL"], DeletionProtectionEnabled=True,
        OptOutListName="Default",
    )  # fmt: skip
    assert (changed["TwoWayChannelArn"], changed["TwoWayRcsEventsEnabled"]) == (TOPIC, ["ALL"])
    assert (changed["TwoWayMediaS3BucketName"], changed["OptOutListName"]) == ("media", "Default")
    (found,) = (await aws.call("describe_rcs_agents", RcsAgentIds=[arn]))["RcsAgents"]
    assert found == changed
    told = await aws.refused("delete_rcs_agent", RcsAgentId=one)
    assert (told["Reason"], told["ResourceId"]) == ("DELETION_PROTECTION_ENABLED", one)
    changed = await aws.call(
        "update_rcs_agent", RcsAgentId=one, DeletionProtectionEnabled=False,
        TwoWayMediaS3BucketName="UNSET_RCS_MEDIA_CONFIGURATION", TwoWayMediaS3Role="UNSET_RCS_MEDIA_CONFIGURATION",
    )  # fmt: skip
    assert not {"TwoWayMediaS3BucketName", "TwoWayMediaS3Role"} & changed.keys()
    gone = await aws.call("delete_rcs_agent", RcsAgentId=one)
    assert (gone["RcsAgentId"], gone["Status"]) == (one, "DELETED")
    assert (await aws.call("describe_rcs_agents"))["RcsAgents"] == []


async def test_a_list_that_an_agent_has_stays(aws: Aws) -> None:
    await news(aws)
    one = await new(aws, OptOutListName="News")
    gone = {"account_id": "main", "name": "News", "actor": "key:1", "now": aws.services.now()}
    with pytest.raises(Conflict):
        await opt_out_lists.delete(aws.desk, **gone)
    await aws.call("delete_rcs_agent", RcsAgentId=one)
    await opt_out_lists.delete(aws.desk, **gone)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"TwoWayEnabled": True}, "TWO_WAY_CHANNEL_NOT_PRESENT"),
        ({"SelfManagedOptOutsEnabled": True}, "TWO_WAY_NOT_ENABLED"),
        ({"TwoWayMediaS3BucketName": "media"}, "TWO_WAY_NOT_ENABLED"),
        ({"TwoWayRcsEventsEnabled": ["ALL", "READ"]}, "INVALID_PARAMETER"),
    ],
)
async def test_settings_that_do_not_fit(aws: Aws, changes: dict[str, Any], told: str) -> None:
    answer = await aws.refused("update_rcs_agent", RcsAgentId=await new(aws), **changes)
    assert (answer["Error"]["Code"], answer["Reason"]) == ("ValidationException", told)


async def test_what_is_not_there_is_told(aws: Aws) -> None:
    one = await new(aws)
    for operation, members, kind, name in (
        ("create_rcs_agent", {"OptOutListName": "None"}, "opt-out-list", "None"),
        ("update_rcs_agent", {"RcsAgentId": one, "OptOutListName": "None"}, "opt-out-list", "None"),
        ("update_rcs_agent", {"RcsAgentId": "rcs-none"}, "rcs-agent", "rcs-none"),
        ("delete_rcs_agent", {"RcsAgentId": "rcs-none"}, "rcs-agent", "rcs-none"),
        ("describe_rcs_agents", {"RcsAgentIds": ["rcs-none"]}, "rcs-agent", "rcs-none"),
        ("describe_rcs_agent_country_launch_status", {"RcsAgentId": "rcs-none"}, "rcs-agent", "rcs-none"),
    ):
        answer = await aws.refused(operation, **members)
        assert answer["Error"]["Code"] == "ResourceNotFoundException"
        assert (answer["ResourceType"], answer["ResourceId"]) == (kind, name)


async def test_agents_are_listed_by_pages_owner_and_filters(aws: Aws) -> None:
    await news(aws)
    ids = [await new(aws), await new(aws, OptOutListName="News", DeletionProtectionEnabled=True)]
    await aws.call("update_rcs_agent", RcsAgentId=ids[1], TwoWayEnabled=True, TwoWayChannelArn=TOPIC)
    pages = await aws.pages("describe_rcs_agents")
    assert [one["RcsAgentId"] for page in pages for one in page["RcsAgents"]] == ids
    for name, value, found in (
        ("status", "CREATED", ids),
        ("two-way-enabled", "true", ids[1:]),
        ("self-managed-opt-outs-enabled", "true", []),
        ("opt-out-list-name", "News", ids[1:]),
        ("deletion-protection-enabled", "false", ids[:1]),
        ("two-way-channel-arn", TOPIC, ids[1:]),
    ):
        answer = await aws.call("describe_rcs_agents", Filters=[{"Name": name, "Values": [value]}])
        assert [one["RcsAgentId"] for one in answer["RcsAgents"]] == found, name
    assert (await aws.call("describe_rcs_agents", Owner="SHARED"))["RcsAgents"] == []
    answer = await aws.refused("describe_rcs_agents", Owner="SELF", RcsAgentIds=ids[:1])
    assert answer["Reason"] == "PARAMETERS_CANNOT_BE_USED_TOGETHER"


async def test_nothing_is_sent_and_nothing_pretended(aws: Aws) -> None:
    one = await new(aws)
    assert (await aws.call("describe_rcs_agent_country_launch_status", RcsAgentId=one))["CountryLaunchStatus"] == []
    given = {
        "DestinationPhoneNumber": "+12065550142",
        "RcsMessageContent": {"Content": {"TextMessage": {"Body": "Hello"}}},
    }
    for origination, error, told in (
        (one, "ConflictException", "RESOURCE_NOT_ACTIVE"),
        ("rcs-none", "ResourceNotFoundException", None),
        ("pool-none", "ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND"),
    ):
        answer = await aws.refused("send_rcs_message", OriginationIdentity=origination, **given)
        assert (answer["Error"]["Code"], answer.get("Reason")) == (error, told)


async def test_a_test_device_is_of_an_agent_that_is_there(aws: Aws) -> None:
    one = await new(aws)
    phone = {"DestinationPhoneNumber": "+12065550142"}
    made = await aws.call("create_verified_destination_number", RcsAgentId=one, **phone)
    assert made["RcsAgentId"] == one
    filters = [{"Name": "rcs-agent-id", "Values": [one]}]
    found = await aws.call("describe_verified_destination_numbers", Filters=filters)
    assert [each["RcsAgentId"] for each in found["VerifiedDestinationNumbers"]] == [one]
    answer = await aws.refused("create_verified_destination_number", RcsAgentId="rcs-none", **phone)
    assert (answer["ResourceType"], answer["ResourceId"]) == ("rcs-agent", "rcs-none")
