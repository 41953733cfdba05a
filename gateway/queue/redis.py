"""A queue in Redis Streams, for many nodes. Needs Redis 6.2 or a server that speaks as it does.

A lane has two streams, urgent and others, and a set of the ids that wait, which keeps an id from waiting twice. Keys
of a lane share a hash tag, so that a script may reach them together in a cluster.

A stream is first come, first served. So that accounts take turns, it is kept short: what comes while a hundred ids wait
in it stands in a list of its account, and is moved to the stream when it is taken, an equal share of each account's.

What is taken is gone from here: a node that dies with it leaves it QUEUED in the database, where who takes its lease
over finds it. A stream, and no list, since one may wait for it without taking anything.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.queue.base import QueueError, nothing, shares

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from redis.typing import KeyT, StreamIdT

    from gateway.queue.base import Contents

_TIMEOUT = 5.0  # seconds for an answer
_LONGEST_BLOCK = 2.0  # seconds; well below the time-out
_AT_ONCE = 1000  # ids in one command: Redis does nothing else meanwhile, and Lua's unpack takes some thousands
_AHEAD = 100  # ids in a stream before accounts have lists
_URGENT, _OTHERS = 1, 2  # the streams, as Lua counts KEYS

# KEYS: stream, waiting, turns: the accounts that have a list, the next first. ARGV: account, how many ids may stand in
# the stream, ids.
_PUT = """
local room = 0
if redis.call('LLEN', KEYS[3]) == 0 then room = tonumber(ARGV[2]) - redis.call('XLEN', KEYS[1]) end
for i = 3, #ARGV do
  if redis.call('SADD', KEYS[2], ARGV[i]) == 1 then
    if room > 0 then
      redis.call('XADD', KEYS[1], '*', 'id', ARGV[i])
      room = room - 1
    elseif redis.call('RPUSH', KEYS[3] .. ':' .. ARGV[1], ARGV[i]) == 1 then
      redis.call('RPUSH', KEYS[3], ARGV[1])
    end
  end
end
"""

# KEYS: urgent, others, the turns of both. Answers how many ids stand in the streams and in lists.
_SIZE = """
local count = 0
for stream = 1, 2 do
  count = count + redis.call('XLEN', KEYS[stream])
  local turns = KEYS[stream + 2]
  for _, account in ipairs(redis.call('LRANGE', turns, 0, -1)) do
    count = count + redis.call('LLEN', turns .. ':' .. account)
  end
