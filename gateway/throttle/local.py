"""Buckets in memory, for one process. See ``gateway.throttle`` for the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.throttle.base import BURST_SECONDS, burst_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_SET_BACK = 1.0  # a clock that goes back by more seconds than this was set


class Bucket:
    """One bucket, full at first. Times are seconds on any clock."""

    __slots__ = ("_full_at", "_rate", "_spare")

    def __init__(self, rate: float, burst: float) -> None:
        self._full_at = float("-inf")
        self.limit(rate, burst)

    def limit(self, rate: float, burst: float) -> None:
        """Change the limits, and keep the time at which the bucket is full."""
        self._rate = rate
        self._spare = (burst - 1) / rate  # seconds before it is full, it holds one token

    @property
    def rate(self) -> float:
        return self._rate

    def next_at(self, now: float) -> float:
        """When a message of any size may go: ``now``, or later."""
        return max(now, self._full_at - self._spare)

    def take(self, n: int, now: float) -> bool:
        """Take ``n`` tokens if there is one; the rest is debt."""
        if self.next_at(now) > now:
            return False
        self._full_at = max(now, self._full_at) + n / self._rate
        return True

    def is_full(self, now: float) -> bool:
        return self._full_at <= now


class LocalThrottle:
    """A ``Throttle`` for one process.

    Full buckets are dropped whenever there are ``keys`` or more, so the number kept follows what was sent lately, not
    what was ever sent.
    """

    def __init__(self, burst_seconds: float = BURST_SECONDS, keys: int = 10_000) -> None:
        self._burst_seconds = burst_seconds
        self._buckets: dict[str, Bucket] = {}
        self._keys = keys
        self._sweep_at = keys
        self._latest = float("-inf")

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(self, limits: Sequence[tuple[str, float]], n: int, now: float) -> float:
        self._keep_time(now)
        if len(self._buckets) >= self._sweep_at:
            self._sweep(now)
        buckets = [self._bucket(key, rate) for key, rate in limits]
        wait = max((bucket.next_at(now) - now for bucket in buckets), default=0.0)
        if wait > 0:
            return wait
        for bucket in buckets:
            bucket.take(n, now)
        return 0.0

    async def close(self) -> None:
        self._buckets.clear()

    def _keep_time(self, now: float) -> None:
        """After a clock was set back, all buckets would seem to be full far in the future: they start afresh."""
        if now < self._latest - _SET_BACK:
            self._buckets.clear()
        self._latest = now

    def _bucket(self, key: str, rate: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(rate, burst_of(rate, self._burst_seconds))
        elif bucket.rate != rate:
            bucket.limit(rate, burst_of(rate, self._burst_seconds))
        return bucket

    def _sweep(self, now: float) -> None:
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
        # Twice what is in use, so that a sweep costs little for each key.
        self._sweep_at = max(self._keys, 2 * len(self._buckets))
