"""An SMPP account as one way out: several binds behind the interface of ``carriers.connector.Connector``."""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import structlog

from carriers.errors import NotAcknowledged
from carriers.smpp import incoming, tls
from carriers.smpp.fields import Command
from carriers.smpp.hosts import BindGate, Hosts
from carriers.smpp.link import Link, LinkSetup
from carriers.smpp.outgoing import Outgoing, not_sent
from carriers.smpp.pace import HEADROOM, Bucket
from carriers.types import ConnectorStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carriers.connector import Sink
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.settings import SmppSettings
    from carriers.smpp.wire import Wire
    from carriers.types import CarrierEvent, Submission, SubmissionResult

_MESSAGES = frozenset({Command.DELIVER_SM, Command.DATA_SM})
RX_T_APPN = 0x64  # "try again": the SMSC keeps what we could not store
GROUPS_REMEMBERED = 10_000  # whose parts may still come

log = structlog.get_logger(__name__)


class SmppConnector:
    """One account at a carrier, over one or more binds."""

    def __init__(
        self,
        connector_id: str,
        settings: SmppSettings,
        sink: Sink,
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        """Nothing is connected before ``start``.

        Raises:
            SettingsError: A certificate or key file cannot be used.
        """
        self.connector_id = connector_id
        self._settings = settings
        self._sink = sink
        self._clock = clock
        rng = rng or random.Random()  # noqa: S311 -- jitter, not a secret
        self._bucket = Bucket(None if settings.rate is None else settings.rate * HEADROOM, clock())
        self._setup = LinkSetup(
            connector_id=connector_id,
            settings=settings,
            hosts=Hosts(settings.addresses, rng),
            gate=BindGate(settings.bind_interval),
            outgoing=Outgoing(settings),
            tls=tls.context(settings),
            clock=clock,
            rng=rng,
        )
        self._links: list[Link] = []
        self._runs: list[asyncio.Task[None]] = []
        self._storing: set[asyncio.Task[None]] = set()
        self._groups: OrderedDict[str, Link] = OrderedDict()
        self._starved = False  # somebody was told 0, and waits to be told otherwise
        self._alarm: asyncio.TimerHandle | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begin to connect, and keep connecting until stopped. Returns before the first link is up."""
        self._links = [Link(index, kind, self._setup, self) for index, kind in enumerate(self._settings.kinds)]
        self._runs = [link.start() for link in self._links]

    async def stop(self, grace: float) -> None:
        """Take no more, finish what is outstanding within ``grace`` seconds, unbind and close."""
        self._stopping = True
        if self._alarm is not None:
            self._alarm.cancel()
        for link in self._links:
            link.stop()
        if self._runs:
            await asyncio.wait(self._runs, timeout=grace)
        for link in self._links:
            link.abort("stopped before everything was answered")
        await _finish([*self._runs, *self._storing])

    def free(self) -> int:
        """How many more submissions it would take now: 0 while every link is down, full or paused."""
        now = self._clock()
        free = min(sum(link.room(now) for link in self._links), self._bucket.available(now))
        if free <= 0 or self._stopping:
            self._starve(now)
            return 0
        return free

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Hand over up to ``free()`` submissions; one too many is NOT_SENT.

        Each is answered once through ``Sink.settled``, never before this returns.
        """
        now = self._clock()
        rooms = {link: link.room(now) for link in self._links}
        batches: dict[Link, list[Submission]] = {}
        failed: list[SubmissionResult] = []
        for submission in submissions:
            link = self._choose(submission, rooms)
            if link is None:
                failed.append(not_sent(submission.reference, "no link has room"))
            else:
                rooms[link] -= 1
                batches.setdefault(link, []).append(submission)
        self._bucket.spend(len(submissions) - len(failed))
        for link, batch in batches.items():
            failed += link.send(batch, now)
        if failed:
            asyncio.get_running_loop().call_soon(self.settled, failed)
        if max(rooms.values(), default=0) <= 0 or self._bucket.available(now) <= 0:
            self._starve(now)

    def status(self) -> ConnectorStatus:
        facts: dict[str, str] = {}
        for link in self._links:
            facts.update(link.facts)
        return ConnectorStatus(
            connector_id=self.connector_id,
            up=any(link.up if self._settings.bind == "rx" else link.submits for link in self._links),
            free=self.free(),
            links=tuple(link.status() for link in self._links),
            facts=facts,
        )

    def _choose(self, submission: Submission, rooms: dict[Link, int]) -> Link | None:
        """The link with the emptiest window.

        A later part of a group takes the link of the first: carriers reorder across binds.
        """
        alone = submission.segment.total <= 1
        if not alone:
            link = self._groups.get(submission.group)
            if link is not None and link.submits:
                return link
        best = max(rooms, key=rooms.__getitem__) if len(rooms) > 1 else next(iter(rooms), None)
        if best is None or rooms[best] <= 0:
            return None
        if not alone:
            self._remember(submission.group, best)
        return best

    def _remember(self, group: str, link: Link) -> None:
        self._groups[group] = link
        if len(self._groups) > GROUPS_REMEMBERED:
            self._groups.popitem(last=False)

    # --- what the links tell ---

    def settled(self, results: Sequence[SubmissionResult]) -> None:
        self._sink.settled(self.connector_id, results)

    def link_changed(self) -> None:
        self._starved = False
        self._sink.changed(self.connector_id)

    def window_moved(self) -> None:
        if self._starved and self.free() > 0:
            self._starved = False
            self._sink.changed(self.connector_id)

    def requested(self, wire: Wire, pdus: Sequence[Pdu]) -> None:
        task = asyncio.get_running_loop().create_task(self._take(wire, pdus))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _take(self, wire: Wire, pdus: Sequence[Pdu]) -> None:
        """Store what came together, then acknowledge it together.

        What else a session lets through to an ESME (alert_notification, outbind) has no response.
        """
        messages = [pdu for pdu in pdus if pdu.command_id in _MESSAGES]
        if messages:
            status = await self._store([incoming.read(pdu, self._settings) for pdu in messages])
            wire.session.acknowledge(messages, status)
            wire.settle()

    async def _store(self, events: Sequence[CarrierEvent]) -> int:
        """Returns the status to answer with: 0 once they are durable, else one that makes the SMSC send them again."""
        try:
            async with asyncio.timeout(self._settings.deliver_timeout):
                await self._sink.received(self.connector_id, events)
        except NotAcknowledged as error:
            log.warning("not stored", action="smpp.not_stored", connector=self.connector_id, reason=str(error))
        except Exception as error:  # noqa: BLE001 -- whatever went wrong, the carrier must keep it and send it again
            # Its type alone: a database's error quotes the row, and so a person's number and text.
            log.error("not stored", action="smpp.not_stored", connector=self.connector_id, error=type(error).__name__)  # noqa: TRY400 -- the same reason
        else:
            return 0
        return RX_T_APPN

    # --- waiting for time ---

    def _starve(self, now: float) -> None:
        self._starved = True
        if self._stopping or self._alarm is not None:
            return
        opens = [link.opens_at(now) for link in self._links if link.submits]
        at = max(min(opens, default=now), self._bucket.opens_at(now))
        if at > now:
            self._alarm = asyncio.get_running_loop().call_later(at - now, self._time_has_come)

    def _time_has_come(self) -> None:
        self._alarm = None
        for link in self._links:
            link.advance()
        self.window_moved()


async def _finish(tasks: Sequence[asyncio.Task[None]]) -> None:
    """A moment for what has only to notice its end; what waits for anything else is cancelled."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=1.0)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