end
return count
"""

# KEYS: urgent, others, the turns of both, waiting. ARGV: count, how many of them should be others, how many ids go into
# one command. Answers how many others there are, and the ids.
# When less than asked for was there, nothing waits any more: the set is dropped whole, so that a set and a stream that
# fell apart (an eviction) cannot keep an id out for ever.
# While an account has a list, its stream is left with an id: that is what wakes who waits.
_TAKE = """
local count, due, at_once = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local taken = {}
local function read_stream(stream, most)
  local got = 0
  while got < most do
    local entries = redis.call('XRANGE', KEYS[stream], '-', '+', 'COUNT', math.min(most - got, at_once))
    if #entries == 0 then break end
    local names = {}
    for i, entry in ipairs(entries) do
      names[i], taken[#taken + 1] = entry[1], entry[2][2]
    end
    redis.call('XDEL', KEYS[stream], unpack(names))
    got = got + #entries
  end
  return got
end
local function move(stream, most)
  local turns, moved = KEYS[stream + 2], 0
  while moved < most do
    local account = redis.call('LPOP', turns)
    if not account then break end
    local list = turns .. ':' .. account
    local share = math.max(1, math.floor((most - moved) / (redis.call('LLEN', turns) + 1)))
    for _, id in ipairs(redis.call('LPOP', list, share) or {}) do
      redis.call('XADD', KEYS[stream], '*', 'id', id)
      moved = moved + 1
    end
    if redis.call('EXISTS', list) == 1 then redis.call('RPUSH', turns, account) end
  end
  return moved
end
local function read(stream, most)
  local got = read_stream(stream, most)
  return got + read_stream(stream, move(stream, most - got))
end
due = math.min(due, count)
local urgent = read(1, count - due)
local others = read(2, count - urgent)
if urgent == count - due then urgent = urgent + read(1, count - urgent - others) end
if urgent + others < count then
  redis.call('DEL', KEYS[5])
else
  for start = 1, #taken, at_once do
    redis.call('SREM', KEYS[5], unpack(taken, start, math.min(#taken, start + at_once - 1)))
  end
end
for stream = 1, 2 do
  if redis.call('LLEN', KEYS[stream + 2]) > 0 and redis.call('XLEN', KEYS[stream]) == 0 then move(stream, 1) end
end
return {others, taken}
"""


class _Lane:
    """What this process knows of a lane."""

    __slots__ = ("keys", "streak", "turns", "waiting")

    def __init__(self, prefix: str, name: str) -> None:
        base = f"{prefix}:{{{name}}}"
        self.keys = {_URGENT: f"{base}:urgent", _OTHERS: f"{base}:others"}
        self.turns = {stream: f"{key}:turns" for stream, key in self.keys.items()}
        self.waiting = f"{base}:waiting"
        self.streak = 0

    @property
    def places(self) -> list[str]:
        """Where ids stand: the streams, then the turns of their lists."""
        return [*self.keys.values(), *self.turns.values()]


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise QueueError(f"the queue cannot be reached: {type(error).__name__}") from error


class RedisQueue:
    """A ``Queue`` that nodes share.

    Args:
        url: redis://, rediss:// or unix://.
        prefix: of all keys.
    """

    def __init__(self, url: str, *, prefix: str = "heliograph:queue") -> None:
        # One retry, at once: a pooled connection may have died with the server since it was used.
        self._redis: Redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=_TIMEOUT, retry=Retry(NoBackoff(), 1)
        )
        self._put = self._redis.register_script(_PUT)
        self._take = self._redis.register_script(_TAKE)
        self._size = self._redis.register_script(_SIZE)
        self._prefix = prefix
        self._lanes: dict[str, _Lane] = {}

    def serve(self, lanes: Collection[str]) -> None:
        """Nothing to do: everybody may take from every lane."""

    async def put(
        self,
        lane: str,
        ids: Sequence[str],
        *,
        urgent: bool,
        account: str = "",
        contents: Contents = nothing,  # noqa: ARG002 -- texts of people do not go into Redis
    ) -> None:
        known = self._lane(lane)
        stream = _URGENT if urgent else _OTHERS
        keys = [known.keys[stream], known.waiting, known.turns[stream]]
        with _reachable():
            for start in range(0, len(ids), _AT_ONCE):
                await self._put(keys=keys, args=[account, _AHEAD, *ids[start : start + _AT_ONCE]])

    async def take(self, lane: str, count: int) -> list[str]:
        if count <= 0:
            return []
        known = self._lane(lane)
        due, streak = shares(count, known.streak)
        with _reachable():
            others, taken = await self._take(keys=[*known.places, known.waiting], args=[count, due, _AT_ONCE])
        known.streak = streak if others == due else 0
        ids: list[str] = taken
        return ids

    async def size(self, lane: str) -> int:
        with _reachable():
            return int(await self._size(keys=self._lane(lane).places))

    async def wait(self, lane: str, timeout: float) -> None:  # noqa: ASYNC109 -- running out of time is an answer here
        block = max(1, int(min(timeout, _LONGEST_BLOCK) * 1000))  # 0 would be for ever
        # From the beginning: what was taken is there no more.
        anything: dict[KeyT, StreamIdT] = dict.fromkeys(self._lane(lane).keys.values(), "0")
        with _reachable():
            await self._redis.xread(anything, count=1, block=block)

    async def clear(self) -> None:
        with _reachable():
            async for key in self._redis.scan_iter(match=f"{self._prefix}:*", count=_AT_ONCE):
                await self._redis.unlink(key)
        self._lanes.clear()

    async def close(self) -> None:
        await self._redis.aclose()

    def _lane(self, name: str) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(self._prefix, name)
        return lane
