"""How fast a link may go: token bucket, adaptive rate, circuit breaker, latency guard. Pure; time is an argument.

The window says how many requests may be out; it is not flow control (SMPP 5.0 section 2.6.4), so these stand beside it:

Rule 1. A carrier that says RTHROTTLED means the whole link, not one message: pause, halve the rate, then grow it by
        10 % every 5 s. A burst of such answers is one event.
Rule 2. RMSGQFUL is the queue of one destination, unless three different ones are full within 10 s.
Rule 3. congestion_state (SMPP 5.0 section 4.8.4.18) below 80 grows the rate by 5 % a second, 80-89 holds it, 90-99
        takes a tenth off each second, 100 halves it and pauses.
Rule 4. When half of at least 20 answers within 30 s are transient errors, nothing is sent for 10 s, then one probe.
Rule 5. When the median answer takes five times as long as the best median of the last 10 minutes, halve the window.
"""

from __future__ import annotations

from collections import deque

UNLIMITED = 1_000_000_000
HEADROOM = 0.95  # of the carrier's figure: its clock and ours cut seconds at different places


class Bucket:
    """Tokens that come back at ``rate`` a second, at most one second's worth (and at least one) kept."""

    def __init__(self, rate: float | None, now: float) -> None:
        self.rate = rate
        self._tokens = self._most
        self._at = now

    @property
    def _most(self) -> float:
        return max(1.0, self.rate or 0.0)

    def set_rate(self, rate: float | None, now: float) -> None:
        self._refill(now)
        if self.rate is None:
            self._tokens = 1.0  # nothing was counted until now: begin empty rather than with a burst
        self.rate = rate
        self._tokens = min(self._tokens, self._most)

    def available(self, now: float) -> int:
        if self.rate is None:
            return UNLIMITED
        self._refill(now)
        return int(self._tokens + 1e-9)

    def spend(self, count: int) -> None:
        if self.rate is not None:
            self._tokens -= count

    def opens_at(self, now: float) -> float:
        """When it has a worthwhile number of tokens again: one, or 50 ms worth."""
        if self.rate is None:
            return now
        self._refill(now)
        wanted = max(1.0, self.rate / 20)
        return now + max(0.0, wanted - self._tokens) / self.rate

    def _refill(self, now: float) -> None:
        if self.rate is not None and now > self._at:
            self._tokens = min(self._most, self._tokens + (now - self._at) * self.rate)
        self._at = max(self._at, now)


class Pace:
    """The adaptive rate of one link. Without a throttling carrier it never limits anything."""

    DECREASE = 0.5
    GROWTH = 1.1
    GROWTH_EVERY = 5.0
    FULL_DESTINATIONS = 3
    FULL_WITHIN = 10.0

    def __init__(self, ceiling: float | None, pause: float, now: float) -> None:
        """``ceiling``: the rate never to grow beyond, None for none. ``pause``: seconds of silence on throttling."""
        self._ceiling = ceiling
        self._pause = pause
        self._bucket = Bucket(None, now)
        self._paused_until = now
        self._changed_at = now
        self._congestion_at = now
        self._count_since = now
        self._count = 0
        self._last_second = 0.0
        self._full: dict[str, float] = {}

    @property
    def rate(self) -> float | None:
        return self._bucket.rate

    def paused_for(self, now: float) -> float:
        return max(0.0, self._paused_until - now)

    def available(self, now: float) -> int:
        if now < self._paused_until:
            return 0
        if self.rate is None:
            return UNLIMITED
        self._grow(now)
        return self._bucket.available(now)

    def spend(self, count: int, now: float) -> None:
        self._bucket.spend(count)
        self._tally(now)
        self._count += count

    def opens_at(self, now: float) -> float:
        return max(self._paused_until, self._bucket.opens_at(now))

    def throttled(self, now: float) -> None:
        """The carrier said RTHROTTLED, or means the same."""
        if now >= self._paused_until:
            self._multiply(self.DECREASE, now)
        self._paused_until = now + self._pause

    def queue_full(self, destination: str, now: float) -> bool:
        """The carrier said RMSGQFUL for this destination. Returns whether it counts as throttling of the link."""
        self._full[destination] = now
        self._full = {number: at for number, at in self._full.items() if now - at <= self.FULL_WITHIN}
        return len(self._full) >= self.FULL_DESTINATIONS

    def congestion(self, state: int, now: float) -> None:
        """The carrier sent congestion_state; looked at once a second."""
        if now - self._congestion_at < 1.0:
            return
        self._congestion_at = now
        if state >= 100:  # noqa: PLR2004 -- the bands of rule 3
            self.throttled(now)
        elif state >= 90:  # noqa: PLR2004 -- rule 3
            self._multiply(0.9, now)
        elif state >= 80:  # noqa: PLR2004 -- rule 3
            self._changed_at = now
        elif self.rate is not None:
            self._multiply(1.05, now)

    def _multiply(self, factor: float, now: float) -> None:
        self._tally(now)
        base = self.rate or self._ceiling or max(self._last_second, float(self._count), 1.0)
        rate = max(1.0, base * factor)
        self._bucket.set_rate(rate if self._ceiling is None else min(rate, self._ceiling), now)
        self._changed_at = now

    def _grow(self, now: float) -> None:
        steps = int((now - self._changed_at) / self.GROWTH_EVERY)
        if steps > 0:
            self._multiply(self.GROWTH ** min(steps, 200), now)

    def _tally(self, now: float) -> None:
        """Keep what was sent in the last second: the base of the first decrease when no rate is configured."""
        if now - self._count_since >= 1.0:
            self._last_second = self._count / (now - self._count_since)
            self._count, self._count_since = 0, now


