"""From the queue to the carriers and back: announce, pump, settle.

Rule 1: a message is in memory at most once (gateway.worker.memory), and only where its connector runs; what does not
fit waits in the database and is fetched later.
Rule 2: the queue may lose everything: what is QUEUED and due is fetched again from the database.
Rule 3: an answer is recorded until the database takes it; meanwhile its message stays in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from gateway.errors import Unavailable
from gateway.outbound.settle import Late, Settled
from gateway.queue import QueueError
from gateway.store.times import HOUR
from gateway.worker.announcer import Announcer
from gateway.worker.flights import References, read_reference
from gateway.worker.hints import read_hint
from gateway.worker.memory import Memory
from gateway.worker.pump import STORE_DOWN_WAIT, Pump

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from carriers.types import SubmissionResult
    from gateway.config import Settings
    from gateway.metrics import Metrics
    from gateway.model import Dispatch
    from gateway.outbound.claim import Claims
    from gateway.outbound.settle import Judgement, LateAnswers, Settlements
    from gateway.queue import Queue
    from gateway.receipts import Receipts
    from gateway.store.store import Store
    from gateway.throttle import Throttle
    from gateway.worker.connections import Connections
    from gateway.worker.flights import Flight
    from gateway.worker.loading import Loader

log = structlog.get_logger()

CLAIM_GRACE = 1.0  # seconds for what is being claimed, also where there is no other grace


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of the store's writer that a worker uses."""

    claims: Claims
    settlements: Settlements
    late: LateAnswers
    receipts: Receipts


