"""A process of the gateway: one core, and a writer to each database (gateway.store.writer)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.simulation.clock import Cores
from benchmarks.simulation.ledger import count
from benchmarks.simulation.plan import BATCH, BUSY, PACE, PACE_BUSY
from benchmarks.simulation.shard import Job, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.simulation.clock import Clock
    from benchmarks.simulation.costs import Costs, Work
    from benchmarks.simulation.ledger import Unit
    from benchmarks.simulation.shard import Shard


class Piece:
    """Work that shares a transaction with what waits beside it. ``done`` hears the outcome, and what is stored."""

    __slots__ = ("done", "kind", "n", "units")

    def __init__(self, kind: str, units: Sequence[Unit], done: Callable[[Piece, Outcome, bool], None]) -> None:
        self.kind, self.units, self.done = kind, units, done
        self.n = count(units) or 1  # a cursor is of no message, and yet a row


class Prices:
    """Of transactions, read once."""

    def __init__(self, costs: Costs) -> None:
        self.work: dict[str, Work] = {
            kind: costs.work(kind) for kind in ("accept", "claim", "settle", "receipt", "inbound", "cursor")
        }
        self.tx_client, self.tx_server = costs["tx.client"], costs["tx.server"]
        self.key = {what: costs[f"key.{what}"] for what in ("tx.client", "each.client", "tx.server", "each.server")}
        self.key_wal, self.key_trips = costs["key.each.wal"], costs["key.trips"]
        self.account = costs["account.client"], costs["account.server"], costs["account.trips"]
        self.pages = costs["pages.share"] * costs["pages.octets"]
        self.vacuum = costs["vacuum.server"]


class Writer:
    """Everything that arrives while one commit runs shares the next."""

    def __init__(self, process: Process, shard: Shard, accounts_in: Callable[[int], float]) -> None:
        self._process, self._shard, self._accounts_in = process, shard, accounts_in
        self._waiting: list[Piece] = []
        self._under_way: tuple[Job, list[Piece], int] | None = None
        self._armed = False
        self._began, self._pace = float("-inf"), 0.0

    def add(self, piece: Piece, patience: float = 0.0) -> None:
        self._waiting.append(piece)
        if self._under_way is None and not self._armed:
            self._arm(patience)

    def _arm(self, patience: float) -> None:
        self._armed = True
        clock, life = self._process.clock, self._process.life
        due = max(clock.now + patience, self._began + self._pace)
        if due > clock.now:
            clock.at(due, self._start, life)
        else:
            self._start(life)

    def _start(self, life: int) -> None:
        if life != self._process.life:
            return
        self._armed = False
        pieces = self._batch()
        self._began = self._process.clock.now
        self._pace = PACE_BUSY if sum(piece.n for piece in pieces) >= BUSY else PACE
        job, client = self._job(pieces)
        self._under_way = job, pieces, life
        self._process.clock.at(self._process.core.reserve(client), self._go, job, life)

    def _go(self, job: Job, life: int) -> None:
        if life == self._process.life:
            self._shard.submit(job)

    def _batch(self) -> list[Piece]:
        """Up to ``BATCH`` messages, and one piece at least."""
        total = 0
        for place, piece in enumerate(self._waiting):
            if total and total + piece.n > BATCH:
                pieces, self._waiting = self._waiting[:place], self._waiting[place:]
                return pieces
            total += piece.n
        pieces, self._waiting = self._waiting, []
        return pieces

    def _job(self, pieces: Sequence[Piece]) -> tuple[Job, float]:
        """The transaction, and what it costs this process."""
        prices = self._process.prices
        by_kind: dict[str, int] = {}
        for piece in pieces:
            by_kind[piece.kind] = by_kind.get(piece.kind, 0) + piece.n
        job, client = Job(self, server=prices.tx_server, trips=1.0), prices.tx_client
        for kind, n in by_kind.items():
            work = prices.work[kind]
            client += work.client_tx + n * work.client_each
            job.server += work.server_tx + n * work.server_each
            job.wal += n * work.wal
            job.trips += work.trips
            job.events += n * work.events
        if n := by_kind.get("accept", 0):
            client += self._accepting(job, n)
        return job, client

    def _accepting(self, job: Job, n: int) -> float:
        """Idempotency-Keys, further accounts and whole pages in the WAL; what they cost this process."""
        prices = self._process.prices
        further = max(0.0, self._accounts_in(n) - 1)
        client, server, trips = prices.account
        job.server += prices.key["tx.server"] + n * (prices.key["each.server"] + prices.vacuum) + further * server
        job.wal += n * (prices.key_wal + prices.pages)
        job.trips += prices.key_trips + further * trips
        job.messages, job.priced = n, True
        return prices.key["tx.client"] + n * prices.key["each.client"] + further * client

    def ended(self, job: Job, outcome: Outcome, *, stored: bool) -> None:
        """Called by the shard, also after the process died."""
        if self._under_way is None or self._under_way[0] is not job:
            return
        _, pieces, life = self._under_way
        self._under_way = None
        heard = outcome if life == self._process.life else Outcome.DEAD
        for piece in pieces:
            piece.done(piece, heard, stored)
        if self._waiting and self._under_way is None and not self._armed:
            self._arm(0.0)

    def die(self) -> None:
        """The host is gone. What is on its way to the commit may still be stored; the rest is not."""
        waiting, self._waiting, self._armed = self._waiting, [], False
        for piece in waiting:
            piece.done(piece, Outcome.DEAD, False)
        if self._under_way is not None:
            job = self._under_way[0]
            if not self._shard.abandon(job):
                self.ended(job, Outcome.DEAD, stored=False)


class Process:
    """One process of a host."""

    def __init__(
        self, name: str, role: str, clock: Clock, prices: Prices, shards: Sequence[Shard],
        accounts_in: Sequence[Callable[[int], float]],
    ) -> None:  # fmt: skip
        self.name, self.role, self.clock, self.prices = name, role, clock, prices
        self.core = Cores(clock)
        self.alive, self.life = True, 0
        self.writers = [Writer(self, shard, inside) for shard, inside in zip(shards, accounts_in, strict=True)]

    def die(self) -> None:
        self.alive = False
        self.life += 1
        for writer in self.writers:
            writer.die()

    def rise(self) -> None:
        self.alive = True
        self.core.restart()
