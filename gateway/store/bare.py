"""The drivers themselves, for the hot path: what SQLAlchemy would add to each statement is ten times its cost.

SQLite's statements run on the event loop's own thread: each takes microseconds, and handing it to another thread
takes tens. Only what waits for the disk runs elsewhere (docs/performance.md has the figures).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from gateway.store.wal import Wal


class Bare(Protocol):
    """A driver's connection. One transaction at a time; what is committed is on the disk after ``durable``."""

    async def begin(self) -> None: ...
    async def commit(self) -> None: ...
    async def durable(self) -> None: ...
    async def rollback(self) -> None: ...
    async def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None: ...
    async def rows(self, sql: str, params: Sequence[Any]) -> list[Any]: ...
    def close(self) -> None: ...


class BareSqlite:
    """A connection made with ``check_same_thread=False`` and without transactions of its own."""

    def __init__(self, connection: sqlite3.Connection, wal: Wal) -> None:
        self._connection, self._wal = connection, wal
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="sqlite-sync")

    async def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    async def commit(self) -> None:
        self._connection.execute("COMMIT")

    async def durable(self) -> None:
        """Raises OSError when the disk does not take it."""
        await asyncio.get_running_loop().run_in_executor(self._disk, self._wal.sync)

    async def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.executemany(sql, rows)

    async def rows(self, sql: str, params: Sequence[Any]) -> list[Any]:
        return self._connection.execute(sql, params).fetchall()

    def close(self) -> None:
        self._disk.submit(self._wal.close)
        self._disk.shutdown(wait=False)


class BarePostgres:
    """An asyncpg connection."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 -- asyncpg has no type information
        self._connection = connection
        self._transaction: Any = None

    async def begin(self) -> None:
        self._transaction = self._connection.transaction()
        await self._transaction.start()

    async def commit(self) -> None:
        await self._transaction.commit()

    async def durable(self) -> None:
        """A commit is (``synchronous_commit``)."""

    async def rollback(self) -> None:
        if self._transaction is not None and not self._connection.is_closed():
            await self._transaction.rollback()

    async def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        await self._connection.executemany(sql, rows)

    async def rows(self, sql: str, params: Sequence[Any]) -> list[Any]:
        return list(await self._connection.fetch(sql, *params))

    def close(self) -> None:
        """The engine closes the connection."""
