"""Event streams as boto3 puts them, and their records in moto's Kinesis and Firehose."""

from __future__ import annotations

import asyncio

import pytest

from gateway.events.destinations import set_of_application
from gateway.model import Status, account_number
from tests.gateway.aws.test_event_delivery import live, move, send, settled, troubled, until
from tests.support.aws import PERSON, serving_aws

SHOP = {"ApplicationId": "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"}
SENT = {"configuration_set": set_of_application(SHOP["ApplicationId"])}
ROLE = "arn:aws:iam::123456789012:role/records"
LIFE = [("_SMS.BUFFERED", "PENDING"), ("_SMS.BUFFERED", "SUCCESSFUL"), ("_SMS.SUCCESS", "DELIVERED")]


@pytest.fixture
async def aws(tmp_path, database_url, moto):
    given = {"aws_endpoint_url": moto.url, "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    async with serving_aws(tmp_path, database_url=database_url, **given) as served:
        yield served


@pytest.fixture(params=["data_stream", "stream"])
async def target(request, moto):
    """A Kinesis data stream, and a Firehose delivery stream."""
    return await getattr(moto, request.param)()


async def call(aws, operation, key=None, **members):
    return await aws.call(operation, key, service="pinpoint", **members)


async def refused(aws, operation, key=None, **members):
    return await aws.refused(operation, key, service="pinpoint", **members)


async def put(aws, target, **more):
    written = {"DestinationStreamArn": target.arn, "RoleArn": ROLE}
    return await call(aws, "put_event_stream", **(SHOP | more), WriteEventStream=written)


def lives(records):
    """What the records say of each message, in the order in which they came."""
    found = {}
    for one in records:
        told = one["event_type"], one["attributes"]["record_status"]
        found.setdefault(one["attributes"]["message_id"], []).append(told)
    return found


async def test_every_record_arrives_once_and_in_order(aws, target):
    await put(aws, target)
    ids = await live(aws, 50, **SENT)
    records = await until(target, 150)
    assert lives(records) == dict.fromkeys(ids, LIFE)
    (record,) = [one for one in records if one["attributes"]["message_id"] == ids[7] and one["metrics"]]
    assert record["application"] == {"app_id": SHOP["ApplicationId"], "sdk": {}}
    assert record["awsAccountId"] == account_number("main")
    assert record["attributes"]["destination_phone_number"] == "+12067000007"


async def test_a_restart_of_either_side_loses_and_doubles_nothing(aws, moto, target):
    await put(aws, target)
    ids = await send(aws, 20, **SENT)
    await until(target, 20)
    await settled(aws)
    await asyncio.to_thread(moto.stop)
    await move(aws, ids, Status.SUBMITTED)
    assert await troubled(aws) == "No connection to AWS: EndpointConnectionError."
    await aws.services.post.stop()
    await asyncio.to_thread(moto.start)
    await aws.services.post.start()
    await move(aws, ids, Status.DELIVERED)
    assert lives(await until(target, 60)) == dict.fromkeys(ids, LIFE)


async def test_a_stream_is_told_of_its_application_only(aws, moto):
    mine, other = await moto.data_stream(), await moto.data_stream()
    await put(aws, mine)
    await put(aws, other, ApplicationId="other")
    await live(aws, 2, configuration_set="")
    await live(aws, 2, configuration_set=SHOP["ApplicationId"])
    ids = await live(aws, 2, **SENT)
    others = await live(aws, 1, configuration_set=set_of_application("other"))
    assert lives(await until(mine, 6)) == dict.fromkeys(ids, LIFE)
    assert lives(await until(other, 3)) == dict.fromkeys(others, LIFE)


async def test_another_stream_goes_on_where_the_first_was_and_none_is_told_after_its_end(aws, moto):
    first, second, witness = await moto.data_stream(), await moto.stream(), await moto.data_stream()
    await put(aws, first)
    ids = await send(aws, 2, **SENT)
    await until(first, 2)
    await settled(aws)
    assert (await put(aws, second))["EventStream"]["DestinationStreamArn"] == second.arn
    await move(aws, ids, Status.SUBMITTED)
    assert lives(await until(second, 2)) == {one: [LIFE[1]] for one in ids}
    await settled(aws)
    await call(aws, "delete_event_stream", **SHOP)
    await put(aws, witness, ApplicationId="witness")
    await move(aws, ids, Status.DELIVERED)
    await live(aws, 1, configuration_set=set_of_application("witness"))
    await until(witness, 3)
    assert (len(await first.records()), len(await second.records())) == (2, 2)


async def test_a_stream_is_put_shown_and_deleted(aws, moto):
    target = await moto.data_stream()
    shown = {"EventStream": SHOP | {"DestinationStreamArn": target.arn, "RoleArn": ROLE}}
    assert await put(aws, target) == shown
    assert await call(aws, "get_event_stream", **SHOP) == shown
    assert await call(aws, "delete_event_stream", **SHOP) == shown
    for operation in ("get_event_stream", "delete_event_stream"):
        answer = await refused(aws, operation, **SHOP)
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("NotFoundException", 404)
    assert (await refused(aws, "get_event_stream", ApplicationId="a b"))["Error"]["Code"] == "NotFoundException"


async def test_an_arn_of_something_else_is_refused(aws, moto):
    answer = await refused(
        aws, "put_event_stream", **SHOP,
        WriteEventStream={"DestinationStreamArn": (await moto.topic()).arn, "RoleArn": ROLE},
    )  # fmt: skip
    assert answer["Error"]["Code"] == "BadRequestException"
    assert "destination_stream_arn" in answer["Error"]["Message"]


async def test_it_takes_an_administrator_to_put_a_stream(aws, moto):
    target = await moto.data_stream()
    written = {"DestinationStreamArn": target.arn, "RoleArn": ROLE}
    answer = await refused(
        aws, "put_event_stream", await aws.new_key(scopes=["send"]), **SHOP, WriteEventStream=written
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403


async def test_what_send_messages_sends_is_told_with_its_context(aws, moto):
    target = await moto.data_stream()
    await put(aws, target)
    answer = await call(
        aws, "send_messages", **SHOP,
        MessageRequest={
            "Addresses": {PERSON: {"ChannelType": "SMS"}},
            "Context": {"order": "4711"},
            "MessageConfiguration": {"SMSMessage": {"Body": "Hello", "MessageType": "TRANSACTIONAL"}},
        },
    )  # fmt: skip
    sent = answer["MessageResponse"]["Result"][PERSON]
    assert sent["DeliveryStatus"] == "SUCCESSFUL"
    (record,) = await until(target, 1)
    attributes = record["attributes"]
    assert (record["event_type"], attributes["message_id"]) == ("_SMS.BUFFERED", sent["MessageId"])
    assert (attributes["message_type"], attributes["customer_context"]) == ("Transactional", '{"order":"4711"}')
    assert attributes["destination_phone_number"] == PERSON
