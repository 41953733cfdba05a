"""pinpoint-sms-voice: configuration sets and event destinations, the same that version 2 has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.aws import Aws

VOICE = "pinpoint-sms-voice"
SET, CALLS = {"ConfigurationSetName": "shop"}, {"EventDestinationName": "calls"}
TOPIC = {"SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:events"}}
FIREHOSE = {
    "KinesisFirehoseDestination": {
        "DeliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/events",
        "IamRoleArn": "arn:aws:iam::123456789012:role/events",
    }
}
LOGS = {
    "CloudWatchLogsDestination": {
        "LogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:events",
        "IamRoleArn": "arn:aws:iam::123456789012:role/events",
    }
}
NO_ROLE = {
    "KinesisFirehoseDestination": {"DeliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/a"}
}
EVERY = ["INITIATED_CALL", "RINGING", "ANSWERED", "COMPLETED_CALL", "BUSY", "FAILED", "NO_ANSWER"]


async def add(aws: Aws, **destination: Any) -> None:
    whole = {"MatchingEventTypes": ["BUSY"], "Enabled": True} | destination
    await aws.call("create_configuration_set_event_destination", service=VOICE, **SET, **CALLS, EventDestination=whole)


async def change(aws: Aws, **destination: Any) -> None:
    await aws.call(
        "update_configuration_set_event_destination", service=VOICE, **SET, **CALLS, EventDestination=destination
    )


async def shown(aws: Aws) -> list[dict[str, Any]]:
    answer = await aws.call("get_configuration_set_event_destinations", service=VOICE, **SET)
    found: list[dict[str, Any]] = answer["EventDestinations"]
    return found


async def error(aws: Aws, operation: str, **members: Any) -> tuple[str, int]:
    refused = await aws.refused(operation, service=VOICE, **members)
    assert refused["Message"]
    return refused["Error"]["Code"], refused["ResponseMetadata"]["HTTPStatusCode"]


async def test_a_set_is_that_of_version_2(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    assert await aws.call("create_configuration_set", service=VOICE, **SET) == {}
    (found,) = (await aws.call("describe_configuration_sets"))["ConfigurationSets"]
    assert found["ConfigurationSetName"] == "shop"
    assert await error(aws, "create_configuration_set", **SET) == ("AlreadyExistsException", 409)
    assert await aws.call("delete_configuration_set", service=VOICE, **SET) == {}
    assert (await aws.call("describe_configuration_sets"))["ConfigurationSets"] == []
    assert await error(aws, "delete_configuration_set", **SET) == ("NotFoundException", 404)


async def test_sets_are_listed_in_pages(aws: Aws) -> None:
    for name in "cab":
        await aws.call("create_configuration_set", ConfigurationSetName=name)
    first = await aws.call("list_configuration_sets", service=VOICE, PageSize="2")
    assert first["ConfigurationSets"] == ["a", "b"]
    second = await aws.call("list_configuration_sets", service=VOICE, PageSize="2", NextToken=first["NextToken"])
    assert second == {"ConfigurationSets": ["c"]}
    assert (await aws.call("list_configuration_sets", service=VOICE))["ConfigurationSets"] == ["a", "b", "c"]


@pytest.mark.parametrize("asked", [{"PageSize": one} for one in ("0", "-1", "x", "1000", "²")] + [{"NextToken": "x"}])
async def test_a_page_that_cannot_be(aws: Aws, asked: dict[str, str]) -> None:
    assert await error(aws, "list_configuration_sets", **asked) == ("BadRequestException", 400)


@pytest.mark.parametrize("target", [TOPIC, FIREHOSE, LOGS])
async def test_a_destination_is_that_of_version_2(aws_anywhere: Aws, target: dict[str, Any]) -> None:
    aws = aws_anywhere
    await aws.call("create_configuration_set", service=VOICE, **SET)
    await add(aws, **target, MatchingEventTypes=EVERY)
    assert await shown(aws) == [{"Name": "calls", "Enabled": True, "MatchingEventTypes": EVERY, **target}]
    (whole,) = (await aws.call("describe_configuration_sets"))["ConfigurationSets"]
    (theirs,) = whole["EventDestinations"]
    assert theirs["MatchingEventTypes"] == [
        "VOICE_INITIATED", "VOICE_RINGING", "VOICE_ANSWERED", "VOICE_COMPLETED", "VOICE_BUSY", "VOICE_FAILED",
        "VOICE_NO_ANSWER",
    ]  # fmt: skip
    await change(aws, Enabled=False, MatchingEventTypes=["FAILED"])
    assert await shown(aws) == [{"Name": "calls", "Enabled": False, "MatchingEventTypes": ["FAILED"], **target}]
    await aws.call("delete_configuration_set_event_destination", service=VOICE, **SET, **CALLS)
    assert await shown(aws) == []


async def test_one_is_made_switched_off_where_asked(aws: Aws) -> None:
    await aws.call("create_configuration_set", service=VOICE, **SET)
    await add(aws, **TOPIC, Enabled=False)
    assert [one["Enabled"] for one in await shown(aws)] == [False]


@pytest.mark.parametrize(
    ("types", "known"),
    [(["ALL"], EVERY), (["VOICE_ALL"], EVERY), (["TEXT_ALL"], []), (["TEXT_DELIVERED", "VOICE_BUSY"], ["BUSY"])],
)
async def test_version_1_shows_the_types_it_knows(aws: Aws, types: list[str], known: list[str]) -> None:
    await aws.call("create_configuration_set", **SET)
    await aws.call("create_event_destination", **SET, **CALLS, MatchingEventTypes=types, **TOPIC)
    assert [one["MatchingEventTypes"] for one in await shown(aws)] == [known]


async def test_what_cannot_be_is_refused(aws: Aws) -> None:
    bad, missing = ("BadRequestException", 400), ("NotFoundException", 404)
    create, update = "create_configuration_set_event_destination", "update_configuration_set_event_destination"
    whole = {"EventDestination": {"MatchingEventTypes": ["BUSY"], **TOPIC}}
    assert await error(aws, "create_configuration_set") == bad
    assert await error(aws, "create_configuration_set", ConfigurationSetName="a b") == bad
    assert await error(aws, create, **SET, **CALLS, **whole) == missing
    assert await error(aws, "get_configuration_set_event_destinations", **SET) == missing
    await aws.call("create_configuration_set", service=VOICE, **SET)
    assert await error(aws, create, **SET, **CALLS) == bad
    assert await error(aws, create, **SET, **whole) == bad
    assert await error(aws, update, **SET, **CALLS, **whole) == missing
    for wrong in ({}, {**TOPIC, **LOGS}, {"SnsDestination": {}}, NO_ROLE, {**TOPIC, "MatchingEventTypes": []}):
        destination = {"MatchingEventTypes": ["BUSY"]} | wrong
        assert await error(aws, create, **SET, **CALLS, EventDestination=destination) == bad
    await add(aws, **TOPIC)
    assert await error(aws, create, **SET, **CALLS, **whole) == ("AlreadyExistsException", 409)
    assert await error(aws, update, **SET, **CALLS, EventDestination=LOGS) == bad
    assert await error(aws, "delete_configuration_set_event_destination", **SET, EventDestinationName="x") == missing


async def test_a_set_has_five_destinations_at_most(aws: Aws) -> None:
    await aws.call("create_configuration_set", service=VOICE, **SET)
    whole = {"EventDestination": {"MatchingEventTypes": ["BUSY"], **TOPIC}}
    for name in "abcde":
        await aws.call(
            "create_configuration_set_event_destination", service=VOICE, **SET, EventDestinationName=name, **whole
        )
    found = await error(aws, "create_configuration_set_event_destination", **SET, EventDestinationName="f", **whole)
    assert found == ("LimitExceededException", 412)


async def test_no_call_is_ever_made(aws: Aws) -> None:
    content = {"Content": {"PlainTextMessage": {"Text": "Hello", "LanguageCode": "en-US", "VoiceId": "Joanna"}}}
    members = {"DestinationPhoneNumber": "+12065550142", "OriginationPhoneNumber": "+12065550100", **content}
    assert await error(aws, "send_voice_message", **members) == ("BadRequestException", 400)
