"""What a message costs PostgreSQL and the process that asks it: figures for costs.json.

The store's own lanes (accept, claim, settle, receipt) run on a real PostgreSQL, in transactions of several sizes, and
a fitted line tells what a transaction costs from what a message costs. fsync is on. full_page_writes is off: how
often a large table writes a whole page, a small one cannot tell (docs/scaling.md). Linux: CPU time is read in /proc.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, urlsplit

import asyncpg
from sqlalchemy import insert

from carriers.text import DEFAULT_PROFILE
from carriers.types import DeliveryReceipt, Outcome, ReceiptState, SubmissionResult
from gateway.config import Settings
from gateway.events.log import page
from gateway.events.progress import Progress
from gateway.metrics import Metrics
from gateway.nodes.leases import BIND, Node, join_in, standing_in, take_in
from gateway.outbound.accept import Outbound
from gateway.outbound.admission import Admission
from gateway.outbound.claim import Claim, Claims
from gateway.outbound.decision import Links
from gateway.outbound.request import Order, SendRequest
from gateway.outbound.settle import Settled, Settlements
from gateway.receipts import FIND, RECENT, Arrived, Receipts
from gateway.resources import accounts, phone_numbers, routes
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.resources.messages import BY_IDS
from gateway.store import partitions, tables
from gateway.store.migrate import upgrade
from gateway.store.secrets import Vault
from gateway.store.store import Store
from gateway.store.times import DAY, HOUR, LAST_ID, first_id
from gateway.store.writer import Tx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from gateway.model import Dispatch

SIZES = {1: 120, 8: 480, 64: 1920}  # messages of a transaction -> messages of a round
ROUNDS, WARM = 4, 6400
LARGEST = max(SIZES)
ACCOUNTS = 8
TABLES = ("messages", "parts", "events", "idempotency_keys")
NODE, FENCE = "bench", 1
DAYS = 9  # as many days have partitions, beside those to come
KINDS = ("accept", "accept with keys", "claim", "settle", "receipt")
BODY = "Your code is {:06d}. Do not share it with anybody."
SETTINGS = ("full_page_writes = off", "max_wal_size = '8GB'", "autovacuum = off", "checkpoint_timeout = '1h'")


@dataclass
class Spent:
    """What some transactions cost together. CPU in seconds, WAL in octets."""

    transactions: int = 0
    client: float = 0.0
    server: float = 0.0  # of the PostgreSQL process that serves us
    wal: int = 0
    calls: int = 0  # statements sent, each a round trip; one is run for each row
    logs: list[float] = field(default_factory=list)  # seconds to take the log's lock and write the events
    commits: list[float] = field(default_factory=list)


class Applied(Protocol):
    """What a transaction does with its payloads."""

    async def apply(self, tx: Tx, payloads: Any, /) -> Any: ...


class Counting:
    """A driver's connection that counts what it is asked."""

    def __init__(self, bare: Any) -> None:
        self.bare, self.calls = bare, 0

    def __getattr__(self, name: str) -> Any:
        self.calls += 1
        return getattr(self.bare, name)


