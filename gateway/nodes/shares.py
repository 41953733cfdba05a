"""Who should hold what: pure, so that every node comes to the same answer from the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node does about leases of one kind."""

    take: tuple[str, ...] = ()
    give: tuple[str, ...] = ()  # more than its share: to be given up when its work has come to an end


def plan(wanted: Collection[str], holders: Mapping[str, str], peers: Collection[str], me: str) -> Plan:
    """Take what is free up to an even share, and give what is beyond it.

    Args:
        wanted: names that somebody should hold.
        holders: node ids by name; missing or "" where it is free. The dead hold nothing any more.
        peers: ids of the living nodes that may hold such leases, ``me`` among them.
        me: the node that asks.
    """
    names = sorted(wanted)
    mine = [name for name in names if holders.get(name) == me]
    share = -(-len(names) // max(1, len(peers)))
    if len(mine) > share:
        return Plan(give=tuple(mine[share:]))
    free = [name for name in names if not holders.get(name)]
    return Plan(take=tuple(free[: share - len(mine)]))
