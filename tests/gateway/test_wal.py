"""SQLite's log: nobody is answered before the disk has it, and it is copied into the database beside the writing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from gateway.errors import InDoubt, Unavailable
from gateway.store import repeat, wal
from gateway.store.migrate import upgrade
from gateway.store.store import Store
from gateway.store.tables_consent import opt_out_lists
from gateway.store.turn import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from gateway.store.writer import Tx


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heliograph.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    url = f"sqlite+aiosqlite:///{path}"
    await upgrade(url)
    opened = Store(url)
    opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that takes nothing until the event is set."""
    ready, sync = threading.Event(), os.fdatasync

    def slow(file: int) -> None:
        ready.wait(30)
        sync(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    yield ready
    ready.set()


async def keep(store: Store, name: str) -> str:
    async def work(tx: Tx) -> str:
        await tx.conn.execute(insert(opt_out_lists).values(account_id="main", name=name, created_at=1))
        return name

    return await store.write(work)


async def names_in(store: Store) -> set[str]:
    async with store.reading() as connection:
        return set((await connection.execute(select(opt_out_lists.c.name))).scalars())


async def seen(store: Store, name: str) -> None:
    async with asyncio.timeout(10):
        while name not in await names_in(store):  # noqa: ASYNC110 -- another connection's commit has no event
            await asyncio.sleep(0)


async def test_nobody_is_answered_before_the_disk_has_it(store: Store, disk: threading.Event) -> None:
    first = asyncio.ensure_future(keep(store, "first"))
    await seen(store, "first")
    second = asyncio.ensure_future(keep(store, "second"))
    await seen(store, "second")  # others go on writing while the disk is slow
    assert not first.done()
    assert not second.done()
    disk.set()
    assert [await first, await second] == ["first", "second"]


async def test_a_stop_waits_for_the_disk(store: Store, disk: threading.Event) -> None:
    first = asyncio.ensure_future(keep(store, "first"))
    await seen(store, "first")
    closing_store = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    assert not closing_store.done()
    disk.set()
    assert await first == "first"
    await closing_store


def failing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk whose first sync fails; the calls."""
    calls: list[int] = []

    def fail(file: int) -> None:
        calls.append(file)
        if len(calls) == 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    return calls


async def test_after_a_failed_sync_only_a_copy_of_the_whole_log_counts(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = failing(monkeypatch)
    assert await keep(store, "first") == "first"
    assert len(calls) == 1
    assert wal.copy(path)[1] == 0
    assert await keep(store, "second") == "second"
    assert len(calls) == 2


async def test_what_neither_the_log_nor_the_database_took_is_in_doubt(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, whole = failing(monkeypatch), wal.copy
    monkeypatch.setattr(wal, "copy", lambda _path, mode="PASSIVE", _patience=0: (9, 1) if mode == "FULL" else (9, 0))
    with pytest.raises(InDoubt):
        await keep(store, "first")
    with pytest.raises(InDoubt):
        await keep(store, "second")
    assert store.writer.trouble
    assert len(calls) == 1, "a sync that follows a failed one proves nothing"
    monkeypatch.setattr(wal, "copy", whole)
    assert await keep(store, "third") == "third"
    assert store.writer.trouble == ""


async def test_a_log_that_was_copied_whole_begins_anew(store: Store, path: Path) -> None:
    for number in range(20):
        await keep(store, f"n{number}")
    pages, left = wal.copy(path)
    assert left == 0
    await keep(store, "after")
    assert wal.copy(path)[0] < pages


async def test_a_long_log_is_copied_in_a_turn_when_it_has_grown(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "LONG", 0)
    await keep(store, "first")
    turn = BusyTurn(0)
    one = wal.Copying(path, turn)
    await one.tick()
    await one.tick()
    assert turn.asked == 1
    await keep(store, "second")
    await keep(store, "third")
    await one.tick()
    assert turn.asked == 2


def test_a_database_that_cannot_be_copied_into_says_so(path: Path) -> None:
    path.write_text("This is none. " * 100)
    with pytest.raises(OSError, match="not a database"):
        wal.copy(path)


class BusyTurn(Turn):
    """One that others do not let go of, the first times that it is asked for."""

    def __init__(self, busy: int) -> None:
        super().__init__(None)
        self.busy, self.asked = busy, 0

    async def __aenter__(self) -> None:
        self.asked += 1
        if self.asked <= self.busy:
            raise Unavailable("Another process holds the database.")


@contextlib.asynccontextmanager
async def copying(path: Path, turn: Turn) -> AsyncIterator[None]:
    task = asyncio.create_task(wal.Copying(path, turn).run())
    yield
    task.cancel()
    await asyncio.wait([task])


def told(logs: list[dict[str, Any]]) -> list[str]:
    return [line["log_level"] for line in logs if line["action"] == "store.copy"]


async def until_told(logs: list[dict[str, Any]], count: int) -> None:
    async with asyncio.timeout(10):
        while len(told(logs)) < count:  # noqa: ASYNC110 -- it copies in a task of its own
            await asyncio.sleep(0.005)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "EVERY", 0.001)
    monkeypatch.setattr(repeat, "RETRY", 0.001)
    monkeypatch.setattr(wal, "LONG", 0)


@pytest.mark.usefixtures("quick")
async def test_copying_goes_on_after_a_turn_that_it_did_not_get_and_tells_of_it_once(store: Store, path: Path) -> None:
    await keep(store, "first")
    turn = BusyTurn(3)
    with capture_logs() as logs:
        async with copying(path, turn):
            await until_told(logs, 2)
    assert told(logs) == ["warning", "info"]
    assert turn.asked == 4


@pytest.mark.usefixtures("quick")
async def test_copying_goes_on_after_a_database_that_could_not_be_opened(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with capture_logs() as logs:
        async with copying(folder / "heliograph.db", BusyTurn(0)):
            await until_told(logs, 1)
            folder.mkdir()
            await until_told(logs, 2)
    assert told(logs) == ["warning", "info"]