def cpu_of(pid: int) -> float:
    """CPU seconds of a process: the first figure of its schedstat, in nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def micros() -> int:
    return time.time_ns() // 1000


class Bench:
    """A fresh database, and the lanes of one gateway on it."""

    def __init__(self, store: Store, desk: Desk, watch: asyncpg.Connection[Any], bare: Any, connection: Any) -> None:
        links = Links(lambda _id: True, lambda _id: DEFAULT_PROFILE, lambda _id: False)
        self.offered: list[Dispatch] = []
        metrics = Metrics()
        admission = Admission(desk.catalog, Settings(), metrics)
        self.outbound = Outbound(store, desk.catalog, links, admission, metrics, now=micros, offer=self.offered.extend)
        self.claims, self.settlements = Claims(desk.catalog, _standing, now=micros), Settlements(_standing, now=micros)
        self.receipts = Receipts(store, now=micros, observe=lambda _seconds: None)
        self.store, self.watch, self.bare, self.connection = store, watch, Counting(bare), connection
        self.count, self.pid, self.compiled = 0, 0, {}  # type: ignore[var-annotated]

    async def run(self, lane: Applied | None, payloads: Sequence[Any], spent: Spent) -> None:
        """One transaction, as gateway.store.writer makes it; without a lane, an empty one."""
        tx = Tx(self.connection, self.bare, self.compiled)
        client, server, wal = time.process_time(), cpu_of(self.pid), await self.wal()
        calls = self.bare.calls
        await self.bare.begin()
        if lane:
            await lane.apply(tx, payloads)
        began = time.perf_counter()
        await tx.finish()
        logged = time.perf_counter()
        await self.bare.commit()
        spent.commits.append(time.perf_counter() - logged)
        spent.logs.append(logged - began)
        spent.client += time.process_time() - client
        spent.server += cpu_of(self.pid) - server
        spent.wal += await self.wal() - wal
        spent.transactions, spent.calls = spent.transactions + 1, spent.calls + self.bare.calls - calls
        tx.committed()

    async def wal(self) -> int:
        return int(await self.watch.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def orders(self, size: int, whose: int, *, keyed: bool) -> list[Order]:
        """Requests to people who never got one."""
        first, self.count = self.count, self.count + size
        return [_order(n, f"account-{whose}", keyed=keyed) for n in range(first, self.count)]

    async def way(
        self, size: int, count: int, spent: dict[str, Spent], spread: int = 1, *, keyed: bool = False
    ) -> None:
        """``count`` messages from request to receipt, in transactions of ``size``, of ``spread`` accounts each."""
        for start in range(0, count, size):
            whose = [(start // size + n) % ACCOUNTS for n in range(spread)]
            orders = [one for account in whose for one in self.orders(size // spread, account, keyed=keyed)]
            if keyed:  # the look-up reads every key there is (docs/scaling.md): none are there
                await self.watch.execute("TRUNCATE idempotency_keys")
            self.offered.clear()
            await self.run(self.outbound, orders, spent["accept with keys" if keyed else "accept"])
            await self.onward(list(self.offered), size, spent)

    async def onward(self, taken: list[Dispatch], size: int, spent: dict[str, Spent]) -> None:
        if len(taken) != size:
            raise RuntimeError(f"{size - len(taken)} of {size} messages were not accepted")
        ids = [f"{self.count + n:x}{n:08x}" for n in range(size)]
        pairs = list(zip(taken, ids, strict=True))
        await self.run(self.claims, [Claim("one", FENCE, tuple(taken))], spent["claim"])
        await self.run(self.settlements, [_settled(*pair) for pair in pairs], spent["settle"])
        await self.run(self.receipts, [_arrived(*pair) for pair in pairs], spent["receipt"])

    async def looking(self, sql: str, lists: Sequence[list[str]], *more: Any) -> tuple[float, float]:
        """CPU seconds of client and server for each item of these lists, asked for a list at a time."""
        client, server = time.process_time(), cpu_of(self.pid)
        for items in lists:
            await self.bare.rows(sql, [items, *more])
        count = sum(map(len, lists))
        return (time.process_time() - client) / count, (cpu_of(self.pid) - server) / count

    async def reading(self) -> tuple[float, float]:
        """CPU seconds an event, of client and server, to read the log of one account in chunks of 500."""
        peek: Any = self.store._peek  # noqa: SLF001 -- its connection's process is to be watched
        await self.store.peek(BY_IDS, [])
        pid = (await peek._bare.rows("SELECT pg_backend_pid()", ()))[0][0]  # noqa: SLF001 -- as above
        client, server, after, seen = time.process_time(), cpu_of(pid), 0, 0
        while (found := await page(self.store, after=after, limit=500, account_id="account-1")).upto:
            after, seen = found.upto, seen + len(found.rows)
        return (time.process_time() - client) / seen, (cpu_of(pid) - server) / seen


async def _standing(tx: Tx) -> Mapping[str, int]:
    return await standing_in(tx, NODE)


async def _nobody(_tx: Tx, _names: Collection[str]) -> None:
    """Whom a lease that nobody had before leaves behind."""


def _order(n: int, account_id: str, *, keyed: bool) -> Order:
    one = SendRequest(account_id=account_id, to=f"+4479{n:08d}", body=BODY.format(n))
    return Order((one,), f"{n:032x}", f"{n:064x}") if keyed else Order((one,))


def _settled(message: Dispatch, carrier_id: str) -> Settled:
    answer = SubmissionResult(f"{message.id}:1", Outcome.ACCEPTED, carrier_id=carrier_id, raw_code="0x00000000")
    return Settled(message, "one", "one", {1: answer}, 1.0, 72 * HOUR, FENCE)


def _arrived(message: Dispatch, carrier_id: str) -> Arrived:
    delivered = ReceiptState.DELIVERED
    receipt = DeliveryReceipt(carrier_id, delivered, message.destination, message.sender, "DELIVRD", "000")
    return Arrived("one", receipt)


@contextlib.asynccontextmanager
async def _opened() -> AsyncIterator[tuple[Bench, Desk]]:
    from tests.support.postgres_server import new_postgres

    server = new_postgres()
    try:
        for setting in SETTINGS:
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
        server.psql("CREATE DATABASE bench;")
        socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        async with _benched(socket) as opened:
            yield opened
    finally:
        server.cleanup()


@contextlib.asynccontextmanager
async def _benched(socket: str) -> AsyncIterator[tuple[Bench, Desk]]:
    url = f"postgresql+asyncpg://postgres@/bench?host={socket}"
    await upgrade(url)
    watch = await asyncpg.connect(host=socket, user="postgres", database="bench")
    store = Store(url)
    store.start()
    desk = Desk(store, Vault(bytes(32)), await Catalog.load(store))
    connection, bare = await store.writer._connect()  # noqa: SLF001 -- to measure what is inside it
    bench = Bench(store, desk, watch, bare, connection)
    bench.pid = (await bare.rows("SELECT pg_backend_pid()", ()))[0][0]
    yield bench, desk
    await store.close()
    await watch.close()


async def _prepare(desk: Desk) -> None:
    for day in range(DAYS):
        await partitions.make_ahead(desk.store.reader, micros() - day * DAY)
    row = {"id": "one", "kind": "smpp", "carrier_group": "one", "created_at": 0}
    await desk.change(lambda tx: tx.conn.execute(insert(tables.connectors).values(row)))
    await desk.change(lambda tx: join_in(tx, Node(NODE, "here", frozenset({"worker"}), micros()), micros()))
    await desk.change(lambda tx: take_in(tx, [f"{BIND}one"], NODE, _nobody))
    for n in range(ACCOUNTS):
        whose: dict[str, Any] = {"account_id": f"account-{n}", "now": micros()}
        await accounts.create(desk, name=f"Account {n}", **whose)
        await phone_numbers.create(desk, number=f"+44770090{n:04d}", kind="LONG_CODE", country="GB", **whose)
        await routes.create(desk, connectors=["one"], price=Decimal("0.0075"), **whose)


async def measure() -> dict[str, Any]:
    """All of it. Needs what the tests need."""
    async with _opened() as (bench, desk):
        await _prepare(desk)
        await bench.way(64, WARM, defaultdict(Spent))
        await bench.watch.execute("ANALYZE")  # before, PostgreSQL reads small tables from end to end
        before, first = await _sizes(bench), bench.count
        by_size, mixed, empty = await _rounds(bench)
        after, stored = await _sizes(bench), bench.count - first
        found = _lines(by_size) | {"further account": _further(by_size[LARGEST], mixed), "empty": _figures(empty)}
        found |= await _looks(bench)
        found["octets on disk a message"] = {name: (after[name] - before[name]) / stored for name in TABLES}
        found["octets of a key"] = await _key_size(bench)
        found["vacuum"] = await _vacuum(bench)
        found["cursor"] = await _cursor(bench)
        return found


async def _rounds(bench: Bench) -> tuple[dict[int, dict[str, Spent]], dict[str, Spent], Spent]:
    by_size: dict[int, dict[str, Spent]] = {size: defaultdict(Spent) for size in SIZES}
    mixed: dict[str, Spent] = defaultdict(Spent)
    empty = Spent()
    for _ in range(ROUNDS):  # in turns, so that a noisy minute hits all
        for size, count in SIZES.items():
            await bench.way(size, count, by_size[size])
            await bench.way(size, count // 2, by_size[size], keyed=True)
        await bench.way(LARGEST, SIZES[LARGEST], mixed, spread=ACCOUNTS)
        for _ in range(100):
            await bench.run(None, (), empty)
    return by_size, mixed, empty


def _figures(spent: Spent) -> dict[str, float]:
    """Of one transaction: CPU in microseconds, WAL in octets, the rest in milliseconds."""
    n = spent.transactions
    return {
        "client": spent.client / n * 1e6, "server": spent.server / n * 1e6, "wal": spent.wal / n, "calls": spent.calls / n,
        "log_ms": statistics.median(spent.logs) * 1e3, "commit_ms": statistics.median(spent.commits) * 1e3,
    }  # fmt: skip


def _lines(by_size: dict[int, dict[str, Spent]]) -> dict[str, Any]:
    """Of each kind: the figures by size, and base and slope of the line through them."""
    result: dict[str, Any] = {}
    for kind in KINDS:
        figures = {size: _figures(spent[kind]) for size, spent in by_size.items()}
        sizes = list(figures)
        lines = {
            what: statistics.linear_regression(sizes, [figures[size][what] for size in sizes])
            for what in figures[sizes[0]]
        }
        line = {what: {"transaction": found.intercept, "message": found.slope} for what, found in lines.items()}
        result[kind] = {"line": line, "by size": figures}
    return result


def _further(one: dict[str, Spent], many: dict[str, Spent]) -> dict[str, float]:
    """What each further account in a transaction of accepting costs."""
    alone, together = _figures(one["accept"]), _figures(many["accept"])
    return {what: (together[what] - alone[what]) / (ACCOUNTS - 1) for what in ("client", "server", "wal", "calls")}


async def _looks(bench: Bench) -> dict[str, Any]:
    ids = [row["id"] for row in await bench.watch.fetch("SELECT id FROM messages ORDER BY id DESC LIMIT 3200")]
    dialect = bench.connection.dialect
    read = await bench.looking(BY_IDS.compile(dialect), [ids[n : n + 16] for n in range(0, len(ids), 16)])
    # A receipt is looked for by two forms of its id.
    unknown = [[f"none {n} {form}" for form in range(32)] for n in range(500)]
    missed = await bench.looking(FIND.compile(dialect), unknown, first_id(micros() - RECENT[-1]), LAST_ID)
    logged = await bench.reading()
    return {
        "read back": {"client": read[0] * 1e6, "server": read[1] * 1e6},
        "receipt that is not there": {"client": missed[0] * 2e6, "server": missed[1] * 2e6},
        "event read": {"client": logged[0] * 1e6, "server": logged[1] * 1e6},
    }


async def _sizes(bench: Bench) -> dict[str, int]:
    tree = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree($1::text::regclass)"
    query = f"SELECT coalesce(({tree}), pg_total_relation_size($1::text::regclass))"
    return {name: int(await bench.watch.fetchval(query, name)) for name in TABLES}


async def _key_size(bench: Bench) -> float:
    await bench.watch.execute("TRUNCATE idempotency_keys")
    await bench.run(bench.outbound, bench.orders(400, 0, keyed=True), Spent())
    return (await _sizes(bench))["idempotency_keys"] / 400


async def _cursor(bench: Bench) -> dict[str, float]:
    """To store how far one event destination is, alone in its transaction."""
    row = {"id": "one", "account_id": "account-1", "kind": "file", "target": "x", "created_at": 0}
    await bench.store.write(lambda tx: tx.conn.execute(insert(tables.event_destinations).values(row)))
    progress, count = Progress("one", 0), 100  # each waits for company first (gateway.events.progress)
    client, server = time.process_time(), cpu_of(bench.pid)
    for n in range(count):
        progress.open((), n + 1)
        await progress.save(bench.store)
    return {
        "client": (time.process_time() - client) / count * 1e6,
        "server": (cpu_of(bench.pid) - server) / count * 1e6,
    }


async def _vacuum(bench: Bench) -> dict[str, float]:
    pid = await bench.watch.fetchval("SELECT pg_backend_pid()")
    before, wal = cpu_of(pid), await bench.wal()
    for name in ("messages", "parts"):
        await bench.watch.execute(f"VACUUM {name}")
    return {"server": (cpu_of(pid) - before) / bench.count * 1e6, "wal": (await bench.wal() - wal) / bench.count}
