"""Opening the database: SQLite as the embedded default, PostgreSQL when grown."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gateway.store.bare import Bare, BarePostgres, BareSqlite
from gateway.store.wal import Wal

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

# The one that writes: its commits are put on the disk, and its log copied, beside it (gateway.store.wal). It waits for
# no lock, which would hold up the event loop: the writer asks again instead.
_WRITING = ("synchronous = NORMAL", "wal_autocheckpoint = 0", "busy_timeout = 0")

# aiosqlite keeps its sqlite3 connection to itself; we made it, so we may remember it.
_RAW: WeakKeyDictionary[aiosqlite.Connection, sqlite3.Connection] = WeakKeyDictionary()

# FULL: a commit is on the disk before it returns (https://www.sqlite.org/pragma.html#pragma_synchronous).
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "journal_size_limit = 67108864",
    "cache_size = -32768",
    "temp_store = MEMORY",
)


# Milliseconds between two statements of a transaction, at most. The server ends one whose process was stopped in the
# middle of it: it holds locks that the others wait for. Less than what a beat may be late (gateway.nodes.leases).
IDLE = 3000

# Hot statements name their rows, so that each is found by an index. The planner does not know: of a table that was
# made a moment ago, as one is for each day, it takes reading the whole for cheaper, and keeps to that until the
# table is analysed (docs/performance.md).
_BY_INDEX = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",  # what is off is only made to look dear, and compiling is for what is dear
}


def is_sqlite(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite"


def path_of(url: str | URL) -> Path:
    """The file of an SQLite database."""
    return Path(make_url(url).database or "")


def file_beside(url: str, suffix: str) -> Path | None:
    """A file that belongs to an SQLite database; None for another database."""
    return Path(f"{path_of(url)}.{suffix}") if url.startswith("sqlite") else None


def open_reader(url: str, *, begin: str = "BEGIN") -> AsyncEngine:
    """Connections for reading, and for migrations. SQLite's wait five seconds for a lock.

    Parameters are hidden, here and below: an error that is logged must not carry numbers and texts.
    """
    engine = create_async_engine(make_url(url), hide_parameters=True, pool_pre_ping=not url.startswith("sqlite"))
    if is_sqlite(engine):
        _prepare_sqlite(engine, begin=begin)
    return engine


def open_writer(url: str) -> AsyncEngine:
    """The one connection of a writer. A pool would only hide that there is one."""
    if not url.startswith("sqlite"):
        options = {"server_settings": {"idle_in_transaction_session_timeout": str(IDLE), **_BY_INDEX}}
        return create_async_engine(make_url(url), hide_parameters=True, poolclass=NullPool, connect_args=options)
    path = make_url(url).database or ""
    engine = create_async_engine(
        make_url(url), hide_parameters=True, poolclass=NullPool, async_creator=lambda: _open_sqlite(path)
    )
    _prepare_sqlite(engine, *_WRITING, begin="BEGIN IMMEDIATE")
    return engine


async def _open_sqlite(path: str) -> aiosqlite.Connection:
    """A connection that its bare driver may also be used of: see ``bare``."""
    raw = sqlite3.connect(path, check_same_thread=False)
    connection = aiosqlite.Connection(lambda: raw, iter_chunk_size=64)
    await connection
    _RAW[connection] = raw
    return connection


async def bare(connection: AsyncConnection) -> Bare:
    """The driver's own connection under one of ``open_writer``."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if connection.dialect.name != "sqlite":
        return BarePostgres(driver)
    return BareSqlite(_RAW[driver], Wal(path_of(connection.engine.url)))


def _prepare_sqlite(engine: AsyncEngine, *more: str, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 -- SQLAlchemy's own signature
        # Python's sqlite3 would begin transactions by its own rules; we begin them ourselves.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*_PRAGMAS, *more):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
