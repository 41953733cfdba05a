"""PostgreSQL keeps messages, parts and events by day, so that a day goes by dropping a table and not row by row.

Rule 1: a day is one of UTC. A message's day is that of its id, which is a UUIDv7; a part's is that of its message.
Rule 2: partitions are made ahead. What fits none goes to the default one, so that no insert fails for want of one.
Rule 3: what the default partition holds of a day moves to the day's own when that is made: in one transaction, with
the table locked, so that no change of a row is lost. Too much of it stays where it is, for that would take too long.
Rule 4: nobody waits for a table longer than ``PATIENCE``, for all others wait behind. What was not done then is done
the next time.
Rule 5: one process at a time makes, detaches and drops: whoever does, does it within ``alone``.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.store.times import DAY, first_id, from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

AHEAD = 2  # days: time to see to it when they cannot be made; each costs every look-up of what is recent a little
MOST_MOVED = 10_000  # rows of a default partition that are moved while others wait
PATIENCE = "200ms"
_LOCK = 4_851_204  # any number that no one else uses; see gateway.store.migrate
_BUSY = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected (PostgreSQL appendix A)
_GONE = "gone"  # a detached day's suffix: what people detach themselves, to keep it, is theirs

log = structlog.get_logger()


class Sliced(NamedTuple):
    """A table that is kept by day, the column that says which, and the least value that has since a moment."""

    table: str
    column: str
    least: Callable[[int], str | int]

    def partition(self, day: int) -> str:
        return f"{self.table}_{from_micros(day):%Y%m%d}"

    @property
    def default(self) -> str:
        return f"{self.table}_rest"


MESSAGES = Sliced("messages", "id", first_id)
PARTS = Sliced("parts", "message_id", first_id)
EVENTS = Sliced("events", "at", int)
SLICED = (MESSAGES, PARTS, EVENTS)


def day_of(at: int) -> int:
    """The first microsecond of that day."""
    return at - at % DAY


@contextlib.asynccontextmanager
async def alone(engine: AsyncEngine) -> AsyncIterator[bool]:
    """Whether this process may change partitions now; no other one may, until the end of it."""
    async with engine.begin() as connection:
        yield bool((await connection.execute(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))).scalar_one())


async def make_ahead(engine: AsyncEngine, now: int, most: int | None = MOST_MOVED) -> None:
    """Make the partitions of today and of the next ``AHEAD`` days that are not there.

    Args:
        engine: of a PostgreSQL.
        now: microseconds.
        most: rows that a default partition may hold for others to wait while they are moved; None: any number.
    """
    there = await days(engine)
    for one in SLICED:
        missing = {day_of(now) + ahead * DAY for ahead in range(AHEAD + 1)} - there[one]
        if missing and most is not None and await strays(engine, one, most) > most:
            log.error("default partition is too full to make others", action="retention.partition", table=one.table)
            continue
        for day in sorted(missing):
            await _make(engine, one, day)


async def days(engine: AsyncEngine) -> dict[Sliced, set[int]]:
    """The days that have a partition, by table."""
    name = re.compile(r"([a-z]+)_(\d{8})")
    matches = [name.fullmatch(one) for one in await _tables(engine, "relispartition")]
    found = {(one[1], to_micros(datetime.strptime(f"{one[2]}Z", "%Y%m%d%z"))) for one in matches if one}
    return {one: {day for table, day in found if table == one.table} for one in SLICED}


async def strays(engine: AsyncEngine, one: Sliced, most: int = MOST_MOVED) -> int:
    """How many rows the default partition holds; ``most`` + 1 when there are more than ``most``."""
    query = f"SELECT count(*) FROM (SELECT FROM {one.default} LIMIT {most + 1}) AS few"  # noqa: S608 -- names of ours
    async with engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def detach(engine: AsyncEngine, one: Sliced, day: int) -> None:
    """Take a day out of its table, for ``drop_detached``: the lock is held for that only, not while files go."""
    name = one.partition(day)
    async with _briefly(engine, name) as connection:
        await connection.execute(text(f"ALTER TABLE {one.table} DETACH PARTITION {name}"))
        await connection.execute(text(f"ALTER TABLE {name} RENAME TO {name}_{_GONE}"))


async def drop_detached(engine: AsyncEngine) -> None:
    """Drop the days that were taken out, now or before an interruption."""
    for name in await _tables(engine, "NOT relispartition"):
        if name.startswith(tuple(one.table for one in SLICED)) and name.endswith(_GONE):
            async with _briefly(engine, name) as connection:
                await connection.execute(text(f"DROP TABLE {name}"))
                log.info("day dropped", action="retention.drop", partition=name.removesuffix(f"_{_GONE}"))


async def _tables(engine: AsyncEngine, condition: str) -> list[str]:
    query = f"SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND {condition}"  # noqa: S608 -- ours
    async with engine.connect() as connection:
        return sorted((await connection.execute(text(query))).scalars())


async def _make(engine: AsyncEngine, one: Sliced, day: int) -> None:
    name, begin, end = one.partition(day), one.least(day), one.least(day + DAY)
    within = f"{one.column} >= {begin!r} AND {one.column} < {end!r}"
    async with _briefly(engine, name) as connection:
        for statement in (
            f"CREATE TABLE {name} (LIKE {one.table} INCLUDING ALL)",
            f"LOCK TABLE ONLY {one.table} IN ACCESS EXCLUSIVE MODE",
            f"WITH moved AS (DELETE FROM {one.default} WHERE {within} RETURNING *) INSERT INTO {name} TABLE moved",  # noqa: S608 -- ours
            f"ALTER TABLE {one.table} ATTACH PARTITION {name} FOR VALUES FROM ({begin!r}) TO ({end!r})",
        ):
            await connection.execute(text(statement))


@contextlib.asynccontextmanager
async def _briefly(engine: AsyncEngine, name: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that is given up, and told of, when a table cannot be had soon."""
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
            yield connection
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _BUSY:
            raise
        log.warning("table is in use, trying again later", action="retention.partition", partition=name)
