"""Buckets in Redis, shared by all nodes. See ``gateway.throttle`` for the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.throttle.base import BURST_SECONDS, ThrottleError, burst_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = 5.0  # seconds

# KEYS: the buckets. ARGV: now, n, then rate and burst of each bucket. Answers how long to wait, as text: Lua numbers
# come back as whole numbers. %.17g keeps every digit of a time in seconds since 1970. A bucket is kept 10 s longer than
# until it is full, for callers whose now is a little old.
_TAKE = """
local now, n = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at, wait = {}, 0
for i, key in ipairs(KEYS) do
  local rate, burst = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  full_at[i] = math.max(tonumber(redis.call('GET', key) or now), now)
  wait = math.max(wait, full_at[i] - (burst - 1) / rate - now)
end
if wait > 0 then
  return string.format('%.17g', wait)
end
for i, key in ipairs(KEYS) do
  local full = full_at[i] + n / tonumber(ARGV[2 * i + 1])
  redis.call('SET', key, string.format('%.17g', full), 'PX', math.ceil((full - now) * 1000) + 10000)
end
return '0'
"""


class RedisThrottle:
    """A ``Throttle`` that nodes share; ``now`` is seconds since 1970.

    A node whose clock is ahead by d seconds lets ``rate * d`` parts more through, once. A bucket expires 10 s
    after it is full, by Redis's own clock.
    """

    def __init__(self, url: str, burst_seconds: float = BURST_SECONDS, prefix: str = "heliograph") -> None:
        # One retry, at once: a pooled connection may have died with the server since it was used.
        self._redis: Redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=_TIMEOUT, retry=Retry(NoBackoff(), 1)
        )
        self._script = self._redis.register_script(_TAKE)
        self._burst_seconds = burst_seconds
        # The braces keep all buckets on one node of a Redis cluster, where a script may reach them together.
        self._prefix = f"{prefix}:{{throttle}}:"

    async def take(self, limits: Sequence[tuple[str, float]], n: int, now: float) -> float:
        if not limits:
            return 0.0
        arguments: list[str] = [repr(now), str(n)]
        for _, rate in limits:
            arguments += [repr(float(rate)), repr(burst_of(rate, self._burst_seconds))]
        try:
            answer = await self._script(keys=[self._prefix + key for key, _ in limits], args=arguments)
        except (RedisError, OSError) as error:
            raise ThrottleError(f"the shared buckets cannot be asked: {type(error).__name__}") from error
        return float(answer)

    async def close(self) -> None:
        await self._redis.aclose()
