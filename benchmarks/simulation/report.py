"""What a run shows: throughput, latency, use, backlogs, recoveries, and whether the plan holds."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, linear_regression
from typing import TYPE_CHECKING, Any

from benchmarks.simulation.ledger import Place, Told, percentile

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from benchmarks.simulation.world import World

KEPT = 0.98  # of what is offered must be accepted for the offered rate to count as kept
STEADY = 3  # seconds for which it must be kept
CALM_AFTER = 3  # seconds from the start until things run evenly
GROWTH = 0.02  # of the rate: a backlog that grows by more a second has no end
SLACK = 0.25  # seconds of the rate by which a backlog may be more than before for it to count as worked off
SLOW = 0.5  # seconds: a calm p99 of accept above it is no service
KINDS = ("api", "worker", "events", "scheduler", "postgresql", "redis")


@dataclass(frozen=True, slots=True)
class Sample:
    """One second."""

    at: int
    waiting: int  # messages on which somebody has still to work
    events: int  # committed and not given
    use: dict[str, float]  # of the living, by kind: the mean
    most: dict[str, float]  # the busiest one


def left_over(world: World) -> dict[str, int]:
    """What somebody has still to work on."""
    carrier = world.carrier
    return {
        "messages": world.ledger.waiting(),
        "receipts": carrier.expected,
        "replies": carrier.replies - carrier.replies_stored,
    }


class Sampler:
    """Looks each second; stops the clock when the load is over and nothing is left to do."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world, self._seconds = world, seconds
        self._busy: dict[int, float] = {}
        self.samples: list[Sample] = []
        world.clock.at(1.0, self._look)

    def _look(self) -> None:
        world = self._world
        use = {kind: self._used(kind) for kind in KINDS}
        behind = sum(one.appended - one.given for one in world.destinations)
        self.samples.append(Sample(
            round(world.clock.now), world.ledger.waiting(), behind,
            {kind: fmean(each) if each else 0.0 for kind, each in use.items()},
            {kind: max(each, default=0.0) for kind, each in use.items()},
        ))  # fmt: skip
        if world.clock.now > self._seconds and not behind and not any(left_over(world).values()):
            world.clock.stopped = True
        world.clock.after(1.0, self._look)

    def _used(self, kind: str) -> list[float]:
        """Share of the last second for which each of a kind was busy."""
        world = self._world
        if kind == "postgresql":
            return [self._since(one.cores, one.cores.busy, world.plan.cores) for one in world.shards]
        if kind == "redis":
            return [self._since(primary.core, primary.core.busy) for primary in world.cluster.primaries]
        processes = [process for host in world.hosts[kind] for process in host]
        return [self._since(one.core, one.core.busy) for one in processes if one.alive]

    def _since(self, what: object, busy: float, cores: int = 1) -> float:
        before = self._busy.get(id(what), 0.0)
        self._busy[id(what)] = busy
        return min(1.0, (busy - before) / cores)


