"""What time does (gateway.worker.sweeper): one process holds the lease of the scheduler, another waits for it."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from benchmarks.simulation.accepting import Announcer
from benchmarks.simulation.ledger import Place
from benchmarks.simulation.process import Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.ledger import Unit
    from benchmarks.simulation.process import Process
    from benchmarks.simulation.shard import Outcome
    from benchmarks.simulation.world import World


class Sweeper:
    """Moves what is due, and has the connectors look for what nobody announced."""

    def __init__(self, world: World, processes: Sequence[Process]) -> None:
        self._world = world
        self.holder: Process | None = processes[0]
        self.announcers = {process: Announcer(world, process, world.traffic.lanes_in(None)) for process in processes}
        self._due: list[tuple[float, int, Unit]] = []
        self._count = 0
        self._refill_at = 0.0
        world.clock.after(world.costs["tick"], self._tick)

    def schedule(self, unit: Unit) -> None:
        delay = self._world.rng.expovariate(1 / self._world.plan.schedule_after)
        unit.ready = self._world.clock.now + delay
        self._put(unit, unit.ready)

    def _put(self, unit: Unit, at: float) -> None:
        self._count += 1
        heapq.heappush(self._due, (at, self._count, unit))

    def _tick(self) -> None:
        world, now = self._world, self._world.clock.now
        self._look(now)
        if self.holder and self.holder.alive:
            due: list[Unit] = []
            while self._due and self._due[0][0] <= now:
                due.append(heapq.heappop(self._due)[2])
            for shard, units in world.by_shard(due).items():
                self.holder.writers[shard].add(Piece("settle", units, self._moved))
        world.clock.after(world.costs["tick"], self._tick)

    def _moved(self, piece: Piece, _outcome: Outcome, stored: bool) -> None:
        world, now = self._world, self._world.clock.now
        for unit in piece.units:
            if stored:
                world.ledger.move(unit, Place.QUEUED, now)
                world.logged(unit.account, unit.n, last=False)
            else:
                self._put(unit, now + world.costs["retry"])
        if stored and self.holder and self.holder.alive:
            self.announcers[self.holder].add(piece.units)
        elif stored:
            world.unheard(piece.units)

    def _look(self, now: float) -> None:
        """Every owner looks for its lanes' messages in the database: now and then, and at once while Redis is away."""
        world = self._world
        again = now >= self._refill_at
        if again:
            self._refill_at = now + world.costs["refill"]
        for connector in world.connectors:
            primary = world.cluster.lane[connector.number]
            if again or not primary.up or connector.behind:
                connector.behind = not primary.up
                connector.refill()
