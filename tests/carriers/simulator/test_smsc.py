"""The simulator as an SMSC: what each request is answered with, and what becomes of receipts and replies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from carriers.simulator.faults import Faults
from carriers.simulator.ledger import Taken
from carriers.simulator.smsc import Simulator, run
from carriers.smpp import times
from carriers.smpp.config import SessionConfig
from carriers.smpp.fields import Command, Tag
from carriers.smpp.receipt import read_receipt
from carriers.text import TextError
from carriers.types import ReceiptState
from tests.support.raw_esme import raw_esme, submit_body

HANDSET = "+447700900123"
RAW_HANDSET = b"447700900123"
QUICK = Faults(receipt_delay=0)
NEVER = Faults(receipt_delay=1000)


@pytest.fixture
async def started():
    """Starts simulators; stops them at the end."""
    all_of_them = []

    async def start(**options):
        simulator = Simulator(**options)
        await simulator.start()
        all_of_them.append(simulator)
        return simulator

    yield start
    for simulator in all_of_them:
        await simulator.stop()


def bodies(simulator, number=HANDSET):
    return [text.body for text in simulator.handsets.texts(number)]


# --- binds ---


@pytest.mark.parametrize("bind", [Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER])
async def test_anyone_may_bind_unless_told_otherwise(started, bind):
    simulator = await started()
    async with raw_esme(simulator.port, bind, system_id=b"anyone") as esme:
        (answer,) = esme.arrived
        assert answer.body["system_id"] == b"heliograph"
        assert answer.tlv_int(Tag.SC_INTERFACE_VERSION) == 0x34
        assert len(simulator.links) == 1


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [(b"esme", b"secret", 0), (b"another", b"secret", 0x0F), (b"esme", b"guessed", 0x0E), (b"esme", b"", 0x0E)],
)
async def test_a_wrong_account_or_password_is_refused(started, system_id, password, status):
    simulator = await started(system_id="esme", password="secret")
    async with raw_esme(simulator.port, bind=0) as esme:
        answer = await esme.ask(Command.BIND_TRANSCEIVER, system_id=system_id, password=password)
        assert answer.status == status


# --- submits ---


async def test_ids_are_never_given_twice(started):
    simulator = await started()
    async with raw_esme(simulator.port) as esme:
        ids = [(await esme.submit()).body["message_id"] for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(carrier_id.isdigit() for carrier_id in ids)


async def test_what_one_read_brings_is_answered_in_order(started):
    simulator = await started()
    async with raw_esme(simulator.port) as esme:
        numbers = [esme.send(Command.SUBMIT_SM, **submit_body(registered_delivery=0)) for _ in range(100)]
        answers = await esme.until(
            lambda: found if len(found := [pdu for pdu in esme.arrived if pdu.is_response]) == 101 else None
        )
        assert [pdu.sequence for pdu in answers[1:]] == numbers


@pytest.mark.parametrize(
    ("registered", "to", "receipts"),
    [
        (0, "447700900123", 0),
        (1, "447700900123", 1),
        (2, "447700900123", 0),  # on failure alone
        (3, "447700900123", 1),  # on success alone, SMPP 5.0
        (0, "14254147167", 0),
        (1, "14254147167", 1),
        (2, "14254147167", 1),
        (3, "14254147167", 0),
        (0x11, "447700900123", 1),
    ],
)
async def test_a_receipt_comes_only_when_asked_for(started, registered, to, receipts):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port) as esme:
        await esme.submit(to.encode(), registered_delivery=registered)
        await esme.submit(RAW_HANDSET, b"the last")  # in order: when its receipt is there, so are the earlier ones
        await esme.until(lambda: [pdu for pdu in esme.delivered() if b"text:the last" in pdu.body["short_message"]])
        assert len(esme.delivered()) == receipts + 1


async def test_the_receipt_of_a_failure_number_says_undelivered_and_why(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port) as esme:
        reference = (Tag.USER_MESSAGE_REFERENCE, b"\x12\x34")
        answer = await esme.submit(b"14254147167", tlvs=[reference])
        (pdu,) = await esme.deliveries(1)
        receipt = read_receipt(pdu)
        assert (receipt.state, receipt.raw_state, receipt.raw_error) == (ReceiptState.UNDELIVERED, "UNDELIV", "001")
        assert receipt.carrier_id.encode() == answer.body["message_id"]
        assert (receipt.handset, receipt.identity) == ("+14254147167", "+15550100")
        assert receipt.user_message_reference == 0x1234
        assert pdu.tlv(Tag.NETWORK_ERROR_CODE) == b"\x03\x00\x01"
        assert [text.state for text in simulator.handsets.texts("+14254147167")] == ["UNDELIVERED"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"destination_addr": b""}, 0x0B),
        ({"schedule_delivery_time": b"tomorrow"}, 0x61),
        ({"validity_period": b"260101000000000?"}, 0x62),
    ],
)
async def test_a_submit_that_makes_no_sense_is_refused(started, changes, status):
    ledger = []
    simulator = await started(ledger=ledger)
    async with raw_esme(simulator.port) as esme:
        answer = await esme.ask(Command.SUBMIT_SM, **submit_body(**changes))
        assert answer.status == status
        assert ledger == []


async def test_an_expired_message_says_so(started):
    simulator = await started(faults=QUICK)
    yesterday = times.absolute(datetime.now(UTC) - timedelta(days=1))
    async with raw_esme(simulator.port) as esme:
        await esme.submit(validity_period=yesterday)
        (pdu,) = await esme.deliveries(1)
        assert read_receipt(pdu).state is ReceiptState.EXPIRED
        assert [text.state for text in simulator.handsets.texts(HANDSET)] == ["EXPIRED"]


async def test_a_scheduled_message_waits(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port) as esme:
        waiting = await esme.submit(text=b"later", schedule_delivery_time=b"000001000000000R")
        await esme.submit(text=b"now")
        await esme.deliveries(1)
        query = {"message_id": waiting.body["message_id"], "source_addr": b"15550100"}
        assert (await esme.ask(Command.QUERY_SM, **query)).body["message_state"] == 1
        assert bodies(simulator) == ["now"]


async def test_data_sm_is_taken_like_submit_sm(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port) as esme:
        body = {name: value for name, value in submit_body().items() if name != "short_message"}
        answer = await esme.ask(Command.DATA_SM, tlvs=[(Tag.MESSAGE_PAYLOAD, b"by data")], **body)
        (pdu,) = await esme.deliveries(1)
        assert read_receipt(pdu).carrier_id.encode() == answer.body["message_id"]
        assert bodies(simulator) == ["by data"]


async def test_an_address_that_no_receipt_could_carry_is_refused(started):
    simulator = await started()
    async with raw_esme(simulator.port) as esme:
        body = {name: value for name, value in submit_body().items() if name != "short_message"}
        assert (await esme.ask(Command.DATA_SM, **{**body, "destination_addr": b"1" * 21})).status == 0x0B
        assert (await esme.ask(Command.DATA_SM, **{**body, "source_addr": b"1" * 21})).status == 0x0A


async def test_submit_multi_reaches_every_handset_and_lists_what_it_refused(started):
    simulator = await started(faults=QUICK)
    body = {name: value for name, value in submit_body().items() if not name.startswith("dest")}
    async with raw_esme(simulator.port) as esme:
        answer = await esme.ask(
            Command.SUBMIT_MULTI,
            **body,
            dest_address=(
                {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": b"447700900001"},
                {"dest_flag": 2, "dl_name": b"friends"},
                {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": b"447700900002"},
                {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": b""},
            ),
        )
        assert [entry["error_status_code"] for entry in answer.body["unsuccess_sme"]] == [0x34, 0x0B]
        receipts = [read_receipt(pdu) for pdu in await esme.deliveries(2)]
        assert {receipt.handset for receipt in receipts} == {"+447700900001", "+447700900002"}
        assert {receipt.carrier_id.encode() for receipt in receipts} == {answer.body["message_id"]}


async def test_an_operation_it_has_not_is_answered_so(started):
    simulator = await started()
    async with raw_esme(simulator.port) as esme:
        assert (await esme.ask(Command.BROADCAST_SM)).status == 0x03


async def test_the_ledger_holds_what_was_taken(started):
    ledger: list[Taken] = []
    simulator = await started(ledger=ledger)
    async with raw_esme(simulator.port) as esme:
        answer = await esme.submit(text=b"\x05\x00\x03\x07\x02\x02hello", esm_class=0x40)
    assert ledger == [Taken("+15550100", HANDSET, answer.body["message_id"].decode(), "hello", 2)]
    assert simulator.submits == 1


# --- query, cancel, replace ---


async def test_query_tells_the_state_before_and_after_delivery(started):
    simulator = await started(faults=NEVER)
    async with raw_esme(simulator.port) as esme:
        enroute = (await esme.submit()).body["message_id"]
        simulator.faults = QUICK
        failed = (await esme.submit(b"14254147167")).body["message_id"]
        await esme.deliveries(1)
        before = await esme.ask(Command.QUERY_SM, message_id=enroute, source_addr=b"15550100")
        after = await esme.ask(Command.QUERY_SM, message_id=failed, source_addr=b"15550100")
        unknown = await esme.ask(Command.QUERY_SM, message_id=b"1", source_addr=b"15550100")
        foreign = await esme.ask(Command.QUERY_SM, message_id=enroute, source_addr=b"15550199")
    assert (before.body["message_state"], before.body["final_date"]) == (1, b"")
    assert (after.body["message_state"], after.body["error_code"]) == (5, 1)
    assert times.parse(after.body["final_date"], datetime.now(UTC)) <= datetime.now(UTC)
    assert (unknown.status, foreign.status) == (0x67, 0x67)


async def test_a_message_is_nobodys_but_its_accounts(started):
    simulator = await started(faults=NEVER)
    async with raw_esme(simulator.port, system_id=b"one") as one, raw_esme(simulator.port, system_id=b"two") as two:
        theirs = (await one.submit()).body["message_id"]
        answer = await two.ask(Command.CANCEL_SM, message_id=theirs, source_addr=b"15550100")
        assert answer.status == 0x11


async def test_a_cancelled_message_is_deleted_and_reported_once(started):
    simulator = await started(faults=NEVER)
    async with raw_esme(simulator.port) as esme:
        cancelled = (await esme.submit()).body["message_id"]
        request = {"message_id": cancelled, "source_addr": b"15550100"}
        assert (await esme.ask(Command.CANCEL_SM, **request)).status == 0
        (pdu,) = await esme.deliveries(1)
        assert read_receipt(pdu).state is ReceiptState.DELETED
        assert (await esme.ask(Command.CANCEL_SM, **request)).status == 0x11
        assert bodies(simulator) == []


async def test_cancel_without_an_id_ends_all_from_one_sender_to_one_handset(started):
    simulator = await started(faults=NEVER)
    async with raw_esme(simulator.port) as esme:
        first, second = [(await esme.submit()).body["message_id"] for _ in range(2)]
        other = (await esme.submit(b"447700900999")).body["message_id"]
        answer = await esme.ask(Command.CANCEL_SM, source_addr=b"15550100", destination_addr=RAW_HANDSET)
        states = [
            (await esme.ask(Command.QUERY_SM, message_id=carrier_id, source_addr=b"15550100")).body["message_state"]
            for carrier_id in (first, second, other)
        ]
        assert (answer.status, states) == (0, [4, 4, 1])


async def test_a_replaced_message_arrives_with_the_new_text(started):
    simulator = await started(faults=Faults(receipt_delay=0.2))
    async with raw_esme(simulator.port) as esme:
        carrier_id = (await esme.submit(text=b"old")).body["message_id"]
        request = {"message_id": carrier_id, "source_addr": b"15550100", "short_message": b"new"}
        assert (await esme.ask(Command.REPLACE_SM, **request, validity_period=b"nonsense")).status == 0x62
        assert (await esme.ask(Command.REPLACE_SM, **request, registered_delivery=1)).status == 0
        await esme.deliveries(1)
        assert bodies(simulator) == ["new"]
        assert (await esme.ask(Command.REPLACE_SM, **request)).status == 0x13


# --- receipts find their way ---


async def test_receipts_wait_until_a_link_of_the_account_may_receive(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port, Command.BIND_TRANSMITTER) as sender:
        ids = {(await sender.submit()).body["message_id"] for _ in range(3)}
        async with raw_esme(simulator.port, system_id=b"another") as other:
            async with raw_esme(simulator.port, Command.BIND_RECEIVER) as receiver:
                receipts = await receiver.deliveries(3)
            assert {read_receipt(pdu).carrier_id.encode() for pdu in receipts} == ids
            assert other.delivered() == []
        assert sender.delivered() == []


async def test_receipts_not_acknowledged_come_again_after_reconnecting_in_order(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port, ack=None) as deaf:
        for _ in range(5):
            await deaf.submit()
        first = await deaf.deliveries(5)
    async with raw_esme(simulator.port) as esme:
        again = await esme.deliveries(5)
        await esme.submit()  # so that what was acknowledged has been read
        await esme.deliveries(6)
    assert [pdu.body for pdu in again] == [pdu.body for pdu in first]
    async with raw_esme(simulator.port) as esme:
        await esme.submit(registered_delivery=0)
        assert esme.delivered() == []


async def test_a_receipt_without_answer_comes_again_on_the_same_link(started):
    patient = SessionConfig(window=5, inbound_window=10, response_timeout=0.05)
    simulator = await started(faults=QUICK, session=patient)
    async with raw_esme(simulator.port, ack=None) as esme:
        await esme.submit()
        first, second = (await esme.deliveries(2))[:2]
        assert first.body == second.body
        assert first.sequence != second.sequence


async def test_a_receipt_the_esme_cannot_store_comes_again_and_one_it_refuses_does_not(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port, ack=0x64) as esme:
        await esme.submit(text=b"first")
        await esme.deliveries(1)
        esme.ack = 0x66
        first, again = await esme.deliveries(2)
        assert first.body == again.body
    async with raw_esme(simulator.port) as esme:
        await esme.submit(text=b"second")
        (receipt,) = await esme.deliveries(1)
        assert b"text:second" in receipt.body["short_message"]


async def test_a_stopped_simulator_goes_on_where_it_stopped(started):
    simulator = await started(faults=QUICK)
    port = simulator.port
    async with raw_esme(port, Command.BIND_TRANSMITTER) as sender:
        carrier_id = (await sender.submit()).body["message_id"]
        await simulator.stop()
        await sender.until(lambda: sender.closed)
    with pytest.raises(RuntimeError):
        _ = simulator.port
    await simulator.start(port=port)
    async with raw_esme(port) as esme:
        (pdu,) = await esme.deliveries(1)
        assert read_receipt(pdu).carrier_id.encode() == carrier_id


# --- replies ---


async def test_a_reply_from_before_any_bind_is_delivered_to_the_first_that_listens(started):
    simulator = await started()
    reply = asyncio.create_task(simulator.reply(HANDSET, "12345", "STOP"))
    async with raw_esme(simulator.port, Command.BIND_TRANSMITTER) as sender:
        assert sender.delivered() == []
    async with raw_esme(simulator.port) as esme:
        (pdu,) = await esme.deliveries(1)
        assert (pdu.body["source_addr"], pdu.body["destination_addr"]) == (RAW_HANDSET, b"12345")
        assert (await reply).state == "ACKNOWLEDGED"


async def test_a_reply_goes_to_the_account_that_sends_from_there(started):
    simulator = await started(faults=QUICK)
    async with raw_esme(simulator.port, system_id=b"one") as one, raw_esme(simulator.port, system_id=b"two") as two:
        await one.submit(source_addr=b"15550001001", registered_delivery=0)
        await two.submit(source_addr=b"15550002002", registered_delivery=0)
        await simulator.reply(HANDSET, "+15550001001", "to one")
        await simulator.reply(HANDSET, "+15550002002", "to two")
        assert [pdu.body["short_message"] for pdu in one.delivered()] == [b"to one"]
        assert [pdu.body["short_message"] for pdu in two.delivered()] == [b"to two"]


async def test_a_reply_the_esme_refuses_for_good_says_so(started):
    simulator = await started()
    async with raw_esme(simulator.port, ack=0x66):
        assert (await simulator.reply(HANDSET, "12345", "STOP")).state == "REFUSED"
        assert [text.state for text in simulator.handsets.texts(HANDSET)] == ["REFUSED"]


async def test_a_reply_sent_again_keeps_its_id(started):
    simulator = await started()
    async with raw_esme(simulator.port, ack=None) as deaf:
        reply = asyncio.create_task(simulator.reply(HANDSET, "12345", "STOP"))
        (first,) = await deaf.deliveries(1)
    async with raw_esme(simulator.port) as esme:
        (again,) = await esme.deliveries(1)
        await reply
    assert first.tlv(Tag.RECEIPTED_MESSAGE_ID) == again.tlv(Tag.RECEIPTED_MESSAGE_ID)
    assert read_receipt(again) is None


async def test_a_caller_who_gives_up_does_not_take_the_reply_back(started):
    simulator = await started()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(simulator.reply(HANDSET, "12345", "STOP"), 0.01)
    async with raw_esme(simulator.port) as esme:
        await esme.deliveries(1)
        await esme.submit(registered_delivery=0)  # behind the acknowledgement
        assert [text.state for text in simulator.handsets.texts(HANDSET) if text.direction == "out"] == ["ACKNOWLEDGED"]


@pytest.mark.parametrize(
    ("handset", "to", "text", "error"),
    [
        ("447700900123", "12345", "STOP", ValueError),
        ("+44", "12345", "STOP", ValueError),
        (HANDSET, "a name that is too long", "STOP", ValueError),
        (HANDSET, "12345", "", TextError),
    ],
)
async def test_a_reply_that_cannot_be_sent_is_refused_and_not_shown(handset, to, text, error):
    simulator = Simulator()
    with pytest.raises(error):
        await simulator.reply(handset, to, text)
    assert simulator.handsets.numbers == ()


# --- alone ---


async def test_run_says_where_it_listens_and_stops_when_cancelled():
    lines = []
    listening = asyncio.Event()

    def printer(line):
        lines.append(line)
        listening.set()

    running = asyncio.create_task(run("127.0.0.1", 0, QUICK, printer=printer))
    await asyncio.wait_for(listening.wait(), 10)
    async with raw_esme(int(lines[0].rpartition(":")[2])) as esme:
        await esme.submit()
        running.cancel()
        await asyncio.wait([running])
        await esme.until(lambda: esme.closed)
    assert running.cancelled()
    assert lines[1] == "SMSC stopped; 1 submits taken"
