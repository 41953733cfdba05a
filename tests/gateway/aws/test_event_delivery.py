from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, update

from compliance.rules import destination_protected
from gateway.model import Status
from gateway.outbound.request import SendRequest
from gateway.resources import configuration_sets
from gateway.resources.message_feedback import status_of
from gateway.resources.messages import Move, dispatchable, move_in, to_dispatch
from gateway.store import tables
from tests.support.api import now
from tests.support.aws import PERSON, serving_aws

LIFE = ["TEXT_QUEUED", "TEXT_SUCCESSFUL", "TEXT_DELIVERED"]
KINDS = ["topic", "stream", "log_group"]


@pytest.fixture
async def aws(tmp_path, database_url, moto):
    given = {"aws_endpoint_url": moto.url, "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    async with serving_aws(tmp_path, database_url=database_url, **given) as served:
        await served.call("create_configuration_set", ConfigurationSetName="otp")
        yield served


async def give_to(aws, target, *, of="otp", name="one", types=("ALL",)):
    given = {"ConfigurationSetName": of, "EventDestinationName": name, "MatchingEventTypes": list(types)}
    await aws.call("create_event_destination", **given, **target.where)


async def send(aws, count=1, *, configuration_set="otp", **more):
    """Accept messages to so many people; their ids."""
    requests = [
        SendRequest("main", f"+1206700{number:04}", "Hello", configuration_set=configuration_set, **more)
        for number in range(count)
    ]
    accepted = await asyncio.gather(*(aws.services.outbound.accept(one) for one in requests))
    return [one.message_id for one in accepted]


async def move(aws, ids, status, code=""):
    """What a carrier says of messages."""
    m = tables.messages.c

    async def work(tx):
        if status is Status.SUBMITTED:  # by way of what is no event
            leaving = update(tables.messages).where(m.id.in_(ids)).values(status=Status.SUBMITTING.value)
            await tx.conn.execute(leaving)
        rows = list(await tx.conn.execute(dispatchable().where(m.id.in_(ids)).order_by(m.id)))
        moves = [
            Move(to_dispatch(row), Status(row.status), status, now(), code=code, connector_id="c1") for row in rows
        ]
        await move_in(tx, moves)

    await aws.desk.store.write(work)


async def live(aws, count=1, **more):
    ids = await send(aws, count, **more)
    await move(aws, ids, Status.SUBMITTED)
    await move(aws, ids, Status.DELIVERED)
    return ids


async def until(target, count):
    """What has arrived, once it is so much; fails by the time limit of the test."""
    async with asyncio.timeout(60):
        while len(found := await target.records()) < count:  # noqa: ASYNC110 -- what is waited for is at a server
            await asyncio.sleep(0.05)
    return found


async def troubled(aws):
    """Why destinations do not get through, once one says so."""
    async with asyncio.timeout(60):
        while True:
            async with aws.desk.store.reading() as conn:
                found = (await conn.execute(select(tables.event_destinations.c.trouble))).scalars().all()
            if any(found):
                return next(filter(None, found))
            await asyncio.sleep(0.05)


async def settled(aws):
    """Wait until all that happened is given and stored as given: what is cut off in between is given again."""
    async with asyncio.timeout(60):
        while await owed(aws):  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.05)


async def owed(aws):
    d = tables.event_destinations.c
    async with aws.desk.store.reading() as conn:
        last = (await conn.execute(select(func.max(tables.events.c.seq)))).scalar()
        behind = select(d.id).where((d.cursor < last) | (d.trouble != ""))
        return (await conn.execute(behind)).first() or (await conn.execute(select(tables.event_retries))).first()


def lives(records):
    """The types of records of each message, in the order in which they came."""
    found = {}
    for one in records:
        found.setdefault(one["messageId"], []).append(one["eventType"])
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_every_event_arrives_once_and_in_order(aws, moto, kind):
    target = await getattr(moto, kind)()
    await give_to(aws, target)
    ids = await live(aws, 50)
    assert lives(await until(target, 150)) == dict.fromkeys(ids, LIFE)
    (record,) = [one for one in await target.records() if one["messageId"] == ids[7] and one["isFinal"]]
    assert record["destinationPhoneNumber"] == "+12067000007"
    assert (record["messageStatusDescription"], record["context"]) == ("Message has been accepted by phone", {})


