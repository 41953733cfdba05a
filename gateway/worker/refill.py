"""Fetches QUEUED messages that are not in memory: after a start, a retry's wait, a flood, or a hint that was lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import literal_column, select, text

from gateway.errors import Unavailable
from gateway.model import MessageType
from gateway.store.hot import Hot
from gateway.store.tables import messages
from gateway.store.times import SECOND
from gateway.worker.loading import BATCH, Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.store.store import Store
    from gateway.worker.worker import Worker

TICK = 0.1  # seconds
EVERY = 10 * SECOND  # a hint that was lost costs no more than this
_MORE_THAN_ONE = "%,%"  # a JSON list of several connectors

log = structlog.get_logger()

# The status is written out, not a parameter: only so do planners see that the partial index serves.
_LANE = "status = 'QUEUED' AND lane = CAST(:lane AS TEXT) AND message_type = CAST(:kind AS TEXT)"
WAITING = Hot(
    "waiting in a lane",
    ("lane", "kind", "now", "ways", "most"),
    lambda _dialect: text(
        f"SELECT id FROM messages WHERE {_LANE} AND next_at <= CAST(:now AS BIGINT)"  # noqa: S608 -- a constant of ours
        " AND connectors LIKE CAST(:ways AS TEXT) ORDER BY next_at LIMIT CAST(:most AS INTEGER)"
    ),
)
RETRIES = Hot(
    "next retry in a lane",
    ("lane", "kind", "now"),
    lambda _dialect: text(
        f"SELECT next_at FROM messages WHERE {_LANE} AND next_at > CAST(:now AS BIGINT)"  # noqa: S608 -- as above
        " ORDER BY next_at LIMIT 1"
    ),
)


class Refill:
    """One worker's. Asks for each connector and message type apart, those that are urgent first."""

    def __init__(
        self,
        store: Store,
        worker: Worker,
        loader: Loader,
        known: Callable[[], Collection[str]],
        *,
        now: Callable[[], int],
    ) -> None:
        """What to work with; ``known`` gives the connectors that are set up."""
        self._store, self._worker, self._loader, self._known, self._now = store, worker, loader, known, now
        self._next = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.tick()
            except Unavailable:
                await asyncio.sleep(1.0)
            except Exception:
                log.exception("refill failed", action="worker.refill")
            await asyncio.sleep(TICK)

    async def tick(self) -> None:
        """Look, if there is reason to.

        Raises:
            Unavailable: the database cannot be read.
        """
        worker, now = self._worker, self._now()
        due = worker.retry_at is not None and worker.retry_at <= now
        # A clock that was set back must not put the next look off.
        periodic = not 0 <= now - self._next < EVERY
        if not (due or periodic or (worker.behind and worker.hungry)):
            return
        if periodic:
            self._next = now
            worker.announce_again()
            await self._strays()
        worker.behind = False
        lanes = [lane for lane in worker.served if worker.connections.up(lane)]
        for kind in (MessageType.TRANSACTIONAL, MessageType.PROMOTIONAL):
            for lane in worker.served:
                await self._look(lane, kind, now, "%" if lane in lanes else _MORE_THAN_ONE)
        worker.retry_at = await self._next_retry(lanes, now)

    async def _look(self, lane: str, kind: MessageType, now: int, ways: str) -> None:
        worker = self._worker
        room = max(worker.room, 0)
        asked = max(room, BATCH) + worker.waiting
        found = [row[0] for row in await self._store.peek(WAITING, lane, kind.value, now, ways, asked)]
        fresh = [message_id for message_id in found if not worker.knows(message_id)]
        worker.behind = worker.behind or len(fresh) > room or len(found) == asked
        for start in range(0, min(len(fresh), room), BATCH):
            worker.offer(await self._loader.queued(fresh[start : min(start + BATCH, room)]))

    async def _strays(self) -> None:
        """Messages whose first connector is not set up any more may know another way."""
        known = list(self._known())
        queued = messages.c.status == literal_column("'QUEUED'")
        query = select(messages.c.id).where(queued, messages.c.lane.not_in(known), messages.c.next_at <= self._now())
        async with self._store.reading() as connection:
            found = list((await connection.execute(query.order_by(messages.c.next_at).limit(BATCH))).scalars())
        if fresh := [message_id for message_id in found if not self._worker.knows(message_id)]:
            self._worker.offer(await self._loader.queued(fresh))

    async def _next_retry(self, lanes: Collection[str], now: int) -> int | None:
        times: list[Any] = []
        for lane in lanes:
            for kind in MessageType:
                times += [row[0] for row in await self._store.peek(RETRIES, lane, kind.value, now)]
        return min(times, default=None)
