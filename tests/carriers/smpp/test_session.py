"""The session: SMPP 3.4 and 5.0's rules, and what SMSCs do in practice that breaks clients."""

from __future__ import annotations

import os

import pytest

from carriers.smpp.config import NEVER
from carriers.smpp.events import (
    Answered,
    BindRefused,
    Bound,
    LinkClosed,
    NotSent,
    Problem,
    Requested,
    TimedOut,
    Unknown,
)
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, build, build_body, response_to
from carriers.smpp.states import BIND_STATES, IllegalRequest, Role, State, may_send
from carriers.smpp.window import MAX_SEQUENCE
from tests.support.pdu_mutator import mutants
from tests.support.session_pair import DELIVER, SUBMIT, SessionPair, pdus_in

MUTANTS = int(os.environ.get("HELIOGRAPH_MUTANTS", "4000"))  # a million must hold: see test_pdu_mutants

ACK = {"message_id": b"7"}


def kinds(events):
    return [type(event) for event in events]


def heads(pdus):
    return [(pdu.command_id, pdu.status, pdu.sequence) for pdu in pdus]


# --- states and binds ---

TABLE = [
    (Command.BIND_TRANSMITTER, {State.OPEN, State.OUTBOUND}, set()),
    (Command.BIND_RECEIVER, {State.OPEN, State.OUTBOUND}, set()),
    (Command.BIND_TRANSCEIVER, {State.OPEN, State.OUTBOUND}, set()),
    (Command.OUTBIND, set(), {State.OPEN}),
    (Command.SUBMIT_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.SUBMIT_MULTI, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.QUERY_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.CANCEL_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.REPLACE_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.BROADCAST_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.QUERY_BROADCAST_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.CANCEL_BROADCAST_SM, {State.BOUND_TX, State.BOUND_TRX}, set()),
    (Command.DATA_SM, {State.BOUND_TX, State.BOUND_TRX}, {State.BOUND_RX, State.BOUND_TRX}),
    (Command.DELIVER_SM, set(), {State.BOUND_RX, State.BOUND_TRX}),
    (Command.ALERT_NOTIFICATION, set(), {State.BOUND_RX, State.BOUND_TRX}),
]


@pytest.mark.parametrize(("command", "esme", "smsc"), TABLE)
def test_each_side_may_send_an_operation_in_the_states_of_the_table_and_no_others(command, esme, smsc):
    assert {state for state in State if may_send(Role.ESME, command, state)} == esme
    assert {state for state in State if may_send(Role.SMSC, command, state)} == smsc


@pytest.mark.parametrize(("bind", "state"), [("trx", State.BOUND_TRX), ("tx", State.BOUND_TX), ("rx", State.BOUND_RX)])
def test_a_bind_leads_both_sides_to_the_state_of_its_kind(bind, state):
    pair = SessionPair(bind).bind()
    assert (pair.esme.state, pair.smsc.state) == (state, state)
    assert kinds(pair.esme_events) == [Bound]


def test_the_bind_carries_a_password_longer_than_eight_characters_whole():
    pair = SessionPair()
    pair.esme.config = type(pair.esme.config)(system_id="esme", password="a password of thirty-two letters")
    pair.esme.bind(pair.now)
    (bind,) = pair.said()
    assert bind.body["password"] == b"a password of thirty-two letters"
    assert bind.body["interface_version"] == 0x34


def test_a_refused_bind_tells_its_status_and_ends_the_session():
    pair = SessionPair().bind(status=0x0E)
    assert pair.esme_events[0] == BindRefused(0x0E)
    assert kinds(pair.esme_events) == [BindRefused, LinkClosed]
    assert pair.esme.state is State.CLOSED


def test_after_refusing_a_bind_the_smsc_takes_another():
    pair = SessionPair().bind(status=0x0D)
    again = Pdu(Command.BIND_RECEIVER, sequence=2, body={"system_id": b"esme"})
    assert kinds(pair.smsc.receive(build(again), pair.now)) == [Requested]