class Breaker:
    """Opens when a link answers mostly with transient errors; then lets one through at a time."""

    LOOK_BACK = 30
    AT_LEAST = 20
    SHARE = 0.5
    OPEN_FOR = 10.0

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque(maxlen=self.LOOK_BACK)  # [second, answers, transient errors]
        self._open_until: float | None = None

    def room(self, now: float) -> int:
        """How many may be out at once: 0 while open, 1 while half open."""
        if self._open_until is None:
            return UNLIMITED
        return 0 if now < self._open_until else 1

    def opens_at(self, now: float) -> float:
        return now if self._open_until is None else max(now, self._open_until)

    def record(self, answers: int, transient: int, now: float) -> None:
        """Count answers, and how many of them were transient errors."""
        if self._open_until is not None:
            self._half_open(transient, now)
            return
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        self._seconds[-1][1] += answers
        self._seconds[-1][2] += transient
        if transient:
            self._judge(second, now)

    def _judge(self, second: int, now: float) -> None:
        while self._seconds[0][0] <= second - self.LOOK_BACK:
            self._seconds.popleft()
        answers = sum(entry[1] for entry in self._seconds)
        transient = sum(entry[2] for entry in self._seconds)
        if answers >= self.AT_LEAST and transient >= answers * self.SHARE:
            self._open_until = now + self.OPEN_FOR

    def _half_open(self, transient: int, now: float) -> None:
        if now < self._open_until:  # type: ignore[operator] # the caller has seen that it is set
            return  # answers to what was out when it opened say nothing new
        if transient:
            self._open_until = now + self.OPEN_FOR
        else:
            self._open_until = None
            self._seconds.clear()


class LatencyGuard:
    """Halves the window of a link whose answers have become much slower, and gives it back."""

    SAMPLES = 64
    SLOW = 5.0
    WELL = 2.0
    FORGET_AFTER = 600.0
    IGNORE_BELOW = 0.25  # seconds; a carrier as near as this is never too slow, whatever the ratio

    def __init__(self, window: int) -> None:
        self.window = self._full = window
        self._samples: list[float] = []
        self._medians: deque[tuple[float, float]] = deque()

    def answered(self, elapsed: float, now: float) -> None:
        self._samples.append(elapsed)
        if len(self._samples) >= self.SAMPLES:
            self._judge(sorted(self._samples)[self.SAMPLES // 2], now)
            self._samples.clear()

    def _judge(self, middle: float, now: float) -> None:
        # Only what is smaller than all behind it can still be the best, so the best stands first, however many came.
        while self._medians and self._medians[-1][1] >= middle:
            self._medians.pop()
        self._medians.append((now, middle))
        while now - self._medians[0][0] > self.FORGET_AFTER:
            self._medians.popleft()
        floor = self._medians[0][1]
        if middle > self.IGNORE_BELOW and middle > self.SLOW * floor:
            self.window = max(1, self.window // 2)
        elif middle <= max(self.IGNORE_BELOW, self.WELL * floor):
            self.window = min(self._full, self.window * 2)
