"""Who should hold what: pure, so that every node comes to the same answer from the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node does about leases of one kind."""

    take: tuple[str, ...] = ()
    give: tuple[str, ...] = ()  # more than its share: to be given up when its work has come to an end


def plan(wanted: Sequence[str], holders: Mapping[str, str], peers: Collection[str], me: str) -> Plan:
    """Take what is free up to an even share, and give what is beyond it.

    What would be this node's if all were dealt out in turn is taken first and given last. So neighbours in the order,
    which are alike in load, come to different nodes. For that alone nothing moves: a connector that moves is unbound.

    Args:
        wanted: names that somebody should hold, in an order that all nodes have: the busiest first.
        holders: node ids by name; missing or "" where it is free. The dead hold nothing any more.
        peers: ids of the living nodes that may hold such leases, ``me`` among them.
        me: the node that asks.
    """
    turns = sorted(peers)
    dealt = frozenset(wanted[turns.index(me) :: len(turns)])
    names = sorted(wanted, key=lambda name: name not in dealt)
    mine = [name for name in names if holders.get(name) == me]
    most = -(-len(names) // len(turns))
    if len(mine) > most:
        return Plan(give=tuple(mine[most:]))
    free = [name for name in names if not holders.get(name)]
    return Plan(take=tuple(free[: max(0, len(dealt) - len(mine))]))
