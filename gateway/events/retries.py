"""Events put aside for one destination: those that failed, and those behind them of the same subject.

Rule 1: while an event of a subject waits, later events of that subject wait with it, until the same time.
Rule 2: ``next_at`` NULL is a dead letter: kept, holding nobody up, sent again only when somebody asks (``replay``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.errors import Invalid
from gateway.events.destinations import find
from gateway.events.log import LoggedEvent
from gateway.store import tables
from gateway.store.hot import Hot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, CompoundSelect, Executable, Select
    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.events.destinations import Destination
    from gateway.store.store import Store
    from gateway.store.writer import Tx

_T = tables.event_retries
_E = tables.events
_D = tables.event_destinations
_M = tables.messages
_I = tables.inbound_messages

MOST_REPLAYED = 100_000  # in one call
_CHUNK = 1_000  # in one transaction: others write too
_KEPT = ("attempts", "next_at", "first_at", "error")
_COLUMNS = ("destination_id", "seq", "subject_id", *_KEPT)


class Waiting(NamedTuple):
    """An event put aside, with its text from the log: "" when there is nothing to give any more."""

    seq: int
    subject_id: str
    data: str
    attempts: int
    first_at: int


class Letter(NamedTuple):
    """A row of ``event_retries`` to be written; ``next_at`` None makes it a dead letter."""

    seq: int
    subject_id: str
    attempts: int
    next_at: int | None
    first_at: int
    error: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a destination never took."""

    event: LoggedEvent
    attempts: int
    first_at: int
    error: str


class Aside:
    """Which subjects wait, how many events of each, and until when. What ``event_retries`` says, in memory."""

    def __init__(self, rows: Iterable[tuple[str, int, int]] = ()) -> None:
        self._subjects = {subject: (count, until) for subject, count, until in rows}
        self.size = sum(count for count, _ in self._subjects.values())

    def until(self, subject_id: str) -> int | None:
        """When the events of a subject may be tried; None: nothing of it waits."""
        entry = self._subjects.get(subject_id)
        return entry[1] if entry else None

    def soonest(self) -> int | None:
        return min((until for _, until in self._subjects.values()), default=None)

    def add(self, subject_id: str, until: int) -> None:
        count, _ = self._subjects.get(subject_id, (0, 0))
        self._subjects[subject_id] = (count + 1, until)
        self.size += 1

    def postpone(self, subject_id: str, until: int) -> None:
        count, _ = self._subjects[subject_id]
        self._subjects[subject_id] = (count, until)

    def hurry(self, now: int) -> None:
        """Nothing waits longer than until now."""
        self._subjects = {subject: (count, min(until, now)) for subject, (count, until) in self._subjects.items()}

    def remove(self, subject_id: str) -> None:
        """One event of a subject waits no longer."""
        entry = self._subjects.pop(subject_id, None)
        if entry is None:
            return
        self.size -= 1
        if entry[0] > 1:
            self._subjects[subject_id] = (entry[0] - 1, entry[1])


def _upsert(dialect: Dialect) -> Executable:
    make = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    statement: Any = make(_T).values({name: bindparam(name) for name in _COLUMNS})
    kept = {name: statement.excluded[name] for name in _KEPT}
    changed: Executable = statement.on_conflict_do_update(index_elements=["destination_id", "seq"], set_=kept)
    return changed


def _delete(_dialect: Dialect) -> Executable:
    which = (_T.c.destination_id == bindparam("destination_id")) & (_T.c.seq == bindparam("seq"))
    return _T.delete().where(which)


_UPSERT = Hot("upsert event_retries", _COLUMNS, _upsert)
_DELETE = Hot("delete event_retries", ("destination_id", "seq"), _delete)


async def hurry(tx: Tx, destination_id: str, now: int) -> None:
    """Make everything due that waits."""
    late = _waiting(destination_id) & (_T.c.next_at > now)
    await tx.conn.execute(update(_T).where(late).values(next_at=now))


async def keep(tx: Tx, destination_id: str, letters: Collection[Letter], taken: Collection[int]) -> None:
    """Write what waits or is dead, and forget what was taken."""
    await tx.many(_UPSERT, [(destination_id, *letter) for letter in letters])
    await tx.many(_DELETE, [(destination_id, seq) for seq in taken])


async def load(connection: AsyncConnection, destination_id: str) -> Aside:
    """All that waits for one destination."""
    until = func.max(_T.c.next_at)
    query = select(_T.c.subject_id, func.count(), until).where(_waiting(destination_id)).group_by(_T.c.subject_id)
    rows = await connection.execute(query)
    return Aside((subject, int(count), int(last)) for subject, count, last in rows)


async def count(connection: AsyncConnection, destination_id: str) -> int:
    """How many events wait for one destination."""
    query = select(func.count()).select_from(_T).where(_waiting(destination_id))
    return int((await connection.execute(query)).scalar_one())


