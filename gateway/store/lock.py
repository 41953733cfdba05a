"""Whether any process serves an SQLite database: each holds a lock on a file beside it, shared with the others.

The first to come gets the lock alone, and may settle what dead processes have left. PostgreSQL needs none of it:
there the dead are known by their silence (gateway.nodes.leases).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING

from gateway.errors import Unavailable
from gateway.store.engine import file_beside

if TYPE_CHECKING:
    from pathlib import Path

_ASK_EVERY = 0.05  # seconds
_LONGEST = 30.0  # seconds for the first one to settle what it finds


class Presence:
    """Held from start to stop. The system lets go of it when the process dies, however it dies."""

    def __init__(self, url: str) -> None:
        self._path: Path | None = file_beside(url, "lock")
        self._file: int | None = None

    async def arrive(self) -> bool:
        """Be present. True for the first: the others wait until it says ``settled``.

        Raises:
            Unavailable: the first one does not come to an end.
            OSError: the file cannot be opened.
        """
        if self._path is None:
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _locked(self._file, fcntl.LOCK_EX):
            return True
        await self._share(self._file)
        return False

    async def settled(self) -> None:
        """Let the others in."""
        if self._file is not None:
            await self._share(self._file)

    def leave(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def _share(self, file: int) -> None:
        until = asyncio.get_running_loop().time() + _LONGEST
        while not _locked(file, fcntl.LOCK_SH):
            if asyncio.get_running_loop().time() > until:
                raise Unavailable("Another process is starting on this database and does not come to an end.")
            await asyncio.sleep(_ASK_EVERY)


def is_served(url: str) -> bool:
    """Whether a process is present. The lock is taken for a moment to find out, and only where it is there to take."""
    path = file_beside(url, "lock")
    if path is None or not path.exists():
        return False
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return not _locked(file, fcntl.LOCK_EX)
    finally:
        os.close(file)


def _locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
