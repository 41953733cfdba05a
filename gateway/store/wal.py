"""The log of an SQLite file: put on the disk outside of the turn, and copied into the database beside the writing.

A commit in ``synchronous=NORMAL`` only hands its pages to the system, which takes microseconds; who waits for it is
answered after ``sync``. One sync serves every commit before it, of any process, and others write meanwhile. So it is as
durable as ``synchronous=FULL`` (https://www.sqlite.org/pragma.html#pragma_synchronous) and holds nobody up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog

from gateway.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.turn import Turn

EVERY = 0.25  # seconds from one copying to the next
LONG = 16_000  # pages of 4 KB: from here the log is copied whole, so that it begins anew
_PATIENCE = 5.0  # seconds for the readers of an old state

log = structlog.get_logger()


class Wal:
    """The log as the one connection that writes sees it. Its calls wait for the disk: for a thread."""

    def __init__(self, path: Path) -> None:
        """``path`` of the database."""
        self._path = path
        self._file: int | None = None
        self._unsure = False

    def sync(self) -> None:
        """Returns when all that was committed before is on the disk.

        After a failed sync a second one may succeed without having written what the first one could not
        (https://lwn.net/Articles/752063/). What then proves it is a copy of the whole log in the database.

        Raises:
            OSError: it is not, as far as anybody knows.
        """
        if not self._unsure:
            try:
                return os.fdatasync(self._opened())
            except OSError:
                log.exception("cannot sync, copying the log", action="store.sync")
                self._unsure = True
        with contextlib.closing(connect(self._path, _PATIENCE)) as connection:
            left = copy(connection, "FULL")[1]
        if left:
            raise OSError("The log could not be copied.")
        self._unsure = False
        return None

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(f"{self._path}-wal", os.O_RDWR | os.O_CLOEXEC)
        return self._file


def connect(path: Path, patience: float = 0.0) -> sqlite3.Connection:
    """For copying the log; of any thread. ``patience`` in seconds for the locks of others.

    Raises:
        OSError: the database cannot be opened.
    """
    try:
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return connection


def copy(connection: sqlite3.Connection, mode: str = "PASSIVE") -> tuple[int, int]:
    """Copy what the log holds into the database: the log's pages, and how many of them are left.

    Raises:
        OSError: the database cannot be read or written.
    """
    try:
        busy, pages, copied = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return max(pages, 0), max(pages - copied, 0, busy)


class Copying:
    """Copies the log as it grows, so that no commit has to.

    Under a steady load the writers are always a little ahead, and a log never begins anew unless it was copied whole:
    when it is long, the rest is copied in a turn of our own.
    """

    def __init__(self, path: Path, turn: Turn) -> None:
        self._path, self._turn = path, turn
        self._grown = False
        self._trouble = ""  # why the last copying failed; "" when it did not
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-copy")

    def grown(self) -> None:
        """Something was committed."""
        self._grown = True

    async def run(self) -> None:
        """Until cancelled. A log that is not copied grows without end, so no trouble is its end."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                if self._grown:
                    await self._try()
        finally:
            self._thread.submit(self._close)  # not while a copying is under way
            self._thread.shutdown(wait=False)
            self._turn.close()

    async def _try(self) -> None:
        self._grown = False
        try:
            await self._copy()
        except (OSError, Unavailable) as error:
            self._grown = True  # it is as long as it was
            self._tell(str(error))
        else:
            self._tell("")

    def _tell(self, trouble: str) -> None:
        """Once when it begins, and once when it ends."""
        if trouble and not self._trouble:
            log.warning("cannot copy the log", action="store.copy", error=trouble)
        elif self._trouble and not trouble:
            log.info("the log is copied again", action="store.copy")
        self._trouble = trouble

    async def _copy(self) -> None:
        pages, _ = await self._in_thread()
        if pages > LONG:
            async with self._turn:
                await self._in_thread()

    async def _in_thread(self) -> tuple[int, int]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._copied)

    def _copied(self) -> tuple[int, int]:
        if self._connection is None:
            self._connection = connect(self._path)
        return copy(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