def test_a_generic_nack_to_the_bind_is_a_refusal():
    pair = SessionPair()
    pair.esme.bind(pair.now)
    assert kinds(pair.say(Pdu(Command.GENERIC_NACK, 0x03, 1))) == [BindRefused, LinkClosed]


@pytest.mark.parametrize("state", ["pending", "bound"])
def test_a_second_bind_gets_ralybnd_and_the_first_stands(state):
    pair = SessionPair()
    if state == "bound":
        pair.bind()
    else:
        pair.esme.bind(pair.now)
        pair.to_smsc()
    pair.smsc.receive(build(Pdu(Command.BIND_TRANSCEIVER, sequence=77)), pair.now)
    assert heads(pdus_in(pair.smsc.data_to_send()))[-1] == (Command.BIND_TRANSCEIVER_RESP, 0x05, 77)
    assert pair.smsc.state in {State.BIND_PENDING, State.BOUND_TRX}


def test_no_answer_to_the_bind_within_10_seconds_ends_the_session_without_a_second_bind():
    pair = SessionPair()
    pair.esme.bind(pair.now)
    assert pair.pass_time(9.9) == []
    assert kinds(pair.pass_time(0.2)) == [LinkClosed]
    assert len(pair.said()) == 1


def test_an_smsc_waits_only_so_long_for_a_bind():
    pair = SessionPair(bind_timeout=3)
    assert pair.smsc.tick(pair.now + 2.9) == []
    assert kinds(pair.smsc.tick(pair.now + 3)) == [LinkClosed]


@pytest.mark.parametrize("command", [row[0] for row in TABLE if row[1] and row[0] not in BIND_STATES])
def test_the_smsc_answers_a_request_before_any_bind_with_rinvbndsts_and_never_with_silence(command):
    pair = SessionPair()
    events = pair.smsc.receive(build(Pdu(command, sequence=9)), pair.now)
    assert kinds(events) == [Problem]
    assert heads(pdus_in(pair.smsc.data_to_send())) == [(command | 0x80000000, 0x04, 9)]
    assert pair.smsc.state is State.OPEN


def test_a_submit_on_a_receiver_gets_rinvbndsts():
    pair = SessionPair("rx").bind()
    pair.smsc.receive(build(Pdu(Command.SUBMIT_SM, sequence=9)), pair.now)
    assert heads(pdus_in(pair.smsc.data_to_send())) == [(Command.SUBMIT_SM_RESP, 0x04, 9)]


def test_an_illegal_request_raises_and_changes_nothing():
    pair = SessionPair("rx").bind()
    with pytest.raises(IllegalRequest, match="BOUND_RX"):
        pair.esme.request(SUBMIT, "x", pair.now)
    assert (pair.esme.outstanding, pair.esme.data_to_send()) == (0, b"")


def test_a_field_that_does_not_fit_raises_and_changes_nothing():
    pair = SessionPair().bind()
    with pytest.raises(ValueError, match="destination_addr"):
        pair.esme.request(Pdu(Command.SUBMIT_SM, body={"destination_addr": b"1" * 21}), "x", pair.now)
    assert (pair.esme.outstanding, pair.esme.data_to_send()) == (0, b"")


def test_outbind_is_told_and_lets_the_esme_bind():
    pair = SessionPair()
    pair.smsc.request(Pdu(Command.OUTBIND, body={"system_id": b"smsc"}), None, pair.now)
    assert kinds(pair.to_esme()) == [Requested]
    assert (pair.esme.state, pair.esme.unanswered, pair.smsc.outstanding) == (State.OUTBOUND, 0, 0)
    assert pair.bind().esme.state is State.BOUND_TRX


# --- requests, answers, numbers ---


def test_answers_find_their_requests_in_any_order_and_of_any_status():
    pair = SessionPair().bind()
    first, second = pair.submit("first"), pair.submit("second")
    pair.smsc.respond(response_to(second, **ACK))
    pair.smsc.respond(response_to(first, 0x0401))
    events = pair.to_esme()
    assert [(event.token, event.pdu.status, event.late) for event in events] == [
        ("second", 0, False),
        ("first", 0x0401, False),
    ]
    assert pair.esme.outstanding == 0


