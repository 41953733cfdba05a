"""Which of a carrier's hosts to try next, and when another bind may be attempted. Pure; time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from carriers.smpp.settings import Host

STICK_TO = 300.0  # seconds for which the last good host comes first


class Hosts:
    """The hosts by priority, those of one priority at random by weight (as SRV records, RFC 2782)."""

    def __init__(self, hosts: Sequence[Host], rng: random.Random) -> None:
        self._hosts = tuple(hosts)
        self._rng = rng
        self._round: list[Host] = []
        self._good: Host | None = None
        self._good_at = 0.0

    def next(self, now: float) -> Host:
        """The host to try: the last good one for a while, else each one once before any comes again."""
        if self._good is not None and now - self._good_at <= STICK_TO:
            return self._good
        if not self._round:
            self._round = sorted(self._hosts, key=lambda host: (host.priority, -self._draw(host.weight)))
        return self._round.pop(0)

    def good(self, host: Host, now: float) -> None:
        """A bind stands, or stood until now, on this host."""
        self._good, self._good_at = host, now

    def bad(self, host: Host) -> None:
        """It could not be reached, or it refused the bind."""
        if self._good == host:
            self._good = None

    def _draw(self, weight: int) -> float:
        # The largest of n draws to the power of 1/weight falls on each host by its weight.
        return float(self._rng.random() ** (1.0 / weight))


class BindGate:
    """At most one bind attempt per interval for the whole account: carriers lock accounts that try faster."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next_at: float | None = None

    def reserve(self, now: float) -> float:
        """Take the next turn. Returns the seconds until it comes."""
        at = now if self._next_at is None else max(now, self._next_at)
        self._next_at = at + self._interval
        return at - now

    def give_back(self, now: float) -> None:
        """The turn was not used: no bind was sent."""
        if self._next_at is not None:
            self._next_at = max(now, self._next_at - self._interval)
