"""A queue in Redis Streams, for many nodes. Needs Redis 6.2 or a server that speaks as it does.

A lane has two streams, urgent and others, each with one consumer group, and a set of the ids that wait, which keeps an
id from waiting twice. Keys of a lane share a hash tag, so that a script may reach them together in a cluster.

A stream is first come, first served. So that accounts take turns, it is kept short: what comes while a hundred ids wait
in it stands in a list of its account, and is moved to the stream when it is taken, an equal share of each account's.

What a node has taken stays pending in the group until it says ``done``. While it uses the lane, it renews what it
holds; what was not renewed for 15 s was taken by a node that died, and goes to whoever takes next. When Redis lost
everything, the next ``take`` makes the groups again; what was taken before is simply unknown to it then.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from gateway.queue.base import QueueError, nothing, shares

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from redis.typing import KeyT, StreamIdT

    from gateway.queue.base import Contents

_GROUP = "workers"
_TIMEOUT = 5.0  # seconds for an answer
_LONGEST_BLOCK = 2.0  # seconds; well below the time-out
_AT_ONCE = 1000  # ids in one command: Redis does nothing else meanwhile
_AHEAD = 100  # ids in a stream before accounts have lists
_URGENT, _OTHERS = 1, 2  # the streams, as Lua counts KEYS

# KEYS: stream, waiting, turns: the accounts that have a list, the next first. ARGV: group, account, how many ids may
# stand in the stream, ids.
_PUT = """
local room = 0
if redis.call('LLEN', KEYS[3]) == 0 then
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
  room = tonumber(ARGV[3]) - redis.call('XLEN', KEYS[1]) + (pending.err and 0 or pending[1])
end
for i = 4, #ARGV do
  if redis.call('SADD', KEYS[2], ARGV[i]) == 1 then
    if room > 0 then
      redis.call('XADD', KEYS[1], '*', 'id', ARGV[i])
      room = room - 1
    elseif redis.call('RPUSH', KEYS[3] .. ':' .. ARGV[2], ARGV[i]) == 1 then
      redis.call('RPUSH', KEYS[3], ARGV[2])
    end
  end
end
"""

# KEYS: the turns of both streams. Answers how many ids stand in lists.
_LISTED = """
local count = 0
for _, turns in ipairs(KEYS) do
  for _, account in ipairs(redis.call('LRANGE', turns, 0, -1)) do
    count = count + redis.call('LLEN', turns .. ':' .. account)
  end
