from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.resources import quotas

ARN = "arn:aws:sms-voice:us-east-1:"
TOPIC = "arn:aws:sns:us-east-1:123456789012:records"
STREAM = "arn:aws:firehose:us-east-1:123456789012:deliverystream/records"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:records:*"
ROLE = "arn:aws:iam::123456789012:role/records"
SNS = {"SnsDestination": {"TopicArn": TOPIC}}
FIREHOSE = {"KinesisFirehoseDestination": {"IamRoleArn": ROLE, "DeliveryStreamArn": STREAM}}
LOGS = {"CloudWatchLogsDestination": {"IamRoleArn": ROLE, "LogGroupArn": GROUP}}


async def a_set(aws, name="otp"):
    return await aws.call("create_configuration_set", ConfigurationSetName=name)


async def a_destination(aws, name="topic", where=SNS, *, of="otp", types=("ALL",)):
    given = {"ConfigurationSetName": of, "EventDestinationName": name, "MatchingEventTypes": list(types), **where}
    return await aws.call("create_event_destination", **given)


async def described(aws, **which):
    return (await aws.call("describe_configuration_sets", **which))["ConfigurationSets"]


async def test_a_set_is_made_described_and_deleted(aws_anywhere):
    aws = aws_anywhere
    made = await a_set(aws)
    assert made["Tags"] == []
    assert made["ConfigurationSetName"] == "otp"
    assert made["ConfigurationSetArn"].startswith(ARN)
    assert made["ConfigurationSetArn"].endswith(":configuration-set/otp")
    assert abs((datetime.now(UTC) - made["CreatedTimestamp"]).total_seconds()) < 60
    plain = {
        "ConfigurationSetArn": made["ConfigurationSetArn"], "ConfigurationSetName": "otp", "EventDestinations": [],
        "DefaultMessageFeedbackEnabled": False, "CreatedTimestamp": made["CreatedTimestamp"],
    }  # fmt: skip
    assert await described(aws) == [plain]
    assert await aws.call("delete_configuration_set", ConfigurationSetName=made["ConfigurationSetArn"]) == plain
    assert await described(aws) == []


async def test_a_name_is_taken_once(aws):
    await a_set(aws)
    error = await aws.refused("create_configuration_set", ConfigurationSetName="otp")
    assert (error["Error"]["Code"], error["Reason"]) == ("ConflictException", "RESOURCE_ALREADY_EXISTS")
    assert (error["ResourceType"], error["ResourceId"]) == ("configuration-set", "otp")


async def test_tags_come_with_a_set_and_go_with_it(aws_anywhere):
    aws, tags = aws_anywhere, [{"Key": "team", "Value": "login"}]
    made = await aws.call("create_configuration_set", ConfigurationSetName="otp", Tags=tags)
    assert made["Tags"] == tags
    named = {"ResourceArn": made["ConfigurationSetArn"]}
    assert (await aws.call("list_tags_for_resource", **named))["Tags"] == tags
    await aws.call("delete_configuration_set", ConfigurationSetName="otp")
    assert (await aws.refused("list_tags_for_resource", **named))["ResourceType"] == "configuration-set"
    await a_set(aws)
    assert (await aws.call("list_tags_for_resource", **named))["Tags"] == []


async def test_an_account_has_as_many_sets_as_its_quota_says(aws, monkeypatch):
    monkeypatch.setitem(quotas.AWS, "CONFIGURATION_SETS_PER_ACCOUNT", 2)
    monkeypatch.setattr(quotas, "GENEROUS", 2)
    for name in ("a", "b"):
        await a_set(aws, name)
    error = await aws.refused("create_configuration_set", ConfigurationSetName="c")
    assert error["Error"]["Code"] == "ServiceQuotaExceededException"
    assert error["Reason"] == "CONFIGURATION_SETS_PER_ACCOUNT"


