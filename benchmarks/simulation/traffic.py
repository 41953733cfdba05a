"""Who sends how much, which database holds whom, and which connector takes whose messages."""

from __future__ import annotations

from bisect import bisect
from functools import cache
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from benchmarks.simulation.plan import Plan


class Traffic:
    """Accounts by size, the largest first.

    What one connector should not carry alone is spread over several of the account's own database.
    """

    def __init__(self, plan: Plan) -> None:
        weights = [rank**-plan.zipf for rank in range(1, plan.accounts + 1)]
        self.shares = [weight / sum(weights) for weight in weights]
        self._upto = list(accumulate(self.shares))
        self.shard_of = spread(self.shares, plan.shards)
        self.connectors_of: list[list[int]] = [[] for _ in self.shares]
        self.connector_share = [0.0] * plan.connectors
        self.home = [number * plan.shards // plan.connectors for number in range(plan.connectors)]
        for shard in range(plan.shards) if plan.pinned else (None,):
            self._connect(plan, shard)

    def _connect(self, plan: Plan, shard: int | None) -> None:
        """Give the accounts of a database (None: of all) their connectors."""
        accounts = [one for one, where in enumerate(self.shard_of) if shard in {None, where}]
        numbers = [number for number, home in enumerate(self.home) if shard in {None, home}]
        slices = [(one, count) for one in accounts for count in [ceil(self.shares[one] * plan.rate / plan.most)]]
        each = [(one, self.shares[one] / count) for one, count in slices for _ in range(count)]
        for (account, share), bin_ in zip(each, spread([share for _, share in each], len(numbers)), strict=True):
            self.connectors_of[account].append(numbers[bin_])
            self.connector_share[numbers[bin_]] += share

    def pick(self, rng: Random) -> int:
        """An account, by its share."""
        return min(bisect(self._upto, rng.random()), len(self.shares) - 1)

    def accounts_in(self, shard: int) -> Callable[[int], float]:
        """How many accounts, on average, are among n messages for one database."""
        own = [share for share, where in zip(self.shares, self.shard_of, strict=True) if where == shard]
        return _distinct(own)

    def lanes_in(self, shard: int | None) -> Callable[[int], float]:
        """How many connectors, on average, are among n messages; of one database, or (None) of all."""
        everywhere = zip(self.connector_share, self.home, strict=True)
        return _distinct([share for share, home in everywhere if shard in {None, home}])


def spread(shares: Sequence[float], bins: int) -> list[int]:
    """The bin of each share: the largest first, each into the bin that has least."""
    loads = [0.0] * bins
    found = [0] * len(shares)
    for index in sorted(range(len(shares)), key=lambda one: -shares[one]):
        found[index] = loads.index(min(loads))
        loads[found[index]] += shares[index]
    return found


def _distinct(shares: Sequence[float]) -> Callable[[int], float]:
    """Expected number of different ones among n picked by their shares."""
    total = sum(shares) or 1.0

    @cache
    def count(n: int) -> float:
        return sum(1 - (1 - share / total) ** n for share in shares)

    return count
