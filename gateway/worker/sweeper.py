"""What time does to messages: schedules fall due, lives run out, receipts stay away. One process at a time does it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, literal_column, text

from gateway.model import Status
from gateway.resources.message_feedback import fail_unanswered
from gateway.resources.messages import Move, dispatchable, move_in, taken_parts, to_dispatch
from gateway.store.hot import Hot
from gateway.store.repeat import repeat
from gateway.store.tables import idempotency_keys, messages, orphans
from gateway.store.tables_access import sessions
from gateway.store.times import HOUR, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Select

    from gateway.inbound.receive import Inbound
    from gateway.model import Dispatch
    from gateway.receipts import Receipts
    from gateway.store.store import Store
    from gateway.store.writer import Tx
    from gateway.worker.loading import Loader

TICK = 0.25  # seconds
BATCH = 500
CLEAN_EVERY = HOUR
EXPIRE_EVERY = 10 * SECOND
FEEDBACK_EVERY = 60 * SECOND
ORPHANS_EVERY = 15 * SECOND
ORPHANS_LIVE = 72 * HOUR
_DUE = (Status.SCHEDULED, Status.SUBMITTED, Status.UNKNOWN)  # move by themselves when their time comes
ANY_DUE = Hot(
    "any message due",
    ("now",),
    lambda _dialect: text(
        "SELECT 1 FROM messages WHERE final_at IS NULL AND status <> 'QUEUED'"
        " AND status IN ('SCHEDULED', 'SUBMITTED', 'UNKNOWN')"
        " AND next_at <= CAST(:now AS BIGINT) LIMIT 1"
    ),
)

# Both written out, not parameters: only so do planners see that the partial indexes serve.
_LIVE = and_(messages.c.final_at.is_(None), messages.c.status != literal_column("'QUEUED'"))
_WAITING = text("status IN ('QUEUED', 'SCHEDULED')")


def due(status: Status, now: int) -> Select[Any]:
    """Some of those of one status whose time has come, in the order of the index: a million may be due at once."""
    one = messages.c.status == literal_column(f"'{status}'")
    return dispatchable().where(_LIVE, one, messages.c.next_at <= now).order_by(messages.c.next_at).limit(BATCH)


def overdue(now: int) -> Select[Any]:
    """Some of those that are too old to leave."""
    return dispatchable().where(_WAITING, messages.c.expires_at <= now).limit(BATCH)


class Sweeper:
    """Looks for what is due. Every move it makes is one transaction, so it may be killed anywhere."""

    def __init__(
        self,
        store: Store,
        receipts: Receipts,
        inbound: Inbound,
        loader: Loader,
        offer: Callable[[Iterable[Dispatch]], None],
        *,
        now: Callable[[], int],
    ) -> None:
        self._store, self._receipts, self._inbound, self._now = store, receipts, inbound, now
        self._loader, self._offer = loader, offer
        self._next: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(self.tick, every=TICK, action="worker.sweep")

    async def tick(self) -> None:
        now = self._now()
        await self._due(now)
        if self._every("expire", EXPIRE_EVERY, now):
            await self._expire(now)
            await self._inbound.give_overdue()
        # Also those that other processes have kept, so whether this one knows of any does not count.
        if self._receipts.base_learned or self._every("orphans", ORPHANS_EVERY, now):
            await self._receipts.reclaim_all()
        if self._every("feedback", FEEDBACK_EVERY, now):
            await self._store.write(lambda tx: fail_unanswered(tx, now))
        if self._every("clean", CLEAN_EVERY, now):
            await self._store.write(lambda tx: _clean(tx, now))

    def _every(self, what: str, period: int, now: int) -> bool:
        if now < self._next.get(what, 0):
            return False
        self._next[what] = now + period
        return True

    async def _due(self, now: int) -> None:
        """SCHEDULED that may leave, SUBMITTED without a final receipt, UNKNOWN that is to be sent once more."""
        if not await self._store.peek(ANY_DUE, now):
            return
        for status in _DUE:
            while rows := await self._rows(due(status, now)):
                moved = await self._store.write(partial(self._move_due, rows=rows, now=now))
                self._offer([self._loader.complete(message) for message in moved])

    async def _rows(self, query: Select[Any]) -> list[Any]:
        async with self._store.reading() as connection:
            return list(await connection.execute(query))

    async def _move_due(self, tx: Tx, *, rows: list[Any], now: int) -> list[Dispatch]:
        """The rows may have moved since they were read: only those still as read are moved."""
        was = {row.id: row.status for row in rows}
        live = messages.c.final_at.is_(None)
        query = dispatchable().where(messages.c.id.in_(was), live, messages.c.next_at <= now)
        current = await tx.conn.execute(query.order_by(messages.c.id).with_for_update())
        found = [row for row in current if row.status == was[row.id]]
        taken = await taken_parts(tx.conn, [row.id for row in found if row.parts > 1])
        due = [(to_dispatch(row, *taken.get(row.id, ())), row) for row in found]
        moves = [_due_move(message, row, now) for message, row in due]
        await move_in(tx, moves)
        return [
            message._replace(possible_duplicate=one.possible_duplicate)
            for (message, _), one in zip(due, moves, strict=True)
            if one.to is Status.QUEUED
        ]

    async def _expire(self, now: int) -> None:
        while rows := await self._rows(overdue(now)):
            await self._store.write(partial(_expire_some, rows=rows, now=now))


def _due_move(message: Dispatch, row: Any, now: int) -> Move:  # noqa: ANN401 -- a row of dispatchable()
    status = Status(row.status)
    if status is Status.SUBMITTED:
        reason = "No final receipt came in the time that carriers take at most."
        return Move(
            message, status, Status.UNKNOWN, now, was_at=row.status_at, code="no_receipt", reason=reason,
            attempts=message.attempts, possible_duplicate=message.possible_duplicate,
        )  # fmt: skip
    resend = status is Status.UNKNOWN
    if resend and message.expires_at <= now:
        reason = "The carrier did not answer, and the time to live was over before it could be sent once more."
        return Move(
            message, status, Status.UNKNOWN, now, was_at=row.status_at, code="no_answer", reason=reason,
            attempts=message.attempts, final=True,
        )  # fmt: skip
    reason = "Sent once more as on_unknown asks; the person may get it twice." if resend else ""
    return Move(
        message, status, Status.QUEUED, now, was_at=row.status_at, code="resent" if resend else "", reason=reason,
        next_at=now, attempts=message.attempts, possible_duplicate=resend or message.possible_duplicate,
    )  # fmt: skip


async def _expire_some(tx: Tx, *, rows: list[Any], now: int) -> None:
    ids = [row.id for row in rows]
    waiting = messages.c.status.in_([Status.QUEUED.value, Status.SCHEDULED.value])
    query = dispatchable().where(messages.c.id.in_(ids), waiting).order_by(messages.c.id).with_for_update()
    current = list(await tx.conn.execute(query))
    reason = "It did not leave within its time to live."
    await move_in(tx, [
        Move(
            to_dispatch(row), Status(row.status), Status.EXPIRED, now, code="ttl_expired", reason=reason,
            attempts=row.attempts, possible_duplicate=bool(row.possible_duplicate),
        )
        for row in current
    ])  # fmt: skip


async def _clean(tx: Tx, now: int) -> None:
    await tx.conn.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < now - 24 * HOUR))
    await tx.conn.execute(delete(orphans).where(orphans.c.received_at < now - ORPHANS_LIVE))
    await tx.conn.execute(delete(sessions).where(sessions.c.expires_at < now))
