"""From costs to hardware: what a rate takes in processes, hosts, databases and Redis primaries. Plain arithmetic.

python benchmarks/simulation sizing [--rate 12000] [--batch 10] [--days 9]
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.simulation.costs import Costs

DAY = 86_400
BATCHES = (1, 4, 10, 30, 100)
EVENTS = 3  # of a message: accepted, submitted, and what became of it


@dataclass(frozen=True, slots=True)
class Needs:
    """What is to be sized, and how full things may be.

    Attributes:
        rate: messages a second.
        batch: messages of a kind in a transaction; the simulation shows what it comes to.
        announced: messages of a connector that are announced together.
        days: that messages, parts and events are kept.
        slice: parts for which a rate is asked at once.
        use: share of its core that a process may need with one host lost.
        database_use: share of its cores that a primary may need.
        processes: of a host, a core each.
        cores: of a primary.
        disk: octets that a primary may fill.
        wal: octets a second of WAL that a primary should write: what its standby can follow and archive.
        log_use: share of the time for which the log's lock may be held at the batch.
        redis_use: share of its core that a Redis primary may need.
    """

    rate: float = 12_000
    batch: float = 10
    announced: float = 2
    days: int = 9
    slice: int = 50
    use: float = 0.6
    database_use: float = 0.5
    processes: int = 4
    cores: int = 8
    disk: float = 6e12
    wal: float = 50e6
    log_use: float = 0.9
    redis_use: float = 0.5


class Sizing:
    """The arithmetic. All times are CPU seconds."""

    def __init__(self, costs: Costs, needs: Needs) -> None:
        self.costs, self.needs = costs, needs

    # CPU of the gateway's processes, a message.

    def api(self, batch: float) -> float:
        c = self.costs
        once = c["tx.client"] + c["accept.tx.client"] + c["key.tx.client"]
        each = c["http.each"] + c["accept.each.client"] + c["key.each.client"] + c["put.each.client"]
        return each + once / batch + c["put.client"] / min(batch, self.needs.announced)

    def worker(self, batch: float) -> float:
        c = self.costs
        kinds = ("claim", "settle", "receipt")
        once = c["tx.client"] + sum(c[f"{kind}.tx.client"] for kind in kinds) + c["take.client"]
        each = sum(c[f"{kind}.each.client"] for kind in kinds) + c["take.each.client"]
        each += c["smpp.submit"] + c["smpp.receipt"] + c["pump.each"] + c["back.client"]
        return each + once / batch + c["rate.client"] / self.needs.slice

    def cpu(self, role: str) -> float:
        """Of a role, a message."""
        batch = self.needs.batch
        return {"api": self.api(batch), "worker": self.worker(batch), "events": self.costs["post.each"]}[role]

    def processes(self, role: str) -> int:
        """How many the rate takes."""
        return ceil(self.needs.rate * self.cpu(role) / self.needs.use)

    def hosts(self, role: str) -> int:
        """One more than the processes need, so that one may be lost."""
        return 2 if role == "scheduler" else ceil(self.processes(role) / self.needs.processes) + 1

    # PostgreSQL.

    def server(self, batch: float) -> float:
        """CPU of PostgreSQL, a message."""
        c = self.costs
        kinds = ("accept", "claim", "settle", "receipt")
        once = 2 * c["tx.server"] + sum(c[f"{kind}.tx.server"] for kind in kinds) + c["key.tx.server"]
        each = sum(c[f"{kind}.each.server"] for kind in kinds) + c["key.each.server"] + c["back.server"]
        return each + c["vacuum.server"] + EVENTS * c["read.server"] + once / batch

    def wal(self) -> float:
        """Octets, a message."""
        c = self.costs
        rows = sum(c[f"{kind}.each.wal"] for kind in ("accept", "claim", "settle", "receipt", "key"))
        return rows + c["pages.share"] * c["pages.octets"]

    def log_lock(self) -> tuple[float, float]:
        """Seconds for which the log's lock is held: by a transaction, and for each event in it."""
        c = self.costs
        return 2 * c["net.trip"] + c["log.tx"] + c["commit.tx"] + c["net.standby"], c["log.each"] + c["commit.each"]

    def forced_batch(self, primaries: int) -> float | None:
        """Events that a transaction must have for the log's lock to keep up; None where none are enough.

        Writers that wait for the lock gather more, so the batch grows to this by itself, and the wait with it.
        """
        once, each = self.log_lock()
        rate = EVENTS * self.needs.rate / primaries
        spare = self.needs.log_use - rate * each
        return rate * once / spare if spare > 0 else None

    def stored(self) -> float:
        """Octets of everything that is kept."""
        c, a_day = self.costs, self.needs.rate * DAY
        kept = (c["disk.message"] + c["disk.part"] + c["disk.events"]) * self.needs.days
        return a_day * (kept + c["disk.key"])  # keys are kept for a day

    def databases(self) -> dict[str, int]:
        """How many primaries each need takes by itself."""
        n, rate = self.needs, self.needs.rate
        return {
            "CPU": ceil(rate * self.server(n.batch) / n.database_use / n.cores),
            "WAL": ceil(rate * self.wal() / n.wal),
            "disk": ceil(self.stored() / n.disk),
        }

    # Redis.

    def redis(self) -> tuple[float, float]:
        """CPU and commands, a message."""
        c, batch = self.costs, self.needs.batch
        each = c["put.each.server"] + c["take.each.server"] + c["put.server"] / self.needs.announced
        commands = c["put.each.commands"] + c["take.each.commands"] + c["lane.commands"] / batch
        rate = self.needs.slice
        return each + c["take.server"] / batch + c["rate.server"] / rate, commands + c["rate.commands"] / rate

    def primaries(self) -> int:
        """Three at least: a cluster needs a majority to replace one."""
        return max(3, ceil(self.needs.rate * self.redis()[0] / self.needs.redis_use))

    # A connector.

    def connector(self) -> float:
        """Messages a second that one connector can take: one process, one transaction at a time."""
        c, batch = self.costs, 100
        kinds = ("claim", "settle", "receipt")
        server = sum(c[f"{kind}.each.server"] + c[f"{kind}.tx.server"] / batch for kind in kinds)
        once, each = self.log_lock()
        return 1 / (self.worker(batch) + server + 2 * (once / batch + each))


