"""Buckets for the processes of one host: a table in a file that each of them has mapped into its memory.

A bucket is looked for in the few slots that follow from its key. A full one is as good as none, so its slot may be
taken by another key. A process that dies in between has changed one number, or has not.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import mmap
import os
import struct
from typing import TYPE_CHECKING

from gateway.meeting import enter
from gateway.throttle.base import SET_BACK, Bought, ThrottleError, granted, wait_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.throttle.base import Want

_SLOT = struct.Struct("<16sdd")  # hash of the key, when the bucket is full, when that was written
_SLOTS = 65_536
_NEAR = 32  # slots in which a key may be
_FREE = bytes(16)
_TRIES, _PAUSE = 20, 0.001  # for the lock, which is held for microseconds: by a process that was stopped, for longer


class FileBuckets:
    """``Buckets`` in a file, or without a path in memory of one process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: int | None = None
        self._table: mmap.mmap | None = None if path else mmap.mmap(-1, _SLOT.size * _SLOTS)

    async def buy(self, wants: Sequence[Want], now: float) -> Bought:
        try:
            table = self._table or self._open()
            await self._lock()
        except OSError as error:
            raise ThrottleError(f"the shared buckets cannot be reached: {type(error).__name__}") from error
        try:
            return _buy(table, wants, now)
        finally:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    async def close(self) -> None:
        if self._table is not None:
            self._table.close()
            self._table = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> mmap.mmap:
        if self._path is None:
            raise ThrottleError("these buckets are closed")
        enter(self._path.parent)
        self._file = self._file or os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        os.ftruncate(self._file, _SLOT.size * _SLOTS)  # the same for all: nothing that is there is cut off
        self._table = mmap.mmap(self._file, _SLOT.size * _SLOTS)
        return self._table

    async def _lock(self) -> None:
        """From here on nothing is waited for: the lock is the process's, not a task's."""
        if self._file is None:
            return
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(_PAUSE)
            else:
                return
        raise ThrottleError("another process holds the shared buckets")


def _buy(table: mmap.mmap, wants: Sequence[Want], now: float) -> Bought:
    keys = [hashlib.blake2b(one.key.encode(), digest_size=16).digest() for one in wants]
    full = [_full_at(table, key, now) for key in keys]
    wait = max(wait_of(full_at, one, now) for full_at, one in zip(full, wants, strict=True))
    if wait > 0:
        return Bought(wait)
    counts = [granted(full_at, one, now) for full_at, one in zip(full, wants, strict=True)]
    for key, full_at, one, count in zip(keys, full, wants, counts, strict=True):
        at = _slot_for(table, key, now)
        _SLOT.pack_into(table, at, key, max(full_at, now) + count / one.rate, now)
    return Bought(0.0, tuple(counts))


def _full_at(table: mmap.mmap, key: bytes, now: float) -> float:
    return next((full_at for _, held, full_at in _near(table, key, now) if held == key), now)


def _slot_for(table: mmap.mmap, key: bytes, now: float) -> int:
    """The key's own slot, else one that nobody needs, else that of the bucket which is full first."""
    near = list(_near(table, key, now))
    own = next((at for at, held, _ in near if held == key), None)
    return min(near, key=lambda slot: slot[2])[0] if own is None else own


def _near(table: mmap.mmap, key: bytes, now: float) -> Iterator[tuple[int, bytes, float]]:
    """Where, whose and when full: the slots of a key, up to one that was never used. It is never behind that.

    A time that was written later than now is from before the clock was set back: it says nothing.
    """
    first = int.from_bytes(key[:4], "little")
    for number in range(first, first + _NEAR):
        at = number % _SLOTS * _SLOT.size
        held, full_at, written_at = _SLOT.unpack_from(table, at)
        yield at, held, full_at if written_at <= now + SET_BACK else 0.0
        if held == _FREE:
            return
