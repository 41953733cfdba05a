"""Texts from people, published to the two-way channel of the number that they came to."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from sqlalchemy import select

from gateway.events.aws_delivery import AwsDelivery, Credentials
from gateway.events.log import Feed
from gateway.events.post import Post
from gateway.resources import keywords, phone_numbers
from gateway.store import tables
from tests.support.factories import OURS, PERSON, text
from tests.support.moto_server import CREDENTIALS, MotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "connect.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    server = MotoServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def post(house, tmp_path, moto):
    """A post office on the house's log."""
    feed = Feed()
    house.desk.store.on_commit(feed.notify)
    aws = AwsDelivery(Credentials(moto.url, *CREDENTIALS.values()))
    post = Post(
        house.desk.store, feed, lambda _row, _sealed: "", folder=tmp_path, allow_private=True,
        clock=lambda: house.clock.micros, aws=aws, random=Random(1),
    )  # fmt: skip
    await post.start()
    yield post
    await post.stop()


async def channel(house, arn, **more):
    given = {"two_way_channel": arn} | more
    await phone_numbers.update(house.desk, account_id="main", phone_number_id=house.identity.id, **given)


async def get(house, words, **more):
    return await house.desk.store.submit(house.inbound, text(words, **more))


async def published(post, topic, count):
    await post.refresh()
    async with asyncio.timeout(60):
        while len(found := await topic.records()) < count:  # noqa: ASYNC110 -- what is waited for is at a server
            await asyncio.sleep(0.05)
    return found


async def test_a_text_is_published_in_the_documented_form(house, post, moto):
    topic = await moto.topic()
    await channel(house, topic.arn)
    sent = await house.send()
    inbound_id = await get(house, "Hello there")
    assert await published(post, topic, 1) == [
        {
            "originationNumber": PERSON, "destinationNumber": OURS, "messageKeyword": "", "messageBody": "Hello there",
            "inboundMessageId": inbound_id, "previousPublishedMessageId": sent.message_id,
        }
    ]  # fmt: skip


async def test_a_keyword_is_answered_and_published(house, post, moto):
    topic = await moto.topic()
    await channel(house, topic.arn)
    await keywords.put(
        house.desk, account_id="main", owner_id=house.identity.id, word="JOIN", message="Welcome.", now=1
    )
    await get(house, "join")
    await get(house, "STOP", carrier_id="2")
    found = await published(post, topic, 2)
    words = {(one["messageKeyword"], one["messageBody"]) for one in found}
    assert words == {("JOIN", "join"), ("STOP", "STOP")}
    assert len([row for row in await house.rows(tables.messages) if row["purpose"] != "message"]) == 2


async def test_a_channel_is_one_destination_and_begins_with_its_first_text(house, post, moto):
    topic, other = await moto.topic(), await moto.topic()
    await get(house, "before", carrier_id="1")
    await channel(house, topic.arn)
    await get(house, "first", carrier_id="2")
    await get(house, "second", carrier_id="3")
    assert {one["messageBody"] for one in await published(post, topic, 2)} == {"first", "second"}
    await channel(house, other.arn)
    await get(house, "third", carrier_id="4")
    assert [one["messageBody"] for one in await published(post, other, 1)] == ["third"]
    assert len(await topic.records()) == 2
    rows = await house.rows(tables.event_destinations)
    assert {(row["kind"], row["target"]) for row in rows} == {("two_way", topic.arn), ("two_way", other.arn)}
    assert len(rows) == 2


async def test_a_number_without_a_channel_or_two_way_publishes_nothing(house):
    await get(house, "Hello", carrier_id="1")
    assert await house.rows(tables.event_destinations) == []
    async with house.desk.store.reading() as conn:
        (data,) = (await conn.execute(select(tables.events.c.data))).scalars().all()
    assert "two_way_channel" not in orjson.loads(data)["data"]


async def test_every_process_hears_of_a_new_channel(house, moto):
    topic = await moto.topic()
    await channel(house, topic.arn)
    known = house.desk.catalog.revision
    await get(house, "Hello", carrier_id="1")
    assert await house.desk.catalog.follow()
    assert house.desk.catalog.revision == known + 1
    await get(house, "Hello again", carrier_id="2")
    assert not await house.desk.catalog.follow()


async def test_a_channel_that_is_no_arn_says_so_and_keeps_the_text(house, post):
    await channel(house, HOST)
    await get(house, "Hello")
    await post.refresh()
    async with asyncio.timeout(30):
        while not (row := (await house.rows(tables.event_destinations))[0])["trouble"]:
            house.clock.advance(1)
            await asyncio.sleep(0.05)
    assert "aws_webhooks" in row["trouble"]
    assert len(await house.rows(tables.event_retries)) == 1