def tables(sizing: Sizing) -> str:
    """What docs/scaling.md shows, as Markdown."""
    return "\n\n".join(
        (_batches(sizing), _hosts(sizing), _databases(sizing), _lock(sizing), _kept(sizing), _figures(sizing))
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def _batches(sizing: Sizing) -> str:
    rows = [
        (
            batch,
            *(f"{seconds * 1e6:,.0f}" for seconds in (sizing.api(batch), sizing.worker(batch), sizing.server(batch))),
        )
        for batch in BATCHES
    ]
    return table(("messages of a transaction", "API, us", "worker, us", "PostgreSQL, us"), rows)


def _hosts(sizing: Sizing) -> str:
    needs = sizing.needs
    rows: list[Sequence[object]] = []
    for role in ("api", "worker", "events"):
        seconds = sizing.cpu(role)
        rows.append((
            role, f"{seconds * 1e6:,.0f} us", f"{needs.rate * seconds:.1f}", sizing.processes(role), sizing.hosts(role),
        ))  # fmt: skip
    rows.append(("scheduler", "", "", 1, sizing.hosts("scheduler")))
    head = ("role", "CPU a message", "cores at work", "processes", f"hosts of {needs.processes} cores, one to lose")
    return table(head, rows)


def _databases(sizing: Sizing) -> str:
    needs = sizing.needs
    shown = {
        "CPU": f"{needs.rate * sizing.server(needs.batch):.1f} cores at work, {needs.cores} a primary, half of them used",
        "WAL": f"{needs.rate * sizing.wal() / 1e6:,.0f} MB/s, {needs.wal / 1e6:.0f} MB/s a primary",
        "disk": f"{sizing.stored() / 1e12:,.1f} TB for {needs.days} days, {needs.disk / 1e12:.0f} TB a primary",
    }
    rows = [(need, shown[need], count) for need, count in sizing.databases().items()]
    return table(("what", "need", "primaries"), rows)


def _kept(sizing: Sizing) -> str:
    costs, needs = sizing.costs, sizing.needs
    rows = [
        (name, f"{costs[figure]:,.0f}", f"{costs[figure] * needs.rate * DAY / 1e12:.2f}")
        for name, figure in (
            ("messages", "disk.message"), ("parts", "disk.part"), ("events, three", "disk.events"),
            ("idempotency key", "disk.key"),
        )
    ]  # fmt: skip
    return table(("rows of a message, with indexes", "octets", "TB a day"), rows)


def _lock(sizing: Sizing) -> str:
    once, each = sizing.log_lock()
    rows = []
    for primaries in (1, 2, 4, 8, 16):
        batch = sizing.forced_batch(primaries)
        held = f"{(once + batch * each) * 1e3:.1f} ms" if batch else ""
        rows.append((primaries, f"{batch:,.0f}" if batch else "none is enough", held))
    return table(("primaries", "events of a transaction that keep up", "lock held by each"), rows)


def _figures(sizing: Sizing) -> str:
    needs, (seconds, commands) = sizing.needs, sizing.redis()
    rows = [
        ("messages a second at 1,000,000,000 a day", f"{1e9 / DAY:,.0f}"),
        ("Redis: commands a message; at this rate", f"{commands:.1f}; {needs.rate * commands:,.0f} a second"),
        ("Redis: cores at work; primaries", f"{needs.rate * seconds:.2f}; {sizing.primaries()}"),
        ("most of one connector", f"{sizing.connector():,.0f} messages a second"),
        ("WAL a message", f"{sizing.wal():,.0f} octets"),
    ]
    return table(("figure", ""), rows)
