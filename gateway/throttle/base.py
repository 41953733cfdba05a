from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

BURST_SECONDS = 1.0  # carriers count by the second; a longer burst draws their throttling


class ThrottleError(Exception):
    """The shared buckets cannot be asked now; nothing was taken."""


class Throttle(Protocol):
    async def take(self, limits: Sequence[tuple[str, float]], n: int, now: float) -> float:
        """Take ``n`` tokens from every bucket named, or none from any.

        Args:
            limits: (key, rate in parts a second) of each bucket.
            n: the parts of the message.
            now: seconds; for buckets that nodes share, seconds since 1970.

        Returns:
            0.0 when taken, else after how many seconds to ask again.

        Raises:
            ValueError: a rate is not above 0.
            ThrottleError: the shared buckets cannot be asked.
        """

    async def close(self) -> None: ...


def burst_of(rate: float, seconds: float) -> float:
    """What a bucket holds: so many seconds of its rate, and a token at least."""
    if not rate > 0:
        raise ValueError(f"a rate must be above 0 parts a second, not {rate}")
    return max(1.0, rate * seconds)
