"""Gives one destination its events, in order, until they are taken or dead.

Rule 1: each destination has a runner, a cursor and a circuit of its own; none waits for another.
Rule 2: a request that fails puts its events aside (``event_retries``) and the cursor goes on, so that one bad event
stops only its own subject. Several failures in a row stop the cursor instead (gateway.events.schedule, rule 2): the
log itself then keeps what waits.
Rule 3: an event that has failed twice is sent alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.errors import Unavailable
from gateway.events import retries
from gateway.events.progress import Progress
from gateway.events.retries import Letter, Waiting
from gateway.events.rounds import batches, lanes
from gateway.events.schedule import LONGEST_WAIT, Circuit, delay_after, given_up
from gateway.store.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from random import Random

    from gateway.events.destinations import Destination, Entry, Outcome, Sender
    from gateway.events.log import Feed
    from gateway.events.sources import Source
    from gateway.store.store import Store

CHUNK = 500  # events read at once
SAVE_EVERY = SECOND // 5  # at most so much is given twice after a crash
RELOAD_SECONDS = 5  # until a replay that somebody asked for is taken up
LINGER_SECONDS = 0.05  # for more events to come, where several share a request
TROUBLE_SECONDS = 1.0  # when the database cannot be read
ALONE_AFTER = 2  # failures

_BEHIND = "Waits for an earlier event of the same subject."
_NONE: Mapping[int, Waiting] = {}

log = structlog.get_logger()


class DestinationRunner:
    """One destination at work. ``step`` does one round and never waits for time to pass; ``run`` goes on and on."""

    def __init__(
        self,
        destination: Destination,
        cursor: int,
        sender: Sender,
        source: Source,
        *,
        store: Store,
        feed: Feed,
        clock: Callable[[], int],
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.destination = destination
        self.progress = Progress(destination.id, cursor)
        self._sender = sender
        self._source = source
        self._store = store
        self._feed = feed
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._circuit = Circuit(random)
        self._turn = False
        self._stopping = False
        self._busy = False
        self._saving = asyncio.Lock()
        self._saved_at = 0
        self._loaded_at: int | None = None

    async def run(self) -> None:
        """Give events until cancelled or stopped, or until the destination wants none any more."""
        while not self._done:
            seen = self._feed.version
            self._busy = True
            pause = await self._guarded_step()
            self._busy = False
            if self._circuit.rest(self._clock()):
                await self._sleep(min(pause, RELOAD_SECONDS))
            elif pause and await self._feed.wait(seen, pause) and self._sender.most > 1:
                await self._sleep(LINGER_SECONDS)
        await self.save()

    def stop(self) -> bool:
        """Begin no further request. Whether some are under way; ``run`` ends after them."""
        self._stopping = True
        return self._busy

    async def step(self) -> float:
        """One round: what is due again, then what is new. Seconds until the next one, unless news comes before.

        Raises:
            Unavailable: the database cannot be read.
        """
        now = self._clock()
        if not self._circuit.rest(now):
            await self._reload(now)
            if await self._work():
                return 0.0
        await self._save_in_time()
        return self._pause(self._clock())

    async def save(self) -> None:
        """Store the progress now. When the database cannot, it stays in memory and is stored with the next."""
        async with self._saving:
            self._saved_at = self._clock()
            try:
                await self.progress.save(self._store)
            except Unavailable:
                log.warning("cannot save progress", action="events.save", destination=self.destination.id)

    @property
    def _done(self) -> bool:
        return self.progress.gone or self._stopping

    async def _guarded_step(self) -> float:
        try:
            return await self.step()
        except Unavailable:
            pass
        except Exception:
            # Whatever it is, the next destination must not suffer, nor this one for ever.
            log.exception("round failed", action="events.deliver", destination=self.destination.id)
        await self._sleep(TROUBLE_SECONDS)
        return 0.0

    async def _work(self) -> bool:
        """What is due again, then what is new; probes take turns, so that neither bars the way of the other."""
        self._turn = self._circuit.probing and not self._turn
        if self._turn and await self._fresh():
            return True
        await self._again()
        return await self._fresh()

    async def _reload(self, now: int) -> None:
        first = self._loaded_at is None
        if self._loaded_at is not None and 0 <= now - self._loaded_at < RELOAD_SECONDS * SECOND:
            return
        if not self.progress.unsaved_letters:
            await self.progress.reload(self._store, force=first)
            self._loaded_at = now

    async def _again(self) -> None:
        now, soonest = self._clock(), self.progress.aside.soonest()
        if soonest is None or soonest > now or self._circuit.rest(now) or self._done:
            return
        if self.progress.unsaved_letters:  # what is due is asked of the database
            await self.save()
            if self.progress.unsaved_letters:
                return
        limit = 1 if self._circuit.probing else CHUNK
        async with self._store.reading() as connection:
            found = await retries.due(connection, self.destination.id, now, limit)
        if not found:
            self._loaded_at = None  # somebody else took them away
            return
        rows = await self._source.again(found)
        tries = {row.seq: row for row in rows}
        for row in rows:
            if not row.data:
                self.progress.taken(row, waited=True)
        await self._round([row for row in rows if row.data], tries)

    async def _fresh(self) -> bool:
        """Whether there is more to do at once."""
        if self._circuit.rest(self._clock()) or self._done:
            return False
        limit = 1 if self._circuit.probing else CHUNK
        found = await self._source.page(self.progress.cursor, limit)
        if not found.upto:
            return False
        self.progress.open(found.rows, found.upto)
        try:
            await self._round(found.rows, _NONE)
        finally:
            self.progress.close(self._clock())
        return found.more

    async def _round(self, entries: Sequence[Entry], tries: Mapping[int, Waiting]) -> None:
        if not entries:
            return
        now = self._clock()
        wanted = -(-len(entries) // self._sender.most)
        side_by_side = lanes(entries, min(self._sender.lanes, wanted))
        if len(side_by_side) == 1:
            await self._lane(side_by_side[0], tries, now)
            return
        async with asyncio.TaskGroup() as group:
            for lane in side_by_side:
                group.create_task(self._lane(lane, tries, now))

    async def _lane(self, entries: Sequence[Entry], tries: Mapping[int, Waiting], began: int) -> None:
        alone = {seq for seq, row in tries.items() if row.attempts >= ALONE_AFTER}
        for batch in batches(entries, self._sender.most, alone):
            now = self._clock()
            if self._circuit.rest(now) or self._done:
                return
            ready = [entry for entry in batch if self._admit(entry, tries, began, now)]
            if ready:
                self._settle(ready, tries, await self._sender.send(ready, now))
            await self._save_in_time()

    def _admit(self, entry: Entry, tries: Mapping[int, Waiting], began: int, now: int) -> bool:
        """Whether an event may go now. When something earlier of its subject waits, it is put aside for as long."""
        until = self.progress.aside.until(entry.subject_id)
        tried = tries.get(entry.seq)
        if until is None or (tried is not None and until <= began):
            return True
        attempts, first_at = (tried.attempts, tried.first_at) if tried else (0, now)
        letter = Letter(entry.seq, entry.subject_id, attempts, until, first_at, _BEHIND)
        self.progress.put_aside(letter, waited=tried is not None)
        return False

    def _settle(self, entries: Sequence[Entry], tries: Mapping[int, Waiting], outcome: Outcome) -> None:
        self.progress.trouble = outcome.error
        if outcome.ok or outcome.refused:
            if self._circuit.passed():
                self.progress.hurry(self._clock())
            for entry in entries:
                if entry.seq not in outcome.refused:
                    self.progress.taken(entry, waited=entry.seq in tries)
        if outcome.ok:
            return
        if outcome.gone:
            self.progress.gone = True
            log.warning("destination disabled", action="events.disable", destination=self.destination.id)
        else:
            self._fail([one for one in entries if not outcome.refused or one.seq in outcome.refused], tries, outcome)

    def _fail(self, entries: Sequence[Entry], tries: Mapping[int, Waiting], outcome: Outcome) -> None:
        now, wait = self._clock(), min(outcome.retry_after, LONGEST_WAIT)
        was_probing = self._circuit.probing
        self._circuit.failed(now, wait)
        if self._circuit.probing and not was_probing:
            log.warning("destination rests", action="events.rest", destination=self.destination.id, error=outcome.error)
        times: dict[int, int] = {}  # by number of failures: what failed together comes again together
        subjects: dict[str, int] = {}
        for entry in entries:
            tried = tries.get(entry.seq)
            attempts, first_at = (tried.attempts + 1, tried.first_at) if tried else (1, now)
            next_at: int | None = None
            if not given_up(first_at, now):
                if attempts not in times:
                    times[attempts] = now + max(delay_after(attempts, self._random), wait)
                next_at = subjects.setdefault(entry.subject_id, times[attempts])
            letter = Letter(entry.seq, entry.subject_id, attempts, next_at, first_at, outcome.error)
            self.progress.put_aside(letter, waited=tried is not None)

    async def _save_in_time(self) -> None:
        due = not 0 <= self._clock() - self._saved_at < SAVE_EVERY
        if due and self.progress.dirty and not self._saving.locked():
            await self.save()

    def _pause(self, now: int) -> float:
        if self.progress.dirty:
            return SAVE_EVERY / SECOND
        soonest = self.progress.aside.soonest()
        rest = self._circuit.rest(now)
        until = RELOAD_SECONDS * SECOND if soonest is None else max(0, soonest - now)
        return max(rest, min(until, RELOAD_SECONDS * SECOND)) / SECOND