@pytest.mark.parametrize("kind", KINDS)
async def test_a_restart_of_either_side_loses_and_doubles_nothing(aws, moto, kind):
    target = await getattr(moto, kind)()
    await give_to(aws, target)
    ids = await send(aws, 20)
    await until(target, 20)
    await settled(aws)

    await asyncio.to_thread(moto.stop)
    await move(aws, ids, Status.SUBMITTED)
    assert await troubled(aws) == "No connection to AWS: EndpointConnectionError."
    await asyncio.to_thread(moto.start)
    await until(target, 40)
    await settled(aws)

    await aws.services.post.stop()
    await move(aws, ids, Status.DELIVERED)
    await asyncio.to_thread(moto.stop)
    await aws.services.post.start()
    await troubled(aws)
    await aws.services.post.stop()
    await asyncio.to_thread(moto.start)
    await aws.services.post.start()
    more = await live(aws, 5)
    assert lives(await until(target, 75)) == dict.fromkeys([*ids, *more], LIFE)


async def test_a_dead_destination_delays_nobody(aws, moto):
    dead, topic, stream = await moto.topic(), await moto.topic(), await moto.stream()
    await asyncio.to_thread(lambda: moto.client("sns").delete_topic(TopicArn=dead.arn))
    for name, target in (("dead", dead), ("topic", topic), ("stream", stream)):
        await give_to(aws, target, name=name)
    ids = await live(aws, 10)
    for target in (topic, stream):
        assert lives(await until(target, 30)) == dict.fromkeys(ids, LIFE)
    assert await troubled(aws) == "AWS answered NotFound."


async def test_only_messages_that_name_the_set_are_told_of(aws, moto):
    await aws.call("create_configuration_set", ConfigurationSetName="news")
    otp, news = await moto.topic(), await moto.topic()
    await give_to(aws, otp)
    await give_to(aws, news, of="news")
    await live(aws, 3, configuration_set="")
    first, second = await live(aws, 3), await live(aws, 3, configuration_set="news")
    assert lives(await until(otp, 9)) == dict.fromkeys(first, LIFE)
    assert lives(await until(news, 9)) == dict.fromkeys(second, LIFE)


async def test_only_wanted_types_are_given(aws, moto):
    final, everything = await moto.topic(), await moto.topic()
    await give_to(aws, final, name="final", types=["TEXT_DELIVERED", "TEXT_INVALID"])
    await give_to(aws, everything, name="all")
    good, bad = await send(aws, 2)
    await move(aws, [good, bad], Status.SUBMITTED)
    await move(aws, [good], Status.DELIVERED)
    await move(aws, [bad], Status.UNDELIVERED, "3:1")
    assert len(await until(everything, 6)) == 6
    assert lives(await until(final, 2)) == {good: ["TEXT_DELIVERED"], bad: ["TEXT_INVALID"]}


async def test_a_destination_that_was_off_is_given_what_happens_from_then_on(aws, moto):
    topic = await moto.topic()
    await give_to(aws, topic)
    mine = {"ConfigurationSetName": "otp", "EventDestinationName": "one"}
    await aws.call("update_event_destination", **mine, Enabled=False)
    ids = await send(aws, 2)
    await aws.call("update_event_destination", **mine, Enabled=True)
    await move(aws, ids, Status.SUBMITTED)
    assert lives(await until(topic, 2)) == {key: ["TEXT_SUCCESSFUL"] for key in ids}


