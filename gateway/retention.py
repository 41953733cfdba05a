"""What is old goes: messages, their parts and events once the time is over that they are kept for.

Rule 1: whole days of UTC, by a message's id and by an event's ``at``. PostgreSQL drops the day's partitions
(gateway.store.partitions); what must stay of a day keeps it, and the rest goes row by row, as all does on SQLite.
Rule 2: a message that is not final stays, however old.
Rule 3: an event stays until every enabled destination has had it or given it up, but no longer than ``WAIT_FOR_EVENTS``
beyond its time: a receiver that nobody mends must not fill the disk.
Rule 4: a decision goes when no message has had it for that time. Consent, opt-outs and texts from people stay.
Rule 5: which watched numbers were texted is known for as long as neighbours count, however long messages are kept.
Rule 6: one-time codes go when they are over.
Rule 7: rows go in small transactions with a pause between them, so that nobody waits for them.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, literal_column, or_, select, true

from compliance.rules.destination_protected import WINDOW
from gateway.store import partitions
from gateway.store.partitions import EVENTS, MESSAGES, PARTS, day_of
from gateway.store.repeat import repeat
from gateway.store.tables import decisions, event_destinations, event_retries, events, messages, parts
from gateway.store.tables_configuration_sets import message_feedback
from gateway.store.tables_one_time_codes import one_time_codes
from gateway.store.tables_protect import watched_numbers
from gateway.store.times import DAY, first_id, span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Column, ColumnElement, Delete, Select

    from gateway.store.store import Store
    from gateway.store.writer import Tx

BATCH = 500  # rows in one transaction
EVERY = 600.0  # seconds
PAUSE = 0.1  # seconds between transactions
WAIT_FOR_EVENTS = 30 * DAY


class Retention:
    """Makes days ahead and lets old ones go. One process at a time needs to run it; more do no harm."""

    def __init__(
        self, store: Store, *, days: int, now: Callable[[], int], every: float = EVERY, pause: float = PAUSE
    ) -> None:
        """What to work with.

        Args:
            store: whose rows.
            days: how long messages, parts and events are kept; 0: for ever.
            now: microseconds.
            every: seconds from the end of one round to the next.
            pause: seconds between two transactions.
        """
        self._store, self._days, self._now, self._every, self._pause = store, days, now, every, pause

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(self.tick, every=self._every, action="retention.run")

    async def tick(self) -> None:
        """One round: what is due now. What an error leaves undone, the next round does."""
        now = self._now()
        oldest = day_of(now) - self._days * DAY
        if not self._store.sqlite:
            async with partitions.alone(self._store.reader) as alone:
                if alone:
                    await partitions.make_ahead(self._store.reader, now)
                    if self._days:
                        await self._drop_days(oldest)
        if self._days:
            await self._prune(oldest)
        unwatched = watched_numbers.c.texted_at <= now - span(WINDOW)
        await self._delete(select(watched_numbers.c.texted_at).where(unwatched).distinct(), watched_numbers.c.texted_at)
        over = one_time_codes.c.expires_at <= now
        await self._delete(select(one_time_codes.c.expires_at).where(over).distinct(), one_time_codes.c.expires_at)

    async def _drop_days(self, oldest: int) -> None:
        engine = self._store.reader
        there = await partitions.days(engine)
        for day in sorted(day for day in there[MESSAGES] | there[PARTS] if day < oldest):
            if not await self._rows(_live_of(day)):
                for one in (one for one in (PARTS, MESSAGES) if day in there[one]):
                    await partitions.detach(engine, one, day)
        done = await self._done(oldest)
        for day in sorted(day for day in there[EVENTS] if day < oldest):
            of_day = events.c.at.between(day, day + DAY - 1)
            if not await self._rows(select(events.c.seq).where(of_day, ~done).limit(1)):
                await partitions.detach(engine, EVENTS, day)
        await partitions.drop_detached(engine)

    async def _prune(self, oldest: int) -> None:
        old = messages.c.id < first_id(oldest)
        may_go = select(messages.c.id).where(old, messages.c.final_at.is_not(None)).order_by(messages.c.id)
        await self._delete(may_go, parts.c.message_id, messages.c.id)
        of_old = select(message_feedback.c.message_id).where(message_feedback.c.message_id < first_id(oldest))
        await self._delete(of_old, message_feedback.c.message_id)
        old_events = self._old_events(await self._done(oldest), oldest)
        await self._delete(old_events, events.c.seq, within=events.c.at < oldest)
        of_no_event = event_retries.c.seq < select(func.min(events.c.seq)).scalar_subquery()
        await self._delete(select(event_retries.c.seq).where(of_no_event).distinct(), event_retries.c.seq)
        unused = and_(decisions.c.used_at > 0, decisions.c.used_at < oldest - DAY)
        still_shown = select(messages.c.decision_id).where(old)
        await self._delete(select(decisions.c.id).where(unused, decisions.c.id.not_in(still_shown)), decisions.c.id)

    def _old_events(self, done: ColumnElement[bool], oldest: int) -> Select[Any]:
        """Events have no index by time. SQLite's oldest are its first; PostgreSQL's are in partitions of their own."""
        query = select(events.c.seq).where(events.c.at < oldest, done)
        if self._store.sqlite:
            query = query.where(events.c.seq < select(func.min(events.c.seq) + BATCH).scalar_subquery())
        return query

    async def _done(self, oldest: int) -> ColumnElement[bool]:
        """Which events nobody waits for."""
        enabled = select(event_destinations.c.id).where(event_destinations.c.enabled == 1)
        behind = select(func.min(event_destinations.c.cursor)).where(event_destinations.c.id.in_(enabled))
        aside = select(func.min(event_retries.c.seq) - 1).where(
            event_retries.c.destination_id.in_(enabled), event_retries.c.next_at.is_not(None)
        )
        waiting = [seq for query in (behind, aside) for (seq,) in await self._rows(query) if seq is not None]
        return or_(events.c.seq <= min(waiting), events.c.at < oldest - WAIT_FOR_EVENTS) if waiting else true()

    async def _delete(
        self, which: Select[Any], *columns: Column[Any], within: ColumnElement[bool] | None = None
    ) -> None:
        """Delete the rows that have, in each of these columns, one of the values that a query gives.

        ``within`` says where they are, so that PostgreSQL need not look into every partition.
        """
        where = true() if within is None else within
        while keys := [key for (key,) in await self._rows(which.limit(BATCH))]:
            deletes = [delete(column.table).where(column.in_(keys), where) for column in columns]
            await self._store.write(partial(_execute, statements=deletes))
            await asyncio.sleep(self._pause)

    async def _rows(self, query: Select[Any]) -> Sequence[Any]:
        async with self._store.reading() as connection:
            return list(await connection.execute(query))


def _live_of(day: int) -> Select[Any]:
    """A message of that day that is not final, if there is one. In words that let the partial indexes serve."""
    queued: ColumnElement[str] = literal_column("'QUEUED'")
    live = or_(messages.c.status == queued, and_(messages.c.final_at.is_(None), messages.c.status != queued))
    of_day = and_(messages.c.id >= first_id(day), messages.c.id < first_id(day + DAY))
    return select(messages.c.id).where(of_day, live).limit(1)


async def _execute(tx: Tx, *, statements: Sequence[Delete]) -> None:
    for statement in statements:
        await tx.conn.execute(statement)
