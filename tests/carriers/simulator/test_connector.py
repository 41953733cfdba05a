"""The simulator and our own connector over the loopback: numbers, long texts both ways, what cannot be stored."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from carriers.errors import NotAcknowledged
from carriers.registry import kinds
from carriers.simulator.faults import Faults
from carriers.simulator.numbers import aws_numbers
from carriers.simulator.smsc import Simulator
from carriers.text import TextProfile, decode, split
from carriers.types import DeliveryReceipt, InboundMessage, ReceiptState, Submission
from carriers.udh import reassembly_key
from tests.support.scripted_smsc import RecordingSink, Watch, quick, submission, up

HANDSET = "+447700900123"
SENDER = "+15550001001"
LONG_GSM = "All of it in GSM 7-bit, with {braces} and the € that take two septets each. " * 6
LONG_UCS2 = "Ça y est: une famille 👨‍👩‍👧‍👦 et un drapeau 🇫🇷, coupés nulle part. " * 5


@asynccontextmanager
async def pair(**settings):
    """A simulator and a connector bound to it, made as the gateway makes them."""
    simulator = Simulator(faults=Faults(receipt_delay=0))
    await simulator.start()
    watch = Watch()
    sink = RecordingSink(watch)
    connector = kinds()["smpp"].build("carrier", quick(simulator.port, window=100, **settings), sink)
    await connector.start()
    try:
        await watch.until(lambda: up(connector) == 1)
        yield simulator, connector, sink, watch
    finally:
        await connector.stop(0)
        await simulator.stop()


async def test_success_and_failure_numbers_end_as_amazon_says():
    async with pair() as (_, connector, sink, watch):
        numbers = aws_numbers().values()
        connector.submit([submission(pair.success, pair.success) for pair in numbers])
        connector.submit([submission(pair.failure, pair.failure) for pair in numbers])
        await watch.until(lambda: len(sink.received_events) == 50)
    states = {receipt.handset: (receipt.state, receipt.raw_error) for receipt in sink.received_events}
    assert states == {pair.success: (ReceiptState.DELIVERED, "000") for pair in numbers} | {
        pair.failure: (ReceiptState.UNDELIVERED, "001") for pair in numbers
    }


@pytest.mark.parametrize("mode", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("body", [LONG_GSM, LONG_UCS2], ids=["gsm", "ucs2"])
async def test_a_long_text_is_one_text_on_the_handset(mode, body):
    segments = split(body, 300, TextProfile(mode))
    async with pair(long_mode=mode) as (simulator, connector, sink, watch):
        connector.submit([Submission(f"p{segment.number}", "group", SENDER, HANDSET, segment) for segment in segments])
        await watch.until(lambda: len(sink.received_events) == len(segments))
        (text,) = simulator.handsets.texts(HANDSET)
    assert (text.body, text.parts, text.other, text.state) == (body, len(segments), SENDER, "DELIVERED")
    assert {event.state for event in sink.received_events} == {ReceiptState.DELIVERED}


@pytest.mark.parametrize("body", ["STOP", "Ça va? 🙂", LONG_GSM, LONG_UCS2], ids=["short", "emoji", "gsm", "ucs2"])
async def test_what_a_handset_writes_reaches_the_gateway_whole(body):
    async with pair() as (simulator, _, sink, __):
        written = await simulator.reply(HANDSET, SENDER, body)
        parts = sink.received_events
    assert (written.direction, written.state, written.parts) == ("out", "ACKNOWLEDGED", len(parts))
    assert all(isinstance(part, InboundMessage) for part in parts)
    assert {(part.source, part.destination) for part in parts} == {(HANDSET, SENDER)}
    assert len({part.carrier_id for part in parts}) == len(parts)
    assert len({reassembly_key(part) for part in parts}) == 1
    assert decode(b"".join(part.octets for part in parts), parts[0].data_coding) == body


async def test_two_long_replies_from_one_handset_have_two_references():
    async with pair() as (simulator, _, sink, __):
        await asyncio.gather(simulator.reply(HANDSET, SENDER, LONG_GSM), simulator.reply(HANDSET, SENDER, LONG_GSM))
        references = {part.concatenation.reference for part in sink.received_events}
    assert len(references) == 2


async def test_a_reply_that_cannot_be_stored_is_sent_again_until_it_can():
    async with pair() as (simulator, _, sink, __):
        refusals = [NotAcknowledged("disk full")]

        async def store(events):
            if refusals:
                raise refusals.pop()

        sink.store = store
        written = await simulator.reply(HANDSET, SENDER, "STOP")
    assert written.state == "ACKNOWLEDGED"
    assert [event.text for event in sink.received_events] == ["STOP"]
    assert sink.received_batches == [1, 1]


async def test_receipts_that_no_one_stored_before_the_link_went_come_again():
    async with pair() as (simulator, connector, sink, watch):
        stuck = asyncio.Event()

        async def wait(events):
            await stuck.wait()

        sink.store = wait
        connector.submit([submission(f"m{number}") for number in range(20)])
        await watch.until(lambda: len(sink.results) == 20)
        simulator.drop_links()
        await watch.until(lambda: up(connector) == 0)
        del sink.store  # the sink's own again, which stores at once
        await watch.until(lambda: len(receipts(sink)) == 20)
        stuck.set()
    assert {receipt.carrier_id for receipt in receipts(sink)} == {result.carrier_id for result in sink.results}


def receipts(sink):
    return [event for event in sink.received_events if isinstance(event, DeliveryReceipt)]
