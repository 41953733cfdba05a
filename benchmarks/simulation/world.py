"""Everything together, at work."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING

from benchmarks.simulation.accepting import Door
from benchmarks.simulation.carrier import Carrier
from benchmarks.simulation.clock import Clock
from benchmarks.simulation.cluster import Cluster
from benchmarks.simulation.fates import Fates
from benchmarks.simulation.ledger import Ledger, Unit
from benchmarks.simulation.posting import Destination
from benchmarks.simulation.process import Prices, Process
from benchmarks.simulation.sending import Connector
from benchmarks.simulation.shard import Shard
from benchmarks.simulation.sweeping import Sweeper
from benchmarks.simulation.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.plan import Plan


class World:
    """One run. ``load`` says until when requests come; then the clock is run."""

    def __init__(self, plan: Plan, costs: Costs) -> None:
        self.plan, self.costs = plan, costs
        self.clock, self.rng, self.ledger = Clock(), Random(plan.seed), Ledger()
        self.traffic = Traffic(plan)
        self.shards = [Shard(self.clock, costs, plan, self.rng) for _ in range(plan.shards)]
        self.cluster = Cluster(self.clock, costs, plan)
        self.hosts = self._hosts()
        self.doors = self._doors()
        self.connectors = [
            Connector(self, number, max(1.0, plan.headroom * plan.rate * share))
            for number, share in enumerate(self.traffic.connector_share)
        ]
        self.carrier = Carrier(self)
        self.destinations = [Destination(self, account) for account in range(plan.accounts)]
        self.sweeper = Sweeper(self, [process for host in self.hosts["scheduler"] for process in host])
        self.fates = Fates(self)
        self._routed: list[list[Door]] = []
        self._turn = 0
        self._until = 0.0
        self.route()
        self.fates.share_out()

    def _hosts(self) -> dict[str, list[list[Process]]]:
        prices = Prices(self.costs)
        inside = [self.traffic.accounts_in(shard) for shard in range(self.plan.shards)]
        return {
            role: [
                [
                    Process(f"{role}-{host}-{one}", role, self.clock, prices, self.shards, inside)
                    for one in range(1 if role == "scheduler" else self.plan.processes)
                ]
                for host in range(count)
            ]
            for role, count in self.plan.hosts.items()
        }

    def _doors(self) -> dict[Process, Door]:
        """The processes of a host serve different databases, so that its loss takes one process from each of some."""
        processes = [process for host in self.hosts["api"] for process in host]
        homes = [number % self.plan.shards if self.plan.pinned else None for number in range(len(processes))]
        return {process: Door(self, process, home) for process, home in zip(processes, homes, strict=True)}

    def load(self, until: float) -> None:
        """Requests come until then."""
        self._until = until
        self._arrive()

    def _arrive(self) -> None:
        plan, now = self.plan, self.clock.now
        if now > 0:
            born = now - self.costs["net.client"]
            account = self.traffic.pick(self.rng)
            self._turn += 1
            ways = self.traffic.connectors_of[account]
            unit = Unit(plan.unit, account, ways[self._turn % len(ways)], born, born)
            self.ledger.offer(unit)
            doors = self._routed[self.traffic.shard_of[unit.account]]
            doors[self._turn % len(doors)].knock(unit)
        following = now + self.rng.expovariate(plan.rate / plan.unit)
        if following < self._until:
            self.clock.at(following, self._arrive)

    def route(self) -> None:
        """The balancer looks who is there."""
        living = [door for door in self.doors.values() if door.process.alive]
        self._routed = [
            [door for door in living if door.home in {None, shard}] or living for shard in range(self.plan.shards)
        ]

    def kill(self, process: Process) -> None:
        process.die()
        if door := self.doors.get(process):
            door.announcer.die()
        if announcer := self.sweeper.announcers.get(process):
            announcer.die()

    def by_shard(self, units: Iterable[Unit]) -> dict[int, list[Unit]]:
        groups: defaultdict[int, list[Unit]] = defaultdict(list)
        for unit in units:
            groups[self.traffic.shard_of[unit.account]].append(unit)
        return groups

    def unheard(self, units: Iterable[Unit]) -> None:
        """QUEUED in the database, and announced nowhere."""
        for unit in units:
            self.connectors[unit.connector].unheard.append(unit)

    def logged(self, account: int, n: int, *, last: bool) -> None:
        """Events were committed; the ``last`` of a message is what most apps want to hear of."""
        if last or self.plan.all_events:
            self.destinations[account].append(n)