class Worker:
    """Hands messages to connectors, and records what they answer.

    Args:
        store: takes claims and settlements.
        lanes: of the store's writer.
        loader: reads messages that others have announced.
        queue: announces them.
        throttle: keeps rates.
        connections: the connectors that run here.
        up: whether a connector takes messages, wherever it runs.
        fence: of this node's lease on a connector; None while it has none.
        settings: how much is kept in memory.
        metrics: told what happens.
        now: microseconds.
        rng: spreads retries.
    """

    def __init__(
        self,
        *,
        store: Store,
        lanes: Lanes,
        loader: Loader,
        queue: Queue,
        throttle: Throttle,
        connections: Connections,
        up: Callable[[str], bool],
        fence: Callable[[str], int | None],
        settings: Settings,
        metrics: Metrics,
        now: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self.store, self.lanes, self.loader, self.queue, self.throttle = store, lanes, loader, queue, throttle
        self.connections, self.fence, self.metrics, self.now = connections, fence, metrics, now
        self.announcer = Announcer(queue, up, self._keep, self._unheard)
        self.memory = Memory(settings.warm_messages, self._under_way)
        self.references = References()
        self.flights: dict[str, Flight] = {}
        self.doubtful: set[str] = set()  # ids whose claim the database may or may not have stored
        self.behind = True  # the database may hold messages that are due and not in memory
        self.retry_at: int | None = None  # when the next of those becomes due
        self._rng = rng
        self._give_up_after = settings.receipt_wait_hours * HOUR
        self._pumps: dict[str, Pump] = {}
        self._live: set[str] = set()  # connectors whose link is up
        self._tasks: set[asyncio.Task[None]] = set()

    # What others tell the worker.

    def offer(self, messages: Iterable[Dispatch]) -> None:
        """These are committed as QUEUED. Takes as many as memory allows; the others are fetched later."""
        self.announcer.offer(messages)

    def fall_behind(self) -> None:
        """Some hints were lost: look into the database."""
        self.behind = True

    def hear(self, lane: str, contents: Iterable[list[Any]]) -> None:
        """What others announce, with what it says; as much as memory allows. The others are fetched when it is time."""
        if self._takes(lane):
            for message in filter(None, map(read_hint, contents)):
                if message.id not in self.memory:
                    self.memory.take(message)

    def _keep(self, lane: str, message: Dispatch) -> bool:
        """Whether to announce a message. Those of connectors that run elsewhere are not kept here."""
        if lane not in self._pumps:
            self.memory.forget((message.id,))
            return True
        if message.id in self.memory or not self._takes(lane):
            return False
        taken = self.memory.take(message)
        self.behind = self.behind or not taken
        return taken

    def _takes(self, lane: str) -> bool:
        """Of a link that is down, nothing takes up memory: it is fetched when the link is back."""
        return lane in self._pumps and self.connections.up(lane)

    def _unheard(self, lane: str, messages: Sequence[Dispatch]) -> None:
        """The queue is away: what runs here goes on without it."""
        if pump := self._pumps.get(lane):
            pump.line.held.extend(messages)
            pump.wake.set()
        else:
            self.memory.forget(message.id for message in messages)

    @property
    def waiting(self) -> int:
        return len(self.memory) - len(self.flights)

    def waiting_of(self) -> Counter[str]:
        """How many of each account wait in memory."""
        return Counter(message.account_id for message in self.memory.messages() if message.id not in self.flights)

    def _under_way(self) -> set[str]:
        """The ids of what was taken from the queue, or was not announced yet."""
        in_line = {message.id for pump in self._pumps.values() for message in pump.line.waiting()}
        return in_line | self.flights.keys() | self.doubtful | self.announcer.waiting()

    @property
    def served(self) -> tuple[str, ...]:
        """The connectors that this worker looks after."""
        return tuple(self._pumps)

    async def resolve(self, ids: Sequence[str]) -> list[Dispatch]:
        """The messages that these ids announce and that are not under way; others' are read from the database.

        Raises:
            Unavailable: the database cannot be read.
        """
        unknown = [message_id for message_id in ids if message_id not in self.memory]
        if unknown:
            self.memory.keep(await self.loader.queued(unknown))
        return [one for one in self.memory.find(ids) if one.id not in self.flights and one.id not in self.doubtful]

    def settled(self, connector_id: str, results: Sequence[SubmissionResult]) -> None:
        """A connector's answers; returns at once, records behind."""
        whole: list[Settled] = []
        for result in results:
            message_id, number = read_reference(result.reference)
            flight = self.flights.get(message_id)
            if flight is not None and flight.correct(number, result):
                continue
            if flight is None or number not in flight.awaited or result.late:
                self._spawn(self._record_late(connector_id, message_id, number, result))
            elif flight.note(number, result):
                whole.append(self._close(flight))
        if whole:
            self._spawn(self._record(whole))
            self._wake(connector_id)

    def changed(self, connector_id: str) -> None:
        """A connector's window or link moved."""
        self.connections.note(connector_id)
        pump = self._pumps.get(connector_id)
        if pump and not self.connections.up(connector_id):
            pump.give_back()
            self._spawn(self._lead_elsewhere(connector_id, pump))
            self._live.discard(connector_id)
        elif pump and connector_id not in self._live:
            self._live.add(connector_id)
            self.behind = True  # nothing was kept for it while it was down
        self._wake(connector_id)

    # Life.

    def start(self) -> None:
        self._spawn(self.announcer.run())

    def follow(self) -> None:
        """Have a pump for each connector that runs, and none for those that do not."""
        running = set(self.connections.ids())
        self.queue.serve(running)
        for connector_id in running - self._pumps.keys():
            self._pumps[connector_id] = Pump(connector_id, self)
            self.behind = True
        for connector_id in self._pumps.keys() - running:
            self._spawn(self._retire(connector_id, self._pumps.pop(connector_id)))

    async def _retire(self, connector_id: str, pump: Pump) -> None:
        await pump.stop()
        pump.give_back()
        await self._lead_elsewhere(connector_id, pump)

    async def finish(self, connector_ids: Iterable[str], grace: float) -> None:
        """Submit no more by these connectors, and wait ``grace`` seconds for the answers to what is out."""
        pumps = [self._pumps[one] for one in connector_ids if one in self._pumps]
        until = asyncio.get_running_loop().time() + grace
        with contextlib.suppress(TimeoutError):  # a claim is not answered while the database is away
            await asyncio.wait_for(asyncio.gather(*(pump.stop() for pump in pumps)), max(grace, CLAIM_GRACE))
        for pump in pumps:
            pump.give_back()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._landed(set(connector_ids)), until - asyncio.get_running_loop().time())

    async def stop(self, grace: float) -> None:
        """Submit no more, and give what is at the carriers ``grace`` seconds to be answered and recorded."""
        await self.finish(list(self._pumps), grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _landed(self, connector_ids: set[str]) -> None:
        while any(flight.connector_id in connector_ids for flight in self.flights.values()):  # noqa: ASYNC110 -- answers come by callbacks; at a stop a look each 20 ms is soon enough
            await asyncio.sleep(0.02)

    # Leading elsewhere.

    async def _lead_elsewhere(self, connector_id: str, pump: Pump) -> None:
        """A link went down: what waits for it and may go by another way is announced there."""
        waiting = pump.line.drain()
        with contextlib.suppress(QueueError, Unavailable):
            waiting += await self.resolve(await self.queue.take(connector_id, self.memory.size))
        self._announce_anew(waiting)

    def announce_again(self) -> None:
        """The queue may have lost what it was told: tell it again of all that waits in no line."""
        under_way = self._under_way()
        self._announce_anew([message for message in self.memory.messages() if message.id not in under_way])

    def _announce_anew(self, messages: Iterable[Dispatch]) -> None:
        """Of what is kept here; what another process runs now, or a link that is down, is forgotten."""
        for message in messages:
            lane = self.announcer.lane(message)
            if not self.connections.up(lane):
                self.memory.forget((message.id,))
            if lane not in self._pumps or self.connections.up(lane):
                self.announcer.again((message,))

    # Settling.

    def _close(self, flight: Flight) -> Settled:
        group = self.connections.group(flight.connector_id)
        jitter = self._rng.uniform(0.8, 1.2)
        return Settled(
            flight.message, flight.connector_id, group, flight.results, jitter, self._give_up_after, flight.fence
        )

    async def _record(self, settled: list[Settled]) -> None:
        futures = [self.store.submit(self.lanes.settlements, one) for one in settled]
        for one, future in zip(settled, futures, strict=True):
            try:
                judgement = await self._recorded(one, future)
                if judgement is None:
                    self._land_late(one)
                else:
                    self._land(one, judgement)
            except Exception:  # a fault of ours; the row stays SUBMITTING, and is UNKNOWN at the next start
                log.exception("answer not recorded", action="worker.settle", message=one.message.id)
                self.flights.pop(one.message.id, None)
                self.memory.forget((one.message.id,))
        if self.lanes.receipts.orphans:
            ids = [result.carrier_id for one in settled for result in one.results.values() if result.carrier_id]
            with contextlib.suppress(Unavailable):  # the sweeper asks for orphans again
                await self.lanes.receipts.reclaim(ids)

    async def _recorded(self, settled: Settled, future: asyncio.Future[Judgement | None]) -> Judgement | None:
        while True:
            try:
                return await future
            except Unavailable:
                # If we are stopped before the database is back, the row stays SUBMITTING and is UNKNOWN at the start.
                await asyncio.sleep(STORE_DOWN_WAIT)
                future = self.store.submit(self.lanes.settlements, settled._replace(again=True))

    def _land(self, settled: Settled, judgement: Judgement) -> None:
        message_id = settled.message.id
        self.flights.pop(message_id, None)
        self.metrics.settled.labels(settled.connector_id, judgement.to.value).inc()
        again, next_at = judgement.again, judgement.next_at
        if again is None or next_at is None or next_at > self.now():
            self.memory.forget((message_id,))
            if again is not None and next_at is not None:
                self.retry_at = min(self.retry_at or next_at, next_at)
            return
        self.memory.keep((again,))
        self._go_again(settled.connector_id, again)

    def _land_late(self, settled: Settled) -> None:
        """The lease was lost before the answers were recorded: others hold the message for UNKNOWN."""
        self.flights.pop(settled.message.id, None)
        self.memory.forget((settled.message.id,))
        for number, result in settled.results.items():
            self._spawn(self._record_late(settled.connector_id, settled.message.id, number, result))

    def _go_again(self, connector_id: str, message: Dispatch) -> None:
        """By the same link if it is up, before what is newer; else by another."""
        pump = self._pumps.get(connector_id)
        if pump and self.connections.up(connector_id) and connector_id in message.connectors:
            pump.line.put_back(message)
            pump.wake.set()
        else:
            self._announce_anew((message,))

    async def _record_late(self, connector_id: str, message_id: str, number: int, result: SubmissionResult) -> None:
        group = self.connections.group(connector_id)
        late = Late(message_id, number, connector_id, group, result, self._give_up_after)
        with contextlib.suppress(Unavailable):  # the receipt will tell as well
            if await self.store.submit(self.lanes.late, late):
                await self.lanes.receipts.reclaim([result.carrier_id])

    # Small things.

    def _wake(self, connector_id: str) -> None:
        if pump := self._pumps.get(connector_id):
            pump.wake.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
