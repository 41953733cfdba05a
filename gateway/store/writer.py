"""Group commit: everything that arrives while one commit runs shares the next.

One task owns the one connection that writes. Callers hand over work and wait on a future of their own, which is
resolved when the commit is on the disk and never before. So one fsync serves hundreds of messages, and no two of its
writes ever race. A second task waits for the disk and answers, while the first goes on with the next transaction.

Rule 1: work of a lane is applied together, ``lane.apply(tx, payloads)``; lanes run in the order of ``rank``.
Rule 2: single pieces of work run in a savepoint each; one that raises undoes itself only.
Rule 3: a batch that fails as a whole is undone and its pieces are tried one by one, so a poisoned one fails alone.
Rule 4: when the database cannot be written, everyone waiting gets Unavailable and nothing was stored; InDoubt, when the
server was lost during the commit itself, or the disk did not confirm it: who does the same again must expect either.
Rule 5: of all writers, one at a time writes SQLite (gateway.store.turn), and one at a time numbers the rows of
a log (``Tx.log``): who reads a log by its numbers never finds an older one later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import structlog
from sqlalchemy import text

from gateway.errors import InDoubt, Unavailable
from gateway.store.engine import bare
from gateway.store.hot import Hot, in_waves, listed
from gateway.store.transactions import by_driver, by_sqlalchemy, describe, is_unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from gateway.store.bare import Bare
    from gateway.store.turn import Turn

P = TypeVar("P")
R = TypeVar("R")
P_contra = TypeVar("P_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

# Seconds from one commit to the next, at least; the first after a pause does not wait. A lone request is answered
# soon; when much is waiting, more of it shares a commit.
PACE, PACE_BUSY, BUSY = 0.002, 0.010, 24
_NEVER = float("inf")
BATCH = 500  # pieces of work in one transaction: bounds how long the first waits for the last
# PostgreSQL: held from here to the commit. Any number will do that no one else uses; see gateway.store.migrate.
IN_ORDER = Hot("number in order", (), lambda _dialect: text("SELECT pg_advisory_xact_lock(4851203)"))

log = structlog.get_logger()


class Lane(Protocol[P_contra, R_co]):
    """A kind of work that is done many at a time."""

    rank: int
    patience: float  # seconds that it may wait for company: a commit for others sooner takes it along
    hot: bool  # uses hot statements only, so that its transaction need not pass through SQLAlchemy
    outward: bool  # of carriers and destinations, not of who sends: on PostgreSQL in transactions of its own

    async def apply(self, tx: Tx, payloads: Sequence[P_contra]) -> Sequence[R_co]:
        """One result for each payload. A domain error is returned as a value, not raised."""


class Tx:
    """The transaction under way."""

    def __init__(self, connection: AsyncConnection, bare: Bare, compiled: dict[str, str]) -> None:
        self.conn = connection  # for lanes that are not hot, and single pieces of work
        self.dialect = connection.dialect
        self._bare = bare
        self._compiled = compiled
        self._after: list[Callable[[], None]] = []
        self._logged: list[tuple[Hot, Sequence[tuple[Any, ...]]]] = []
        self._known: dict[tuple[Any, ...], list[Any]] = {}

    async def many(self, hot: Hot, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a hot statement once for each row."""
        if hot.sets is not None and rows and self.dialect.name != "sqlite":
            for wave in in_waves(hot, rows):
                await self._bare.rows(self._sql(hot), (wave,))
        elif rows:
            await self._bare.many(self._sql(hot), rows)

    async def rows(self, hot: Hot, *params: Any) -> list[Any]:  # noqa: ANN401 -- driver values
        """Run a hot statement and fetch what it gives."""
        return await self._bare.rows(self._sql(hot), params)

    async def rows_once(self, hot: Hot, *params: Any) -> list[Any]:  # noqa: ANN401 -- driver values
        """As ``rows``; asked once in a transaction, of what nothing in it changes: several lanes need the same."""
        key = hot.name, *params
        if key not in self._known:
            self._known[key] = await self.rows(hot, *params)
        return self._known[key]

    def listed(self, values: Iterable[str]) -> Any:  # noqa: ANN401 -- see gateway.store.hot.listed
        return listed(values, self.dialect)

    def log(self, hot: Hot, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows to a log, whose numbers grow in the order of commits: they are written last."""
        self._logged.append((hot, rows))

    async def finish(self) -> None:
        """Write what was logged; the commit comes next."""
        if not self._logged:
            return
        if self.dialect.name != "sqlite":
            await self.rows(IN_ORDER)
        together: dict[Hot, list[tuple[Any, ...]]] = {}
        for hot, rows in self._logged:
            together.setdefault(hot, []).extend(rows)
        for hot, rows in together.items():
            await self.many(hot, rows)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._after.append(action)

    def committed(self) -> None:
        for action in self._after:
            _safely(action)

    def mark(self) -> tuple[int, int]:
        """Where ``unwind`` goes back to."""
        return len(self._after), len(self._logged)

    def unwind(self, mark: tuple[int, int]) -> None:
        """Forget what work that is undone has logged, and what was to follow its commit."""
        del self._after[mark[0] :]
        del self._logged[mark[1] :]

    def _sql(self, hot: Hot) -> str:
        sql = self._compiled.get(hot.name)
        if sql is None:
            sql = self._compiled[hot.name] = hot.compile(self.dialect)
        return sql


class _Piece(Generic[P, R]):
    """A payload, its lane (None: the payload is a function of its own) and who waits for it."""

    __slots__ = ("future", "lane", "payload")

    def __init__(self, lane: Lane[P, R] | None, payload: P, future: asyncio.Future[R]) -> None:
        self.lane, self.payload, self.future = lane, payload, future


class _Commit(NamedTuple):
    """A transaction that was committed, and is not known to be on the disk yet."""

    tx: Tx
    bare: Bare
    outcomes: list[tuple[_Piece[Any, Any], Any]]


class Writer:
    """Owns the connection that writes."""

    def __init__(self, engine: AsyncEngine, turn: Turn) -> None:
        self._engine, self._turn = engine, turn
        self._waiting: deque[_Piece[Any, Any]] = deque()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._committed: asyncio.Queue[_Commit] = asyncio.Queue()
        self._connection: AsyncConnection | None = None
        self._bare: Bare | None = None
        self._compiled: dict[str, str] = {}
        self._due = _NEVER  # when the first piece that waits has run out of patience
        self._closing = False
        self.on_commit: Callable[[], None] | None = None  # told of every commit, after those who waited for it
        self.trouble = ""  # why the last commit failed; "" when it did not

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            asyncio.create_task(self._run(), name="store-writer"),
            asyncio.create_task(self._confirm(), name="store-confirm"),
        ]

    async def close(self) -> None:
        """Finish what waits, then let go of the connection."""
        self._closing = True
        self._wake.set()
        if self._tasks:
            await self._tasks[0]
        await self._drop_connection()
        if self._tasks:
            self._tasks[1].cancel()
        await self._engine.dispose()
        self._turn.close()

    def submit(self, lane: Lane[P, R], payload: P) -> asyncio.Future[R]:
        """Add to a lane. The future is resolved after the commit, or gets Unavailable."""
        return self._add(lane, payload)

    async def write(self, work: Callable[[Tx], Awaitable[R]]) -> R:
        """Run ``work`` in the next transaction, in a savepoint of its own; returns after the commit.

        Raises:
            Unavailable: the database cannot be written; nothing was stored.
            GatewayError: what ``work`` itself raised; its changes are undone.
        """
        result: R = await self._add(None, work)
        return result

    def _add(self, lane: Lane[Any, Any] | None, payload: Any) -> asyncio.Future[Any]:  # noqa: ANN401 -- of any lane
        # Kept from the start: to ask for the running loop is a system call each time.
        loop = self._loop or asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._closing:
            future.set_exception(Unavailable("The server is stopping."))
            return future
        self._waiting.append(_Piece(lane, payload, future))
        due = loop.time() + (lane.patience if lane else 0.0)
        if due < self._due:
            self._due = due
            self._wake.set()
        return future

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            await self._until_due()
            while self._waiting:
                began = asyncio.get_running_loop().time()
                count = min(len(self._waiting), BATCH)
                pieces = [self._waiting.popleft() for _ in range(count)]
                self._due = _NEVER if not self._waiting else began
                # Whoever has gone away was told nothing, so nothing need be stored.
                await self._commit([piece for piece in pieces if not piece.future.cancelled()])
                await self._pace(began + (PACE_BUSY if count >= BUSY else PACE))
                if self._due > asyncio.get_running_loop().time():
                    break  # what is left can wait for company

    async def _until_due(self) -> None:
        """Wait for the first work whose patience is at an end."""
        while not self._closing:
            left = self._due - asyncio.get_running_loop().time()
            if left <= 0:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), None if self._due == _NEVER else left)

    async def _pace(self, until: float) -> None:
        """Let some work gather: a commit costs half a millisecond of CPU time by itself (docs/performance.md)."""
        left = until - asyncio.get_running_loop().time()
        if left > 0 and not self._closing:
            await asyncio.sleep(left)

    async def _commit(self, pieces: list[_Piece[Any, Any]]) -> None:
        try:
            await self._together(pieces)
        except Exception as error:  # noqa: BLE001 -- whatever a driver raises; each piece is answered below
            if len(pieces) == 1 or is_unavailable(error):
                self._fail(pieces, error)
                return
            log.warning(
                "batch undone, trying one by one", action="store.commit", pieces=len(pieces), error=type(error).__name__
            )
            for piece in pieces:
                await self._commit([piece])

    async def _together(self, pieces: list[_Piece[Any, Any]]) -> None:
        connection, bare = await self._connect()
        tx = Tx(connection, bare, self._compiled)
        hot = all(piece.lane is not None and piece.lane.hot for piece in pieces)
        try:
            async with self._turn, by_driver(bare) if hot else by_sqlalchemy(connection):
                outcomes = await _apply(tx, pieces)
                await tx.finish()
        except BaseException as error:
            if is_unavailable(error):
                await self._drop_connection()
            raise
        self._committed.put_nowait(_Commit(tx, bare, outcomes))

    async def _confirm(self) -> None:
        """Answer what is on the disk, in the order of the commits. Until cancelled."""
        while True:
            commits = [await self._committed.get()]
            while not self._committed.empty():
                commits.append(self._committed.get_nowait())
            try:
                await commits[-1].bare.durable()
            except Exception as error:  # noqa: BLE001 -- whatever it is, nobody may be told that it was stored
                doubt = InDoubt("The disk did not confirm this.")
                doubt.__cause__ = error
                self._fail([piece for commit in commits for piece, _ in commit.outcomes], doubt)
            else:
                for commit in commits:
                    self._succeed(commit)
            for _ in commits:
                self._committed.task_done()

    def _succeed(self, commit: _Commit) -> None:
        self.trouble = ""
        commit.tx.committed()
        for piece, outcome in commit.outcomes:
            _answer(piece.future, outcome)
        if self.on_commit:
            _safely(self.on_commit)

    async def _connect(self) -> tuple[AsyncConnection, Bare]:
        if self._connection is None or self._bare is None:
            self._connection = await self._engine.connect()
            self._bare = await bare(self._connection)
        return self._connection, self._bare

    async def _drop_connection(self) -> None:
        await self._committed.join()
        connection, self._connection = self._connection, None
        driver, self._bare = self._bare, None
        if driver is not None:
            driver.close()
        if connection is not None:
            with contextlib.suppress(Exception):  # it is broken already
                await connection.close()

    def _fail(self, pieces: list[_Piece[Any, Any]], error: BaseException) -> None:
        outcome = error
        if is_unavailable(error):
            cause = error.__cause__ if isinstance(error, InDoubt) and error.__cause__ else error
            self.trouble = describe(cause)
            log.error("cannot write", action="store.commit", pieces=len(pieces), error=self.trouble)
            outcome = error if isinstance(error, InDoubt) else Unavailable("The database cannot be written.")
        for piece in pieces:
            _answer(piece.future, outcome)


async def _apply(tx: Tx, pieces: list[_Piece[Any, Any]]) -> list[tuple[_Piece[Any, Any], Any]]:
    lanes: dict[Lane[Any, Any], list[_Piece[Any, Any]]] = {}
    single: list[_Piece[Any, Any]] = []
    for piece in pieces:
        if piece.lane is None:
            single.append(piece)
        else:
            lanes.setdefault(piece.lane, []).append(piece)
    outcomes = [(piece, await _alone(tx, piece.payload)) for piece in single]
    for lane in sorted(lanes, key=lambda lane: lane.rank):
        results = await lane.apply(tx, [piece.payload for piece in lanes[lane]])
        outcomes.extend(zip(lanes[lane], results, strict=True))
    return outcomes


async def _alone(tx: Tx, work: Callable[[Tx], Awaitable[Any]]) -> Any:  # noqa: ANN401 -- what the work gives
    mark = tx.mark()
    try:
        async with tx.conn.begin_nested():
            return await work(tx)
    except Exception as error:
        if is_unavailable(error):
            raise
        tx.unwind(mark)
        return error


def _safely(action: Callable[[], None]) -> None:
    """After a commit nothing may fail any more: the work would be taken for undone and be done twice."""
    try:
        action()
    except Exception:
        log.exception("failed after the commit", action="store.commit")


def _answer(future: asyncio.Future[Any], outcome: Any) -> None:  # noqa: ANN401 -- a result or an exception
    if future.done():  # the caller went away
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
