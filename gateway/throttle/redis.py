"""Buckets in Redis, shared by the nodes of all hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.throttle.base import Bought, ThrottleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.throttle.base import Want

_TIMEOUT = 1.0  # seconds; messages wait meanwhile

# KEYS: the buckets. ARGV: now, then rate, burst, least and most of each. As gateway.throttle.base has it: ``wait_of``
# and ``granted``. Answers how long to wait, as text, since Lua's numbers come back as whole ones, and the counts.
# %.17g keeps every digit of a time in seconds since 1970. A bucket is kept 10 s longer than until it is full, for
# callers whose now is a little old.
_BUY = """
local now, wait, full_at, answer = tonumber(ARGV[1]), 0, {}, {'0'}
local function of(i, n) return tonumber(ARGV[4 * i - 3 + n]) end
for i, key in ipairs(KEYS) do
  full_at[i] = tonumber(redis.call('GET', key) or now)
  wait = math.max(wait, full_at[i] - (of(i, 2) - 1) / of(i, 1) - now)
end
if wait > 0 then return {string.format('%.17g', wait)} end
for i, key in ipairs(KEYS) do
  local rate, burst, least, most = of(i, 1), of(i, 2), of(i, 3), of(i, 4)
  local there = burst - math.max(0, full_at[i] - now) * rate
  local count = math.max(least, math.min(most, math.floor(there)))
  local full = math.max(full_at[i], now) + count / rate
  redis.call('SET', key, string.format('%.17g', full), 'PX', math.ceil((full - now) * 1000) + 10000)
  answer[i + 1] = count
end
return answer
"""


class RedisBuckets:
    """``Buckets`` that nodes share.

    A node whose clock is ahead by d seconds lets ``rate * d`` parts more through, once. A bucket expires 10 s
    after it is full, by Redis's own clock.
    """

    def __init__(self, url: str, prefix: str = "heliograph") -> None:
        # One retry, at once: a pooled connection may have died with the server since it was used.
        self._redis: Redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=_TIMEOUT, retry=Retry(NoBackoff(), 1)
        )
        self._script = self._redis.register_script(_BUY)
        # The braces keep all buckets on one node of a Redis cluster, where a script may reach them together.
        self._prefix = f"{prefix}:{{throttle}}:"

    async def buy(self, wants: Sequence[Want], now: float) -> Bought:
        arguments = [repr(now)]
        for one in wants:
            arguments += [repr(float(one.rate)), repr(float(one.burst)), str(one.least), str(one.most)]
        try:
            wait, *counts = await self._script(keys=[self._prefix + one.key for one in wants], args=arguments)
        except (RedisError, OSError) as error:
            raise ThrottleError(f"the shared buckets cannot be asked: {type(error).__name__}") from error
        return Bought(float(wait), tuple(counts))

    async def close(self) -> None:
        await self._redis.aclose()
