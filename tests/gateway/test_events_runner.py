from __future__ import annotations

import asyncio
from random import Random

import pytest

from gateway.errors import Unavailable
from gateway.events.destinations import TAKEN, Outcome
from gateway.events.log import Feed
from gateway.events.record import EventType
from gateway.events.runner import SAVE_EVERY, DestinationRunner
from gateway.events.sources import open_source
from gateway.store.times import HOUR, SECOND
from tests.support.events import (
    AT,
    DOWN,
    FakeSender,
    add_destination,
    aside_of,
    delivered,
    log_events,
    of_type,
    rows_of_destination,
)


class Clock:
    def __init__(self):
        self.now = AT

    def __call__(self):
        return self.now


class Bench:
    """A runner on a store, driven step by step."""

    def __init__(self, store, destination, sender, cursor=0):
        self.clock = Clock()
        self.sender = sender
        self.store = store
        self.destination = destination
        self.naps = []
        self.restart(cursor)

    def restart(self, cursor):
        """A new process: what was not stored is forgotten."""
        self.feed = Feed()
        self.runner = DestinationRunner(
            self.destination,
            cursor,
            self.sender,
            open_source(self.store, self.destination),
            store=self.store,
            feed=self.feed,
            clock=self.clock,
            random=Random(1),
            sleep=self._nap,
        )

    async def hand_over(self):
        """A new process, after this one has stored how far it is."""
        await self.runner.save()
        self.restart((await rows_of_destination(self.store))["cursor"])

    async def _nap(self, seconds):
        self.naps.append(seconds)
        self.clock.now += round(seconds * SECOND)
        await asyncio.sleep(0)

    async def drain(self, *, save=True):
        """Step until there is nothing to do at this moment; then let it store how far it is."""
        for _ in range(50):
            if await self.runner.step() > 0:
                break
        else:
            raise AssertionError("never idle")
        if save and self.runner.progress.dirty:
            self.clock.now += SAVE_EVERY
            await self.runner.step()

    async def pass_time(self, seconds, step=1.0):
        """Let time pass in jumps of ``step`` seconds."""
        end = self.clock.now + round(seconds * SECOND)
        while self.clock.now < end:
            if await self.runner.step() > 0:
                self.clock.now += round(step * SECOND)
        await self.drain()


@pytest.fixture
async def bench(store):
    return Bench(store, await add_destination(store), FakeSender())


def only(*seqs):
    """A rule that refuses requests with any of these events."""
    return lambda entries: DOWN if {entry.seq for entry in entries} & set(seqs) else TAKEN


async def messages(store, *subjects):
    await log_events(store, *(delivered(subject) for subject in subjects))


async def test_events_are_given_in_order_and_the_cursor_is_stored(bench):
    await messages(bench.store, "a", "b", "a")
    await bench.drain()
    assert bench.sender.order == [1, 2, 3]
    assert (await rows_of_destination(bench.store))["cursor"] == 3
    assert await aside_of(bench.store) == {}


async def test_a_destination_with_a_cursor_gets_what_is_behind_it(store):
    bench = Bench(store, await add_destination(store, cursor=2), FakeSender(), cursor=2)
    await messages(store, "a", "b", "c")
    await bench.drain()
    assert bench.sender.order == [3]


async def test_other_accounts_and_unwanted_types_are_passed_over(store):
    destination = await add_destination(store, types=("opt_out.added",))
    bench = Bench(store, destination, FakeSender())
    await log_events(
        store,
        delivered("a"),
        of_type(EventType.OPT_OUT_ADDED),
        of_type(EventType.OPT_OUT_ADDED, account_id="other"),
        delivered("b"),
    )
    await bench.drain()
    assert bench.sender.order == [2]
    assert (await rows_of_destination(store))["cursor"] == 4


async def test_batches_are_as_large_as_wanted(store):
    bench = Bench(store, await add_destination(store, batch_size=100), FakeSender(most=100))
    await messages(store, *(f"m{n}" for n in range(250)))
    await bench.drain()
    assert [len(seqs) for seqs in bench.sender.taken] == [100, 100, 50]


async def test_more_than_one_chunk_is_given_without_waiting(store):
    bench = Bench(store, await add_destination(store, batch_size=100), FakeSender(most=100))
    await messages(store, *(f"m{n}" for n in range(1_200)))
    await bench.drain()
    assert bench.sender.order == list(range(1, 1_201))


