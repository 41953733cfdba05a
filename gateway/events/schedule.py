"""When a delivery that failed is tried again. Pure: time and chance come in.

Rule 1: an event is tried again after ``DELAYS``, the last of them again and again, each 20 % more or less, until
``GIVE_UP`` has passed since it was put aside (the schedule is the example of Standard Webhooks 1.0.0, "retries").
Rule 2: after ``FAILURES`` failed requests in a row the destination as a whole rests, and only one request probes it.
Each probe that fails doubles the rest, up to ``LONGEST_REST``. The success that ends such an outage makes everything
due at once that was put aside.
Rule 3: a destination that says when to come again (Retry-After, RFC 9110 10.2.3) rests as long, up to
``LONGEST_WAIT``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.store.times import HOUR, SECOND

if TYPE_CHECKING:
    from random import Random

MINUTE = 60 * SECOND

DELAYS = (
    5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE,
    2 * HOUR, 5 * HOUR, 10 * HOUR, 24 * HOUR, 34 * HOUR,
)  # fmt: skip
JITTER = 0.2
GIVE_UP = 72 * HOUR

FAILURES = 3
FIRST_REST = 5 * SECOND
LONGEST_REST = 5 * MINUTE
OUTAGE = FAILURES + 6  # failures in a row until the rest is the longest
LONGEST_WAIT = HOUR


def given_up(first_at: int, now: int) -> bool:
    """Whether an event that was put aside at ``first_at`` and has failed again is a dead letter."""
    return now - first_at >= GIVE_UP


def delay_after(attempts: int, random: Random) -> int:
    """How long an event waits that has failed ``attempts`` times, 1 or more."""
    return jittered(DELAYS[min(attempts, len(DELAYS)) - 1], random)


def jittered(delay: int, random: Random) -> int:
    """The delay, 20 % more or less, so that what failed together does not come again together."""
    return round(delay * random.uniform(1 - JITTER, 1 + JITTER))


class Circuit:
    """Whether a destination may be asked at all. Times in microseconds."""

    __slots__ = ("_random", "_resume_at", "failures")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._resume_at = 0
        self.failures = 0  # in a row

    @property
    def probing(self) -> bool:
        """The next request is to be a single one, to see whether the destination is back."""
        return self.failures >= FAILURES

    def rest(self, now: int) -> int:
        """How long to leave it alone from now; 0 when it may be asked."""
        rest = self._resume_at - now
        return rest if 0 < rest <= LONGEST_WAIT else 0  # a longer one is a clock that was set back

    def passed(self) -> bool:
        """A request was taken. Whether that ends an outage."""
        outage = self.failures >= OUTAGE
        self.failures = 0
        self._resume_at = 0
        return outage

    def failed(self, now: int, retry_after: int = 0) -> None:
        """A request failed; ``retry_after`` is the rest that the destination asked for.

        Requests that were under way when the circuit opened say nothing new.
        """
        if not self.rest(now):
            self.failures += 1
            if self.probing:
                doubled = FIRST_REST << min(self.failures - FAILURES, OUTAGE)
                self._resume_at = now + jittered(min(doubled, LONGEST_REST), self._random)
        if retry_after:
            self._resume_at = max(self._resume_at, now + min(retry_after, LONGEST_WAIT))