async def test_a_set_created_twice_with_one_token_is_one(aws_anywhere):
    aws = aws_anywhere
    given = {"ConfigurationSetName": "otp", "ClientToken": "once"}
    assert await aws.call("create_configuration_set", **given) == await aws.call("create_configuration_set", **given)
    assert len(await described(aws)) == 1


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("delete_configuration_set", {}),
        ("set_default_message_type", {"MessageType": "PROMOTIONAL"}),
        ("delete_default_message_type", {}),
        ("set_default_sender_id", {"SenderId": "ACME"}),
        ("delete_default_sender_id", {}),
        ("set_default_message_feedback_enabled", {"MessageFeedbackEnabled": True}),
        ("create_event_destination", {"EventDestinationName": "topic", "MatchingEventTypes": ["ALL"], **SNS}),
        ("update_event_destination", {"EventDestinationName": "topic", "Enabled": False}),
        ("delete_event_destination", {"EventDestinationName": "topic"}),
    ],
)
async def test_what_is_not_there_is_not_found(aws, operation, more):
    stranger = await aws.new_account("stranger")
    await a_set(aws)
    for key, name in ((None, "none"), (stranger, "otp")):
        error = await aws.refused(operation, key, ConfigurationSetName=name, **more)
        assert error["Error"]["Code"] == "ResourceNotFoundException"
        assert (error["ResourceType"], error["ResourceId"]) == ("configuration-set", name)


async def test_defaults_are_set_shown_and_given_back_when_they_go(aws):
    await a_set(aws)
    mine = {"ConfigurationSetName": "otp"}
    for operation, member, value, shown in (
        ("set_default_message_type", "MessageType", "PROMOTIONAL", "DefaultMessageType"),
        ("set_default_sender_id", "SenderId", "ACME", "DefaultSenderId"),
        ("set_default_message_feedback_enabled", "MessageFeedbackEnabled", True, "DefaultMessageFeedbackEnabled"),
    ):
        answer = await aws.call(operation, **mine, **{member: value})
        assert (answer["ConfigurationSetName"], answer[member]) == ("otp", value)
        assert (await described(aws))[0][shown] == value
    for operation, member, value, shown in (
        ("delete_default_message_type", "MessageType", "PROMOTIONAL", "DefaultMessageType"),
        ("delete_default_sender_id", "SenderId", "ACME", "DefaultSenderId"),
    ):
        assert (await aws.call(operation, **mine))[member] == value
        assert shown not in (await described(aws))[0]
        assert member not in await aws.call(operation, **mine)


@pytest.mark.parametrize("where", [SNS, FIREHOSE, LOGS])
async def test_a_destination_is_made_changed_and_deleted(aws_anywhere, where):
    aws = aws_anywhere
    await a_set(aws)
    shown = {
        "EventDestinationName": "one",
        "Enabled": True,
        "MatchingEventTypes": ["TEXT_DELIVERED", "TEXT_ALL"],
        **where,
    }
    made = await a_destination(aws, "one", where, types=shown["MatchingEventTypes"])
    assert (made["ConfigurationSetName"], made["EventDestination"]) == ("otp", shown)
    assert (await described(aws))[0]["EventDestinations"] == [shown]
    mine = {"ConfigurationSetName": made["ConfigurationSetArn"], "EventDestinationName": "one"}
    off = await aws.call("update_event_destination", **mine, Enabled=False, MatchingEventTypes=["TEXT_QUEUED"])
    assert off["EventDestination"] == shown | {"Enabled": False, "MatchingEventTypes": ["TEXT_QUEUED"]}
    gone = await aws.call("delete_event_destination", **mine)
    assert gone["EventDestination"] == off["EventDestination"]
    assert (await described(aws))[0]["EventDestinations"] == []
    error = await aws.refused("delete_event_destination", **mine)
    assert (error["ResourceType"], error["ResourceId"]) == ("event-destination", "one")