async def test_an_event_that_fails_waits_and_others_go_on(bench):
    bench.sender.rule = only(1)
    await messages(bench.store, "a", "b", "c")
    await bench.drain()
    assert bench.sender.order == [2, 3]
    assert (await rows_of_destination(bench.store))["cursor"] == 3
    row = (await aside_of(bench.store))[1]
    assert (row.subject_id, row.attempts, row.error) == ("a", 1, "The server answered 500.")
    assert AT + 4 * SECOND <= row.next_at <= AT + 6 * SECOND


async def test_later_events_of_a_subject_wait_behind_the_failed_one(bench):
    bench.sender.rule = only(1)
    await messages(bench.store, "a", "b", "a", "c", "a")
    await bench.drain()
    assert bench.sender.order == [2, 4]
    waiting = await aside_of(bench.store)
    assert sorted(waiting) == [1, 3, 5]
    assert len({row.next_at for row in waiting.values()}) == 1
    assert [waiting[seq].attempts for seq in (1, 3, 5)] == [1, 0, 0]

    await messages(bench.store, "a")
    bench.sender.rule = lambda _entries: TAKEN
    await bench.pass_time(10)
    assert bench.sender.order == [2, 4, 1, 3, 5, 6]
    assert await aside_of(bench.store) == {}


async def test_when_it_fails_again_those_behind_it_wait_on(bench):
    bench.sender.rule = only(1)
    await messages(bench.store, "a", "a", "b")
    await bench.drain()
    await bench.pass_time(7)
    waiting = await aside_of(bench.store)
    assert [waiting[seq].attempts for seq in (1, 2)] == [2, 0]
    assert waiting[1].next_at == waiting[2].next_at >= AT + 24 * SECOND
    assert bench.sender.order == [3]


async def test_after_three_days_an_event_is_a_dead_letter_and_holds_nobody_up(bench):
    bench.sender.rule = only(1)
    await messages(bench.store, "a", "a", "b")
    await bench.pass_time(120 * 3600, step=3600)
    assert bench.sender.order == [3, 2]
    [row] = (await aside_of(bench.store)).values()
    assert (row.seq, row.next_at) == (1, None)
    assert 10 <= row.attempts <= 13
    tries = len(bench.sender.tries)
    await bench.pass_time(48 * 3600, step=3600)
    assert len(bench.sender.tries) == tries


async def test_three_failures_in_a_row_stop_the_cursor_instead_of_filling_the_table(bench):
    bench.sender.rule = lambda _entries: DOWN
    await messages(bench.store, *(f"m{n}" for n in range(200)))
    await bench.drain()
    assert len(bench.sender.tries) == 3
    assert (await rows_of_destination(bench.store))["cursor"] == 3
    assert await bench.runner.step() > 3


async def test_a_long_outage_costs_few_requests_and_loses_nothing(bench):
    bench.sender.rule = lambda _entries: DOWN
    await messages(bench.store, *(f"m{n}" for n in range(300)))
    await bench.pass_time(3 * 3600, step=30)
    assert len(bench.sender.tries) < 3 * 3600 / 200
    assert len(await aside_of(bench.store)) < 40
    assert (await rows_of_destination(bench.store))["trouble"] == "The server answered 500."

    bench.sender.rule = lambda _entries: TAKEN
    await bench.pass_time(400, step=30)
    assert sorted(bench.sender.order) == list(range(1, 301))
    assert await aside_of(bench.store) == {}
    assert (await rows_of_destination(bench.store))["trouble"] == ""


async def test_a_short_trouble_is_over_within_minutes(bench):
    await messages(bench.store, *(f"m{n}" for n in range(100)))
    bench.sender.script(*[DOWN] * 6)
    await bench.pass_time(300, step=5)
    assert sorted(bench.sender.order) == list(range(1, 101))


async def test_bad_events_in_a_row_do_not_stop_the_good_ones_behind_them(bench):
    bench.sender.rule = only(1, 2, 3, 4, 5, 6)
    await messages(bench.store, *(f"m{n}" for n in range(20)))
    await bench.pass_time(1200, step=10)
    assert sorted(bench.sender.order) == list(range(7, 21))


async def test_one_bad_event_does_not_hold_its_batch_back_for_ever(store):
    bench = Bench(store, await add_destination(store, batch_size=100), FakeSender(most=100))
    bench.sender.rule = only(50)
    await messages(store, *(f"m{n}" for n in range(100)))
    await bench.pass_time(120)
    assert sorted(bench.sender.order) == [seq for seq in range(1, 101) if seq != 50]
    assert sorted(await aside_of(store)) == [50]


