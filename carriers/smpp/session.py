"""One SMPP session, either side of it, without IO and without a clock.

Octets and ``now`` (seconds of any monotonic clock) come in, events and octets go out::

    session = Session(Role.ESME, SessionConfig(system_id="me", password="secret"), now)
    session.bind(now)
    ... write session.data_to_send(); at session.next_timer() call session.tick(now)
    for event in session.receive(octets, now): ...

Rule 1. The session itself answers what needs no thought: enquire_link, unbind, a request in the wrong state, a PDU that
        cannot be read. Everything else is a ``Requested`` for the caller to answer with ``respond``.
Rule 2. Only what ``tick`` and ``lost`` say about silence ends a request; an answer of any status is an ``Answered``.
Rule 3. The window bounds the caller's requests. bind, unbind and enquire_link are the session's own and stay outside
        it, so a full window cannot block the keep-alive.
Rule 4. After ``LinkClosed`` the caller writes what is left, closes the connection, and calls ``lost``.

Sources: SMPP 3.4 sections 2.2 (states), 2.7 and 7.2 (timers), 3.2 and 3.3 (framing), 5.1.3 (status); SMPP 5.0
sections 2.4, 2.6 and 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carriers.smpp.config import NEVER, SessionConfig, bind_pdu
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
from carriers.smpp.fields import RESP, UNANSWERED, Command
from carriers.smpp.keepalive import KeepAlive
from carriers.smpp.pdu import RINVCMDLEN, FramingError, Pdu, PduError, acknowledgement, build, build_body, framed, parse
from carriers.smpp.states import (
    BIND_STATES,
    BOUND,
    LIVING,
    OVERDUE,
    IllegalRequest,
    Role,
    State,
    check,
    may_come,
    refusal,
)
from carriers.smpp.stream import Inbox, Outbox
from carriers.smpp.window import Numbers, Pending, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carriers.smpp.events import Event

# Looked at with every read or PDU, and in Python 3.11 an Enum takes as long to find a member as a call takes.
_CLOSED, _DRAINING, _UNBOUND = State.CLOSED, State.DRAINING, State.UNBOUND
_ENQUIRE_LINK, _UNBIND = int(Command.ENQUIRE_LINK), int(Command.UNBIND)


class Session:
    def __init__(self, role: Role, config: SessionConfig, now: float, *, last_sequence: int = 0) -> None:
        """``last_sequence`` is the number before the first one used; a test of the wrap sets it."""
        self.role, self._peer = role, role.peer
        self.config = config
        self.state = State.OPEN
        self.unanswered = 0  # requests of the peer that the caller has yet to answer
        self._now = now
        self._life = KeepAlive(config, now)
        self._window = Window(config.window, config.response_timeout, config.late_grace)
        self._numbers = Numbers(last_sequence)
        self._own: dict[int, int] = {}  # our bind, unbind, enquire_link by number
        self._in = Inbox(config.partial_pdu_timeout)
        self._out = Outbox()
        self._phase_ends = now + config.bind_timeout
        self._bind_asked = State.BOUND_TRX  # SMSC: what the bind under way leads to
        self._their_unbind: Pdu | None = None

    @property
    def outstanding(self) -> int:
        """Our requests without an answer."""
        return len(self._window)

    @property
    def free(self) -> int:
        """How many requests ``request`` would take now: 0 unless bound."""
        return self._window.free if self.state in BOUND else 0

    @property
    def wants_data(self) -> bool:
        """False while the peer has as many unanswered requests with us as we allow: stop reading the socket."""
        return self.unanswered < self.config.inbound_window

    def next_timer(self) -> float:
        """When ``tick`` is due; infinity when nothing is timed."""
        if self.state is _CLOSED:
            return NEVER
        if self._may_finish():
            return self._now
        return min(self._phase_ends, self._in.overdue_at(), self._keep_alive_at(), self._window.deadline())

    def data_to_send(self, most: int | None = None) -> bytes:
        """The octets to write next, at most ``most``; they count as handed over."""
        return self._out.take(most)

    def bind(self, now: float) -> None:
        """Queue our bind (ESME side).

        Raises:
            IllegalRequest: This side or state may not bind.
            ValueError: A setting does not fit its field; names it.
        """
        pdu = bind_pdu(self.config)
        check(self.role, pdu.command_id, self.state)
        self._now = now
        self._ask(pdu)
        self._enter(State.BIND_PENDING, self.config.bind_timeout)

    def request(self, pdu: Pdu, token: object, now: float) -> int:
        """Queue a request; its answer or silence comes back with ``token``. Returns its sequence number.

        Raises:
            IllegalRequest: Not in this state, or the window is full.
            ValueError: A field does not fit; names it.
        """
        return self.request_all(pdu.command_id, [(build_body(pdu), token)], now)

    def request_all(self, command_id: int, requests: Sequence[tuple[bytes, object]], now: float) -> int:
        """As ``request``, of several: each the body that ``build_body`` gives, and a token. Returns the last number."""
        check(self.role, command_id, self.state)
        answered = command_id not in UNANSWERED
        if answered and self._window.free < len(requests):
            raise IllegalRequest(f"window: {self.config.window} requests are out already; wait for an answer")
        self._now = now
        number = 0
        for body, token in requests:
            number = self._numbers.take(self._window, self._own)
            self._out.put(framed(command_id, 0, number, body))
            if answered:
                self._window.add(number, Pending(token, command_id, now, self._out.queued))
        self._life.sent(now)
        return number

    def respond(self, pdu: Pdu) -> None:
        """Queue the answer to a ``Requested``. After the end of the session it is dropped: the peer will ask again.

        Raises:
            ValueError: A field does not fit; names it.
        """
        self._respond(build(pdu), 1)
        if self.role is Role.SMSC and self.state is State.BIND_PENDING and pdu.command_id & ~RESP in BIND_STATES:
            self._enter(State.OPEN, self.config.bind_timeout) if pdu.status else self._enter(self._bind_asked)

    def acknowledge(self, requests: Sequence[Pdu], status: int) -> None:
        """As ``respond``, to several with one status and no fields."""
        self._respond(b"".join([acknowledgement(pdu, status) for pdu in requests]), len(requests))

    def _respond(self, octets: bytes, count: int) -> None:
        if self.state is not _CLOSED:
            self.unanswered = max(0, self.unanswered - count)
            self._write(octets)

    def drain(self, now: float) -> None:
        """Send no new requests; unbind when the last one is answered, at the latest after the response timer."""
        self._now = now
        if self.state in BOUND:
            self._enter(State.DRAINING, self.config.response_timeout)
            self._move_on([])
        elif self.state in {State.OPEN, State.OUTBOUND, State.BIND_PENDING}:
            self._enter(State.UNBOUND, self.config.unbind_timeout)

    def unbind(self, now: float) -> None:
        """Queue our unbind at once; what is outstanding may yet be answered before the peer's unbind_resp.

        Raises:
            IllegalRequest: Not bound.
        """
        if self.state is not State.DRAINING:
            check(self.role, Command.UNBIND, self.state)
        self._now = now
        self._ask(Pdu(Command.UNBIND))
        self._enter(State.UNBINDING, self.config.unbind_timeout)

    def lost(self, now: float, unsent_octets: int = 0) -> list[Event]:
        """The connection is gone. Tells what became of each outstanding request.

        A request of which any octet never left cannot have been taken: the peer holds no whole PDU.

        Args:
            now: The time.
            unsent_octets: How many of the last octets from ``data_to_send`` never left this process.
        """
        self._now = now
        self.state = State.CLOSED
        sent = self._out.left - unsent_octets
        return [
            NotSent(pending.token) if pending.end > sent else Unknown(pending.token) for pending in self._window.clear()
        ]

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take octets from the peer, as they come. Raises nothing, whatever they are."""
        events: list[Event] = []
        if self.state is _CLOSED:
            return events
        self._now = now
        self._in.put(data)
        if failure := self._read_all(events):
            self._out_of_step(failure, events)
        self._move_on(events)
        return events

    def _read_all(self, events: list[Event]) -> str:
        """Take every whole PDU. Returns why the stream is out of step, else nothing."""
        try:
            frames = self._in.take(self._now)
        except FramingError as error:
            return str(error)
        if frames:
            self._life.heard(self._now)
        for octets in frames:
            self._take(octets, events)
            if self.state is _CLOSED:
                return ""
        # A bad length behind good PDUs shows only when it stands first in the buffer.
        return self._read_all(events) if frames and self._in else ""

    def _take(self, octets: bytes, events: list[Event]) -> None:
        try:
            pdu = parse(octets)
        except PduError as error:
            events.append(Problem(str(error), error.command_id, error.sequence))
            if error.answerable:
                self._write(build(error.answer()))
            return
        if pdu.command_id & RESP:
            self._take_answer(pdu, events)
        else:
            self._take_request(pdu, events)

    def _take_answer(self, pdu: Pdu, events: list[Event]) -> None:
        if pdu.problem:
            events.append(Problem(pdu.problem, pdu.command_id, pdu.sequence))
        pending = self._window.find(pdu.sequence, self._now)
        if pending is None:
            self._take_own_answer(pdu, events) if pdu.sequence in self._own else self._take_stray(pdu, events)
        elif pdu.command_id != pending.command_id | RESP and pdu.command_id != Command.GENERIC_NACK:
            # An enquire_link_resp with a submit's number must not pass for "accepted".
            events.append(Problem("an answer of another kind than its request", pdu.command_id, pdu.sequence))
        else:
            self._window.remove(pdu.sequence)
            self._life.answered()
            events.append(Answered(pending.token, pdu, pending.late, self._now - pending.sent_at))

    def _take_stray(self, pdu: Pdu, events: list[Event]) -> None:
        if pdu.command_id == Command.GENERIC_NACK and pdu.sequence == 0:
            self._close("the peer says that the stream is out of step (generic_nack with sequence 0)", events)
        elif pdu.command_id != Command.ENQUIRE_LINK_RESP:  # one that comes late is welcome all the same
            events.append(Problem("an answer to no request of ours", pdu.command_id, pdu.sequence))

    def _take_own_answer(self, pdu: Pdu, events: list[Event]) -> None:
        command = self._own[pdu.sequence]
        if pdu.command_id not in {Command.GENERIC_NACK, command | RESP}:
            events.append(Problem("an answer of another kind than its request", pdu.command_id, pdu.sequence))
            return
        del self._own[pdu.sequence]
        if command in BIND_STATES and self.state is State.BIND_PENDING:
            self._bound(pdu, BIND_STATES[command], events)
        elif command == Command.UNBIND and self.state is State.UNBINDING:
            self._enter(State.UNBOUND, self.config.unbind_timeout)

    def _bound(self, pdu: Pdu, state: State, events: list[Event]) -> None:
        if pdu.status or pdu.command_id == Command.GENERIC_NACK:
            events.append(BindRefused(pdu.status))
            self._close(f"bind refused with status 0x{pdu.status:08X}", events)
            return
        self._enter(state)
        events.append(Bound(state, pdu))

    def _take_request(self, pdu: Pdu, events: list[Event]) -> None:
        if not may_come(self._peer, pdu.command_id, self.state):
            self._refuse(pdu, events)
        elif pdu.command_id == _ENQUIRE_LINK:
            self._write(acknowledgement(pdu))
        elif pdu.command_id == _UNBIND:
            self._their_unbind = pdu
            self._enter(State.UNBOUND, self.config.unbind_timeout)
        else:
            self._take_in(pdu.command_id)
            events.append(Requested(pdu))

    def _take_in(self, command: int) -> None:
        if command not in UNANSWERED:
            self.unanswered += 1
        elif command == Command.OUTBIND:
            self.state = State.OUTBOUND
        if command in BIND_STATES:
            self._bind_asked, self.state = BIND_STATES[command], State.BIND_PENDING

    def _refuse(self, pdu: Pdu, events: list[Event]) -> None:
        events.append(Problem(f"a request out of place in state {self.state}", pdu.command_id, pdu.sequence))
        if pdu.command_id not in UNANSWERED:
            self._write(acknowledgement(pdu, refusal(self.role, pdu.command_id, self.state)))

    def _out_of_step(self, reason: str, events: list[Event]) -> None:
        self._write(build(Pdu(Command.GENERIC_NACK, RINVCMDLEN)))
        self._close(reason, events)

    def tick(self, now: float) -> list[Event]:
        """Do what is due at ``now``. May be called at any time."""
        events: list[Event] = []
        if self.state is _CLOSED:
            return events
        self._now = now
        self._end_phase(events)
        self._end_partial(events)
        self._give_up(events)
        self._keep_alive(events)
        self._move_on(events)
        return events

    def _end_phase(self, events: list[Event]) -> None:
        if self._now < self._phase_ends:
            return
        if self.state is _DRAINING:
            self.unbind(self._now)
        elif self.state is _UNBOUND:
            self._finish(events)
        else:
            self._close(OVERDUE[self.state], events)

    def _end_partial(self, events: list[Event]) -> None:
        if self._now >= self._in.overdue_at() and self.state is not _CLOSED:
            self._out_of_step("the rest of a PDU did not come in time", events)

    def _give_up(self, events: list[Event]) -> None:
        given_up = self._window.expire(self._now)
        events.extend(TimedOut(pending.token) for pending in given_up)
        if self._life.unanswered(len(given_up)):
            self._probe()

    def _keep_alive(self, events: list[Event]) -> None:
        if not self.wants_data:  # we do not read, so its silence says nothing
            self._life.heard(self._now)
        if self._now < self._keep_alive_at():
            return
        if self._life.probing:
            self._close("no sign of life: enquire_link was not answered", events)
        else:
            self._probe()

    def _probe(self) -> None:
        if self.state not in LIVING:
            return
        self._own = {number: kind for number, kind in self._own.items() if kind != Command.ENQUIRE_LINK}
        self._ask(Pdu(Command.ENQUIRE_LINK))
        self._life.probed(self._now)

    def _keep_alive_at(self) -> float:
        return self._life.at() if self.state in LIVING else NEVER

    def _enter(self, state: State, most: float = NEVER) -> None:
        self.state = state
        self._phase_ends = self._now + most

    def _move_on(self, events: list[Event]) -> None:
        """Take the steps that need no further cause: drained, so unbind; nothing owed, so close."""
        if self.state is _DRAINING and not self._window:
            self.unbind(self._now)
        if self._may_finish():
            self._finish(events)

    def _may_finish(self) -> bool:
        return self.state is _UNBOUND and not self.unanswered

    def _finish(self, events: list[Event]) -> None:
        if self._their_unbind is not None:
            self._write(acknowledgement(self._their_unbind))
        self._close("unbound" if self._their_unbind is None else "the peer unbound", events)

    def _close(self, reason: str, events: list[Event]) -> None:
        self.state = State.CLOSED
        self._phase_ends = NEVER
        events.append(LinkClosed(reason))

    def _ask(self, pdu: Pdu) -> None:
        body = build_body(pdu)
        number = self._numbers.take(self._window, self._own)
        self._write(framed(pdu.command_id, 0, number, body))
        self._own[number] = pdu.command_id

    def _write(self, octets: bytes) -> None:
        self._out.put(octets)
        self._life.sent(self._now)
