"""Fetches QUEUED messages that are not in memory: after a start, a retry's wait, a flood, or a hint that was lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select, text

from gateway.model import MessageType
from gateway.queue import URGENT_SHARE
from gateway.store.hot import Hot
from gateway.store.repeat import repeat
from gateway.store.tables import messages
from gateway.store.times import SECOND
from gateway.worker.loading import BATCH, Loader
from gateway.worker.turns import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.store.store import Store
    from gateway.worker.worker import Worker

TICK = 0.1  # seconds
EVERY = 10 * SECOND  # a hint that was lost costs no more than this
AROUND_EVERY = SECOND // 2
ACCOUNTS_AT_ONCE = 100  # of one lane and type in one look
_MORE_THAN_ONE = "%,%"  # a JSON list of several connectors

# The status is written out, not a parameter: only so do planners see that the partial index serves.
_LANE = "status = 'QUEUED' AND lane = CAST(:lane AS TEXT) AND message_type = CAST(:kind AS TEXT)"
# One step to each account that has something there, however much each has.
ACCOUNTS = Hot(
    "accounts in a lane",
    ("after", "lane", "kind", "most"),
    lambda _dialect: text(f"""
        WITH RECURSIVE found(account_id) AS (
            SELECT CAST(:after AS TEXT)
            UNION ALL
            SELECT (SELECT m.account_id FROM messages AS m WHERE {_LANE} AND m.account_id > found.account_id
                    ORDER BY m.account_id LIMIT 1)
            FROM found WHERE found.account_id IS NOT NULL)
        SELECT account_id FROM found WHERE account_id IS NOT NULL LIMIT CAST(:most AS INTEGER) OFFSET 1"""),  # noqa: S608 -- a constant of ours
)
_OF_ACCOUNT = f"{_LANE} AND account_id = CAST(:account AS TEXT)"
WAITING = Hot(
    "waiting in a lane",
    ("lane", "kind", "account", "now", "ways", "most"),
    lambda _dialect: text(
        f"SELECT id FROM messages WHERE {_OF_ACCOUNT} AND next_at <= CAST(:now AS BIGINT)"  # noqa: S608 -- as above
        " AND connectors LIKE CAST(:ways AS TEXT) ORDER BY next_at LIMIT CAST(:most AS INTEGER)"
    ),
)
# One step to each lane.
LANES = Hot(
    "lanes",
    (),
    lambda _dialect: text("""
        WITH RECURSIVE found(lane) AS (
            SELECT CAST('' AS TEXT)
            UNION ALL
            SELECT (SELECT m.lane FROM messages AS m WHERE status = 'QUEUED' AND m.lane > found.lane
                    ORDER BY m.lane LIMIT 1)
            FROM found WHERE found.lane IS NOT NULL)
        SELECT lane FROM found WHERE lane IS NOT NULL"""),
)
RETRIES = Hot(
    "next retry in a lane",
    ("lane", "kind", "account", "now"),
    lambda _dialect: text(
        f"SELECT next_at FROM messages WHERE {_OF_ACCOUNT} AND next_at > CAST(:now AS BIGINT)"  # noqa: S608 -- as above
        " ORDER BY next_at LIMIT 1"
    ),
)


class Refill:
    """One worker's. Asks for each connector and message type apart, those that are urgent first.

    Of what memory has room for, each account that has something waiting gets an equal share.
    """

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
        self._next = self._looked_around = 0
        self._after: dict[tuple[str, MessageType], str] = {}  # the account that the next look begins behind
        self._left: set[tuple[str, MessageType]] = set()  # where earlier looks of this round have left something

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(self.tick, every=TICK, action="worker.refill")

    async def tick(self) -> None:
        """Look, if there is reason to.

        Raises:
            Unavailable: the database cannot be read.
        """
        worker, now = self._worker, self._now()
        around = worker.memory.roomy or not 0 <= now - self._looked_around < AROUND_EVERY
        if around:
            self._looked_around = now
            worker.memory.look_around()
        due = worker.retry_at is not None and worker.retry_at <= now
        # A clock that was set back must not put the next look off.
        periodic = not 0 <= now - self._next < EVERY
        if not (due or periodic or (worker.behind and around and worker.memory.hungry)):
            return
        if periodic:
            self._next = now
            worker.announce_again()
            await self._strays()
        worker.behind = False
        worker.retry_at = worker.retry_at if not due else None
        for kind in (MessageType.TRANSACTIONAL, MessageType.PROMOTIONAL):
            for lane in worker.served:
                await self._look(lane, kind, now)

    async def _look(self, lane: str, kind: MessageType, now: int) -> None:
        worker = self._worker
        accounts = await self._accounts(lane, kind)
        left = False
        up, room = worker.connections.up(lane), self._room(kind)
        waiting = worker.waiting_of() if len(accounts) > 1 else Counter(dict.fromkeys(accounts, worker.waiting))
        lines: list[list[str]] = []
        for account in accounts:
            asked = max(room, BATCH) // len(accounts) + 1 + waiting[account]
            rows = await self._store.peek(WAITING, lane, kind.value, account, now, "%" if up else _MORE_THAN_ONE, asked)
            lines.append([row[0] for row in rows if row[0] not in worker.memory])
            left = left or len(rows) == asked
            if up:
                await self._note_retry(lane, kind, account, now)
        fresh = in_turns(lines)
        if left or len(fresh) > room:
            self._left.add((lane, kind))
        worker.behind = worker.behind or (lane, kind) in self._left
        for start in range(0, min(len(fresh), room), BATCH):
            worker.offer(await self._loader.queued(fresh[start : min(start + BATCH, room)]))

    async def _accounts(self, lane: str, kind: MessageType) -> list[str]:
        """Those that have something there and are not of the crowd: a bounded number, where the last look stopped."""
        here = lane, kind
        if here not in self._after:
            self._left.discard(here)
        found = [
            row[0]
            for row in await self._store.peek(ACCOUNTS, self._after.pop(here, ""), lane, kind.value, ACCOUNTS_AT_ONCE)
        ]
        if len(found) == ACCOUNTS_AT_ONCE:
            self._after[here] = found[-1]
            self._worker.behind = True
        others = [account for account in found if (lane, account, kind.value) not in self._worker.memory.crowd]
        if len(others) < len(found):
            self._left.add(here)
        return others

    def _room(self, kind: MessageType) -> int:
        """How many may be fetched: not what is spare, and of nine not all nine, so that promotions are fetched too."""
        worker = self._worker
        room = max(worker.memory.room - (0 if worker.memory.crowd else worker.memory.spare), 0)
        return room - room // (URGENT_SHARE + 1) if kind is MessageType.TRANSACTIONAL else room

    async def _note_retry(self, lane: str, kind: MessageType, account: str, now: int) -> None:
        worker = self._worker
        for row in await self._store.peek(RETRIES, lane, kind.value, account, now):
            worker.retry_at = min(worker.retry_at or row[0], row[0])

    async def _strays(self) -> None:
        """Messages whose first connector is not set up any more may know another way."""
        strays = {row[0] for row in await self._store.peek(LANES)}.difference(self._known())
        if not strays:
            return
        queued = messages.c.status == literal_column("'QUEUED'")
        query = select(messages.c.id).where(queued, messages.c.lane.in_(strays), messages.c.next_at <= self._now())
        async with self._store.reading() as connection:
            found = list((await connection.execute(query.order_by(messages.c.next_at).limit(BATCH))).scalars())
        if fresh := [message_id for message_id in found if message_id not in self._worker.memory]:
            self._worker.offer(await self._loader.queued(fresh))
