"""The append-only log of events: written with what they tell of, read in the order of ``seq``.

Rule 1: an event is appended in the transaction that changes what it tells of; there is no event without the change
and no change without its event.
Rule 2: whoever reads keeps the last ``seq`` it has seen. ``seq`` grows in the order of commits (gateway.store.writer,
rule 5), so nothing appears behind a reader's back.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select, text

from gateway.errors import Unavailable
from gateway.events.record import encode, numbered
from gateway.store import tables
from gateway.store.hot import Hot, inserting
from gateway.store.times import DAY

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.events.record import Event
    from gateway.store.store import Store
    from gateway.store.writer import Tx

_T = tables.events

APPEND = inserting(_T, "account_id", "subject_id", "type", "at", "data", kind="given_event")
WATCH_SECONDS = 0.2  # another process's events are noticed so soon
SCAN = 5_000  # numbers looked at in one read, so that a filter that lets nothing through holds nobody up
# Microseconds around the newest event: what PostgreSQL, which keeps events by day, is asked for first.
_EARLIER, _LATER = 2 * DAY, DAY
_EVER = 0, 2**62


class Feed:
    """Tells readers that something was committed. Belongs to one event loop.

    A reader takes ``version`` before it reads and waits for a newer one after: what is committed in between is never
    slept through.
    """

    def __init__(self) -> None:
        self.version = 0
        self._news: asyncio.Future[None] | None = None

    def notify(self) -> None:
        self.version += 1
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)

    async def wait(self, seen: int, seconds: float) -> bool:
        """Wait until ``version`` is beyond ``seen``, but no longer than ``seconds``. Whether it is."""
        if self.version == seen:
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._news}, timeout=seconds)
        return self.version != seen


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event of the log. ``data`` is its JSON text as stored, without its number."""

    seq: int
    subject_id: str
    type: str
    at: int
    data: str

    @property
    def json(self) -> str:
        """The whole event as JSON, with ``id`` and ``seq``."""
        return numbered(self.seq, self.data)


class Row(NamedTuple):
    """An event on its way to somebody. ``data`` is its JSON text as stored."""

    seq: int
    subject_id: str
    type: str
    data: str


class Page(NamedTuple):
    """Rows of the log, the number up to which it was looked at (0: there was nothing new), and whether it goes on."""

    rows: Sequence[Row]
    upto: int
    more: bool


def append(tx: Tx, events: Sequence[Event], feed: Feed | None = None) -> None:
    """Add events to the log, in this order.

    ``feed`` is told after the commit. Without it readers hear of the events from ``watch``, a little later.
    """
    if not events:
        return
    rows = [(event.account_id, event.subject_id, event.type.value, event.at, encode(event)) for event in events]
    tx.log(APPEND, rows)
    if feed is not None:
        tx.after_commit(feed.notify)


async def last_seq(connection: AsyncConnection) -> int:
    """The number of the newest event; 0 in an empty log."""
    return int((await connection.execute(select(func.coalesce(func.max(_T.c.seq), 0)))).scalar_one())


async def watch(store: Store, feed: Feed, every: float = WATCH_SECONDS) -> None:
    """Look every so many seconds whether the log has grown, and tell ``feed``: other processes write too. Endless."""
    seen = 0
    while True:
        with contextlib.suppress(Unavailable):
            last, _ = await _newest(store)
            if last != seen:
                seen = last
                feed.notify()
        await asyncio.sleep(every)


_LAST = "SELECT seq, at FROM events {recent} ORDER BY seq DESC LIMIT 1"
_OF_LATE = {
    "sqlite": "",
    "postgresql": "WHERE at >= CAST(extract(epoch FROM now() - interval '2 days') * 1000000 AS BIGINT)",
}
LAST_OF_LATE = Hot("last event of late", (), lambda dialect: text(_LAST.format(recent=_OF_LATE[dialect.name])))
LAST = Hot("last event", (), lambda _dialect: text(_LAST.format(recent="")))
_BETWEEN = (
    "seq > CAST(:after AS BIGINT) AND seq <= CAST(:upto AS BIGINT)"
    " AND at >= CAST(:since AS BIGINT) AND at < CAST(:before AS BIGINT)"
)
_COUNT = f"SELECT count(*) FROM events WHERE {_BETWEEN}"  # noqa: S608 -- a constant of ours
COUNT = Hot("events between", ("after", "upto", "since", "before"), lambda _dialect: text(_COUNT))
_FRESH = f"""
    SELECT seq, subject_id, type, data FROM events
    WHERE {_BETWEEN}
      AND (CAST(:every_account AS INTEGER) = 1 OR account_id = CAST(:account_id AS TEXT)) {{types}}
    ORDER BY seq LIMIT CAST(:most AS INTEGER)"""  # noqa: S608 -- as above