async def test_a_destination_is_exactly_one_and_keeps_its_kind(aws):
    await a_set(aws)
    named = {"ConfigurationSetName": "otp", "EventDestinationName": "topic"}
    for where, reason in (({}, "MISSING_PARAMETER"), (SNS | LOGS, "PARAMETERS_CANNOT_BE_USED_TOGETHER")):
        error = await aws.refused("create_event_destination", **named, MatchingEventTypes=["ALL"], **where)
        assert (error["Error"]["Code"], error["Reason"]) == ("ValidationException", reason)
    await a_destination(aws)
    error = await aws.refused("update_event_destination", **named, **FIREHOSE)
    assert (error["Error"]["Code"], error["Reason"]) == ("ConflictException", "EVENT_DESTINATION_MISMATCH")
    other = {"SnsDestination": {"TopicArn": TOPIC + "-2"}}
    changed = await aws.call("update_event_destination", **named, **other)
    assert changed["EventDestination"]["SnsDestination"] == other["SnsDestination"]


async def test_a_set_has_five_destinations_with_names_of_their_own(aws):
    await a_set(aws)
    for name in "abcd":
        await a_destination(aws, name)
    given = {"ConfigurationSetName": "otp", "MatchingEventTypes": ["ALL"], **SNS}
    error = await aws.refused("create_event_destination", EventDestinationName="a", **given)
    assert (error["Reason"], error["ResourceType"]) == ("RESOURCE_ALREADY_EXISTS", "event-destination")
    await a_destination(aws, "e")
    error = await aws.refused("create_event_destination", EventDestinationName="f", **given)
    assert error["Error"]["Code"] == "ServiceQuotaExceededException"
    assert error["Reason"] == "EVENT_DESTINATIONS_PER_CONFIGURATION_SET"


async def test_a_set_with_destinations_is_deleted_and_gives_them_back(aws_anywhere):
    aws = aws_anywhere
    await a_set(aws)
    for name, where in (("a", SNS), ("b", FIREHOSE), ("c", LOGS)):
        await a_destination(aws, name, where)
    (before,) = await described(aws)
    gone = await aws.call("delete_configuration_set", ConfigurationSetName="otp")
    assert gone == before
    assert [one["EventDestinationName"] for one in gone["EventDestinations"]] == ["a", "b", "c"]
    await a_set(aws)
    assert (await described(aws))[0]["EventDestinations"] == []


async def test_sets_are_filtered_named_and_paged(aws):
    for name in ("b", "a", "c"):
        await a_set(aws, name)
    await aws.call("set_default_message_type", ConfigurationSetName="a", MessageType="PROMOTIONAL")
    await aws.call("set_default_sender_id", ConfigurationSetName="b", SenderId="ACME")
    await aws.call("set_default_message_feedback_enabled", ConfigurationSetName="c", MessageFeedbackEnabled=True)
    await a_destination(aws, "topic", of="b", types=["TEXT_DELIVERED"])
    for name, value, found in (
        ("default-message-type", "PROMOTIONAL", ["a"]),
        ("default-sender-id", "ACME", ["b"]),
        ("default-message-feedback-enabled", "true", ["c"]),
        ("default-message-feedback-enabled", "false", ["a", "b"]),
        ("event-destination-name", "topic", ["b"]),
        ("matching-event-types", "TEXT_DELIVERED", ["b"]),
        ("matching-event-types", "ALL", []),
        ("protect-configuration-id", "protect-1", []),
    ):
        sets = await described(aws, Filters=[{"Name": name, "Values": [value]}])
        assert [one["ConfigurationSetName"] for one in sets] == found, name
    pages = await aws.pages("describe_configuration_sets")
    assert [one["ConfigurationSetName"] for page in pages for one in page["ConfigurationSets"]] == ["a", "b", "c"]
    assert len(pages) == 3
    (sets,) = [await described(aws, ConfigurationSetNames=["c", "a"])]
    assert {one["ConfigurationSetName"] for one in sets} == {"a", "c"}
    error = await aws.refused("describe_configuration_sets", ConfigurationSetNames=["none"])
    assert (error["Error"]["Code"], error["ResourceId"]) == ("ResourceNotFoundException", "none")


async def test_an_arn_of_something_else_is_no_set(aws):
    await a_set(aws)
    error = await aws.refused("delete_configuration_set", ConfigurationSetName=f"{ARN}123456789012:pool/otp")
    assert (error["Error"]["Code"], error["Reason"]) == ("ValidationException", "INVALID_ARN")
