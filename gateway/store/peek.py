"""Small look-ups that are made many times a second: by the bare driver, on a connection of their own.

Through SQLAlchemy's pool each crosses threads several times, and every request would wait for that
(docs/performance.md).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from gateway.errors import Unavailable
from gateway.store.engine import bare, open_writer
from gateway.store.transactions import is_unavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.bare import Bare
    from gateway.store.hot import Hot


class Peek:
    """Opens at the first look-up, and again after a failure."""

    def __init__(self, url: str) -> None:
        self._engine = open_writer(url)
        self._connection: AsyncConnection | None = None
        self._bare: Bare | None = None
        self._compiled: dict[str, str] = {}
        self._lock = asyncio.Lock()  # asyncpg runs one statement at a time

    async def rows(self, hot: Hot, *params: Any) -> list[Any]:  # noqa: ANN401 -- driver values
        """Raises Unavailable when the database cannot be reached."""
        async with self._lock:
            try:
                return await (await self._open()).rows(self._sql(hot), params)
            except BaseException as error:
                await self._drop()  # in whatever state it is now
                if not is_unavailable(error):
                    raise
                raise Unavailable("The database cannot be read.") from error

    async def close(self) -> None:
        await self._drop()
        await self._engine.dispose()

    async def _open(self) -> Bare:
        if self._bare is None:
            self._connection = await self._engine.connect()
            self._bare = await bare(self._connection)
        return self._bare

    async def _drop(self) -> None:
        driver, self._bare = self._bare, None
        connection, self._connection = self._connection, None
        if driver is not None:
            driver.close()
        if connection is not None:
            with contextlib.suppress(Exception):  # it is broken already
                await connection.close()

    def _sql(self, hot: Hot) -> str:
        sql = self._compiled.get(hot.name)
        if sql is None:
            sql = self._compiled[hot.name] = hot.compile(self._engine.dialect)
        return sql
