"""A Heliograph of our own to measure: its database and configuration, `heliograph serve`, and the SMSC it is bound to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import benchlib as lib
import servers
from history import CONNECTOR, COUNTRY, PROMOTER, SENDER
from processes import tree
from smscctl import Smsc

from gateway.app import now_micros
from gateway.config import Settings
from gateway.model import DEFAULT_ACCOUNT, IdentityKind, MessageType
from gateway.resources import accounts, api_keys, connectors, event_destinations, phone_numbers, routes
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.store import migrate, tables, tables_access, tables_numbers
from gateway.store.engine import open_reader
from gateway.store.secrets import Vault
from gateway.store.store import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from servers import Server

KEY_FILE = "bench.key"
NUMBERS = {SENDER: MessageType.TRANSACTIONAL, PROMOTER: MessageType.PROMOTIONAL}
# Made anew for each run on a store that is used again: its ports may be others. Those that refer to others first.
CONFIGURATION = (
    tables.routes,
    tables.connectors,
    tables_numbers.phone_numbers,
    tables.event_retries,
    tables.event_destinations,
    tables_access.api_keys,
)


@dataclass(frozen=True)
class Setup:
    """What shall run.

    Attributes:
        http: port of its HTTP server.
        smpp: port of the SMSC.
        sink: port that webhooks go to.
        ctl: control port of the SMSC.
        window: submits without response.
        events_batch: webhook events in one request.
        receipts: a webhook hears of deliveries.
        processes: of `heliograph serve`.
        postgres: PostgreSQL instead of SQLite.
        redis: Redis instead of the queue in memory.
        connector_rate: parts a second that the connector may send; None is no limit.
        smsc_seconds: the SMSC ends by itself after so long.
    """

    http: int = 8089
    smpp: int = 2775
    sink: int = 2781
    ctl: int = 2780
    window: int = 300
    events_batch: int = 100
    receipts: bool = True
    processes: int = 1
    postgres: bool = False
    redis: bool = False
    connector_rate: float | None = None
    smsc_seconds: float = 3600

    @property
    def store(self) -> str:
        """Short name of what it runs on."""
        return f"{'postgres' if self.postgres else 'sqlite'}{' + redis' if self.redis else ''}"


@dataclass(frozen=True)
class Instance:
    """A running gateway and what is around it."""

    smsc: Smsc
    gateway: Gateway
    secret: str
    database: Server
    servers: Mapping[str, int] = field(default_factory=dict)  # process of each, by name

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


class Gateway:
    """`heliograph serve` on a folder of its own."""

    def __init__(self, setup: Setup, folder: Path, database_url: str, queue_url: str) -> None:
        self.url = f"http://127.0.0.1:{setup.http}"
        self._log = folder / "serve.log"
        self._command = [sys.executable, "-m", "gateway", "serve"]
        if setup.processes > 1:
            self._command += ["--processes", str(setup.processes)]
        self._environment = {
            "HELIOGRAPH_DATA_DIR": str(folder),
            "HELIOGRAPH_DATABASE_URL": database_url,
            "HELIOGRAPH_QUEUE_URL": queue_url,
            "HELIOGRAPH_PORT": str(setup.http),
            "HELIOGRAPH_SIMULATOR": "false",
            "HELIOGRAPH_ALLOW_PRIVATE_WEBHOOKS": "true",
            "HELIOGRAPH_LOG_LEVEL": "WARNING",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("a") as log:
            self.process = lib.start(
                self._command, cwd=lib.ROOT, env=os.environ | self._environment, stdout=log, stderr=log
            )
        lib.wait_until(self._ready, 120, "heliograph")

    def command(self, *words: str) -> str:
        """What `heliograph WORDS` prints."""
        command = [sys.executable, "-m", "gateway", *words]
        return subprocess.run(
            command, cwd=lib.ROOT, env=os.environ | self._environment, check=True, capture_output=True, text=True
        ).stdout

    def _ready(self) -> bool:
        if not self.alive:
            raise lib.BenchError(f"heliograph ended at once: see {self._log}\n{self._log.read_text()[-2000:]}")
        try:
            lib.get(f"{self.url}/readyz", timeout=2)
        except OSError:
            return False
        return True

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pids(self) -> list[int]:
        return [self.process.pid] if self.process else []

    def stop(self) -> None:
        family = tree(self.pids)
        lib.stop(self.process, 60)
        for pid in family:  # none is left, unless the first one had to be killed
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def open_database(folder: Path, *, on_postgres: bool) -> Iterator[Server]:
    """The database of a folder, brought to the present schema."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(servers.postgres(folder)) if on_postgres else servers.sqlite(folder)
        asyncio.run(migrate.upgrade(database.url))
        yield database


