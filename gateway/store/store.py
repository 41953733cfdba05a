"""The store: one writer, any number of readers."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.engine import make_url

from gateway.errors import Unavailable
from gateway.store.engine import is_sqlite, open_reader, open_writer
from gateway.store.writer import Writer, is_unavailable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.writer import Lane, Tx

P = TypeVar("P")
R = TypeVar("R")


class Store:
    """What the rest of the gateway asks the database by."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite"):
            Path(make_url(url).database or ".").parent.mkdir(parents=True, exist_ok=True)
        self.url = url
        self.reader = open_reader(url)
        self.writer = Writer(open_writer(url))

    @property
    def sqlite(self) -> bool:
        return is_sqlite(self.reader)

    def start(self) -> None:
        self.writer.start()

    async def close(self) -> None:
        await self.writer.close()
        await self.reader.dispose()

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading one consistent state.

        Raises:
            Unavailable: the database cannot be reached.
        """
        try:
            async with self.reader.connect() as connection:
                yield connection
        except Exception as error:
            if is_unavailable(error) and not isinstance(error, Unavailable):
                raise Unavailable("The database cannot be read.") from error
            raise

    async def write(self, work: Callable[[Tx], Awaitable[R]]) -> R:
        return await self.writer.write(work)

    def submit(self, lane: Lane[P, R], payload: P) -> asyncio.Future[R]:
        return self.writer.submit(lane, payload)
