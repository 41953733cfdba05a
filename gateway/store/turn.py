"""Taking turns to write an SQLite file: of several processes, one at a time has a transaction open.

SQLite itself only says "locked" and leaves it to the caller to ask again. A lock on a file beside it costs two
microseconds when it is free, wakes the next one when it is not, and is let go of by the system when its holder dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gateway.errors import Unavailable

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

_LONGEST = 10.0  # seconds until whoever waits is told that the database cannot be written; a turn takes milliseconds


class Turn:
    """A turn at a file; ``async with`` it. None of a path for a database that needs no turns."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._waiting: Future[None] | None = None  # for a turn that is not ours yet
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-turn")

    async def __aenter__(self) -> None:
        """Raises Unavailable when the others do not come to an end, OSError when the file cannot be opened."""
        if self._path is None:
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._waiting is None:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            self._waiting = self._thread.submit(fcntl.flock, self._file, fcntl.LOCK_EX)
        await self._wait(self._waiting)
        self._waiting = None

    async def __aexit__(self, *_exception: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        self._thread.shutdown(wait=False)
        if self._file is not None and self._waiting is None:
            os.close(self._file)
            self._file = None

    async def _wait(self, waiting: Future[None]) -> None:
        """It goes on when we give up: the turn is taken up by whoever asks next."""
        try:
            async with asyncio.timeout(_LONGEST):
                await asyncio.shield(asyncio.wrap_future(waiting))
        except TimeoutError:
            raise Unavailable("Another process holds the database.") from None