@contextlib.contextmanager
def serving(setup: Setup, folder: Path) -> Iterator[tuple[Gateway, Server, dict[str, int]]]:
    """The gateway on a prepared folder, its database, and the processes of the servers beside it."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(open_database(folder, on_postgres=setup.postgres))
        beside = {"postgres": database.pid} if setup.postgres else {}
        queue_url = "memory://"
        if setup.redis:
            redis = stack.enter_context(servers.redis())
            queue_url, beside = redis.url, beside | {"redis": redis.pid}
        if not (folder / KEY_FILE).exists():
            asyncio.run(prepare(setup, folder, database.url))
        gateway = Gateway(setup, folder, database.url, queue_url)
        stack.callback(gateway.stop)
        gateway.start()
        yield gateway, database, beside


@contextlib.contextmanager
def running(setup: Setup, folder: Path, *, refuse: bool = False) -> Iterator[Instance]:
    """The gateway and its SMSC, bound; with `refuse` the SMSC lets no one in, so that nothing leaves."""
    (folder / KEY_FILE).unlink(missing_ok=True)  # a folder that is used again gets the ports of this run
    smsc = Smsc.start(setup.smpp, setup.sink, setup.ctl, seconds=setup.smsc_seconds)
    try:
        smsc.set(refuse=int(refuse))
        with serving(setup, folder) as (gateway, database, beside):
            if not refuse:
                lib.wait_until(lambda: smsc.stats()["smpp_conns"], 30, "the bind")
            yield Instance(smsc, gateway, (folder / KEY_FILE).read_text(), database, beside)
    finally:
        smsc.stop()


async def prepare(setup: Setup, folder: Path, database_url: str) -> None:
    """One connector, a number of each message type, one route, a webhook and a key, whose secret goes into a file."""
    settings = Settings(data_dir=folder, database_url=database_url)
    await _forget(database_url)
    store = Store(database_url)
    store.start()
    try:
        desk = Desk(store, Vault.of(settings), await Catalog.load(store))
        (folder / KEY_FILE).write_text(await _configure(setup, desk))
    finally:
        await store.close()


async def _forget(database_url: str) -> None:
    engine = open_reader(database_url)
    async with engine.begin() as connection:
        for table in CONFIGURATION:
            await connection.execute(table.delete())
    await engine.dispose()


async def _configure(setup: Setup, desk: Desk) -> str:
    now, whose = now_micros(), {"account_id": DEFAULT_ACCOUNT}
    await accounts.ensure_default(desk, now)
    smsc = {
        "host": "127.0.0.1", "port": setup.smpp, "system_id": "bench", "password": "bench", "window": setup.window,
        "rate": setup.connector_rate,
    }  # fmt: skip
    await connectors.create(desk, connector_id=CONNECTOR, kind="smpp", settings=smsc, now=now)
    for number, message_type in NUMBERS.items():
        await phone_numbers.create(
            desk,
            **whose,
            number=number,
            kind=IdentityKind.LONG_CODE,
            country=COUNTRY,
            message_type=message_type,
            now=now,
        )
    await routes.create(desk, **whose, connectors=[CONNECTOR], now=now)
    if setup.receipts:
        await event_destinations.create(
            desk, **whose, kind="webhook", target=f"http://127.0.0.1:{setup.sink}/", types=["message.delivered"],
            batch_size=setup.events_batch, now=now,
        )  # fmt: skip
    _, secret = await api_keys.create(desk, **whose, name="bench", scopes=["send", "read"], now=now)
    return secret


def add_setup_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--http", type=int, default=8089, help="HTTP port (8089)")
    parser.add_argument("--window", type=int, default=300, help="submits without response (300)")
    parser.add_argument("--events-batch", type=int, default=100, help="webhook events in one request (100)")
    parser.add_argument("--no-receipts", action="store_true", help="no receipts and no webhook")
    parser.add_argument("--processes", type=int, default=1, help="processes of `heliograph serve` (1)")
    parser.add_argument("--postgres", action="store_true", help="a private PostgreSQL instead of SQLite")
    parser.add_argument("--redis", action="store_true", help="a private Redis instead of the queue in memory")
    parser.add_argument("--connector-rate", type=float, help="parts a second that the connector may send (all)")


def setup_of(args: argparse.Namespace, smsc_seconds: float = 3600) -> Setup:
    """The set-up that add_setup_options() and add_smsc_options() describe."""
    return Setup(
        http=args.http, smpp=args.smpp, sink=args.sink, ctl=args.ctl, window=args.window,
        events_batch=args.events_batch, receipts=not args.no_receipts, processes=args.processes,
        postgres=args.postgres, redis=args.redis, connector_rate=args.connector_rate, smsc_seconds=smsc_seconds,
    )  # fmt: skip
