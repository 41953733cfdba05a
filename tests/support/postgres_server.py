"""A real PostgreSQL of a test's own that may be stopped, as by kill -9 too, and started again."""

from __future__ import annotations

import asyncio
import tempfile
import warnings
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

with warnings.catch_warnings():
    # Without a desktop there is no XDG_RUNTIME_DIR, and platformdirs says so when pgserver asks it for a folder.
    warnings.simplefilter("ignore")
    import pgserver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_DATABASE = "heliograph"
# Nothing here has to live through a power cut, but commits do through a crash: synchronous_commit stays on.
_SETTINGS = ("fsync = off", "full_page_writes = off", "max_connections = 100")


class PostgresServer:
    """Use ``running_postgres``."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@/{_DATABASE}?host={self._socket}"

    async def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """``fast`` rolls back what is under way; ``immediate`` ends every process at once, as a crash does."""
        words = ["-w", "-m", how, "stop"]
        await asyncio.to_thread(pgserver.pg_ctl, words, pgdata=self._server.pgdata, user=self._server.system_user)

    async def start(self) -> None:
        """Start it again; returns when it takes connections."""
        await asyncio.to_thread(self._server.ensure_postgres_running)

    async def restart(self, how: Literal["fast", "immediate"] = "fast") -> None:
        await self.stop(how)
        await self.start()


@asynccontextmanager
async def running_postgres() -> AsyncIterator[PostgresServer]:
    """A server with an empty database, in a folder outside of pytest's (see tests/gateway/conftest.py)."""
    folder = tempfile.mkdtemp(prefix="heliograph-postgres-")
    server = await asyncio.to_thread(pgserver.get_server, folder, cleanup_mode="delete")
    try:
        for setting in _SETTINGS:
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql(f"CREATE DATABASE {_DATABASE};")
        one = PostgresServer(server)
        await one.restart()
        yield one
    finally:
        await asyncio.to_thread(server.cleanup)
