"""What a bucket is, wherever it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

BURST = 1.0  # seconds of its rate that a bucket holds; carriers count by the second, more draws their throttling
SLICE = 0.05  # seconds of a rate that are bought at once
KEPT = 0.1  # seconds for which what was bought is good
SET_BACK = 1.0  # seconds; a clock that goes back by more was set


class ThrottleError(Exception):
    """The buckets cannot be asked now; nothing was taken."""


class Want(NamedTuple):
    """Tokens of one bucket."""

    key: str
    rate: float  # tokens a second
    burst: float  # what the bucket holds
    least: int  # needed, and given as soon as one token is there: the rest of it is debt
    most: int  # given as far as they are there


class Bought(NamedTuple):
    """How many tokens of each bucket; none of any, and after how many seconds to ask again."""

    wait: float
    counts: tuple[int, ...] = ()


class Buckets(Protocol):
    """Where buckets are kept. ``now`` is seconds since 1970."""

    async def buy(self, wants: Sequence[Want], now: float) -> Bought:
        """Take from every bucket named, or from none. Raises ThrottleError."""

    async def close(self) -> None: ...


def want(key: str, rate: float, needed: int) -> Want:
    """What to buy of a bucket: a slice, so that not each message asks.

    What is bought may be used ``KEPT`` seconds later, beside what the bucket has gained by then: so it holds that much
    less. Below two tokens a slice nothing is bought ahead.

    Raises:
        ValueError: the rate is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"a rate must be above 0 parts a second, not {rate}")
    ahead = int(rate * SLICE)
    if ahead <= 1:
        return Want(key, rate, max(1.0, rate * BURST), needed, needed)
    return Want(key, rate, rate * (BURST - KEPT), needed, max(needed, ahead))


def wait_of(full_at: float, one: Want, now: float) -> float:
    """Seconds until a token is there, of a bucket that will be full at that time; 0 or less when one is."""
    return full_at - (one.burst - 1) / one.rate - now


def granted(full_at: float, one: Want, now: float) -> int:
    """How many tokens one gets, given that one is there."""
    there = one.burst - max(0.0, full_at - now) * one.rate
    return max(one.least, min(one.most, int(there)))
