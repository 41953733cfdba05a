"""What is to happen later, with one timer for all of it: thousands of messages a second, each with two deadlines."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Act: TypeAlias = Callable[[Any], None]

TICK: Final = 0.005  # seconds between two firings at least: what falls between them happens together


class Ticker:
    """Calls ``act(argument)`` at a time, those of one tick together and in the order of their times."""

    def __init__(self, clock: Callable[[], float], after: Callable[[], None]) -> None:
        """``after`` is called behind each tick."""
        self._clock = clock
        self._after = after
        self._heap: list[tuple[float, int, Act, Any]] = []
        self._order = count()  # keeps equal times in the order in which they were put, and acts from being compared
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._running = False
        self._earliest = 0.0

    def put(self, at: float, act: Act, argument: Any) -> None:  # noqa: ANN401 -- whatever ``act`` takes
        """Have it happen at ``at`` by the clock, or within a tick of it."""
        heappush(self._heap, (at, next(self._order), act, argument))
        self._arm()

    def stop(self) -> None:
        """Let nothing happen until ``start``; what was put stays."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def start(self) -> None:
        """Go on; what has become due meanwhile happens at once. Must be called before anything happens at all."""
        self._running = True
        self._arm()

    def _arm(self) -> None:
        if not self._running or not self._heap:
            return
        at = max(self._heap[0][0], self._earliest)
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, at - self._clock()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock()
        self._earliest = now + TICK
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, _, act, argument = heappop(heap)
            act(argument)
        self._after()
        self._arm()
