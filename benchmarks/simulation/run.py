"""Failure scripts, and runs of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.simulation.report import Report, Sampler
from benchmarks.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.plan import Plan

DRAIN = 60.0  # seconds after the last request until everything must have come to its end


@dataclass(frozen=True, slots=True)
class Loss:
    """``kind`` is a role, "redis" or "postgresql"; a host comes back ``back_after`` seconds later, 0 never."""

    at: float
    kind: str
    back_after: float = 0.0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """What happens while requests come for ``seconds``."""

    name: str
    seconds: float
    losses: Sequence[Loss] = ()


ONE_BY_ONE = Script(
    "one by one",
    118,
    (
        Loss(8, "api", 20), Loss(22, "worker", 25), Loss(40, "events", 25), Loss(52, "scheduler"), Loss(58, "redis"),
        Loss(76, "postgresql"),
    ),
)  # fmt: skip
SAME_MINUTE = Script(
    "all in one minute",
    84,
    (
        Loss(10, "api"), Loss(15, "worker"), Loss(20, "events"), Loss(25, "scheduler"), Loss(30, "redis"),
        Loss(35, "postgresql"),
    ),
)  # fmt: skip


def run(plan: Plan, costs: Costs, script: Script) -> Report:
    """Load, losses, and then time for everything to end."""
    world = World(plan, costs)
    for loss in script.losses:
        if loss.kind in plan.hosts:
            world.clock.at(loss.at, world.fates.host, loss.kind, loss.number, loss.back_after)
        else:
            world.clock.at(loss.at, world.fates.primary, loss.kind, loss.number)
    sampler = Sampler(world, script.seconds)
    world.load(script.seconds)
    world.clock.run(script.seconds + DRAIN)
    return Report(world, sampler, script.name, script.seconds, tuple((loss.at, loss.kind) for loss in script.losses))
