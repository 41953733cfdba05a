"""Taking tokens: from what was bought, and when that is used up from the buckets that all processes share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.throttle.base import KEPT, SET_BACK, Bought, ThrottleError, want
from gateway.throttle.file import FileBuckets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.throttle.base import Buckets, Want

AWAY = 5.0  # seconds for which buckets that could not be reached are not asked again
_KEYS = 10_000  # whose tokens are kept; what is no longer good is forgotten when there are more

log = structlog.get_logger()


class _Purse:
    """Tokens of one bucket that were bought and not used yet, oldest first."""

    __slots__ = ("_slices",)

    def __init__(self) -> None:
        self._slices: list[tuple[int, float]] = []  # how many, and when they were bought

    def count(self, now: float) -> int:
        """How many are good now.

        A task that has waited has an older now than who bought meanwhile; a clock that was set back makes none good.
        """
        if any(not -SET_BACK <= now - bought_at <= KEPT for _, bought_at in self._slices):
            self._slices = [one for one in self._slices if -SET_BACK <= now - one[1] <= KEPT]
        return sum([count for count, _ in self._slices])

    def add(self, count: int, now: float) -> None:
        self._slices.append((count, now))

    def spend(self, n: int) -> None:
        """``n`` of those that ``count`` counted."""
        while n:
            count, bought_at = self._slices[0]
            if count > n:
                self._slices[0] = count - n, bought_at
                return
            del self._slices[0]
            n -= count


class Throttle:
    """Keeps the rates of everybody who shares the buckets.

    While those cannot be reached it counts for itself: work goes on, each bucket lets through its rate in each process.
    """

    def __init__(self, buckets: Buckets) -> None:
        self._shared, self._own = buckets, FileBuckets()
        self._purses: dict[str, _Purse] = {}
        self._buying = asyncio.Lock()
        self._again_at = float("-inf")  # when to ask the shared ones again

    async def take(self, limits: Sequence[tuple[str, float]], n: int, now: float) -> float:
        """Take ``n`` tokens from every bucket named, or none from any.

        Args:
            limits: (key, rate in parts a second) of each bucket.
            n: the parts of the message.
            now: seconds since 1970.

        Returns:
            0.0 when taken, else after how many seconds to ask again.

        Raises:
            ValueError: a rate is not above 0.
        """
        # One buys at a time. What it buys may serve the next, and be used up by others before that one has its turn.
        while self._lacking(limits, n, now):
            async with self._buying:
                wait = await self._fill(self._lacking(limits, n, now), now)
            if wait > 0:
                return wait
        for key, _ in limits:
            self._purse(key, now).spend(n)
        return 0.0

    async def close(self) -> None:
        await self._shared.close()
        await self._own.close()

    def _lacking(self, limits: Sequence[tuple[str, float]], n: int, now: float) -> list[Want]:
        there = {key: self._purses[key].count(now) if key in self._purses else 0 for key, _ in limits}
        return [want(key, rate, n - there[key]) for key, rate in limits if there[key] < n]

    async def _fill(self, wants: Sequence[Want], now: float) -> float:
        """Buy what is wanted; how long to wait when it is not there."""
        if not wants:
            return 0.0
        bought = await self._buy(wants, now)
        if bought.wait <= 0:
            for one, count in zip(wants, bought.counts, strict=True):
                self._purse(one.key, now).add(count, now)
        return bought.wait

    async def _buy(self, wants: Sequence[Want], now: float) -> Bought:
        if now < self._again_at <= now + AWAY:
            return await self._own.buy(wants, now)
        try:
            return await self._shared.buy(wants, now)
        except ThrottleError as error:
            log.warning("rates are counted by this process alone", action="throttle.away", error=str(error))
            self._again_at = now + AWAY
            return await self._own.buy(wants, now)

    def _purse(self, key: str, now: float) -> _Purse:
        if key not in self._purses:
            if len(self._purses) >= _KEYS:
                self._purses = {key: purse for key, purse in self._purses.items() if purse.count(now)}
            self._purses[key] = _Purse()
        return self._purses[key]
