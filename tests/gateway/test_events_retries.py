from __future__ import annotations

import pytest

from gateway.errors import Invalid, NotFound
from gateway.events import retries
from gateway.events.record import EventType
from gateway.events.retries import Aside, Letter, dead_letters, due, keep, load, replay, replay_range
from tests.support.events import AT, add_destination, aside_of, delivered, log_events, of_type


async def put(store, *letters, taken=()):
    async def work(tx):
        await keep(tx, "dest-1", letters, taken)

    await store.write(work)


def dead(seq, subject="m"):
    return Letter(seq, subject, 12, None, AT, "The server answered 500.")


def waiting(seq, subject="m", next_at=AT + 5):
    return Letter(seq, subject, 1, next_at, AT, "The server answered 500.")


@pytest.fixture
async def logged(store):
    """A destination that has been given ten events, one microsecond apart."""
    await log_events(store, *(delivered(f"m{n}", at=AT + n) for n in range(10)))
    await add_destination(store, cursor=10)
    return store


async def test_what_waits_is_found_again_by_subject(logged):
    await put(logged, waiting(1, "a"), waiting(2, "a"), waiting(3, "b", AT + 9), dead(4, "c"))
    async with logged.reading() as connection:
        aside = await load(connection, "dest-1")
        assert await retries.count(connection, "dest-1") == aside.size == 3
        assert [row.seq for row in await due(connection, "dest-1", AT + 5, 10)] == [1, 2]
        assert await due(connection, "dest-2", AT + 99, 10) == []
    assert (aside.until("a"), aside.until("b"), aside.until("c")) == (AT + 5, AT + 9, None)
    assert aside.soonest() == AT + 5


async def test_a_letter_is_written_over_and_removed(logged):
    await put(logged, waiting(1), waiting(2))
    await put(logged, waiting(1, next_at=AT + 77), taken=[2])
    assert {seq: row.next_at for seq, row in (await aside_of(logged)).items()} == {1: AT + 77}


def test_memory_counts_as_the_table_does():
    aside = Aside()
    assert aside.soonest() is None
    aside.add("a", 5)
    aside.add("a", 7)
    aside.add("b", 6)
    assert (aside.size, aside.until("a"), aside.soonest()) == (3, 7, 6)
    aside.hurry(4)
    assert (aside.until("a"), aside.until("b")) == (4, 4)
    aside.postpone("b", 9)
    aside.remove("a")
    assert aside.until("a") == 4
    aside.remove("a")
    aside.remove("nobody")
    assert (aside.size, aside.until("a"), aside.soonest()) == (1, None, 9)


async def test_dead_letters_are_listed_with_their_event_and_why(logged):
    await put(logged, dead(2), dead(5), dead(7), waiting(9))
    first = await dead_letters(logged, "dest-1", limit=2)
    rest = await dead_letters(logged, "dest-1", after=first[-1].event.seq)
    assert [letter.event.seq for letter in first + rest] == [2, 5, 7]
    assert (first[0].error, first[0].attempts, first[0].event.subject_id) == ("The server answered 500.", 12, "m1")


async def test_all_dead_letters_are_sent_again(logged):
    await put(logged, dead(2), dead(5), waiting(9))
    assert await replay(logged, "dest-1", None, now=AT + 100) == 2
    rows = await aside_of(logged)
    assert {seq: (row.next_at, row.attempts, row.first_at) for seq, row in rows.items()} == {
        2: (AT + 100, 0, AT + 100),
        5: (AT + 100, 0, AT + 100),
        9: (AT + 5, 1, AT),
    }


async def test_chosen_dead_letters_are_sent_again_and_no_others(logged):
    await put(logged, dead(2), dead(5), waiting(9))
    assert await replay(logged, "dest-1", [5, 9, 1234], now=AT + 100) == 1
    assert [seq for seq, row in (await aside_of(logged)).items() if row.next_at is None] == [2]


async def test_a_time_of_the_log_is_sent_again(logged, monkeypatch):
    monkeypatch.setattr(retries, "_CHUNK", 2)
    await put(logged, dead(4), waiting(5, next_at=AT + 999))
    assert await replay_range(logged, "dest-1", AT + 2, AT + 7, now=AT + 100) == 5
    rows = await aside_of(logged)
    assert {seq: (row.next_at, row.attempts) for seq, row in rows.items()} == dict.fromkeys(range(3, 8), (AT + 100, 0))
    assert rows[3].subject_id == "m2"


async def test_a_replay_keeps_to_the_destinations_account_types_and_cursor(store):
    await log_events(
        store,
        of_type(EventType.OPT_OUT_ADDED),
        of_type(EventType.OPT_OUT_LIFTED),
        of_type(EventType.OPT_OUT_ADDED, account_id="other"),
        of_type(EventType.OPT_OUT_ADDED),
        of_type(EventType.OPT_OUT_ADDED),
    )
    await add_destination(store, types=("opt_out.added",), cursor=4)
    assert await replay_range(store, "dest-1", 0, AT + 1, now=AT) == 2
    assert sorted(await aside_of(store)) == [1, 4]


async def test_a_replay_that_would_never_end_is_refused(logged, monkeypatch):
    monkeypatch.setattr(retries, "MOST_REPLAYED", 3)
    with pytest.raises(Invalid) as caught:
        await replay_range(logged, "dest-1", 0, AT + 100, now=AT)
    assert caught.value.field == "until"
    assert await aside_of(logged) == {}


async def test_a_destination_that_is_not_there_cannot_replay(store):
    with pytest.raises(NotFound):
        await replay(store, "nobody", None, now=AT)
    with pytest.raises(NotFound):
        await replay_range(store, "nobody", 0, AT, now=AT)
