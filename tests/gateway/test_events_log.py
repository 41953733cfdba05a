from __future__ import annotations

import asyncio
import time

import orjson
import pytest

from gateway.errors import Invalid
from gateway.events import log
from gateway.events.log import Feed, append, last_seq, page, read, timeline, watch
from gateway.events.record import EventType
from gateway.store.times import DAY, SECOND
from tests.support.events import AT, delivered, log_events, of_type


async def test_events_are_read_in_the_order_they_were_appended(store):
    await log_events(store, delivered("m1"), delivered("m2"))
    await log_events(store, delivered("m3"))

    found = await read(store, 0, 10)
    assert [event.subject_id for event in found] == ["m1", "m2", "m3"]
    assert [event.seq for event in found] == sorted(event.seq for event in found)
    assert found[0].at == AT
    assert orjson.loads(found[0].json)["id"] == f"evt_{found[0].seq}"


async def test_reading_goes_on_behind_the_last_number(store):
    await log_events(store, *(delivered(f"m{n}") for n in range(5)))
    first = await read(store, 0, 2)
    rest = await read(store, first[-1].seq, 10)
    assert [event.subject_id for event in first + rest] == ["m0", "m1", "m2", "m3", "m4"]


async def test_an_account_and_types_narrow_the_reading(store):
    await log_events(
        store,
        of_type(EventType.OPT_OUT_ADDED),
        of_type(EventType.OPT_OUT_ADDED, account_id="other"),
        of_type(EventType.MESSAGE_FAILED),
    )
    kinds = {EventType.OPT_OUT_ADDED}
    assert [event.type for event in await read(store, 0, 10, "main")] == ["opt_out.added", "message.failed"]
    assert [event.type for event in await read(store, 0, 10, "main", kinds)] == ["opt_out.added"]
    assert await read(store, 0, 10, "nobody") == []


async def test_a_timeline_is_all_of_one_subject_and_no_other_accounts(store):
    await log_events(store, of_type(EventType.MESSAGE_ACCEPTED), delivered("m2"), delivered("m1"))
    assert [event.type for event in await timeline(store, "m1")] == ["message.accepted", "message.delivered"]
    assert await timeline(store, "m1", "other") == []


async def test_work_that_fails_leaves_no_event(store):
    async def work(tx):
        append(tx, [delivered()])
        raise Invalid("no", "no")

    with pytest.raises(Invalid):
        await store.write(work)
    assert await read(store, 0, 10) == []


async def test_the_feed_hears_of_a_commit_after_it(store):
    feed = Feed()
    waiting = asyncio.create_task(feed.wait(feed.version, 30))
    await log_events(store, delivered(), feed=feed)
    assert await waiting is True
    assert len(await read(store, 0, 10)) == 1


async def test_what_was_committed_between_reading_and_waiting_is_not_slept_through():
    feed = Feed()
    seen = feed.version
    feed.notify()
    assert await feed.wait(seen, 30) is True


async def test_waiting_ends_without_news_when_its_time_is_up():
    feed = Feed()
    assert await feed.wait(feed.version, 0) is False


async def test_one_notice_wakes_everybody_who_waits():
    feed = Feed()
    waiting = [asyncio.create_task(feed.wait(0, 30)) for _ in range(5)]
    await asyncio.sleep(0)
    feed.notify()
    assert await asyncio.gather(*waiting) == [True] * 5


async def test_the_watch_tells_of_events_that_another_process_wrote(store):
    feed = Feed()
    await log_events(store, delivered())
    watching = asyncio.create_task(watch(store, feed, every=0))
    try:
        assert await feed.wait(0, 30) is True
        seen = feed.version
        await log_events(store, delivered())
        assert await feed.wait(seen, 30) is True
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def test_appending_nothing_writes_nothing(store):
    await log_events(store)
    async with store.reading() as connection:
        assert await last_seq(connection) == 0


async def test_a_page_moves_on_over_events_that_nobody_wants(store, monkeypatch):
    monkeypatch.setattr(log, "SCAN", 10)
    await log_events(store, *(delivered(f"m{n}") for n in range(25)))
    first = await page(store, after=0, limit=5, types={"opt_out.added"})
    last = await page(store, after=20, limit=5, types={"opt_out.added"})
    none = await page(store, after=25, limit=5)
    assert (list(first.rows), first.upto, first.more) == ([], 10, True)
    assert (list(last.rows), last.upto, last.more) == ([], 25, False)
    assert (list(none.rows), none.upto, none.more) == ([], 0, False)


async def test_a_full_page_ends_at_its_last_row(store):
    await log_events(store, *(delivered(f"m{n}") for n in range(7)))
    found = await page(store, after=2, limit=3)
    assert [row.seq for row in found.rows] == [3, 4, 5]
    assert (found.upto, found.more) == (5, True)


@pytest.mark.parametrize("account_id", [None, "main"])
@pytest.mark.parametrize("newest", ["of late", "long ago"])
async def test_what_was_written_while_a_clock_was_wrong_is_read_in_its_place(store, account_id, newest):
    now = time.time_ns() // 1000 - (0 if newest == "of late" else 60 * DAY)
    ages = (0, 40 * DAY, -40 * DAY, 3 * DAY, 0)
    await log_events(store, *(delivered(f"m{n}", at=now - age) for n, age in enumerate(ages)))
    found = await page(store, after=0, limit=10, account_id=account_id)
    assert [row.subject_id for row in found.rows] == ["m0", "m1", "m2", "m3", "m4"]
    assert (found.upto, found.more) == (5, False)
    first = await page(store, after=0, limit=2, account_id=account_id)
    assert [row.subject_id for row in first.rows] == ["m0", "m1"]
    assert (first.upto, first.more) == (2, True)


async def test_a_number_that_was_rolled_back_ends_no_reading(store):
    async def fails(tx):
        append(tx, [delivered("never")])
        raise Invalid("no", "no")

    await log_events(store, delivered("m1"))
    with pytest.raises(Invalid):
        await store.write(fails)
    await log_events(store, delivered("m2"))
    found = await page(store, after=0, limit=10)
    assert [row.subject_id for row in found.rows] == ["m1", "m2"]
    assert found.upto == found.rows[-1].seq


async def test_a_reader_that_keeps_up_has_only_the_last_days_looked_at(store, monkeypatch):
    now = time.time_ns() // 1000
    others = [delivered(f"o{n}", at=now - n * SECOND, account_id="other") for n in range(3)]
    await log_events(store, delivered("old", at=now - 9 * DAY), *others, delivered("m1", at=now))
    asked = []
    peek = store.peek

    async def asking(statement, *params):
        given = dict(zip(statement.params, params, strict=True))
        asked.append((statement.name, given.get("since", 0), given.get("before", 0)))
        return await peek(statement, *params)

    monkeypatch.setattr(store, "peek", asking)
    found = await page(store, after=1, limit=10, account_id="main", types={"message.delivered"})
    assert [row.subject_id for row in found.rows] == ["m1"]
    within = now - 2 * DAY, now + DAY
    last = "last event of late", 0, 0
    on_postgresql = [last, ("fresh events of types", *within), ("events between", *within)]
    on_sqlite = [last, ("fresh events of types", 0, 2**62)]
    assert asked == (on_sqlite if store.sqlite else on_postgresql)
