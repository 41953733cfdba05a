"""Fills a store with finished messages, as years of service would: for runs against a store of some size.

python prefill.py --stored 1000000                 build/stores/sqlite-1000000
python prefill.py --stored 1000000 --postgres      build/stores/postgres-1000000
python prefill.py --stored 20000 --dir DIR

Each message has its parts and four events (accepted, tried again, submitted, final); see history.py. Goes on where it
was stopped, and does nothing when the store is full. A store may be used for many runs: each adds what it sends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
import benchlib as lib
from history import DAYS, INSERTS, TABLES, History
from instance import open_database
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateIndex, DropIndex

from gateway.app import now_micros
from gateway.store import partitions
from gateway.store.engine import open_reader
from gateway.store.times import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.store.hot import Hot

STORES = lib.BUILD / "stores"
PLAN, FULL = "prefill.json", "prefill.full"  # what a folder is being filled with; there when it is
BLOCK = 10_000  # messages in one transaction
OCTETS = 4_000  # room that a message may take, with what its index needs while it is made


class Sink(Protocol):
    """A database that takes rows in bulk."""

    async def make_days(self, plan: History) -> None: ...
    async def execute(self, statement: str) -> None: ...
    async def count(self) -> int: ...
    async def write(self, block: Iterable[tuple[Hot, Sequence[tuple[Any, ...]]]]) -> None: ...
    async def close(self) -> None: ...


class SqliteSink:
    """Not synchronous: what is written survives this program's end, if not the machine's."""

    dialect: Any = sqlite.dialect()
    last = "PRAGMA wal_checkpoint(TRUNCATE)"

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "cache_size = -262144"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._sql = {hot.name: hot.compile(self.dialect) for hot in INSERTS}

    async def make_days(self, plan: History) -> None:
        """SQLite keeps all days in one table."""

    async def execute(self, statement: str) -> None:
        self._connection.execute(statement)

    async def count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM messages").fetchone()[0])

    async def write(self, block: Iterable[tuple[Hot, Sequence[tuple[Any, ...]]]]) -> None:
        self._connection.execute("BEGIN")
        for hot, rows in block:
            self._connection.executemany(self._sql[hot.name], rows)
        self._connection.execute("COMMIT")

    async def close(self) -> None:
        self._connection.close()


class PostgresSink:
    """COPY, by one connection."""

    dialect: Any = postgresql.dialect()
    last = "VACUUM (ANALYZE) messages, parts, events"

    def __init__(self, url: str, connection: Any) -> None:
        self._url, self._connection = url, connection

    async def make_days(self, plan: History) -> None:
        engine = open_reader(self._url)
        for at in range(plan.until - (DAYS + 1) * DAY, plan.until, partitions.AHEAD * DAY):
            await partitions.make_ahead(engine, at, most=None)
        await engine.dispose()

    async def execute(self, statement: str) -> None:
        await self._connection.execute(statement, timeout=None)

    async def count(self) -> int:
        return int(await self._connection.fetchval("SELECT count(*) FROM messages"))

    async def write(self, block: Iterable[tuple[Hot, Sequence[tuple[Any, ...]]]]) -> None:
        async with self._connection.transaction():
            for table, (hot, rows) in zip(TABLES, block, strict=True):
                await self._connection.copy_records_to_table(table.name, records=rows, columns=hot.params)

    async def close(self) -> None:
        await self._connection.close()


def folder_of(stored: int, *, on_postgres: bool) -> Path:
    """Where a store of that size is kept."""
    return STORES / f"{'postgres' if on_postgres else 'sqlite'}-{stored}"


def fill(folder: Path, stored: int, *, on_postgres: bool) -> None:
    """Fills the database of a folder, unless it is full."""
    plan = _plan(folder, stored)
    if (folder / FULL).exists():
        return
    if (free := shutil.disk_usage(folder).free) < stored * OCTETS:
        raise lib.BenchError(f"{stored:,} messages take {stored * OCTETS >> 30} GB; {folder} has {free >> 30}")
    with open_database(folder, on_postgres=on_postgres) as database:
        asyncio.run(_fill(database.url, plan))
        _say(f"{stored:,} messages in {folder}: {database.stored() / max(1, stored):,.0f} octets each")
    (folder / FULL).touch()


def _plan(folder: Path, stored: int) -> History:
    """What the folder was to be filled with when the first fill began; a new one otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / PLAN
    if not file.exists():
        file.write_text(json.dumps(asdict(History(stored, now_micros()))))
    plan = History(**json.loads(file.read_text()))
    if plan.stored != stored:
        raise lib.BenchError(f"{folder} was prefilled with {plan.stored:,} messages, not {stored:,}")
    return plan


async def _fill(url: str, plan: History) -> None:
    sink = await _open(url)
    try:
        await sink.make_days(plan)
        indexes = sorted((index for table in TABLES for index in table.indexes), key=lambda index: str(index.name))
        for index in indexes:  # made at the end, sorted: many times as fast as row by row
            await sink.execute(str(DropIndex(index, if_exists=True).compile(dialect=sink.dialect)))
        await _write(sink, plan)
        for index in indexes:
            _say(f"index {index.name}")
            await sink.execute(str(CreateIndex(index).compile(dialect=sink.dialect)))
        await sink.execute(sink.last)
    finally:
        await sink.close()


async def _open(url: str) -> SqliteSink | PostgresSink:
    if url.startswith("sqlite"):
        return SqliteSink(url)
    parts = make_url(url)
    settings = {"synchronous_commit": "off", "maintenance_work_mem": "512MB"}
    connection = await asyncpg.connect(
        host=parts.query["host"], user=parts.username, database=parts.database, server_settings=settings
    )
    return PostgresSink(url, connection)


async def _write(sink: Sink, plan: History) -> None:
    first, began = await sink.count(), time.monotonic()
    for start in range(first, plan.stored, BLOCK):
        last = min(plan.stored, start + BLOCK)
        await sink.write(plan.block(start, last))
        if last % (BLOCK * 10) == 0 or last == plan.stored:
            _say(f"{last:,} of {plan.stored:,}, {(last - first) / (time.monotonic() - began):,.0f} a second")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, required=True, help="messages")
    parser.add_argument("--postgres", action="store_true", help="a private PostgreSQL instead of SQLite")
    parser.add_argument("--dir", type=Path, help="folder of the database (below build/stores)")
    args = parser.parse_args()
    folder = args.dir or folder_of(args.stored, on_postgres=args.postgres)
    fill(folder.resolve(), args.stored, on_postgres=args.postgres)


if __name__ == "__main__":
    lib.run(main)
