"""Opening the database: SQLite as the embedded default, PostgreSQL when grown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# FULL: a commit is on the disk before it returns (https://www.sqlite.org/pragma.html#pragma_synchronous).
# A checkpoint each 16 MB instead of each 4: fewer pauses, and still a small log.
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 5000",
    "wal_autocheckpoint = 4000",
    "journal_size_limit = 67108864",
    "cache_size = -32768",
    "temp_store = MEMORY",
)


def is_sqlite(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite"


def open_reader(url: str) -> AsyncEngine:
    """Connections for reading, and for migrations."""
    engine = create_async_engine(make_url(url), pool_pre_ping=not url.startswith("sqlite"))
    if is_sqlite(engine):
        _prepare_sqlite(engine, begin="BEGIN")
    return engine


def open_writer(url: str) -> AsyncEngine:
    """The one connection that writes. A pool would only hide that there is one."""
    engine = create_async_engine(make_url(url), poolclass=NullPool)
    if is_sqlite(engine):
        _prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
    return engine


def _prepare_sqlite(engine: AsyncEngine, *, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:  # noqa: ANN401 -- SQLAlchemy's own signature
        # Python's sqlite3 would begin transactions by its own rules; we begin them ourselves.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