end
return count
"""

# KEYS: urgent, others, waiting, the turns of urgent and of others. ARGV: group, consumer, count, how many of them
# should be others, and after how many idle milliseconds to claim what another consumer holds ('' not now).
# Answers how many others there are, and {stream, entry, id} of each id.
# Redis 6.2 answers false for an entry that is pending but deleted.
# When less than asked for was there, nothing waits any more: the set is dropped whole, so that a set and a stream that
# fell apart (an eviction) cannot keep an id out for ever.
# While an account has a list, its stream is left with an id that nobody has: that is what wakes who waits.
_TAKE = """
local group, consumer, count, due = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local taken = {}
local function keep(stream, entries)
  local before = #taken
  for _, entry in ipairs(entries) do
    if entry then taken[#taken + 1] = {stream, entry[1], entry[2][2]} end
  end
  return #taken - before
end
local function read_stream(stream, most)
  if most <= 0 then return 0 end
  local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', KEYS[stream], '>')
  return reply and keep(stream, reply[1][2]) or 0
end
local function move(stream, most)
  local turns, moved = KEYS[stream + 3], 0
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
for stream = 1, 2 do
  redis.pcall('XGROUP', 'CREATE', KEYS[stream], group, '0', 'MKSTREAM')
  if ARGV[5] ~= '' and #taken < count then
    keep(stream, redis.call('XAUTOCLAIM', KEYS[stream], group, consumer, ARGV[5], '0', 'COUNT', count - #taken)[2])
  end
end
local claimed = #taken
local free = count - claimed
due = math.min(due, free)
local urgent = read(1, free - due)
local others = read(2, free - urgent)
if urgent == free - due then urgent = urgent + read(1, free - urgent - others) end
if urgent + others < free then
  redis.call('DEL', KEYS[3])
else
  for i = claimed + 1, #taken do redis.call('SREM', KEYS[3], taken[i][3]) end
end
for stream = 1, 2 do
  if redis.call('LLEN', KEYS[stream + 3]) > 0
    and redis.call('XLEN', KEYS[stream]) <= redis.call('XPENDING', KEYS[stream], group)[1]
  then move(stream, 1) end
end
return {others, taken}
"""


class _Lane:
    """What this process knows of a lane."""

    __slots__ = ("held", "keys", "reclaim_at", "renew_at", "streak", "turns", "waiting")

    def __init__(self, prefix: str, name: str) -> None:
        base = f"{prefix}:{{{name}}}"
        self.keys = {_URGENT: f"{base}:urgent", _OTHERS: f"{base}:others"}
        self.turns = {stream: f"{key}:turns" for stream, key in self.keys.items()}
        self.waiting = f"{base}:waiting"
        self.streak = 0
        self.held: dict[str, tuple[int, str]] = {}  # id -> stream and entry
        self.reclaim_at = self.renew_at = float("-inf")

    def keep(self, taken: Sequence[tuple[int, str, str]]) -> list[str]:
        """The ids that are new; an entry that we hold may come again when renewing it was late."""
        fresh = [(stream, entry, one) for stream, entry, one in taken if self.held.get(one) != (stream, entry)]
        self.held.update((one, (stream, entry)) for stream, entry, one in fresh)
        return [one for _, _, one in fresh]

    def entries(self, held: Sequence[tuple[int, str]]) -> Iterator[tuple[str, list[StreamIdT]]]:
        """Key and entries of each stream, not too many at once."""
        for stream, key in self.keys.items():
            entries: list[StreamIdT] = [entry for of, entry in held if of == stream]
            for start in range(0, len(entries), _AT_ONCE):
                yield key, entries[start : start + _AT_ONCE]


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
        reclaim_after: seconds after which what a silent node took goes to others.
        clock: seconds; paces renewing.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "heliograph:queue",
        reclaim_after: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # One retry, at once: a pooled connection may have died with the server since it was used.
        self._redis: Redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=_TIMEOUT, retry=Retry(NoBackoff(), 1)
        )
        self._put = self._redis.register_script(_PUT)
        self._take = self._redis.register_script(_TAKE)
        self._listed = self._redis.register_script(_LISTED)
        self._prefix = prefix
        self._reclaim_after = reclaim_after
        self._clock = clock
        self._consumer = uuid4().hex
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
                await self._put(keys=keys, args=[_GROUP, account, _AHEAD, *ids[start : start + _AT_ONCE]])

    async def take(self, lane: str, count: int) -> list[str]:
        if count <= 0:
            return []
        known = self._lane(lane)
        due, streak = shares(count, known.streak)
        with _reachable():
            await self._renew(known)
            others, taken = await self._take(
                keys=[*known.keys.values(), known.waiting, *known.turns.values()],
                args=[_GROUP, self._consumer, count, due, self._idle(known)],
            )
        known.streak = streak if others == due else 0
        return known.keep(taken)

    async def done(self, lane: str, ids: Sequence[str]) -> None:
        known = self._lane(lane)
        finished = [known.held.pop(one) for one in ids if one in known.held]
        with _reachable():
            await self._renew(known)
            for key, entries in known.entries(finished):
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.xack(key, _GROUP, *entries)
                    pipe.xdel(key, *entries)
                    await pipe.execute()

    async def size(self, lane: str) -> int:
        known = self._lane(lane)
        with _reachable():
            async with self._redis.pipeline(transaction=True) as pipe:
                for key in known.keys.values():
                    pipe.xlen(key)
                    pipe.xpending(key, _GROUP)
                answers = await pipe.execute(raise_on_error=False)
            listed = int(await self._listed(keys=list(known.turns.values())))
        pending = [0 if isinstance(one, ResponseError) else int(one["pending"]) for one in answers[1::2]]
        return max(0, sum(map(int, answers[0::2])) - sum(pending)) + listed

    async def wait(self, lane: str, timeout: float) -> None:  # noqa: ASYNC109 -- running out of time is an answer here
        known = self._lane(lane)
        block = max(1, int(min(timeout, _LONGEST_BLOCK) * 1000))  # 0 would be for ever
        with _reachable():
            await self._renew(known)
            # No such group: nobody has taken yet, or Redis lost everything. Either way take() must look.
            with suppress(ResponseError):
                last: dict[KeyT, StreamIdT] = {key: await self._delivered(key) for key in known.keys.values()}
                await self._redis.xread(last, count=1, block=block)

    async def clear(self) -> None:
        with _reachable():
            async for key in self._redis.scan_iter(match=f"{self._prefix}:*", count=_AT_ONCE):
                await self._redis.unlink(key)
        self._lanes.clear()

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            for lane in self._lanes.values():
                await self._leave(lane)
        await self._redis.aclose()

    async def _delivered(self, key: str) -> str:
        """The last entry of a stream that any node has taken."""
        groups = await self._redis.xinfo_groups(key)
        return str(groups[0]["last-delivered-id"]) if groups else "0"

    def _idle(self, lane: _Lane) -> str:
        """After how many milliseconds to claim what others hold; "" most of the time."""
        now = self._clock()
        if now < lane.reclaim_at:
            return ""
        lane.reclaim_at = now + self._reclaim_after / 3
        return str(int(self._reclaim_after * 1000))

    async def _renew(self, lane: _Lane) -> None:
        """Claim our own again, so that others see that we live."""
        now = self._clock()
        if not lane.held or now < lane.renew_at:
            return
        lane.renew_at = now + self._reclaim_after / 3
        try:
            for key, entries in lane.entries(list(lane.held.values())):
                await self._redis.xclaim(key, _GROUP, self._consumer, 0, entries, justid=True)
        except ResponseError:  # no such group: Redis lost everything, and nobody can claim it
            lane.held.clear()

    async def _leave(self, lane: _Lane) -> None:
        """Take our name out of the groups, unless something is still held in it."""
        if lane.held:
            return
        with suppress(ResponseError):
            for key in lane.keys.values():
                await self._redis.xgroup_delconsumer(key, _GROUP, self._consumer)

    def _lane(self, name: str) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(self._prefix, name)
        return lane
