"""The connector: a scripted SMSC on the loopback, and what the gateway would see."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time

import pytest

from carriers.errors import NotAcknowledged
from carriers.smpp.connector import SmppConnector
from carriers.smpp.events import Answered, LinkClosed
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, response_to
from carriers.types import DeliveryReceipt, Encoding, InboundMessage, Outcome, Segment
from tests.support.scripted_smsc import RecordingSink, Watch, connected, quick, smsc, submission, up

RECEIPT = Pdu(
    Command.DELIVER_SM,
    body={
        "source_addr_ton": 1,
        "source_addr": b"447700900123",
        "destination_addr": b"15550100",
        "esm_class": 4,
        "short_message": b"id:abc sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:",
    },
)
TEXT = Pdu(Command.DELIVER_SM, body={"source_addr_ton": 1, "source_addr": b"447700900123", "short_message": b"STOP"})


def answering(status):
    return lambda link, pdu: link.answer(response_to(pdu, status))


def silent(link, pdu):
    """Takes it and says nothing."""


async def outcome_of(carrier, connector, sink, item):
    connector.submit([item])
    await carrier.watch.until(lambda: any(result.reference == item.reference for result in sink.results))
    return next(result for result in sink.results if result.reference == item.reference)


# --- submitting ---


async def test_a_window_of_submissions_is_answered_once_each_with_the_carriers_ids():
    async with smsc() as carrier, connected(carrier, window=200) as (connector, sink):
        assert connector.free() == 200
        connector.submit([submission(f"m{number}") for number in range(200)])
        assert connector.free() == 0
        await carrier.watch.until(lambda: len(sink.results) == 200)
        assert [result.reference for result in sink.results] == [f"m{number}" for number in range(200)]
        assert {result.outcome for result in sink.results} == {Outcome.ACCEPTED}
        assert len({result.carrier_id for result in sink.results}) == 200
        assert len(sink.batches) < 50
        assert connector.free() == 200


async def test_it_says_when_there_is_room_again():
    async with smsc() as carrier, connected(carrier, window=1) as (connector, sink):
        connector.submit([submission("a")])
        before = sink.changes
        await carrier.watch.until(lambda: sink.changes > before)
        assert connector.free() == 1


async def test_nothing_is_settled_before_submit_returns():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        connector.submit([submission("bad", destination="not a number at all")])
        assert sink.results == []
        await carrier.watch.until(lambda: sink.results)
        assert sink.results[0].outcome is Outcome.REJECTED
        assert "address" in sink.results[0].detail


async def test_one_too_many_is_not_sent():
    async with smsc() as carrier, connected(carrier, window=1) as (connector, sink):
        connector.submit([submission("a"), submission("b")])
        await carrier.watch.until(lambda: len(sink.results) == 2)
        assert sink.outcomes() == {"a": "ACCEPTED", "b": "NOT_SENT"}
        assert len(carrier.submits) == 1


async def test_while_no_link_is_up_nothing_is_free_and_nothing_is_sent():
    watch = Watch()
    sink = RecordingSink(watch)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        connector = SmppConnector("carrier", quick(closed.getsockname()[1]), sink)
        await connector.start()
        assert connector.free() == 0
        connector.submit([submission("a")])
        await watch.until(lambda: sink.results)
        assert sink.outcomes() == {"a": "NOT_SENT"}
        assert not connector.status().up
        await connector.stop(5)


STATUSES = [
    (0x0B, Outcome.REJECTED, "RINVDSTADR"),
    (0x08, Outcome.RETRY, "RSYSERR"),
    (0x0401, Outcome.RETRY, "0x00000401"),
    (0x03, Outcome.REJECTED, "RINVCMDID"),
    (0x58, Outcome.THROTTLED, "RTHROTTLED"),
    (0x14, Outcome.RETRY, "RMSGQFUL"),
    (0x04, Outcome.NOT_SENT, "RINVBNDSTS"),
]


@pytest.mark.parametrize(("status", "outcome", "name"), STATUSES)
async def test_every_error_answer_is_a_known_outcome_with_its_number(status, outcome, name):
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = answering(status)
        result = await outcome_of(carrier, connector, sink, submission("a"))
        assert (result.outcome, result.raw_code) == (outcome, f"0x{status:08X}")
        assert name in result.detail


async def test_an_operator_may_say_what_a_number_means_at_this_carrier():
    async with smsc() as carrier, connected(carrier, status_classes={0x0401: "PERM"}) as (connector, sink):
        carrier.on_submit = answering(0x0401)
        assert (await outcome_of(carrier, connector, sink, submission("a"))).outcome is Outcome.REJECTED


async def test_a_number_may_say_that_the_person_has_opted_out():
    async with smsc() as carrier, connected(carrier, status_classes={0x0412: "OPTED_OUT"}) as (connector, sink):
        carrier.on_submit = answering(0x0412)
        result = await outcome_of(carrier, connector, sink, submission("a"))
        assert (result.outcome, result.raw_code) == (Outcome.OPTED_OUT, "0x00000412")
        assert "opted out at the carrier" in result.detail


async def test_the_carriers_own_words_are_kept():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        words = ((0x001D, b"blocked by campaign\0"),)
        carrier.on_submit = lambda link, pdu: link.answer(
            Pdu(Command.SUBMIT_SM_RESP, 0x0B, pdu.sequence, {"message_id": b""}, words)
        )
        result = await outcome_of(carrier, connector, sink, submission("a"))
        assert result.detail.endswith("(blocked by campaign)")


async def test_an_empty_id_is_accepted():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = answering(0)
        result = await outcome_of(carrier, connector, sink, submission("a"))
        assert (result.outcome, result.carrier_id) == (Outcome.ACCEPTED, "")


# --- throttling ---


async def test_throttling_pauses_the_link_and_says_when_the_pause_ends():
    async with smsc() as carrier, connected(carrier, throttle_pause=0.1) as (connector, sink):
        carrier.on_submit = answering(0x58)
        await outcome_of(carrier, connector, sink, submission("a"))
        assert connector.free() == 0
        assert 0 < connector.status().links[0].paused_for <= 0.1
        carrier.on_submit = carrier.accept
        before = sink.changes
        await carrier.watch.until(lambda: sink.changes > before)
        assert connector.free() > 0
        assert (await outcome_of(carrier, connector, sink, submission("b"))).outcome is Outcome.ACCEPTED


async def test_a_full_queue_is_one_destinations_until_three_are_full():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = answering(0x14)
        for number, expected in enumerate(["RETRY", "RETRY", "THROTTLED"]):
            result = await outcome_of(carrier, connector, sink, submission(str(number), f"+44770090012{number}"))
            assert result.outcome == expected


async def test_parts_that_must_wait_for_their_bind_leave_in_order_when_the_pause_ends():
    async with smsc() as carrier, connected(carrier, window=2, rate=1000) as (connector, sink):
        parts = [submission(f"p{n}", group="long", segment=segment(n, 3)) for n in (1, 2, 3)]
        connector.submit(parts[:1])
        await carrier.watch.until(lambda: len(sink.results) == 1)
        carrier.on_submit = answering(0x58)
        await outcome_of(carrier, connector, sink, submission("throttled"))
        carrier.on_submit = carrier.accept
        connector.submit(parts[1:])
        await carrier.watch.until(lambda: len(sink.results) == 4)
        assert list(sink.outcomes().items())[2:] == [("p2", "ACCEPTED"), ("p3", "ACCEPTED")]


async def test_the_rate_bounds_what_is_free():
    async with smsc() as carrier, connected(carrier, window=100, rate=20) as (connector, sink):
        assert connector.free() == 19
        connector.submit([submission(str(number)) for number in range(19)])
        assert connector.free() == 0
        before = sink.changes
        await carrier.watch.until(lambda: sink.changes > before)
        assert connector.free() >= 1


async def test_it_says_when_the_rate_leaves_room_again_to_one_who_did_not_ask():
    async with smsc() as carrier, connected(carrier, window=100, rate=20) as (connector, sink):
        before = sink.changes
        connector.submit([submission(str(number)) for number in range(19)])
        await carrier.watch.until(lambda: sink.changes > before)
        assert connector.free() >= 1


# --- silence and loss ---


async def test_silence_is_unknown_and_a_late_answer_overrules_it():
    async with smsc() as carrier, connected(carrier, response_timeout=0.05) as (connector, sink):
        carrier.on_submit = silent
        result = await outcome_of(carrier, connector, sink, submission("a"))
        assert (result.outcome, result.late) == (Outcome.UNKNOWN, False)
        link, pdu = carrier.submits[0]
        carrier.accept(link, pdu)
        await carrier.watch.until(lambda: len(sink.results) == 2)
        assert (sink.results[1].outcome, sink.results[1].late) == (Outcome.ACCEPTED, True)


async def test_a_dropped_link_leaves_what_was_out_unknown_and_is_bound_again():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = silent
        connector.submit([submission("a"), submission("b")])
        await carrier.watch.until(lambda: len(carrier.submits) == 2)
        carrier.links[0].abort()
        await carrier.watch.until(lambda: len(sink.results) == 2)
        assert sink.outcomes() == {"a": "UNKNOWN", "b": "UNKNOWN"}
        await carrier.watch.until(lambda: len(carrier.binds) == 2 and up(connector))


async def test_an_smsc_that_unbinds_leaves_what_was_out_unknown_and_is_bound_again():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = silent
        connector.submit([submission("a")])
        await carrier.watch.until(lambda: carrier.submits)
        carrier.links[0].unbind()
        await carrier.watch.until(lambda: len(carrier.binds) == 2 and up(connector))
        await carrier.watch.until(lambda: carrier.told(LinkClosed))
        assert sink.outcomes() == {"a": "UNKNOWN"}


async def test_an_smsc_that_does_not_see_us_bound_is_bound_anew():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = answering(0x04)
        await outcome_of(carrier, connector, sink, submission("a"))
        await carrier.watch.until(lambda: len(carrier.binds) == 2 and up(connector))


async def test_three_protocol_errors_in_a_row_bind_anew_and_two_do_not():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = answering(0xC0)
        for reference in "ab":
            await outcome_of(carrier, connector, sink, submission(reference))
        assert (len(carrier.binds), up(connector)) == (1, 1)
        await outcome_of(carrier, connector, sink, submission("c"))
        await carrier.watch.until(lambda: len(carrier.binds) == 2)


# --- binds ---


async def test_a_wrong_password_quarantines_the_link():
    async with smsc() as carrier:
        carrier.on_bind = answering(0x0E)
        sink = RecordingSink(carrier.watch)
        connector = SmppConnector("carrier", quick(carrier.port), sink)
        await connector.start()
        await carrier.watch.until(lambda: quarantined(connector))
        (link,) = connector.status().links
        assert (link.state, len(carrier.binds)) == ("QUARANTINED", 1)
        assert link.last_error == "bind refused: RINVPASWD: the password is wrong"
        await connector.stop(5)


def quarantined(connector):
    return connector.status().links[0].state == "QUARANTINED"


async def test_a_password_longer_than_eight_characters_goes_whole():
    async with smsc() as carrier, connected(carrier, password="twelve chars", password_limit=64):
        assert carrier.binds[0].body["password"] == b"twelve chars"


async def test_pairs_submit_on_tx_and_take_receipts_on_rx():
    async with smsc() as carrier, connected(carrier, links=2, bind="tx+rx") as (connector, sink):
        by_kind = {pdu.command_id: link for pdu, link in zip(carrier.binds, carrier.links, strict=True)}
        await outcome_of(carrier, connector, sink, submission("a"))
        assert carrier.submits[0][0].session.state == "BOUND_TX"
        rx = next(link for link in carrier.links if link.session.state == "BOUND_RX")
        rx.request(RECEIPT)
        await carrier.watch.until(lambda: sink.received_events)
        assert sink.received_events[0].carrier_id == "abc"
        assert set(by_kind) == {Command.BIND_TRANSMITTER, Command.BIND_RECEIVER}


async def test_several_binds_share_the_load():
    async with smsc() as carrier, connected(carrier, links=3, binds=3, window=4) as (connector, _sink):
        carrier.on_submit = silent
        assert connector.free() == 12
        connector.submit([submission(str(number)) for number in range(9)])
        await carrier.watch.until(lambda: len(carrier.submits) == 9)
        assert [sum(link is used for used, _ in carrier.submits) for link in carrier.links] == [3, 3, 3]


async def test_the_parts_of_one_message_leave_on_one_bind_in_order():
    async with smsc() as carrier, connected(carrier, links=3, binds=3, window=20) as (connector, sink):
        first = [submission(f"a{n}", group="a", segment=segment(n, 4)) for n in (1, 2)]
        rest = [submission(f"a{n}", group="a", segment=segment(n, 4)) for n in (3, 4)]
        connector.submit([*first, *(submission(f"x{n}") for n in range(6))])
        connector.submit(rest)
        await carrier.watch.until(lambda: len(sink.results) == 10)
        parts = [
            (link, pdu.body["short_message"]) for link, pdu in carrier.submits if b"part" in pdu.body["short_message"]
        ]
        assert [text for _, text in parts] == [b"part 1", b"part 2", b"part 3", b"part 4"]
        assert len({link for link, _ in parts}) == 1


def segment(number, total):
    octets = b"part %d" % number
    return Segment(number, total, Encoding.GSM7, 0, octets, octets.decode())


async def test_bind_attempts_of_one_account_keep_their_distance():
    async with smsc() as carrier:
        times = []

        def note(link, pdu):
            times.append(time.monotonic())
            carrier.accept_bind(link, pdu)

        carrier.on_bind = note
        async with connected(carrier, links=3, binds=3, bind_interval=0.05):
            assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.04


# --- receipts and texts ---


async def test_receipts_and_texts_of_one_read_reach_the_sink_together_and_are_acknowledged():
    async with smsc() as carrier, connected(carrier) as (_connector, sink):
        for pdu in [RECEIPT, TEXT] * 40:
            carrier.links[0].request(pdu)
        await carrier.watch.until(lambda: len(carrier.told(Answered)) == 80)
        assert {event.pdu.status for event in carrier.told(Answered)} == {0}
        assert len(sink.received_batches) < 10
        receipt, text = sink.received_events[:2]
        assert isinstance(receipt, DeliveryReceipt)
        assert receipt.handset == "+447700900123"
        assert isinstance(text, InboundMessage)
        assert (text.text, text.octets, text.source) == ("STOP", b"STOP", "+447700900123")


async def test_nothing_is_acknowledged_before_it_is_stored():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        stored = asyncio.Event()
        asked = asyncio.Event()

        async def store(events):
            asked.set()
            await stored.wait()

        sink.store = store
        carrier.links[0].request(TEXT)
        await asked.wait()
        # An enquire_link behind it is answered at once, so the text's answer is not merely late.
        await enquire(carrier, connector)
        assert carrier.told(Answered) == []
        stored.set()
        await carrier.watch.until(lambda: carrier.told(Answered))
        assert carrier.told(Answered)[0].pdu.status == 0


async def enquire(carrier, connector):
    """A submit there and back."""
    before = len(carrier.submits)
    connector.submit([submission(f"probe {before}")])
    await carrier.watch.until(lambda: len(carrier.submits) > before)


@pytest.mark.parametrize("error", [NotAcknowledged("disk full"), RuntimeError("bug"), None])
async def test_what_could_not_be_stored_is_asked_for_again(error):
    async with smsc() as carrier, connected(carrier, deliver_timeout=0.05) as (connector, sink):

        async def store(events):
            if error is None:
                await asyncio.Event().wait()  # for ever
            raise error

        sink.store = store
        carrier.links[0].request(TEXT)
        await carrier.watch.until(lambda: carrier.told(Answered))
        assert carrier.told(Answered)[0].pdu.status == 0x64
        assert up(connector) == 1


async def test_batches_are_acknowledged_in_the_order_of_their_own_completion():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        gates = [asyncio.Event(), asyncio.Event()]
        entered = []

        async def store(events):
            gate = gates[len(entered)]
            entered.append(events)
            await gate.wait()

        sink.store = store
        for token in (1, 2):
            carrier.links[0].request(TEXT, token)
            carrier.links[0].wire.flush()
            await enquire(carrier, connector)
        gates[1].set()
        await carrier.watch.until(lambda: carrier.told(Answered))
        gates[0].set()
        await carrier.watch.until(lambda: len(carrier.told(Answered)) == 2)
        assert [event.token for event in carrier.told(Answered)] == [2, 1]


async def test_a_data_sm_is_stored_and_answered():
    async with smsc() as carrier, connected(carrier) as (_connector, sink):
        carrier.links[0].request(Pdu(Command.DATA_SM, tlvs=((0x0424, b"hello"),)))
        await carrier.watch.until(lambda: carrier.told(Answered))
        assert carrier.told(Answered)[0].pdu.command_id == Command.DATA_SM_RESP
        assert sink.received_events[0].text == "hello"


async def test_a_pile_of_deliveries_beyond_the_inbound_window_is_all_answered():
    async with smsc() as carrier, connected(carrier, inbound_window=5) as (_connector, sink):
        for number in range(300):
            carrier.links[0].request(TEXT, number)
        await carrier.watch.until(lambda: len(carrier.told(Answered)) == 300)
        assert len(sink.received_events) == 300


# --- stopping ---


async def test_stopping_waits_for_what_is_out_and_unbinds():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = silent
        connector.submit([submission("a")])
        await carrier.watch.until(lambda: carrier.submits)
        stopping = asyncio.ensure_future(connector.stop(5))
        link, pdu = carrier.submits[0]
        carrier.accept(link, pdu)
        await stopping
        assert sink.outcomes() == {"a": "ACCEPTED"}
        await carrier.watch.until(lambda: carrier.told(LinkClosed))
        assert carrier.told(LinkClosed) == [LinkClosed("the peer unbound")]
        assert connector.free() == 0


async def test_stopping_ends_after_the_grace_and_tells_what_stays_unknown():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = silent
        connector.submit([submission("a")])
        await carrier.watch.until(lambda: carrier.submits)
        await connector.stop(0.05)
        assert sink.outcomes() == {"a": "UNKNOWN"}


async def test_stopping_serves_what_comes_before_the_unbind_is_answered():
    async with smsc() as carrier, connected(carrier) as (connector, sink):
        carrier.on_submit = silent
        connector.submit([submission("a")])
        await carrier.watch.until(lambda: carrier.submits)
        stopping = asyncio.ensure_future(connector.stop(5))
        carrier.links[0].request(TEXT)
        await carrier.watch.until(lambda: carrier.told(Answered))
        carrier.accept(*carrier.submits[0])
        await stopping
        assert [event.text for event in sink.received_events] == ["STOP"]


async def test_stopping_while_it_waits_to_connect_again_is_immediate():
    watch = Watch()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings = quick(closed.getsockname()[1], backoff_cap=60)
        connector = SmppConnector("carrier", settings, RecordingSink(watch), rng=random.Random(3))
        await connector.start()
        async with asyncio.timeout(2):
            await connector.stop(60)
