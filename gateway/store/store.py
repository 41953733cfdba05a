"""The store: one writer, on PostgreSQL a second one for what goes out, and any number of readers."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.errors import Unavailable
from gateway.store.engine import file_beside, is_sqlite, open_reader, open_writer, path_of
from gateway.store.hot import listed
from gateway.store.peek import Peek
from gateway.store.transactions import is_unavailable
from gateway.store.turn import Turn
from gateway.store.wal import Copying
from gateway.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.hot import Hot
    from gateway.store.writer import Lane, Tx

LEAST_FREE = 1024 * 1024  # octets

P = TypeVar("P")
R = TypeVar("R")


class Store:
    """What the rest of the gateway asks the database by."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite"):
            path_of(url).parent.mkdir(parents=True, exist_ok=True)
        self.url = url
        self.reader = open_reader(url)
        self.writer = Writer(open_writer(url), Turn(file_beside(url, "turn")))
        # PostgreSQL works on two transactions at once: what goes out does not wait for what is accepted.
        self.outward = self.writer if self.sqlite else Writer(open_writer(url), Turn(None))
        self._copying: asyncio.Task[None] | None = None
        self._peek = Peek(url)

    @property
    def sqlite(self) -> bool:
        return is_sqlite(self.reader)

    @property
    def _writers(self) -> set[Writer]:
        return {self.writer, self.outward}

    def on_commit(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called after every commit, after those who waited for it."""
        for writer in self._writers:
            writer.on_commit = tell

    @property
    def full(self) -> bool:
        """Whether the disk under an SQLite file has no room for new rows; old ones may still be changed there."""
        return self.sqlite and shutil.disk_usage(path_of(self.url).parent).free < LEAST_FREE

    def start(self) -> None:
        for writer in self._writers:
            writer.start()
        if self.sqlite:
            # A turn of its own: the lock is its file's, so with the writer's both would have the turn at once.
            copying = Copying(path_of(self.url), Turn(file_beside(self.url, "turn")))
            self._copying = asyncio.create_task(copying.run(), name="store-copying")

    async def close(self) -> None:
        await asyncio.gather(*(writer.close() for writer in self._writers))
        if self._copying:
            self._copying.cancel()
            await asyncio.wait([self._copying])
        await self._peek.close()
        await self.reader.dispose()

    async def peek(self, hot: Hot, *params: Any) -> list[Any]:  # noqa: ANN401 -- driver values
        """Run a hot statement that only reads: for what is looked up many times a second.

        Raises:
            Unavailable: the database cannot be reached.
        """
        return await self._peek.rows(hot, *params)

    def listed(self, values: Iterable[str]) -> Any:  # noqa: ANN401 -- see gateway.store.hot.listed
        return listed(values, self.reader.dialect)

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
        return (self.outward if lane.outward else self.writer).submit(lane, payload)
