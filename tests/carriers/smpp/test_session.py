"""The session: SMPP 3.4 and 5.0's rules, and what SMSCs do in practice that breaks clients."""

from __future__ import annotations

import os

import pytest

from carriers.smpp.events import (
    Answered,
    BindRefused,
    Bound,
    LinkClosed,
    Problem,
    Requested,
)
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, build, response_to
from carriers.smpp.states import BIND_STATES, IllegalRequest, Role, State, may_send
from tests.support.pdu_mutator import mutants
from tests.support.session_pair import ACK, SUBMIT, SessionPair, heads, kinds, pdus_in

MUTANTS = int(os.environ.get("HELIOGRAPH_MUTANTS", "4000"))  # a million must hold: see test_pdu_mutants


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