class Report:
    """Read from a world after its run."""

    def __init__(
        self, world: World, sampler: Sampler, name: str, seconds: float, losses: Sequence[tuple[float, str]]
    ) -> None:
        self.name, self.seconds, self.losses = name, seconds, losses
        self.ledger, self.samples, self.log = world.ledger, sampler.samples, world.fates.log
        self._world = world
        self.faults = self._faults()
        self.calm = [one for one in self.samples if CALM_AFTER < one.at <= min([seconds, *(at for at, _ in losses)])]

    def per_second(self, what: str) -> list[int]:
        """Messages (or events) a second, from the first to the last second of the run."""
        counts = self.ledger.by_second[what]
        return [counts[second] for second in range(len(self.samples))]

    def recoveries(self) -> dict[str, float | None]:
        """Seconds from each loss until the offered rate is accepted and the backlogs are as before; None: not yet.

        Where losses follow closely, what one has to wait for may be another.
        """
        return {kind: self._recovery(at) for at, kind in self.losses}

    def _recovery(self, at: float) -> float | None:
        calm = self.calm or self.samples
        slack = SLACK * self._world.plan.rate
        waiting, events = (max(each) + slack for each in zip(*((one.waiting, one.events) for one in calm), strict=True))
        for second in range(int(at), int(self.seconds) - STEADY):
            steady = self.samples[second : second + STEADY]
            worked_off = all(one.waiting <= waiting and one.events <= events for one in steady)
            if worked_off and self._kept(second, second + STEADY):
                return second - at
        return None

    def _kept(self, first: int, end: int) -> bool:
        """Whether the offered rate was accepted in these seconds."""
        offered, accepted = (sum(self.per_second(what)[first:end]) for what in ("offered", Told.ACCEPTED))
        return accepted >= KEPT * offered

    def verdict(self) -> list[str]:
        """Why the plan does not hold; empty when it does."""
        found = list(self.faults)
        if not self._kept(int(self.seconds) - 6, int(self.seconds) - 1):
            accepted = sum(self.per_second(Told.ACCEPTED)[int(self.seconds) - 6 : int(self.seconds) - 1]) / 5
            found.append(f"at the end {accepted:,.0f} of {self._world.plan.rate:,.0f} messages a second are accepted")
        if any(seconds is None for seconds in self.recoveries().values()):
            found.append("the backlogs of some loss are not worked off")
        if self._grows():
            found.append("a backlog grows without end")
        if (p99 := percentile(self.ledger.accept, 0.99)) > SLOW and not self.losses:
            found.append(f"p99 of accept is {p99:.2f} s")
        return found

    def _grows(self) -> bool:
        """Whether a backlog still grows at the end of the load, by more than chance would have it."""
        late = [one for one in self.samples if self.seconds * 2 / 3 < one.at <= self.seconds]
        at = [one.at for one in late]
        slopes = [
            linear_regression(at, backlog).slope
            for backlog in zip(*((one.waiting, one.events) for one in late), strict=True)
        ]
        return max(slopes) > GROWTH * self._world.plan.rate

    def _faults(self) -> list[str]:
        world = self._world
        found = world.ledger.faults(sum(shard.rows for shard in world.shards))
        found += [f"destination {one.number} misses events" for one in world.destinations if one.given != one.appended]
        return found + [
            f"{n} {what} wait still, long after the last request" for what, n in left_over(world).items() if n
        ]

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        world, ledger = self._world, self.ledger
        given, appended = sum(one.got for one in world.destinations), sum(one.appended for one in world.destinations)
        return {
            "script": self.name, "seconds": self.seconds, "holds": not self.verdict(), "why not": self.verdict(),
            "offered": ledger.offered, "told": _counts(ledger.told), "places": _counts(ledger.places),
            "told otherwise, yet stored": _counts(ledger.yet_stored),
            "unknown": {"messages": ledger.places[Place.UNKNOWN], "of which a carrier has": ledger.unknown_taken},
            "events": {"committed": appended, "given": given, "given again": given - appended},
            "replies": {"sent": world.carrier.replies, "stored": world.carrier.replies_stored},
            "accept seconds": _latency(ledger.accept), "accept to submit seconds": _latency(ledger.to_submit),
            "backlog": {"messages": max(one.waiting for one in self.samples), "events": max(one.events for one in self.samples)},
            "use": self.use(), "recovery seconds": self.recoveries(), "log": self.log,
            "by second": {what: self.per_second(what) for what in ("offered", Told.ACCEPTED, Told.REFUSED, Place.SUBMITTED, Place.DELIVERED, "events")},
            "waiting by second": [one.waiting for one in self.samples],
        }  # fmt: skip

    def use(self) -> dict[str, dict[str, float]]:
        """Share of its CPU that each kind used: calm, and in the busiest second of all, on average and the busiest one."""
        calm, all_of = self.calm or self.samples, [one for one in self.samples if one.at <= self.seconds]
        return {
            kind: {
                "calm": fmean(one.use[kind] for one in calm),
                "calm, the busiest one": fmean(one.most[kind] for one in calm),
                "peak": max(one.use[kind] for one in all_of),
            }
            for kind in KINDS
        }


def _latency(counts: Counter[int]) -> dict[str, float]:
    return {"p50": percentile(counts, 0.5), "p99": percentile(counts, 0.99), "p99.9": percentile(counts, 0.999)}


def _counts(counts: Counter[Any]) -> dict[str, int]:
    return {str(key): value for key, value in counts.items() if value}
