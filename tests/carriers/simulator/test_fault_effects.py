"""Each fault of the script, as an ESME sees it: our own connector where it matters to a gateway, raw PDUs elsewhere."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

import pytest

from carriers.simulator.faults import Faults
from carriers.simulator.smsc import Simulator
from carriers.smpp.connector import SmppConnector
from carriers.smpp.fields import Command, Tag
from carriers.smpp.receipt import candidates, read_receipt
from carriers.types import DeliveryReceipt, Outcome, ReceiptState
from tests.support.raw_esme import raw_esme, submit_body
from tests.support.scripted_smsc import RecordingSink, Watch, quick, submission, up


@asynccontextmanager
async def carrier(**script):
    """A simulator with these faults; receipts come at once unless the script says otherwise."""
    ledger = []
    simulator = Simulator(faults=Faults(**{"receipt_delay": 0, **script}), ledger=ledger)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


@asynccontextmanager
async def gateway(simulator, *, links=1, **settings):
    """Our connector, bound by so many links, its sink and its watch."""
    watch = Watch()
    sink = RecordingSink(watch)
    connector = SmppConnector("carrier", quick(simulator.port, **{"window": 1000, **settings}), sink)
    await connector.start()
    try:
        await watch.until(lambda: up(connector) >= links)
        yield connector, sink, watch
    finally:
        await connector.stop(0)


def receipts(sink):
    return [event for event in sink.received_events if isinstance(event, DeliveryReceipt)]


def ids(simulator):
    return {taken.carrier_id for taken in simulator.ledger}


async def send(connector, sink, watch, count, **changes):
    """Hand over so many; returns their results by reference, in order."""
    connector.submit([submission(f"m{number}", **changes) for number in range(count)])
    await watch.until(lambda: len(sink.results) == count)
    return {result.reference: result for result in sink.results}


async def test_without_faults_every_submit_is_accepted_and_reported_once():
    async with carrier() as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 1000)
        await watch.until(lambda: len(receipts(sink)) == 1000)
    assert {result.outcome for result in results.values()} == {Outcome.ACCEPTED}
    assert [receipt.carrier_id for receipt in receipts(sink)] == [result.carrier_id for result in results.values()]
    assert {receipt.state for receipt in receipts(sink)} == {ReceiptState.DELIVERED}
    assert [taken.carrier_id for taken in simulator.ledger] == [result.carrier_id for result in results.values()]


async def test_answer_delay_holds_the_answer_back():
    async with carrier(answer_delay=0.1) as simulator, raw_esme(simulator.port) as esme:
        began = time.monotonic()
        answer = await esme.submit()
        assert time.monotonic() - began >= 0.1
        assert answer.status == 0


async def test_answer_delay_holds_refusals_back_too():
    async with carrier(answer_delay=0.1, status=0x45) as simulator, raw_esme(simulator.port) as esme:
        began = time.monotonic()
        assert (await esme.submit()).status == 0x45
        assert time.monotonic() - began >= 0.1


async def test_receipt_delay_holds_the_delivery_back():
    async with carrier(receipt_delay=0.1) as simulator, raw_esme(simulator.port) as esme:
        await esme.submit()
        began = time.monotonic()
        assert simulator.handsets.texts("+447700900123") == ()
        await esme.deliveries(1)
        assert time.monotonic() - began >= 0.08  # the answer took its part of the time
        assert len(simulator.handsets.texts("+447700900123")) == 1


async def test_reorder_shuffles_the_receipts_and_loses_none():
    async with carrier(reorder=0.2, seed=1) as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 50)
        await watch.until(lambda: len(receipts(sink)) == 50)
    sent = [result.carrier_id for result in results.values()]
    arrived = [receipt.carrier_id for receipt in receipts(sink)]
    assert sorted(arrived) == sorted(sent)
    assert arrived != sent


async def test_duplicate_sends_the_receipt_twice():
    async with carrier(duplicate=1) as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 5)
        await watch.until(lambda: len(receipts(sink)) == 10)
    ids = [receipt.carrier_id for receipt in receipts(sink)]
    assert {carrier_id: ids.count(carrier_id) for carrier_id in ids} == {
        result.carrier_id: 2 for result in results.values()
    }


@pytest.mark.parametrize("script", [{}, {"answer_delay": 0.1}, {"reorder": 1, "receipt_delay": 60}])
async def test_a_receipt_may_come_before_the_answer(script):
    async with carrier(receipt_before_answer=1, **script) as simulator, raw_esme(simulator.port) as esme:
        answer = await esme.submit()
        kinds = [pdu.command_id for pdu in esme.arrived[1:]]
        assert kinds == [Command.DELIVER_SM, Command.SUBMIT_SM_RESP]
        assert read_receipt(esme.arrived[1]).carrier_id.encode() == answer.body["message_id"]


async def test_a_receipt_on_another_link_comes_before_the_answer_too():
    async with (
        carrier(receipt_before_answer=1) as simulator,
        raw_esme(simulator.port, Command.BIND_RECEIVER) as receiver,
        raw_esme(simulator.port, Command.BIND_TRANSMITTER) as sender,
    ):
        sender.send(Command.SUBMIT_SM, **submit_body())
        await receiver.deliveries(1)
        assert [pdu.command_id for pdu in sender.arrived] == [Command.BIND_TRANSMITTER_RESP]
        await sender.until(lambda: len(sender.arrived) == 2)


async def test_ids_may_be_hexadecimal_in_receipts_and_decimal_in_answers():
    async with carrier(hex_receipt_ids=True) as simulator, gateway(simulator) as (connector, sink, watch):
        (result,) = (await send(connector, sink, watch, 1)).values()
        await watch.until(lambda: receipts(sink))
    (receipt,) = receipts(sink)
    assert receipt.carrier_id == f"{int(result.carrier_id):x}"
    assert result.carrier_id in candidates(receipt.carrier_id)


async def test_unknown_tlvs_stand_in_answers_and_receipts():
    async with carrier(unknown_tlvs=True) as simulator:
        async with raw_esme(simulator.port) as esme:
            answer = await esme.submit()
            (receipt,) = await esme.deliveries(1)
            assert {tag for tag, _ in answer.tlvs} == {0x1499, 0x3FFE, 0x9999}
            assert {tag for tag, _ in receipt.tlvs} > {0x1499, 0x3FFE, 0x9999, Tag.MESSAGE_STATE}
        async with gateway(simulator) as (connector, sink, watch):
            await send(connector, sink, watch, 1)
            await watch.until(lambda: receipts(sink))


async def test_throttle_rate_answers_rthrottled_above_it():
    async with carrier(throttle_rate=2) as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 6)
    outcomes = [result.outcome for result in results.values()]
    assert outcomes == [Outcome.ACCEPTED] * 2 + [Outcome.THROTTLED] * 4
    assert {result.raw_code for result in results.values()} == {"0x00000000", "0x00000058"}
    assert len(simulator.ledger) == 2


async def test_queue_full_rate_answers_rmsgqful_for_one_destination():
    async with carrier(queue_full_rate=1) as simulator, gateway(simulator) as (connector, sink, watch):
        connector.submit([
            submission("a1", "+447700900001"),
            submission("a2", "+447700900001"),
            submission("b1", "+447700900002"),
        ])  # fmt: skip
        await watch.until(lambda: len(sink.results) == 3)
    assert [result.raw_code for result in sink.results] == ["0x00000000", "0x00000014", "0x00000000"]


async def test_drop_after_cuts_the_link_with_the_answer_to_what_was_taken():
    async with carrier(drop_after=3) as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 3)
        assert results["m2"].outcome is Outcome.UNKNOWN
        assert len(simulator.ledger) == 3
        simulator.faults = Faults()
        await watch.until(lambda: up(connector) == 1)
        await watch.until(lambda: len(receipts(sink)) >= 3)  # the handsets did get them


async def test_what_was_sent_behind_the_drop_is_not_taken():
    async with carrier(drop_after=1) as simulator, raw_esme(simulator.port) as esme:
        for _ in range(3):
            esme.send(Command.SUBMIT_SM, **submit_body())
        await esme.until(lambda: esme.closed)
        assert len(simulator.ledger) == 1


async def test_silent_after_takes_without_answering_and_the_link_lives():
    async with carrier(silent_after=1) as simulator, raw_esme(simulator.port) as esme:
        await esme.submit()
        esme.send(Command.SUBMIT_SM, **submit_body())
        await esme.deliveries(2)
        await esme.ask(Command.ENQUIRE_LINK)
        assert [pdu.command_id for pdu in esme.arrived].count(Command.SUBMIT_SM_RESP) == 1
        assert len(simulator.ledger) == 2


async def test_a_silent_share_is_taken_and_unknown_to_the_gateway():
    async with carrier(silent=0.5, seed=3) as simulator, gateway(simulator, response_timeout=0.2) as parts:
        results = await send(*parts, 40)
        assert len(simulator.ledger) == 40
    outcomes = [result.outcome for result in results.values()]
    assert set(outcomes) == {Outcome.ACCEPTED, Outcome.UNKNOWN}
    assert 10 < outcomes.count(Outcome.UNKNOWN) < 30


async def test_mute_after_silences_the_link_until_the_gateway_gives_it_up():
    settings = {"enquire_link_interval": 0.1, "enquire_link_timeout": 0.1}
    async with carrier(mute_after=1) as simulator, gateway(simulator, **settings) as (connector, sink, watch):
        results = await send(connector, sink, watch, 2)
        assert [result.outcome for result in results.values()] == [Outcome.ACCEPTED, Outcome.UNKNOWN]
        await watch.until(lambda: up(connector) == 1)
        await watch.until(lambda: {receipt.carrier_id for receipt in receipts(sink)} == ids(simulator))


async def test_refuse_binds_keeps_everyone_out_until_the_script_changes():
    async with carrier(refuse_binds="RSYSERR") as simulator, gateway(simulator, links=0) as (connector, _, watch):
        await watch.until(lambda: "RSYSERR" in connector.status().links[0].last_error)
        assert up(connector) == 0
        simulator.faults = Faults()
        await watch.until(lambda: up(connector) == 1)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("RINVDSTADR", Outcome.REJECTED), ("RSUBMITFAIL", Outcome.RETRY), (0x401, Outcome.RETRY)],
)
async def test_a_status_refuses_every_submit(status, outcome):
    async with carrier(status=status) as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 3)
        assert simulator.ledger == []
    assert {result.outcome for result in results.values()} == {outcome}


async def test_a_status_may_refuse_a_share_alone():
    script = {"status": "RSYSERR", "status_share": 0.5, "seed": 1}
    async with carrier(**script) as simulator, gateway(simulator) as (connector, sink, watch):
        results = await send(connector, sink, watch, 40)
    outcomes = [result.outcome for result in results.values()]
    assert outcomes.count(Outcome.ACCEPTED) == len(simulator.ledger)
    assert 10 < len(simulator.ledger) < 30


async def test_dropped_links_come_back_and_every_receipt_comes_through():
    async with carrier() as simulator, gateway(simulator, bind="tx+rx", links=2) as (connector, sink, watch):
        await send(connector, sink, watch, 10)
        await watch.until(lambda: len(receipts(sink)) == 10)
        simulator.drop_links()
        await watch.until(lambda: up(connector) == 0)
        await watch.until(lambda: up(connector) == 2)
        connector.submit([submission("after")])
        # What was received but not yet acknowledged when the link went comes once more: at least once, never none.
        await watch.until(lambda: {receipt.carrier_id for receipt in receipts(sink)} == ids(simulator))
    assert len(simulator.ledger) == 11