async def due(connection: AsyncConnection, destination_id: str, now: int, limit: int) -> list[Waiting]:
    """The oldest events that may be tried now."""
    query = (
        select(_T.c.seq, _T.c.subject_id, func.coalesce(_E.c.data, ""), _T.c.attempts, _T.c.first_at)
        .select_from(_T.outerjoin(_E, _E.c.seq == _T.c.seq))
        .where(_waiting(destination_id), _T.c.next_at <= now)
        .order_by(_T.c.seq)
        .limit(limit)
    )
    return [Waiting(*row) for row in await connection.execute(query)]


async def dead_letters(store: Store, destination_id: str, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
    """Dead letters of one destination beyond number ``after``, oldest first."""
    query = (
        select(_E.c.seq, _E.c.subject_id, _E.c.type, _E.c.at, _E.c.data, _T.c.attempts, _T.c.first_at, _T.c.error)
        .select_from(_T.join(_E, _E.c.seq == _T.c.seq))
        .where(_T.c.destination_id == destination_id, _T.c.next_at.is_(None), _T.c.seq > after)
        .order_by(_T.c.seq)
        .limit(limit)
    )
    async with store.reading() as connection:
        rows = (await connection.execute(query)).all()
    return [DeadLetter(LoggedEvent(*row[:5]), row.attempts, row.first_at, row.error) for row in rows]


async def replay(store: Store, destination_id: str, seqs: Sequence[int] | None, *, now: int) -> int:
    """Send dead letters again, these or (None) all of them. How many there were.

    The destination takes them up within gateway.events.runner.RELOAD_SECONDS.

    Raises:
        NotFound: there is no such destination.
    """
    await find(store, destination_id)
    which = select(_T.c.seq).where(_T.c.destination_id == destination_id, _T.c.next_at.is_(None))
    found = await _all_of(store, which if seqs is None else which.where(_T.c.seq.in_(seqs)))
    for start in range(0, len(found), _CHUNK):
        chunk = found[start : start + _CHUNK]

        async def revive(tx: Tx, chunk: Sequence[int] = chunk) -> None:
            mine = (_T.c.destination_id == destination_id) & _T.c.seq.in_(chunk)
            await tx.conn.execute(update(_T).where(mine).values(next_at=now, first_at=now, attempts=0))

        await store.write(revive)
    return len(found)


async def replay_range(store: Store, destination_id: str, since: int, until: int, *, now: int) -> int:
    """Send everything again that happened from ``since`` up to and without ``until`` (microseconds). How many.

    What the destination has yet to be given for the first time is left out: it will get it anyway.

    Raises:
        NotFound: there is no such destination.
        Invalid: field "until": more than ``MOST_REPLAYED`` events.
    """
    destination = await find(store, destination_id)
    cursor = select(_D.c.cursor).where(_D.c.id == destination_id).scalar_subquery()
    which = select(_E.c.seq).where(_E.c.account_id == destination.account_id, _E.c.at >= since, _E.c.at < until)
    which = which.where(_E.c.seq <= cursor)
    if destination.configuration_set:
        which = which.where(_E.c.subject_id.in_(_subjects_of(destination)))
    elif destination.types:
        which = which.where(_E.c.type.in_(destination.types))
    found = await _all_of(store, which)
    for start in range(0, len(found), _CHUNK):
        chunk = found[start : start + _CHUNK]

        async def put_aside(tx: Tx, chunk: Sequence[int] = chunk) -> None:
            await tx.conn.execute(_T.delete().where(_T.c.destination_id == destination_id, _T.c.seq.in_(chunk)))
            rows = select(literal(destination_id), _E.c.seq, _E.c.subject_id, literal(now), literal(now))
            columns = ["destination_id", "seq", "subject_id", "next_at", "first_at"]
            await tx.conn.execute(insert(_T).from_select(columns, rows.where(_E.c.seq.in_(chunk))))

        await store.write(put_aside)
    return len(found)


def _subjects_of(destination: Destination) -> Select[Any] | CompoundSelect[Any]:
    """Its messages; for an application also the texts that answered one."""
    mine = _M.c.account_id == destination.account_id, _M.c.configuration_set == destination.configuration_set
    sent = select(_M.c.id).where(*mine)
    if not destination.application:
        return sent
    answers = select(_I.c.id).where(_I.c.account_id == destination.account_id, _I.c.reply_to.in_(sent))
    return sent.union_all(answers)


async def _all_of(store: Store, which: Select[Any]) -> list[int]:
    async with store.reading() as connection:
        rows = await connection.execute(which.order_by("seq").limit(MOST_REPLAYED + 1))
        found = [int(row[0]) for row in rows]
    if len(found) > MOST_REPLAYED:
        detail = f"That would send more than {MOST_REPLAYED} events again."
        raise Invalid("replay_too_large", detail, field="until", remedy="Ask for a shorter time.")
    return found


def _waiting(destination_id: str) -> ColumnElement[bool]:
    return (_T.c.destination_id == destination_id) & _T.c.next_at.is_not(None)