_OF_TYPES = {
    "sqlite": "AND type IN (SELECT value FROM json_each(:types))",
    "postgresql": "AND type = ANY (CAST(:types AS TEXT[]))",
}
_BOUNDS = ("after", "upto", "since", "before", "every_account", "account_id")
FRESH = Hot("fresh events", (*_BOUNDS, "most"), lambda _dialect: text(_FRESH.format(types="")))
FRESH_OF_TYPES = Hot(
    "fresh events of types",
    (*_BOUNDS, "types", "most"),
    lambda dialect: text(_FRESH.format(types=_OF_TYPES[dialect.name])),
)


async def page(
    store: Store, *, after: int, limit: int, account_id: str | None = None, types: Collection[str] = ()
) -> Page:
    """Events beyond ``after``, oldest first. No types means all of them.

    Raises:
        Unavailable: the database cannot be read.
    """
    whose = int(account_id is None), account_id or ""
    if types:
        found = await fresh(store, FRESH_OF_TYPES, after, *whose, store.listed(types), limit=limit)
    else:
        found = await fresh(store, FRESH, after, *whose, limit=limit)
    return found._replace(rows=[Row(*row) for row in found.rows])


async def fresh(store: Store, statement: Hot, after: int, *params: Any, limit: int) -> Page:  # noqa: ANN401 -- driver values
    """Rows beyond ``after`` as a statement of the log gives them: by ``seq``, which is their first column.

    PostgreSQL opens each day that a statement may need, which costs more than the rows. So it is asked for the last
    days, and for all only when a number is missing there: the reader is far behind, a clock was set back, or what had
    that number was rolled back.

    Args:
        store: where the log is.
        statement: takes ``after``, ``upto``, ``since`` and ``before``, then ``params`` and ``limit``.
        after: the last number that was seen.
        params: its own.
        limit: of rows.

    Raises:
        Unavailable: the database cannot be read.
    """
    last, at = await _newest(store)
    if last <= after:
        return Page((), 0, more=False)
    for within in (_EVER,) if store.sqlite else ((at - _EARLIER, at + _LATER), _EVER):
        upto = min(last, after + SCAN)
        rows = await store.peek(statement, after, upto, *within, *params, limit)
        upto = int(rows[-1][0]) if len(rows) == limit else upto
        if within == _EVER or await _are_all(store, len(rows), after, upto, within):
            break
    return Page(rows, upto, more=upto < last)


async def _are_all(store: Store, found: int, after: int, upto: int, within: tuple[int, int]) -> bool:
    """Whether each number beyond ``after``, up to ``upto``, is of an event within that time."""
    if found < upto - after:
        found = int((await store.peek(COUNT, after, upto, *within))[0][0])
    return found == upto - after


async def _newest(store: Store) -> tuple[int, int]:
    """Number and time of the newest event; zeros in an empty log."""
    found = await store.peek(LAST_OF_LATE) or await store.peek(LAST)
    return (int(found[0][0]), int(found[0][1])) if found else (0, 0)


async def read(
    store: Store, after: int, limit: int, account_id: str | None = None, types: Collection[str] = ()
) -> list[LoggedEvent]:
    """Events beyond ``after``, oldest first, at most ``limit``; fewer only at the end of the log."""
    query = _only(select(*_whole()), account_id, types)
    query = query.where(_T.c.seq > after).order_by(_T.c.seq).limit(limit)
    async with store.reading() as connection:
        return [LoggedEvent(*row) for row in await connection.execute(query)]


async def timeline(store: Store, subject_id: str, account_id: str | None = None) -> list[LoggedEvent]:
    """Everything that happened to one message or inbound message, oldest first."""
    query = _only(select(*_whole()), account_id, ()).where(_T.c.subject_id == subject_id).order_by(_T.c.seq)
    async with store.reading() as connection:
        return [LoggedEvent(*row) for row in await connection.execute(query)]


def _whole() -> tuple[Any, ...]:
    return _T.c.seq, _T.c.subject_id, _T.c.type, _T.c.at, _T.c.data


def _only(query: Select[Any], account_id: str | None, types: Collection[str]) -> Select[Any]:
    if account_id is not None:
        query = query.where(_T.c.account_id == account_id)
    if types:
        query = query.where(_T.c.type.in_(sorted(types)))
    return query
