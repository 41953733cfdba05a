"""One process serves a database: two would both send what waits in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.engine import make_url

from gateway.errors import Conflict
from gateway.store.engine import open_reader

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_LOCK = 4_851_202  # any number that no one else uses; see gateway.store.migrate for its neighbour


class InstanceLock:
    """Held from start to stop. The system lets go of it when the process dies, however it dies."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._file: int | None = None
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None

    async def acquire(self) -> None:
        """Raises Conflict when another process holds it."""
        held = self._lock_file() if self._url.startswith("sqlite") else await self._lock_database()
        if not held:
            await self.release()
            raise Conflict(
                "already_served",
                "Another Heliograph process serves this database.",
                remedy="Stop it first, or give this one a database of its own (HELIOGRAPH_DATABASE_URL).",
            )

    async def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    def _lock_file(self) -> bool:
        path = Path(f"{make_url(self._url).database}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    async def _lock_database(self) -> bool:
        self._engine = open_reader(self._url)
        self._connection = await self._engine.connect()
        result = await self._connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK})
        await self._connection.commit()  # the lock is the session's, not the transaction's
        return bool(result.scalar_one())
