"""How a session finds out that the other side is gone, and how it leaves."""

from __future__ import annotations

import pytest

from carriers.smpp.config import NEVER
from carriers.smpp.events import Answered, LinkClosed, TimedOut, Unknown
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, build, response_to
from carriers.smpp.states import State
from tests.support.session_pair import ACK, DELIVER, SessionPair, heads, kinds

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