@pytest.mark.parametrize(("asked", "rest"), [(90, 90), (50 * 3600, 3600)])
async def test_retry_after_rests_the_whole_destination_but_not_for_ever(bench, asked, rest):
    bench.sender.script(Outcome(ok=False, error="The server answered 429.", status=429, retry_after=asked * SECOND))
    await messages(bench.store, "a", "b")
    await bench.drain()
    await bench.pass_time(rest * 0.8, step=rest / 10)
    assert bench.sender.tries == [[1]]
    await bench.pass_time(rest * 0.3, step=rest / 10)
    assert sorted(bench.sender.order) == [1, 2]


async def test_gone_disables_the_destination_and_keeps_its_place(bench):
    bench.sender.script(TAKEN, Outcome(ok=False, error="The server answered 410.", status=410, gone=True))
    await messages(bench.store, "a", "b", "c")
    await asyncio.wait_for(bench.runner.run(), 30)
    row = await rows_of_destination(bench.store)
    assert (row["enabled"], row["cursor"], row["trouble"]) == (0, 1, "The server answered 410.")
    assert bench.sender.tries == [[1], [2]]


async def test_after_a_crash_a_little_is_given_again_and_nothing_is_left_out(bench):
    await messages(bench.store, *(f"m{n}" for n in range(10)))
    await bench.drain()
    await messages(bench.store, "x", "y")
    await bench.drain(save=False)
    stored = (await rows_of_destination(bench.store))["cursor"]
    assert stored == 10
    bench.restart(stored)
    bench.clock.now += SECOND
    await bench.drain()
    assert bench.sender.order == [*range(1, 13), 11, 12]


async def test_what_waits_is_known_again_after_a_restart(bench):
    bench.sender.rule = only(1)
    await messages(bench.store, "a", "b")
    await bench.drain()
    bench.restart(2)
    await messages(bench.store, "a")
    await bench.drain()
    assert bench.sender.order == [2]
    bench.sender.rule = lambda _entries: TAKEN
    await bench.pass_time(10)
    assert bench.sender.order == [2, 1, 3]


async def test_a_stored_cursor_never_passes_an_event_that_is_still_under_way(store):
    bench = Bench(store, await add_destination(store), FakeSender(lanes=4))
    gate, others_done = asyncio.Event(), asyncio.Event()
    plain = bench.sender.send

    async def slow_first(entries, now):
        if entries[0].seq == 1:
            await gate.wait()
        bench.clock.now += SECOND  # so that each request would like to store the progress
        if len(bench.sender.tries) == 8:
            others_done.set()
        return await plain(entries, now)

    bench.sender.send = slow_first
    await messages(store, *(f"m{n}" for n in range(12)))
    step = asyncio.create_task(bench.runner.step())
    await others_done.wait()
    assert bench.runner.progress.cursor == 0
    await bench.runner.save()
    assert (await rows_of_destination(store))["cursor"] == 0
    gate.set()
    await step
    await bench.drain()
    assert bench.runner.progress.cursor == 12


async def test_events_of_one_subject_are_never_under_way_together(store):
    bench = Bench(store, await add_destination(store), FakeSender(lanes=10))
    under_way, together = set(), []
    plain = bench.sender.send

    async def watched(entries, now):
        subjects = {entry.subject_id for entry in entries}
        together.append(len(under_way))
        assert not subjects & under_way
        under_way.update(subjects)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way.difference_update(subjects)
        return await plain(entries, now)

    bench.sender.send = watched
    chance = Random(3)
    subjects = [f"m{chance.randrange(15)}" for _ in range(200)]
    await messages(store, *subjects)
    await bench.drain()
    assert max(together) == 9
    for subject in set(subjects):
        mine = [seq for seq in bench.sender.order if subjects[seq - 1] == subject]
        assert mine == sorted(mine)
    assert len(bench.sender.order) == 200


