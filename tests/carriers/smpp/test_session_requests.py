"""What becomes of a session's own requests: answers in any order, silence, a lost connection."""

from __future__ import annotations

import pytest

from carriers.smpp.events import (
    Answered,
    LinkClosed,
    NotSent,
    Problem,
    TimedOut,
    Unknown,
)
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, build, build_body, response_to
from carriers.smpp.states import IllegalRequest, State
from carriers.smpp.window import MAX_SEQUENCE
from tests.support.session_pair import ACK, SUBMIT, SessionPair, heads, kinds, pdus_in

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
