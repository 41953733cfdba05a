"""One bind as it lives: connecting, bound, lost, waiting, connecting again; and what it sends meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

import structlog

from carriers.smpp.backoff import Backoff
from carriers.smpp.events import Answered, BindRefused, Bound, NotSent, Problem, Requested, TimedOut, Unknown
from carriers.smpp.fields import Command, Tag
from carriers.smpp.flow import Flow
from carriers.smpp.outgoing import not_sent, unfit, unknown
from carriers.smpp.states import BOUND, Role
from carriers.smpp.status import describe
from carriers.smpp.transport import dial
from carriers.smpp.wire import Wire
from carriers.types import LinkStatus

if TYPE_CHECKING:
    import random
    import ssl
    from collections.abc import Callable, Sequence

    from carriers.smpp.events import Event
    from carriers.smpp.hosts import BindGate, Hosts
    from carriers.smpp.outgoing import Outgoing
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.settings import BindKind, Host, SmppSettings
    from carriers.types import Submission, SubmissionResult

ALARM_AFTER = 300.0  # seconds without a bind after which it is an error and no longer only a warning

log = structlog.get_logger(__name__)


class LinkOwner(Protocol):
    """Who hears from a link."""

    def settled(self, results: Sequence[SubmissionResult]) -> None: ...

    def requested(self, wire: Wire, pdus: Sequence[Pdu]) -> None:
        """Requests of the SMSC's, to be answered through the wire's session."""

    def link_changed(self) -> None:
        """A link went up or down."""

    def window_moved(self) -> None:
        """Answers came: there may be room where there was none."""


@dataclass(frozen=True, slots=True)
class LinkSetup:
    """What the links of one connector share."""

    connector_id: str
    settings: SmppSettings
    hosts: Hosts
    gate: BindGate
    outgoing: Outgoing
    tls: ssl.SSLContext | None
    clock: Callable[[], float]
    rng: random.Random


class Link:
    """One bind of a connector."""

    def __init__(self, index: int, kind: BindKind, setup: LinkSetup, owner: LinkOwner) -> None:
        self.index = index
        self.kind = kind
        self.facts: dict[str, str] = {}
        self._setup = setup
        self._settings = setup.settings
        self._clock = setup.clock
        self._owner = owner
        now = setup.clock()
        self._flow = Flow(setup.settings, now)
        self._backoff = Backoff(setup.rng, setup.settings.backoff_cap)
        self._backlog: deque[Submission] = deque()  # parts that must follow their group onto a full link
        self._wire: Wire | None = None
        self._idle_state = "CLOSED"
        self._since: datetime | None = None
        self._last_error = ""
        self._bound_once = False
        self._refused: int | None = None
        self._down_since = now
        self._stopping = False
        self._alarm: asyncio.TimerHandle | None = None
        self._run: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._gone = asyncio.Event()

    @property
    def up(self) -> bool:
        return self._wire is not None and self._wire.session.state in BOUND

    @property
    def submits(self) -> bool:
        """Whether it is bound and of a kind that may submit."""
        return self.kind != "rx" and self.up

    @property
    def _outstanding(self) -> int:
        return self._wire.session.outstanding if self._wire is not None else 0

    def status(self) -> LinkStatus:
        return LinkStatus(
            index=self.index,
            state=self._idle_state if self._wire is None else str(self._wire.session.state),
            outstanding=self._outstanding + len(self._backlog),
            window=self._settings.window,
            since=self._since,
            paused_for=self._flow.paused_for(self._clock()),
            last_error=self._last_error,
        )

    def room(self, now: float) -> int:
        """How many submissions it would take now."""
        return max(0, self._openings(now) - len(self._backlog))

    def _openings(self, now: float) -> int:
        """How many may leave now, those that wait included."""
        if self._wire is None or self.kind == "rx":
            return 0
        session = self._wire.session  # which has nothing free while it is not bound
        return min(session.free, self._flow.room(session.outstanding, now))

    def opens_at(self, now: float) -> float:
        """When time alone will have made room on it."""
        return self._flow.opens_at(now)

    def send(self, submissions: Sequence[Submission], now: float) -> list[SubmissionResult]:
        """Send them behind what waits already; what there is no room for waits. Returns those that cannot be sent."""
        self._backlog.extend(submissions)
        failed = self._advance(now)
        self._await_room()
        return failed

    def advance(self) -> None:
        """Send of what waits as much as there is room for by now."""
        failed = self._advance(self._clock())
        if failed:
            self._owner.settled(failed)
        self._await_room()

    def _advance(self, now: float) -> list[SubmissionResult]:
        count = min(len(self._backlog), self._openings(now))
        if self._wire is None or not count:
            return []
        bodies, failed = self._built(count)
        self._wire.session.request_all(Command.SUBMIT_SM, bodies, now)
        self._flow.sent(count, now)
        self._wire.settle()
        return failed

    def _built(self, count: int) -> tuple[list[tuple[bytes, Submission]], list[SubmissionResult]]:
        """So many of what waits, taken and built; and the results of those that cannot be sent."""
        build, take = self._setup.outgoing.body, self._backlog.popleft
        bodies: list[tuple[bytes, Submission]] = []
        failed: list[SubmissionResult] = []
        for submission in [take() for _ in range(count)]:
            try:
                bodies.append((build(submission), submission))
            except ValueError as error:
                failed.append(unfit(submission.reference, error))
        return bodies, failed

    def _await_room(self) -> None:
        """See to it that what waits is sent when the time comes."""
        if not self._backlog or self._alarm is not None:
            return
        delay = self._flow.opens_at(self._clock()) - self._clock()
        if delay > 0:
            self._alarm = asyncio.get_running_loop().call_later(delay, self._time_has_come)

    def _time_has_come(self) -> None:
        self._alarm = None
        self.advance()

    # --- its life ---

    def start(self) -> asyncio.Task[None]:
        """Connect, and connect again, until ``stop``. The task ends with the last connection."""
        self._run = asyncio.get_running_loop().create_task(self._live())
        return self._run

    async def _live(self) -> None:
        try:
            while not self._stopping:
                delay = await self._one_session()
                if not self._stopping:
                    self._idle_state = "QUARANTINED" if self._backoff.quarantined else "CLOSED"
                    self._tell_down(delay)
                    self._owner.link_changed()
                    await self._rest(delay)
        finally:
            self._idle_state = "CLOSED"

    def stop(self) -> None:
        """Take no more, let what is out be answered, unbind; then the task of ``start`` ends."""
        self._stopping = True
        self._wake.set()
        self._give_back("the connector is stopping")
        if self._wire is not None:
            self._wire.session.drain(self._clock())
            self._wire.settle()
        elif self._run is not None:
            self._run.cancel()  # it waits or dials; nothing is bound

    def abort(self, reason: str) -> None:
        """Cut the connection now."""
        if self._wire is not None:
            self._wire.abort(reason)

    async def _one_session(self) -> float:
        """From the first octet to the last. Returns the seconds to wait before the next attempt."""
        gate, hosts = self._setup.gate, self._setup.hosts
        await self._rest(gate.reserve(self._clock()))
        if self._stopping:
            return 0.0
        self._idle_state = "CONNECTING"
        host = hosts.next(self._clock())
        self._gone.clear()
        self._refused, self._bound_once = None, False
        try:
            await self._dial(host)
        except OSError as error:  # TimeoutError and ssl.SSLError are kinds of it
            hosts.bad(host)
            gate.give_back(self._clock())
            self._last_error = f"cannot connect to {host.host}:{host.port}: {error or type(error).__name__}"
            return self._backoff.lost(self._clock())
        await self._gone.wait()
        return self._after(host)

    async def _dial(self, host: Host) -> None:
        settings, setup = self._settings, self._setup
        config = settings.session_config(self.kind)
        await dial(
            lambda: Wire(Role.ESME, config, self, setup.clock, pin=settings.tls_pin),
            host.host,
            host.port,
            timeout=settings.connect_timeout,
            tls=setup.tls,
            server_name=settings.tls_server_name,
        )

    def _after(self, host: Host) -> float:
        now = self._clock()
        if self._bound_once:
            self._setup.hosts.good(host, now)
        else:
            self._setup.hosts.bad(host)
        return self._backoff.lost(now) if self._refused is None else self._backoff.refused(self._refused, now)

    async def _rest(self, delay: float) -> None:
        if delay <= 0 or self._stopping:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), delay)
        except TimeoutError:
            return

    def _tell_down(self, delay: float) -> None:
        alarming = self._backoff.quarantined or self._clock() - self._down_since >= ALARM_AFTER
        (log.error if alarming else log.warning)(
            "link is down",
            action="smpp.link_down",
            connector=self._setup.connector_id,
            link=self.index,
            reason=self._last_error,
            retry_in=round(delay, 2),
        )

    # --- what the wire tells ---

    def connected(self, wire: Wire) -> None:
        if self._stopping:
            wire.abort("the connector is stopping")
            return
        self._wire = wire
        self._flow.begin()
        wire.session.bind(self._clock())

    def happened(self, wire: Wire, events: Sequence[Event]) -> None:
        results: list[SubmissionResult] = []
        requests: list[Pdu] = []
        now = self._clock()
        answered = self._flow.answered
        for event in events:
            if isinstance(event, Answered):
                results.append(answered(event, now))
            elif isinstance(event, Requested):
                requests.append(event.pdu)
            else:
                self._note(event, results)
        self._flow.batch_done(now)
        if results:
            self._owner.settled(results)
        if requests:
            self._owner.requested(wire, requests)
        self._react(wire, now)

    def gone(self, wire: Wire, events: Sequence[Event], reason: str) -> None:  # noqa: ARG002 -- it is the only one
        results: list[SubmissionResult] = []
        for event in events:
            self._note(event, results)
        self._wire = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._last_error = reason if self._refused is None else self._last_error
        self._since = datetime.now(UTC)
        if self._bound_once:
            self._down_since = self._clock()
        if results:
            self._owner.settled(results)
        self._give_back("the link went down")
        self._owner.link_changed()
        self._gone.set()

    def _react(self, wire: Wire, now: float) -> None:
        if self._flow.rebind and wire.session.state in BOUND:
            self._last_error = "the SMSC does not see this session as bound; binding again"
            wire.session.drain(now)
            self._give_back("the link is binding again")
        elif self._backlog:
            self.advance()
        self._owner.window_moved()

    def _note(self, event: Event, results: list[SubmissionResult]) -> None:
        """What happens seldom."""
        if isinstance(event, TimedOut):
            seconds = self._settings.response_timeout
            results.append(unknown(_reference(event), f"no answer within {seconds:g} s; it may have been taken"))
        elif isinstance(event, Unknown):
            results.append(unknown(_reference(event), "the link went down before an answer; it may have been taken"))
        elif isinstance(event, NotSent):
            results.append(not_sent(_reference(event), "the link went down before it had left"))
        elif isinstance(event, Bound):
            self._bound(event)
        elif isinstance(event, BindRefused):
            self._refused = event.status
            row = describe(event.status)
            self._last_error = f"bind refused: {row.name}: {row.sentence}"
        elif isinstance(event, Problem):
            self._log_problem(event)

    def _bound(self, event: Bound) -> None:
        self._bound_once = True
        self._backoff.bound(self._clock())
        self._last_error = ""
        self._since = datetime.now(UTC)
        version = event.pdu.tlv_int(Tag.SC_INTERFACE_VERSION)
        self.facts = {"smsc_system_id": event.pdu.body.get("system_id", b"").decode("latin-1")}
        if version is not None:
            self.facts["sc_interface_version"] = f"0x{version:02X}"
        log.info("link is up", action="smpp.link_up", connector=self._setup.connector_id, link=self.index)
        self._owner.link_changed()

    def _log_problem(self, event: Problem) -> None:
        log.warning(
            "the SMSC sent something odd",
            action="smpp.problem",
            connector=self._setup.connector_id,
            link=self.index,
            what=event.sentence,
            command_id=f"0x{event.command_id:08X}",
            sequence=event.sequence,
        )

    def _give_back(self, sentence: str) -> None:
        """What waits here has never left."""
        results = [not_sent(submission.reference, sentence) for submission in self._backlog]
        self._backlog.clear()
        if results:
            self._owner.settled(results)


def _reference(event: TimedOut | Unknown | NotSent) -> str:
    return cast("Submission", event.token).reference
