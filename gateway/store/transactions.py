"""One transaction on the connection that writes: begun, ended, and whose fault it is when that fails."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.errors import GatewayError, InDoubt, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.bare import Bare

R = TypeVar("R")

LOCKED_TRIES, LOCKED_WAIT = 500, 0.01  # five seconds


@contextlib.asynccontextmanager
async def by_driver(bare: Bare) -> AsyncIterator[None]:
    """A transaction of hot statements only."""
    await _unlocked(bare.begin)
    try:
        yield
        await _surely(bare.commit)
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong before is what counts
            await bare.rollback()
        raise


@contextlib.asynccontextmanager
async def by_sqlalchemy(connection: AsyncConnection) -> AsyncIterator[None]:
    """A transaction of any statements."""
    transaction = await _unlocked(connection.begin)
    try:
        if connection.dialect.name != "sqlite":
            # SQLAlchemy begins with its first statement; the bare driver must not run before that.
            await connection.execute(text("SELECT 1"))
        yield
        await _surely(transaction.commit)
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong before is what counts
            await transaction.rollback()
        raise


async def _surely(commit: Callable[[], Awaitable[None]]) -> None:
    """Raises InDoubt when the connection ends before the answer comes. SQLite answers always."""
    try:
        await commit()
    except Exception as error:
        if is_unavailable(error) and not isinstance(getattr(error, "orig", error), sqlite3.Error):
            raise InDoubt("The database was lost while it stored this.") from error
        raise


async def _unlocked(begin: Callable[[], Awaitable[R]]) -> R:
    """Begin; while another process (the command line) writes to an SQLite file, ask again for some seconds."""
    for _ in range(LOCKED_TRIES):
        try:
            return await begin()
        except Exception as error:
            if "database is locked" not in str(error):
                raise
        await asyncio.sleep(LOCKED_WAIT)
    return await begin()


def is_unavailable(error: BaseException) -> bool:
    """Whether the database, and not what was asked of it, is at fault: down, full, read-only, locked."""
    if isinstance(error, GatewayError):
        return isinstance(error, Unavailable)
    if isinstance(error, IntegrityError):
        return False
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_unavailable(error.orig or error)
    if isinstance(error, sqlite3.Error):
        # SQLITE_ERROR is a statement that cannot be; all others say that the file cannot be read or written now.
        return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is not None:  # 08 connection, 53 resources, 57 operator, 25006 read-only (PostgreSQL appendix A)
        return str(sqlstate).startswith(("08", "53", "57", "58", "25006"))
    # asyncpg's InternalClientError: the connection was lost while it began the next statement, and is of no use now.
    broken = "Interface" in type(error).__name__ or type(error).__name__ == "InternalClientError"
    return broken or isinstance(error, (OSError, ConnectionError, TimeoutError))


def describe(error: BaseException) -> str:
    """Its kind and its first line: what follows may be a statement."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