def test_numbers_begin_at_1_after_the_bind_and_wrap_to_1_after_the_largest():
    pair = SessionPair(last_sequence=MAX_SEQUENCE - 2)
    pair.bind()
    assert [pair.submit(token).sequence for token in "abc"] == [MAX_SEQUENCE, 1, 2]


def test_a_number_that_is_still_out_is_not_used_again():
    pair = SessionPair(last_sequence=MAX_SEQUENCE - 2)
    pair.bind()
    kept = pair.submit("kept")
    pair.esme._numbers._last = kept.sequence - 1
    assert pair.submit("next").sequence == 1


def test_the_number_of_our_own_enquire_link_is_not_used_again():
    pair = SessionPair().bind()
    pair.pass_time(20)
    (enquiry,) = pair.said()
    pair.esme._numbers._last = enquiry.sequence - 1
    assert pair.submit("next").sequence == enquiry.sequence + 1


def test_a_number_in_the_graveyard_is_not_used_again():
    pair = SessionPair(enquire_link_interval=100).bind()
    lost = pair.submit("lost")
    assert TimedOut("lost") in pair.pass_time(30)
    pair.said()
    pair.esme._numbers._last = lost.sequence - 1
    assert pair.submit("next").sequence > lost.sequence


def test_the_two_directions_have_numbers_of_their_own():
    pair = SessionPair().bind()
    submitted = pair.submit("mine")
    delivered = pair.deliver("theirs")
    while delivered.sequence < submitted.sequence:
        pair.esme.respond(response_to(delivered))
        pair.to_smsc()
        delivered = pair.deliver("theirs")
    assert delivered.sequence == submitted.sequence
    pair.esme.respond(response_to(delivered))
    assert [event.token for event in pair.to_smsc()] == ["theirs"]
    assert [event.token for event in pair.answer(submitted, **ACK)] == ["mine"]


def test_the_window_bounds_requests_and_opens_with_each_answer():
    pair = SessionPair(window=2).bind()
    first = pair.submit("a")
    pair.submit("b")
    assert pair.esme.free == 0
    with pytest.raises(IllegalRequest, match="window"):
        pair.esme.request(SUBMIT, "c", pair.now)
    pair.answer(first, **ACK)
    assert pair.esme.free == 1


def test_requests_that_leave_together_have_numbers_and_answers_of_their_own():
    pair = SessionPair().bind()
    body = build_body(SUBMIT)
    assert pair.esme.request_all(SUBMIT.command_id, [(body, token) for token in "abc"], pair.now) == 4
    requests = pdus_in(pair.esme.data_to_send())
    assert [(pdu.sequence, pdu.body["short_message"]) for pdu in requests] == [
        (2, b"hello"),
        (3, b"hello"),
        (4, b"hello"),
    ]
    events = pair.say(*(response_to(pdu, **ACK) for pdu in requests))
    assert [event.token for event in events] == ["a", "b", "c"]


def test_requests_that_do_not_all_fit_the_window_raise_and_none_leaves():
    pair = SessionPair(window=2).bind()
    with pytest.raises(IllegalRequest, match="window"):
        pair.esme.request_all(SUBMIT.command_id, [(build_body(SUBMIT), token) for token in "abc"], pair.now)
    assert (pair.esme.outstanding, pair.esme.data_to_send()) == (0, b"")


def test_requests_are_acknowledged_together():
    pair = SessionPair().bind()
    requests = [Pdu(Command.DELIVER_SM, sequence=7), Pdu(Command.DATA_SM, sequence=9)]
    pair.say(*requests, Pdu(Command.DELIVER_SM, sequence=11))
    assert pair.esme.unanswered == 3
    pair.esme.acknowledge(requests, 0x64)
    assert pair.esme.unanswered == 1
    assert heads(pair.said()) == [(Command.DELIVER_SM_RESP, 0x64, 7), (Command.DATA_SM_RESP, 0x64, 9)]


def test_a_full_window_does_not_block_the_keep_alive():
    pair = SessionPair(window=1).bind()
    pair.submit("a")
    pair.pass_time(20)
    assert heads(pair.said()) == [(Command.ENQUIRE_LINK, 0, 3)]


