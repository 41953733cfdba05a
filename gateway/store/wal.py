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
from typing import TYPE_CHECKING

import structlog

from gateway.store.repeat import repeat

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.turn import Turn

EVERY = 0.25  # seconds from one copying to the next
LONG = 16_000  # pages of 4 KB: from here the log is copied whole, so that it begins anew
_PATIENCE = 5.0  # seconds for the readers of an old state, and for who opens the file at this moment

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
        if not self._unsure and self._synced():
            return
        self._unsure = True
        if copy(self._path, "FULL")[1]:
            raise OSError("The log could not be copied.")
        self._unsure = False

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _synced(self) -> bool:
        try:
            os.fdatasync(self._opened())
        except OSError:
            log.exception("cannot sync, copying the log", action="store.sync")
            return False
        return True

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(f"{self._path}-wal", os.O_RDWR | os.O_CLOEXEC)
        return self._file


def copy(path: Path, mode: str = "PASSIVE", patience: float = _PATIENCE) -> tuple[int, int]:
    """Copy what the log holds into the database: the log's pages, and how many of them are left.

    ``patience`` in seconds for the locks of others.

    Raises:
        OSError: the database cannot be read or written.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
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
        self._whole = 0  # pages of the log when it was copied whole: while it has no others, nothing was written

    async def run(self) -> None:
        """Until cancelled. A log that is not copied grows without end, so no trouble is its end."""
        try:
            await repeat(self.tick, every=EVERY, action="store.copy")
        finally:
            self._turn.close()

    async def tick(self) -> None:
        """Once.

        Raises:
            OSError: the database cannot be read or written.
            Unavailable: the others do not come to an end.
        """
        pages, _ = await asyncio.to_thread(copy, self._path)
        if pages > LONG and pages != self._whole:
            async with self._turn:
                self._whole, _ = await asyncio.to_thread(copy, self._path)
