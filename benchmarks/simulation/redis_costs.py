"""What announcing and taking messages, and asking for a rate, costs Redis and its client: figures for costs.json."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import redis

from benchmarks.simulation.pg_costs import cpu_of
from gateway.queue.redis import RedisQueue
from gateway.throttle import Throttle
from gateway.throttle.redis import RedisBuckets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")
SIZES = (1, 4, 16, 64)
AT_ONCE, ROUNDS = 20, 12
STEPS = ("put", "take")


async def measure() -> dict[str, Any]:
    """Of each call: CPU microseconds of client and server, and commands. Needs what the tests need."""
    from tests.support.redis_server import running_redis, short_folder

    with short_folder() as folder, running_redis(folder) as url, redis.Redis.from_url(url) as server:
        queue, throttle = RedisQueue(url), Throttle(RedisBuckets(url))
        by_size = {size: await _steps(server, queue, size) for size in SIZES}
        found: dict[str, Any] = {step: _line({size: each[step] for size, each in by_size.items()}) for step in STEPS}
        found |= {"rate of one message": await _rate(server, throttle)}
        await queue.close()
        await throttle.close()
        return found


def _line(figures: dict[int, dict[str, float]]) -> dict[str, dict[str, float]]:
    """What a call costs, and what each id in it."""
    line: dict[str, dict[str, float]] = {}
    for what in ("client", "server", "commands"):
        found = statistics.linear_regression(list(figures), [each[what] for each in figures.values()])
        line[what] = {"call": found.intercept, "id": found.slope}
    return line


class Meter:
    """Adds up what calls cost, some at a time: to look between any two would cost more than they do."""

    def __init__(self, server: Any) -> None:
        self._server, self._pid, self.calls = server, server.info("server")["process_id"], 0
        self.client = self.used = self.commands = 0.0

    async def run(self, calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        commands, client, used = self._commands(), time.process_time(), cpu_of(self._pid)
        answers = [await call() for call in calls]
        self.client += time.process_time() - client
        self.used += cpu_of(self._pid) - used
        self.commands += self._commands() - commands - 1  # our own INFO
        self.calls += len(calls)
        return answers

    def figures(self) -> dict[str, float]:
        """Of one call."""
        n = self.calls
        return {"client": self.client / n * 1e6, "server": self.used / n * 1e6, "commands": self.commands / n}

    def _commands(self) -> int:
        return int(self._server.info("stats")["total_commands_processed"])


async def _steps(server: Any, queue: RedisQueue, size: int) -> dict[str, dict[str, float]]:
    meters = {step: Meter(server) for step in STEPS}
    for first in range(0, ROUNDS * AT_ONCE * size, AT_ONCE * size):
        ids = [f"0192f3c4-0000-7000-8000-{first + n:012d}" for n in range(AT_ONCE * size)]
        each = [ids[n : n + size] for n in range(0, len(ids), size)]
        await meters["put"].run([partial(queue.put, "one", some, urgent=True) for some in each])
        await meters["take"].run([partial(queue.take, "one", size) for _ in each])
    return {step: meter.figures() for step, meter in meters.items()}


async def _rate(server: Any, throttle: Throttle) -> dict[str, float]:
    meter = Meter(server)
    for n in range(ROUNDS * AT_ONCE):
        limits = [("connector:one", 1e6), (f"identity:{n % 50}", 1e6)]
        await meter.run([lambda limits=limits: throttle.take(limits, 1, time.time()) for _ in range(4)])  # type: ignore[misc]
    return meter.figures()