def test_a_generic_nack_with_the_number_of_a_request_is_its_answer():
    pair = SessionPair().bind()
    request = pair.submit("a")
    (event,) = pair.say(Pdu(Command.GENERIC_NACK, 0x03, request.sequence))
    assert (event.token, event.pdu.command_id, event.pdu.status) == ("a", Command.GENERIC_NACK, 0x03)


def test_a_generic_nack_with_number_0_ends_the_session():
    pair = SessionPair().bind()
    assert kinds(pair.say(Pdu(Command.GENERIC_NACK, 0x02, 0))) == [LinkClosed]


def test_an_enquire_link_resp_with_the_number_of_a_submit_does_not_accept_it():
    pair = SessionPair().bind()
    request = pair.submit("a")
    assert kinds(pair.say(Pdu(Command.ENQUIRE_LINK_RESP, 0, request.sequence))) == [Problem]
    assert kinds(pair.answer(request, **ACK)) == [Answered]


def test_an_answer_to_nothing_is_a_problem_and_the_session_stays():
    pair = SessionPair().bind()
    assert kinds(pair.say(Pdu(Command.SUBMIT_SM_RESP, 0, 999))) == [Problem]
    assert pair.esme.state is State.BOUND_TRX


ODD_ANSWERS = {
    "header alone": b"",
    "one NUL": b"\0",
    "no NUL at the end": b"abc",
    "a vendor's TLV without a message_id": bytes.fromhex("1401000401020304"),
    "a vendor's TLV behind the id": b"id\0" + bytes.fromhex("1401000401020304"),
    "a TLV cut short": b"id\0" + bytes.fromhex("001d00ff41"),
    "garbage": bytes(range(1, 200)),
}


