"""Redis Cluster: some primaries, each one core. Losing one loses what its keys held."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from benchmarks.simulation.clock import Cores

if TYPE_CHECKING:
    from benchmarks.simulation.clock import Clock
    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.plan import Plan


class Primary:
    """One primary. Its replica begins empty: the queue is a hint, and a bucket that is forgotten is full."""

    def __init__(self, clock: Clock, costs: Costs) -> None:
        self._clock = clock
        self.core = Cores(clock)
        self.up, self.lost = True, 0
        self._trip, self._failover = costs["net.trip"], costs["redis.failover"]

    def call(self, server: float) -> float:
        """When a call is answered that costs ``server`` seconds of CPU. Ask whether it is up first."""
        return self.core.reserve(server) + self._trip

    def fail(self) -> float:
        """Returns when the replica has taken over."""
        self.up = False
        self.lost += 1
        back = self._clock.now + self._failover
        self._clock.at(back, self._recovered)
        return back

    def _recovered(self) -> None:
        self.up = True
        self.core.restart()


class Cluster:
    """The lanes and rates of connectors, spread over the primaries as the hash of their keys has it."""

    def __init__(self, clock: Clock, costs: Costs, plan: Plan) -> None:
        self.primaries = [Primary(clock, costs) for _ in range(plan.redis)]
        numbers = range(plan.connectors)
        self.lane = [self._of(f"queue:{number}") for number in numbers]
        self.rate = [self._of("throttle" if plan.one_rate_slot else f"throttle:{number}") for number in numbers]

    def _of(self, key: str) -> Primary:
        return self.primaries[crc32(key.encode()) % len(self.primaries)]
