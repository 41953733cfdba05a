"""Virtual time: what is to happen, in order. Nothing here waits for real time to pass."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Runs calls at their times; those of one time in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stopped = False
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, time: float, call: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, call, args))

    def after(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        self.at(self.now + delay, call, *args)

    def run(self, until: float) -> None:
        """Until nothing is left, ``until`` has come, or somebody sets ``stopped``."""
        heap = self._heap
        while heap and not self.stopped and heap[0][0] <= until:
            self.now, _, call, args = heapq.heappop(heap)
            call(*args)


class Cores:
    """CPUs that take work in the order it comes, each one piece at a time. ``busy`` is the CPU time of all of them."""

    def __init__(self, clock: Clock, count: int = 1) -> None:
        self._clock = clock
        self._free = [0.0] * count
        self.busy = 0.0

    def reserve(self, work: float) -> float:
        """When ``work`` seconds of CPU will be done that are asked for now."""
        finish = max(self._clock.now, self._free[0]) + work
        heapq.heapreplace(self._free, finish)
        self.busy += work
        return finish

    def wait(self) -> float:
        """Seconds until work that is asked for now would begin."""
        return max(0.0, self._free[0] - self._clock.now)

    def restart(self) -> None:
        """Drop what was waiting: the machine is a new one."""
        self._free = [self._clock.now] * len(self._free)