@pytest.mark.parametrize("status", [0, 0x58, 0x0401])
@pytest.mark.parametrize("body", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_with_any_body_resolves_its_request_by_number_and_status(status, body):
    pair = SessionPair().bind()
    sequence = pair.submit("a").sequence
    head = b"".join(part.to_bytes(4, "big") for part in (16 + len(body), 0x80000004, status, sequence))
    answers = [event for event in pair.esme.receive(head + body, pair.now) if isinstance(event, Answered)]
    assert [(event.token, event.pdu.status) for event in answers] == [("a", status)]
    assert pair.esme.state is State.BOUND_TRX


# --- silence ---


def test_a_request_without_an_answer_is_given_up_after_30_seconds_and_the_session_stays():
    pair = SessionPair(enquire_link_interval=100).bind()
    pair.submit("a")
    assert pair.pass_time(29.9) == []
    assert pair.pass_time(0.2) == [TimedOut("a")]
    assert (pair.esme.state, pair.esme.free) == (State.BOUND_TRX, 10)


def test_an_answer_within_120_seconds_more_is_told_as_late():
    pair = SessionPair(enquire_link_interval=1000).bind()
    request = pair.submit("a")
    pair.pass_time(149.9)
    (event,) = pair.answer(request, **ACK)
    assert (event.token, event.late) == ("a", True)


def test_an_answer_after_that_is_an_answer_to_nothing():
    pair = SessionPair(enquire_link_interval=1000).bind()
    request = pair.submit("a")
    pair.pass_time(151)
    assert kinds(pair.answer(request, **ACK)) == [Problem]


def test_a_late_answer_comes_once():
    pair = SessionPair(enquire_link_interval=1000).bind()
    request = pair.submit("a")
    pair.pass_time(31)
    pair.answer(request, **ACK)
    assert kinds(pair.answer(request, **ACK)) == [Problem]


def test_three_silent_requests_in_a_row_ask_whether_the_smsc_lives_and_its_silence_ends_the_session():
    pair = SessionPair(enquire_link_interval=1000).bind()
    for token in "abc":
        pair.submit(token)
    events = pair.pass_time(30)
    assert events == [TimedOut("a"), TimedOut("b"), TimedOut("c")]
    assert [pdu.command_id for pdu in pair.said()] == [Command.ENQUIRE_LINK]
    assert kinds(pair.pass_time(10)) == [LinkClosed]


def test_two_silent_requests_ask_nothing():
    pair = SessionPair(enquire_link_interval=1000).bind()
    pair.submit("a")
    pair.submit("b")
    pair.pass_time(60)
    assert pair.said() == []


# --- enquire_link ---


def test_enquire_link_goes_out_after_20_seconds_of_silence_and_its_silence_ends_the_session():
    pair = SessionPair().bind()
    assert pair.pass_time(19.9) == []
    assert pair.said() == []
    assert pair.pass_time(0.2) == []
    assert heads(pair.said()) == [(Command.ENQUIRE_LINK, 0, 2)]
    assert pair.pass_time(9.8) == []
    assert kinds(pair.pass_time(0.2)) == [LinkClosed]


def test_any_pdu_counts_as_life():
    pair = SessionPair().bind()
    pair.pass_time(29)
    pair.deliver()
    assert pair.pass_time(19) == []
    assert pair.esme.state is State.BOUND_TRX


def test_silence_of_ours_alone_also_brings_enquire_link():
    pair = SessionPair().bind()
    for _ in range(5):
        pair.pass_time(5)
        pair.say(Pdu(Command.ALERT_NOTIFICATION, sequence=50))
    assert [pdu.command_id for pdu in pair.said()] == [Command.ENQUIRE_LINK]


def test_enquire_link_is_never_sent_before_the_bind_is_answered():
    pair = SessionPair(bind_timeout=100)
    pair.esme.bind(pair.now)
    pair.pass_time(90)
    assert [pdu.command_id for pdu in pair.said()] == [Command.BIND_TRANSCEIVER]


def states():
    """A pair whose ESME is in each state in which it hears anything."""
    yield "OPEN", SessionPair()
    pending = SessionPair()
    pending.esme.bind(pending.now)
    yield "BIND_PENDING", pending
    for kind in ("tx", "rx", "trx"):
        yield kind, SessionPair(kind).bind()
    draining = SessionPair().bind()
    draining.submit("a")
    draining.esme.drain(draining.now)
    yield "DRAINING", draining
    unbinding = SessionPair().bind()
    unbinding.esme.unbind(unbinding.now)
    yield "UNBINDING", unbinding
    unbound = SessionPair().bind()
    unbound.deliver()
    unbound.say(Pdu(Command.UNBIND, sequence=8))
    yield "UNBOUND", unbound


@pytest.mark.parametrize("pair", [pair for _, pair in states()], ids=[name for name, _ in states()])
def test_enquire_link_is_answered_in_every_state_with_its_number_and_no_body(pair):
    pair.said()
    assert pair.say(Pdu(Command.ENQUIRE_LINK, sequence=0x7FFFFFFF)) == []
    assert pair.esme.data_to_send() == build(Pdu(Command.ENQUIRE_LINK_RESP, 0, 0x7FFFFFFF))


def test_while_we_do_not_read_the_silence_of_the_smsc_says_nothing():
    pair = SessionPair(inbound_window=1).bind()
    delivered = pair.deliver()
    assert not pair.esme.wants_data
    assert pair.pass_time(300) == []
    pair.esme.respond(response_to(delivered))
    assert pair.esme.wants_data
    assert kinds(pair.pass_time(60)) == [LinkClosed]


# --- the peer's requests ---


def test_the_inbound_window_counts_what_is_not_yet_answered():
    pair = SessionPair(inbound_window=2).bind()
    first, second = pair.deliver("a"), pair.deliver("b")
    assert (pair.esme.unanswered, pair.esme.wants_data) == (2, False)
    pair.esme.respond(response_to(second))
    assert (pair.esme.unanswered, pair.esme.wants_data) == (1, True)
    pair.esme.respond(response_to(first))
    assert [event.token for event in pair.to_smsc()] == ["b", "a"]


def test_deliver_sm_and_enquire_link_before_bind_resp_are_served_and_the_bind_still_stands():
    pair = SessionPair()
    pair.esme.bind(pair.now)
    pair.said()
    events = pair.say(
        Pdu(Command.ENQUIRE_LINK, sequence=5),
        Pdu(Command.DELIVER_SM, sequence=6),
        Pdu(Command.BIND_TRANSCEIVER_RESP, sequence=1, body={"system_id": b"smsc"}),
    )
    assert kinds(events) == [Requested, Bound]
    pair.esme.respond(response_to(events[0].pdu))
    assert heads(pair.said()) == [(Command.ENQUIRE_LINK_RESP, 0, 5), (Command.DELIVER_SM_RESP, 0, 6)]


@pytest.mark.parametrize("command", [Command.DELIVER_SM, Command.DATA_SM])
@pytest.mark.parametrize("leave", ["drain", "unbind"])
def test_what_comes_while_we_leave_is_still_surfaced_and_answered(leave, command):
    pair = SessionPair().bind()
    pair.submit("a")
    getattr(pair.esme, leave)(pair.now)
    pair.said()
    (event,) = pair.say(Pdu(command, sequence=6))
    pair.esme.respond(response_to(event.pdu))
    assert heads(pair.said()) == [(command | 0x80000000, 0, 6)]


def test_alert_notification_is_told_and_has_no_answer():
    pair = SessionPair().bind()
    assert kinds(pair.say(Pdu(Command.ALERT_NOTIFICATION, sequence=6))) == [Requested]
    assert (pair.esme.unanswered, pair.said()) == (0, [])


def test_an_unknown_command_gets_generic_nack_with_its_number_and_the_session_stays():
    pair = SessionPair().bind()
    octets = bytes.fromhex("00000010 00000fff 00000000 0000002a")
    assert kinds(pair.esme.receive(octets, pair.now)) == [Problem]
    assert heads(pair.said()) == [(Command.GENERIC_NACK, 0x03, 42)]
    assert pair.esme.state is State.BOUND_TRX


def test_an_unknown_response_gets_no_answer():
    pair = SessionPair().bind()
    pair.esme.receive(bytes.fromhex("00000010 80000fff 00000000 0000002a"), pair.now)
    assert pair.said() == []


def test_a_request_with_an_unreadable_body_gets_its_own_response_and_the_next_pdu_is_read():
    pair = SessionPair().bind()
    broken = bytes.fromhex("00000014 00000005 00000000 0000002a 41414141")
    events = pair.esme.receive(broken + build(Pdu(Command.DELIVER_SM, sequence=43)), pair.now)
    assert kinds(events) == [Problem, Requested]
    (answer,) = pair.said()
    assert (answer.command_id, answer.sequence) == (Command.DELIVER_SM_RESP, 42)
    assert answer.status in {0x01, 0xC0, 0xC2}


def test_values_outside_the_enumerations_and_unknown_tlvs_are_only_data():
    pair = SessionPair().bind()
    odd = {"source_addr_ton": 99, "source_addr_npi": 77, "data_coding": 0xF5, "esm_class": 0xFF, "protocol_id": 0xEE}
    (event,) = pair.say(Pdu(Command.DELIVER_SM, 0, 6, odd, ((0x3FFF, b"?"), (0x0001, b""))))
    assert event.pdu.body["data_coding"] == 0xF5
    assert event.pdu.tlv(0x3FFF) == b"?"


# --- framing ---


@pytest.mark.parametrize(
    "octets",
    [b"\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n", bytes(16), b"\x00\x00\x00\x0f", b"\x7f\xff\xff\xff"],
    ids=["newlines", "an HTTP error page", "zeros", "15", "2 GiB"],
)
def test_a_stream_out_of_step_gets_generic_nack_with_number_0_and_ends(octets):
    pair = SessionPair().bind()
    assert kinds(pair.esme.receive(octets, pair.now)) == [LinkClosed]
    assert heads(pair.said()) == [(Command.GENERIC_NACK, 0x02, 0)]


def test_what_came_before_the_stream_fell_out_of_step_still_counts():
    pair = SessionPair().bind()
    request = pair.submit("a")
    good = build(Pdu(Command.SUBMIT_SM_RESP, 0, request.sequence, ACK))
    assert kinds(pair.esme.receive(good + b"HTTP", pair.now)) == [Answered, LinkClosed]


def test_a_pdu_in_single_octets_seconds_apart_is_read_whole_with_the_one_behind_it():
    pair = SessionPair().bind()
    octets = build(Pdu(Command.DELIVER_SM, sequence=6)) + build(Pdu(Command.DELIVER_SM, sequence=7))
    told = []
    for octet in octets:
        pair.now += 0.2
        told += pair.esme.receive(bytes((octet,)), pair.now)
        told += pair.esme.tick(pair.now)
    assert [event.pdu.sequence for event in told] == [6, 7]


def test_a_pdu_that_drips_for_more_than_10_seconds_ends_the_session():
    pair = SessionPair().bind()
    pair.esme.receive(b"\0\0", pair.now)
    pair.pass_time(6)
    pair.esme.receive(b"\0", pair.now)
    assert kinds(pair.pass_time(4)) == [LinkClosed]
    assert heads(pair.said()) == [(Command.GENERIC_NACK, 0x02, 0)]


def test_the_time_for_a_pdu_begins_with_its_own_first_octet():
    pair = SessionPair().bind()
    whole = build(Pdu(Command.ENQUIRE_LINK, sequence=5))
    pair.esme.receive(whole[:8], pair.now)
    pair.pass_time(9)
    pair.esme.receive(whole[8:] + whole[:8], pair.now)
    assert pair.pass_time(9) == []


# --- leaving ---


def test_drain_waits_for_the_window_then_unbinds_then_closes():
    pair = SessionPair().bind()
    request = pair.submit("a")
    pair.esme.drain(pair.now)
    assert (pair.esme.state, pair.esme.free, pair.said()) == (State.DRAINING, 0, [])
    assert kinds(pair.answer(request, **ACK)) == [Answered]
    assert pair.esme.state is State.UNBINDING
    assert kinds(pair.to_smsc()) == [LinkClosed]
    assert kinds(pair.to_esme()) == [LinkClosed]


def test_drain_of_an_empty_window_unbinds_at_once():
    pair = SessionPair().bind()
    pair.esme.drain(pair.now)
    assert [pdu.command_id for pdu in pair.said()] == [Command.UNBIND]


def test_drain_waits_no_longer_than_the_response_timer():
    pair = SessionPair(enquire_link_interval=1000).bind()
    pair.submit("a")
    pair.esme.drain(pair.now)
    assert pair.pass_time(30) == [TimedOut("a")]
    assert [pdu.command_id for pdu in pair.said()] == [Command.UNBIND]


def test_drain_before_the_bind_stands_closes():
    pair = SessionPair()
    pair.esme.bind(pair.now)
    pair.esme.drain(pair.now)
    assert kinds(pair.pass_time(0)) == [LinkClosed]


def test_no_answer_to_unbind_within_5_seconds_closes():
    pair = SessionPair().bind()
    pair.esme.unbind(pair.now)
    assert pair.pass_time(4.9) == []
    assert kinds(pair.pass_time(0.2)) == [LinkClosed]


def test_unbind_of_the_smsc_is_answered_and_what_is_out_stays_unknown():
    pair = SessionPair().bind()
    pair.submit("a")
    pair.smsc.unbind(pair.now)
    assert kinds(pair.to_esme()) == [LinkClosed]
    assert [pdu.command_id for pdu in pair.said()] == [Command.UNBIND_RESP]
    assert pair.esme.lost(pair.now) == [Unknown("a")]


def test_unbind_of_the_smsc_waits_for_what_we_owe_it():
    pair = SessionPair().bind()
    delivered = pair.deliver()
    pair.smsc.unbind(pair.now)
    assert pair.to_esme() == []
    assert pair.esme.state is State.UNBOUND
    pair.esme.respond(response_to(delivered))
    assert kinds(pair.pass_time(0)) == [LinkClosed]
    assert [pdu.command_id for pdu in pair.said()] == [Command.DELIVER_SM_RESP, Command.UNBIND_RESP]


def test_unbind_of_the_smsc_waits_5_seconds_at_most():
    pair = SessionPair().bind()
    pair.deliver()
    pair.smsc.unbind(pair.now)
    pair.to_esme()
    assert kinds(pair.pass_time(5)) == [LinkClosed]
    assert [pdu.command_id for pdu in pair.said()] == [Command.UNBIND_RESP]


def test_answers_in_the_same_octets_behind_the_smscs_unbind_still_count():
    pair = SessionPair().bind()
    request = pair.submit("a")
    answer = Pdu(Command.SUBMIT_SM_RESP, 0, request.sequence, ACK)
    assert kinds(pair.say(Pdu(Command.UNBIND, sequence=9), answer)) == [Answered, LinkClosed]


def test_unbinds_that_cross_end_both_sides():
    pair = SessionPair().bind()
    pair.esme.unbind(pair.now)
    pair.smsc.unbind(pair.now)
    pair.to_smsc()
    pair.to_esme()
    assert (pair.esme.state, pair.smsc.state) == (State.CLOSED, State.CLOSED)


def test_after_the_end_nothing_is_read_timed_or_answered():
    pair = SessionPair().bind(status=0x0E)
    pair.said()
    assert pair.say(Pdu(Command.ENQUIRE_LINK, sequence=5)) == []
    pair.esme.respond(response_to(DELIVER))
    pair.esme.acknowledge([DELIVER], 0)
    assert (pair.esme.next_timer(), pair.esme.tick(pair.now + 999), pair.said()) == (NEVER, [], [])


# --- a lost connection ---


def test_a_lost_connection_tells_what_had_left_from_what_had_not():
    pair = SessionPair().bind()
    length = len(build(SUBMIT))
    for token in "abc":
        pair.esme.request(SUBMIT, token, pair.now)
    pair.esme.data_to_send()
    pair.esme.request(SUBMIT, "d", pair.now)
    # Of c one octet stayed behind, so the SMSC cannot have it whole; d was never handed over.
    assert pair.esme.lost(pair.now, unsent_octets=1) == [Unknown("a"), Unknown("b"), NotSent("c"), NotSent("d")]
    assert length > 1


def test_of_requests_that_left_together_each_knows_whether_it_had_left():
    pair = SessionPair().bind()
    body = build_body(SUBMIT)
    pair.esme.request_all(SUBMIT.command_id, [(body, token) for token in "abc"], pair.now)
    pair.esme.data_to_send(2 * len(build(SUBMIT)))
    assert pair.esme.lost(pair.now) == [Unknown("a"), Unknown("b"), NotSent("c")]


def test_a_lost_connection_with_everything_unsent_knows_it():
    pair = SessionPair().bind()
    pair.submit("answered")
    octets = sum(len(build(SUBMIT)) for _ in "ab")
    for token in "ab":
        pair.esme.request(SUBMIT, token, pair.now)
    pair.esme.data_to_send()
    assert pair.esme.lost(pair.now, unsent_octets=octets) == [Unknown("answered"), NotSent("a"), NotSent("b")]


def test_what_was_given_up_before_is_not_told_again_when_the_connection_goes():
    pair = SessionPair(enquire_link_interval=1000).bind()
    pair.submit("a")
    pair.pass_time(31)
    assert pair.esme.lost(pair.now) == []


def test_data_to_send_can_be_taken_in_pieces():
    pair = SessionPair().bind()
    pair.esme.request(SUBMIT, "a", pair.now)
    octets = b"".join(iter(lambda: pair.esme.data_to_send(7), b""))
    assert pdus_in(octets)[0].body["short_message"] == b"hello"


# --- hostile octets ---


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", [Role.ESME, Role.SMSC])
def test_mutated_pdus_never_raise_and_a_session_ends_only_by_closing(role):
    pair = SessionPair().bind()
    for number, octets in enumerate(mutants(MUTANTS, seed=7)):
        session = pair.esme if role is Role.ESME else pair.smsc
        events = session.receive(octets, pair.now)
        for event in events:
            if isinstance(event, Requested):
                session.respond(response_to(event.pdu))
        pair.now += 0.01
        events += session.tick(pair.now)
        closed = [event for event in events if isinstance(event, LinkClosed)]
        assert len(closed) == (1 if session.state is State.CLOSED else 0), number
        session.data_to_send()
        if closed:
            pair = SessionPair().bind()
