"""From the queue to the carriers and back: announce, pump, settle.

Rule 1: a message is in memory at most once (``known``); what does not fit waits in the database and is fetched later.
Rule 2: the queue may lose everything: what is QUEUED and due is fetched again from the database.
Rule 3: an answer is recorded until the database takes it; meanwhile its message stays in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from gateway.errors import Unavailable
from gateway.model import MessageType
from gateway.outbound.settle import Late, Settled
from gateway.queue import QueueError
from gateway.store.times import HOUR
from gateway.worker.flights import References, read_reference
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

log = structlog.get_logger()

HUNGRY = 4  # a quarter of the memory is free


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of the store's writer that a worker uses."""

    claims: Claims
    settlements: Settlements
    late: LateAnswers
    receipts: Receipts


class Worker:
    """Hands messages to connectors, and records what they answer."""

    def __init__(
        self,
        *,
        store: Store,
        lanes: Lanes,
        queue: Queue,
        throttle: Throttle,
        connections: Connections,
        settings: Settings,
        metrics: Metrics,
        now: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self.store, self.lanes, self.queue, self.throttle = store, lanes, queue, throttle
        self.connections, self.metrics, self.now = connections, metrics, now
        self.references = References()
        self.flights: dict[str, Flight] = {}
        self.behind = True  # the database may hold messages that are due and not in memory
        self.retry_at: int | None = None  # when the next of those becomes due
        self._settings, self._rng = settings, rng
        self._give_up_after = settings.receipt_wait_hours * HOUR
        self._known: dict[str, Dispatch] = {}
        self._pumps: dict[str, Pump] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._news: deque[Dispatch] = deque()
        self._news_event = asyncio.Event()
        self._stopping = False

    # What others tell the worker.

    def offer(self, messages: Sequence[Dispatch]) -> None:
        """These are committed as QUEUED. Takes as many as memory allows; the others are fetched later."""
        for message in messages:
            if message.id in self._known:
                continue
            if not self._has_room(message):
                self.behind = True
                continue
            self._known[message.id] = message
            self._news.append(message)
        self._news_event.set()

    def _has_room(self, message: Dispatch) -> bool:
        """An OTP still finds room when memory is full of promotions."""
        reserve = self._settings.warm_messages if message.message_type == MessageType.TRANSACTIONAL else 0
        return self.room + reserve > 0

    @property
    def room(self) -> int:
        """How many more messages memory may hold."""
        return self._settings.warm_messages - len(self._known)

    @property
    def hungry(self) -> bool:
        """Whether there is room for enough messages to make a look into the database worth while."""
        return self.room * HUNGRY >= self._settings.warm_messages

    @property
    def waiting(self) -> int:
        return len(self._known) - len(self.flights)

    def knows(self, message_id: str) -> bool:
        return message_id in self._known

    def forget(self, message_ids: Iterable[str]) -> None:
        for message_id in message_ids:
            self._known.pop(message_id, None)

    def resolve(self, ids: Iterable[str]) -> list[Dispatch]:
        """The messages that these ids announce and that are not under way."""
        found = [self._known[message_id] for message_id in ids if message_id in self._known]
        return [message for message in found if message.id not in self.flights]

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
        self._wake(connector_id)

    # Life.

    def start(self) -> None:
        self._spawn(self._announce())
        self.follow()

    def follow(self) -> None:
        """Have a pump for each connector that runs, and none for those that do not."""
        running = set(self.connections.ids())
        for connector_id in running - self._pumps.keys():
            self._pumps[connector_id] = Pump(connector_id, self)
        for connector_id in self._pumps.keys() - running:
            self._spawn(self._retire(connector_id, self._pumps.pop(connector_id)))

    async def _retire(self, connector_id: str, pump: Pump) -> None:
        await pump.stop()
        pump.give_back()
        await self._lead_elsewhere(connector_id, pump)

    async def stop(self, grace: float) -> None:
        """Submit no more, and give what is at the carriers ``grace`` seconds to be answered and recorded."""
        self._stopping = True
        await asyncio.gather(*(pump.stop() for pump in self._pumps.values()))
        for pump in self._pumps.values():
            pump.give_back()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._landed(), grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _landed(self) -> None:
        while self.flights:  # noqa: ASYNC110 -- answers come by callbacks; at a stop a look each 20 ms is soon enough
            await asyncio.sleep(0.02)

    # Announcing.

    async def _announce(self) -> None:
        while True:
            await self._news_event.wait()
            self._news_event.clear()
            lanes: defaultdict[tuple[str, bool], list[Dispatch]] = defaultdict(list)
            while self._news:
                message = self._news.popleft()
                lanes[self._lane(message), message.message_type == MessageType.TRANSACTIONAL].append(message)
            for (connector_id, urgent), messages in lanes.items():
                await self._put(connector_id, messages, urgent=urgent)

    async def _put(self, connector_id: str, messages: list[Dispatch], *, urgent: bool) -> None:
        try:
            await self.queue.put(connector_id, [message.id for message in messages], urgent=urgent)
        except QueueError as error:  # the queue is a hint: go on without it
            log.warning("queue unavailable", action="worker.announce", error=str(error))
            if pump := self._pumps.get(connector_id):
                pump.line.held.extend(messages)
            else:
                self.forget(message.id for message in messages)
                self.behind = True
        self._wake(connector_id)

    def _lane(self, message: Dispatch) -> str:
        """The first connector of the route that is up; the first of all while none is."""
        return next((one for one in message.connectors if self.connections.up(one)), message.connectors[0])

    async def _lead_elsewhere(self, connector_id: str, pump: Pump) -> None:
        """A link went down: what waits for it and may go by another way is announced there."""
        waiting = pump.line.drain()
        with contextlib.suppress(QueueError):
            waiting += self.resolve(await self.queue.take(connector_id, self._settings.warm_messages))
        self._news.extend(waiting)
        self._news_event.set()

    def announce_again(self) -> None:
        """The queue may have lost what it was told: tell it again of all that waits in no line."""
        in_line = {message.id for pump in self._pumps.values() for message in pump.line.waiting()}
        under_way = in_line | self.flights.keys() | {message.id for message in self._news}
        self._news.extend(message for message in self._known.values() if message.id not in under_way)
        self._news_event.set()

    # Settling.

    def _close(self, flight: Flight) -> Settled:
        group = self.connections.group(flight.connector_id)
        jitter = self._rng.uniform(0.8, 1.2)
        return Settled(flight.message, flight.connector_id, group, flight.results, jitter, self._give_up_after)

    async def _record(self, settled: list[Settled]) -> None:
        futures = [self.store.submit(self.lanes.settlements, one) for one in settled]
        for one, future in zip(settled, futures, strict=True):
            try:
                self._land(one, await self._recorded(one, future))
            except Exception:  # a fault of ours; the row stays SUBMITTING, and is UNKNOWN at the next start
                log.exception("answer not recorded", action="worker.settle", message=one.message.id)
                self.flights.pop(one.message.id, None)
                self.forget({one.message.id})
        if self.lanes.receipts.orphans:
            ids = [result.carrier_id for one in settled for result in one.results.values() if result.carrier_id]
            with contextlib.suppress(Unavailable):  # the sweeper asks for orphans again
                await self.lanes.receipts.reclaim(ids)

    async def _recorded(self, settled: Settled, future: asyncio.Future[Judgement]) -> Judgement:
        while True:
            try:
                return await future
            except Unavailable:
                # If we are stopped before the database is back, the row stays SUBMITTING and is UNKNOWN at the start.
                await asyncio.sleep(STORE_DOWN_WAIT)
                future = self.store.submit(self.lanes.settlements, settled)

    def _land(self, settled: Settled, judgement: Judgement) -> None:
        message_id = settled.message.id
        self.flights.pop(message_id, None)
        self.metrics.settled.labels(settled.connector_id, judgement.to.value).inc()
        again, next_at = judgement.again, judgement.next_at
        if again is None or next_at is None or next_at > self.now():
            self._known.pop(message_id, None)
            if again is not None and next_at is not None:
                self.retry_at = min(self.retry_at or next_at, next_at)
            return
        self._known[message_id] = again
        self._go_again(settled.connector_id, again)

    def _go_again(self, connector_id: str, message: Dispatch) -> None:
        """By the same link if it is up, before what is newer; else by another."""
        pump = self._pumps.get(connector_id)
        if pump and self.connections.up(connector_id) and connector_id in message.connectors:
            pump.line.put_back(message)
            pump.wake.set()
        else:
            self._news.append(message)
            self._news_event.set()

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