async def test_a_deleted_set_tells_nobody(aws, moto):
    topic, witness = await moto.topic(), await moto.topic()
    await give_to(aws, topic)
    ids = await send(aws, 2)
    await until(topic, 2)
    await aws.call("create_configuration_set", ConfigurationSetName="witness")
    await give_to(aws, witness, of="witness")
    await configuration_sets.delete(aws.desk, account_id="main", name="otp")
    await aws.services.post.refresh()
    await move(aws, ids, Status.SUBMITTED)
    await live(aws, 1, configuration_set="witness")
    await until(witness, 3)
    assert len(await topic.records()) == 2


async def test_a_send_of_boto3_names_the_set_and_its_context_comes_back(aws, moto):
    topic = await moto.topic()
    await give_to(aws, topic)
    sent = await aws.call(
        "send_text_message", DestinationPhoneNumber=PERSON, MessageBody="Grüße €5 ☺", ConfigurationSetName="otp",
        Context={"order": "4711"},
    )  # fmt: skip
    (record,) = await until(topic, 1)
    assert (record["messageId"], record["eventType"]) == (sent["MessageId"], "TEXT_QUEUED")
    assert (record["context"], record["messageEncoding"], record["isFinal"]) == ({"order": "4711"}, "Unicode", False)
    assert (record["destinationPhoneNumber"], record["isoCountryCode"]) == (PERSON, "US")
    assert record["messageRequestTimestamp"] == record["eventTimestamp"]


async def test_a_send_that_is_refused_at_the_call_has_no_record(aws, moto):
    topic = await moto.topic()
    await give_to(aws, topic)
    given = {"DestinationPhoneNumber": PERSON, "MessageBody": "Hi", "ConfigurationSetName": "otp"}
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=PERSON)
    assert (await aws.refused("send_text_message", **given))["Reason"] == "DESTINATION_PHONE_NUMBER_OPTED_OUT"
    await aws.call("send_text_message", **given | {"DestinationPhoneNumber": "+12067000001"})
    assert [one["destinationPhoneNumber"] for one in await until(topic, 1)] == ["+12067000001"]


async def test_what_a_protect_configuration_filters_is_told_by_its_record(aws, moto, monkeypatch):
    monkeypatch.setattr(destination_protected, "NEIGHBOURS", 0)
    topic = await moto.topic()
    await give_to(aws, topic)
    made = await aws.call("create_protect_configuration")
    mine = {"ProtectConfigurationId": made["ProtectConfigurationId"]}
    await aws.call(
        "update_protect_configuration_country_rule_set", **mine, NumberCapability="SMS",
        CountryRuleSetUpdates={"US": {"ProtectStatus": "FILTER"}},
    )  # fmt: skip
    await aws.call("associate_protect_configuration", **mine, ConfigurationSetName="otp")
    sent = await aws.call(
        "send_text_message", DestinationPhoneNumber=PERSON, MessageBody="Hi", ConfigurationSetName="otp",
        MessageType="TRANSACTIONAL",
    )  # fmt: skip
    (record,) = await until(topic, 1)
    assert (record["messageId"], record["eventType"]) == (sent["MessageId"], "TEXT_PROTECT_BLOCKED")
    assert (record["isFinal"], record["totalMessagePrice"]) == (True, 0.0)
    assert record["protectConfiguration"] == {
        "protectConfigurationId": made["ProtectConfigurationId"], "protectStatus": "BLOCK",
    }  # fmt: skip
    assert record["protectConfigurationAssessment"]["protectInsights"] == {"blockReason": "AIT_SUSPECTED"}


@pytest.mark.parametrize(
    ("asked", "default", "wanted"), [(None, True, "PENDING"), (False, True, ""), (True, False, "PENDING")]
)
async def test_feedback_is_asked_for_by_the_send_or_by_the_set(aws, asked, default, wanted):
    named = {"ConfigurationSetName": "otp"}
    await aws.call("set_default_message_feedback_enabled", **named, MessageFeedbackEnabled=default)
    more = {} if asked is None else {"MessageFeedbackEnabled": asked}
    sent = await aws.call("send_text_message", DestinationPhoneNumber=PERSON, MessageBody="Hi", **named, **more)
    assert await status_of(aws.desk, account_id="main", message_id=sent["MessageId"]) == wanted