async def test_what_was_put_aside_beyond_the_cursor_is_not_given_again_by_the_next_process(store):
    bench = Bench(store, await add_destination(store), FakeSender(lanes=2))
    bench.sender.rule = lambda _entries: DOWN
    await messages(store, *"abcdef")
    await bench.drain()
    last = max(seq for [seq] in bench.sender.tries)
    assert len(bench.sender.tries) < last  # one lane found that the destination rests before it was through
    assert sorted(await aside_of(store)) == list(range(1, last + 1))
    bench.sender.rule = lambda _entries: TAKEN
    await bench.hand_over()
    await bench.pass_time(30)
    assert sorted(bench.sender.order) == [1, 2, 3, 4, 5, 6]
    assert await aside_of(store) == {}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_fails_each_event_arrives_and_a_subject_keeps_its_order(store, seed):
    chance = Random(seed)
    most = chance.choice([1, 1, 7, 100])
    bench = Bench(store, await add_destination(store, batch_size=most), FakeSender(most=most, lanes=4))
    bench.sender.rule = lambda _entries: chance.choice([TAKEN, TAKEN, DOWN, Outcome(ok=False, retry_after=9 * SECOND)])
    subjects = [f"m{chance.randrange(25)}" for _ in range(120)]
    for start in range(0, 120, 30):
        await messages(store, *subjects[start : start + 30])
        await bench.pass_time(20, step=2)
        await bench.hand_over()
    await bench.pass_time(HOUR // SECOND, step=120)
    bench.sender.rule = lambda _entries: TAKEN
    await bench.pass_time(12 * HOUR // SECOND, step=900)
    assert sorted(bench.sender.order) == list(range(1, 121))
    for subject in set(subjects):
        mine = [seq for seq in bench.sender.order if subjects[seq - 1] == subject]
        assert mine == sorted(mine)
    assert await aside_of(store) == {}


async def test_when_the_database_cannot_store_progress_it_is_kept_and_stored_later(bench, monkeypatch):
    await messages(bench.store, "a", "b")
    write = bench.store.write

    async def broken(work):
        raise Unavailable("The database cannot be written.")

    monkeypatch.setattr(bench.store, "write", broken)
    bench.sender.rule = only(1)
    await bench.drain()
    assert (await rows_of_destination(bench.store))["cursor"] == 0
    monkeypatch.setattr(bench.store, "write", write)
    bench.clock.now += SECOND
    await bench.drain()
    assert bench.sender.order == [2]
    assert (await rows_of_destination(bench.store))["cursor"] == 2
    assert sorted(await aside_of(bench.store)) == [1]


async def test_run_goes_on_after_trouble_and_hears_of_news(bench, monkeypatch):
    troubles = [Unavailable("The database cannot be read."), RuntimeError("a bug")]
    plain = bench.runner.step

    async def step():
        if troubles:
            raise troubles.pop()
        return await plain()

    monkeypatch.setattr(bench.runner, "step", step)
    came = asyncio.Event()
    bench.sender.rule = lambda _entries: came.set() or TAKEN
    running = asyncio.create_task(bench.runner.run())
    try:
        await log_events(bench.store, delivered("a"), feed=bench.feed)
        await asyncio.wait_for(came.wait(), 30)
        await asyncio.sleep(0)
    finally:
        running.cancel()
    assert bench.naps[:2] == [1.0, 1.0]
    assert bench.sender.order == [1]


async def test_an_event_that_the_log_has_no_more_is_forgotten(bench):
    bench.sender.rule = only(1)
    await messages(bench.store, "a", "b")
    await bench.drain()

    async def prune(tx):
        await tx.conn.exec_driver_sql("DELETE FROM events WHERE seq = 1")

    await bench.store.write(prune)
    await bench.pass_time(10)
    assert await aside_of(bench.store) == {}
    assert bench.sender.order == [2]


async def test_what_was_refused_out_of_a_batch_is_given_again_and_nothing_else(store):
    destination = await add_destination(store, batch_size=10)
    sender = FakeSender(most=10)
    bench = Bench(store, destination, sender)
    await log_events(store, *(delivered(f"m{n}") for n in range(4)))
    sender.script(Outcome(ok=False, error="AWS answered ServiceUnavailable.", refused=frozenset({2, 4})))
    await bench.drain()
    assert sender.tries == [[1, 2, 3, 4]]
    assert set(await aside_of(store)) == {2, 4}
    assert (await rows_of_destination(store))["trouble"] == "AWS answered ServiceUnavailable."
    await bench.pass_time(10)
    assert sender.tries == [[1, 2, 3, 4], [2, 4]]
    assert await aside_of(store) == {}


async def test_a_destination_that_takes_some_of_each_batch_is_not_left_alone(store):
    destination = await add_destination(store, batch_size=2)
    sender = FakeSender(most=2)
    bench = Bench(store, destination, sender)
    await log_events(store, *(delivered(f"m{n}") for n in range(12)))
    sender.rule = lambda entries: Outcome(ok=False, error="Half.", refused=frozenset({entries[0].seq}))
    await bench.drain()
    assert len(sender.tries) == 6
