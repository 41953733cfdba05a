"""What goes with time and what stays, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select, text, update

from gateway.config import Settings
from gateway.model import CORRECTION_WINDOW
from gateway.outbound.request import MAX_TTL
from gateway.retention import BATCH, WAIT_FOR_EVENTS, Retention, _live_of
from gateway.store import partitions
from gateway.store.partitions import EVENTS, MESSAGES, PARTS, day_of
from gateway.store.tables import decisions, event_destinations, event_retries, events, inbound_messages, messages, parts
from gateway.store.tables_consent import consent_log
from gateway.store.tables_one_time_codes import one_time_codes
from gateway.store.tables_protect import watched_numbers
from gateway.store.times import DAY, HOUR, SECOND, first_id

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

    from gateway.store.store import Store

KEEP = 10  # days
TODAY = day_of(4_000_000_000 * SECOND)  # long after the days that the template's migration made
NOW = TODAY + 9 * HOUR
LAST_KEPT = TODAY - KEEP * DAY  # the first moment of the oldest day that is kept
FIRST_OLD = LAST_KEPT - 1000  # a message's id has milliseconds


def retention(store: Store, days: int = KEEP, now: int = NOW) -> Retention:
    return Retention(store, days=days, now=lambda: now, pause=0.0)


async def put(store: Store, table: Table, *rows: dict[str, Any]) -> None:
    async def work(tx: Any) -> None:
        await tx.conn.execute(insert(table), [{"account_id": "main", **row} for row in rows])

    await store.write(work)


async def put_messages(store: Store, *rows: dict[str, Any]) -> None:
    """Messages, each with a part of its own, made ``at`` and by default final then."""
    made = [{"id": first_id(row["at"]), "final_at": row["at"], "status": "DELIVERED", **row} for row in rows]
    await put(store, messages, *[{name: one[name] for name in one if name != "at"} for one in made])
    await put(store, parts, *[{"message_id": one["id"], "number": 1} for one in made])


async def values(store: Store, column: Column[Any]) -> list[Any]:
    async with store.reading() as connection:
        return list((await connection.execute(select(column).order_by(column))).scalars())


async def days_made(store: Store, now: int) -> None:
    """On PostgreSQL: what earlier rounds would have made."""
    if not store.sqlite:
        await partitions.make_ahead(store.reader, now)


@pytest.fixture(params=["in days", "in the default partition"])
async def old_days(request: pytest.FixtureRequest, store: Store) -> None:
    """Old rows are in partitions of their days, or in none: to SQLite it is one."""
    if request.param == "in days":
        for at in (TODAY - 2 * KEEP * DAY, TODAY - KEEP * DAY - 7 * DAY, TODAY - KEEP * DAY):
            await days_made(store, at)
    elif store.sqlite:
        pytest.skip("SQLite has no partitions")


# --- messages --------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("old_days")
async def test_whole_old_days_of_messages_go_with_their_parts(store):
    kept = (LAST_KEPT, LAST_KEPT + DAY, NOW)
    await put_messages(store, *[{"at": at} for at in (TODAY - 2 * KEEP * DAY, FIRST_OLD, *kept)])
    await retention(store).tick()
    assert await values(store, messages.c.id) == [first_id(at) for at in kept]
    assert await values(store, parts.c.message_id) == [first_id(at) for at in kept]


@pytest.mark.usefixtures("old_days")
@pytest.mark.parametrize("status", ["QUEUED", "SCHEDULED", "SUBMITTING", "SUBMITTED", "UNKNOWN"])
async def test_a_message_that_is_not_final_stays_with_its_parts_and_the_rest_of_its_day_goes(store, status):
    live = first_id(FIRST_OLD - HOUR)
    await put_messages(
        store, {"at": FIRST_OLD - HOUR, "status": status, "final_at": None}, {"at": FIRST_OLD}, {"at": FIRST_OLD - DAY}
    )
    await retention(store).tick()
    assert await values(store, messages.c.id) == await values(store, parts.c.message_id) == [live]

    async with store.reader.begin() as connection:
        await connection.execute(update(messages).values(status="EXPIRED", final_at=NOW))
    await retention(store).tick()
    assert await values(store, messages.c.id) == await values(store, parts.c.message_id) == []


async def test_nothing_goes_when_all_is_kept_for_ever(store):
    await put_messages(store, {"at": SECOND})
    await put(store, events, {"at": SECOND})
    await retention(store, days=0).tick()
    assert len(await values(store, messages.c.id)) == len(await values(store, events.c.seq)) == 1


async def test_consent_and_texts_from_people_stay(store):
    await put(store, consent_log, {"at": SECOND})
    await put(store, inbound_messages, {"id": first_id(SECOND), "received_at": SECOND})
    await retention(store).tick()
    assert len(await values(store, consent_log.c.seq)) == len(await values(store, inbound_messages.c.id)) == 1


async def test_much_goes_in_small_transactions(store, monkeypatch):
    await put_messages(store, *[{"at": FIRST_OLD - number * 1000} for number in range(BATCH + 1)])
    await put(store, events, *[{"at": FIRST_OLD} for _ in range(BATCH + 1)])
    sizes: list[int] = []
    write = store.write

    async def counted(work: Any) -> Any:
        before = await count(store, messages) + await count(store, events)
        result = await write(work)
        sizes.append(before - await count(store, messages) - await count(store, events))
        return result

    monkeypatch.setattr(store, "write", counted)
    await retention(store).tick()
    assert sizes == [BATCH, 1, BATCH, 1]
    assert await count(store, parts) == 0


async def count(store: Store, table: Table) -> int:
    async with store.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)))


# --- decisions -------------------------------------------------------------------------------------------------------
async def test_a_decision_goes_when_no_message_has_had_it_for_so_long(store):
    old, last = LAST_KEPT - DAY - 1, LAST_KEPT - DAY  # a day more than its messages
    shown = {"at": FIRST_OLD - DAY, "status": "SCHEDULED", "final_at": None, "decision_id": "shown"}
    await put_messages(store, shown)
    async with store.reader.begin() as connection:
        for name, used_at in (("old", old), ("last", last), ("new", NOW), ("shown", old), ("unknown", 0)):
            await connection.execute(insert(decisions).values(id=name, body="{}", used_at=used_at))
    await retention(store).tick()
    assert await values(store, decisions.c.id) == ["last", "new", "shown", "unknown"]


# --- events ----------------------------------------------------------------------------------------------------------
OLD_ENOUGH = LAST_KEPT - WAIT_FOR_EVENTS


async def put_events(store: Store, *at: int) -> list[int]:
    await put(store, events, *[{"at": one} for one in at])
    return await values(store, events.c.seq)


async def put_destination(store: Store, cursor: int, *, enabled: int = 1, name: str = "d1") -> None:
    await put(store, event_destinations, {"id": name, "cursor": cursor, "enabled": enabled})


@pytest.mark.usefixtures("old_days")
async def test_whole_old_days_of_events_go(store):
    await put_events(store, TODAY - 2 * KEEP * DAY, LAST_KEPT - 1, LAST_KEPT, NOW)
    await retention(store).tick()
    assert await values(store, events.c.at) == [LAST_KEPT, NOW]


@pytest.mark.usefixtures("old_days")
async def test_an_event_stays_until_every_enabled_destination_has_had_it(store):
    times = (LAST_KEPT - 2 * DAY, LAST_KEPT - 2 * DAY + 1, LAST_KEPT - DAY, NOW)
    first, second, *_ = await put_events(store, *times)
    await put_destination(store, first)
    await put_destination(store, second, name="d2")
    await put_destination(store, 0, name="off", enabled=0)
    await retention(store).tick()
    assert await values(store, events.c.at) == list(times[1:])

    async with store.reader.begin() as connection:
        await connection.execute(update(event_destinations).values(cursor=second))
    await retention(store).tick()
    assert await values(store, events.c.at) == list(times[2:])


@pytest.mark.usefixtures("old_days")
async def test_nobody_is_waited_for_longer_than_the_limit(store):
    await put_events(store, OLD_ENOUGH - 1, OLD_ENOUGH, LAST_KEPT - 1)
    await put_destination(store, 0)
    await retention(store).tick()
    assert await values(store, events.c.at) == [OLD_ENOUGH, LAST_KEPT - 1]


@pytest.mark.usefixtures("old_days")
async def test_an_event_that_is_tried_again_stays_and_a_dead_letter_does_not(store):
    dead, tried, _ = await put_events(store, *[LAST_KEPT - 1] * 3)
    await put_destination(store, 10**6)
    common = {"destination_id": "d1"}
    await put_retries(store, {**common, "seq": dead, "next_at": None}, {**common, "seq": tried, "next_at": NOW})
    await retention(store).tick()
    assert await values(store, events.c.seq) == [tried, tried + 1]
    assert await values(store, event_retries.c.seq) == [tried]


async def put_retries(store: Store, *rows: dict[str, Any]) -> None:
    async with store.reader.begin() as connection:
        await connection.execute(insert(event_retries), list(rows))


async def test_a_retry_for_a_destination_that_is_off_holds_nothing(store):
    (seq,) = await put_events(store, LAST_KEPT - 1)
    await put_destination(store, 10**6, name="d1")
    await put_destination(store, 0, enabled=0, name="off")
    await put_retries(store, {"destination_id": "off", "seq": seq, "next_at": NOW})
    await retention(store).tick()
    assert await values(store, events.c.seq) == []


# --- PostgreSQL: whole days ------------------------------------------------------------------------------------------
async def partitions_there(store: Store) -> dict[str, set[int]]:
    return {one.table: found for one, found in (await partitions.days(store.reader)).items()}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_old_days_are_dropped_and_new_ones_made(store):
    await days_made(store, LAST_KEPT - DAY)
    await put_messages(store, {"at": LAST_KEPT - DAY})
    await put_events(store, LAST_KEPT - DAY)
    await retention(store).tick()
    for found in (await partitions_there(store)).values():
        assert LAST_KEPT - DAY not in found
        assert {LAST_KEPT, TODAY, TODAY + partitions.AHEAD * DAY} <= found
    assert not [name for name in await partitions._tables(store.reader, "true") if name.endswith("_gone")]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_day_with_something_that_must_stay_is_not_dropped(store):
    day = LAST_KEPT - DAY
    await days_made(store, day)
    await put_messages(store, {"at": day, "status": "SCHEDULED", "final_at": None})
    await put_events(store, day)
    await put_destination(store, 0)
    await retention(store).tick()
    for found in (await partitions_there(store)).values():
        assert day in found


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_drop_that_was_interrupted_is_finished(store):
    await days_made(store, LAST_KEPT - DAY)
    await partitions.detach(store.reader, EVENTS, LAST_KEPT - DAY)
    await retention(store).tick()
    assert f"{EVENTS.partition(LAST_KEPT - DAY)}_gone" not in await partitions._tables(store.reader, "true")


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_parts_go_even_where_the_days_of_their_messages_are_gone_already(store):
    day = LAST_KEPT - DAY
    await days_made(store, day)
    await partitions.detach(store.reader, MESSAGES, day)
    await retention(store).tick()
    assert day not in (await partitions.days(store.reader))[PARTS]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_another_process_at_it_is_left_alone(store):
    async with partitions.alone(store.reader):
        await retention(store).tick()
    assert TODAY not in (await partitions.days(store.reader))[MESSAGES]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_days_are_made_even_when_all_is_kept_for_ever(store):
    await days_made(store, SECOND)
    await retention(store, days=0).tick()
    for found in (await partitions_there(store)).values():
        assert {0, TODAY} <= found


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_whether_a_day_has_live_messages_is_seen_by_the_partial_indexes(store):
    await days_made(store, NOW)
    fill = text(
        "INSERT INTO messages (id, account_id, status, final_at, body)"
        " SELECT :head || lpad(n::text, 12, '0'), 'main', 'DELIVERED', 1, repeat('x', 100)"
        " FROM generate_series(1, 5000) AS n"
    )
    async with store.reader.begin() as connection:
        await connection.execute(fill, {"head": first_id(NOW)[:24]})
        await connection.execute(text("ANALYZE messages"))
    sql = _live_of(TODAY).compile(store.reader.sync_engine, compile_kwargs={"literal_binds": True})
    async with store.reading() as connection:
        said = "\n".join((await connection.execute(text(f"EXPLAIN {sql}"))).scalars())
    assert "Seq Scan" not in said
    assert MESSAGES.partition(TODAY) in said


# --- round and round -------------------------------------------------------------------------------------------------
async def test_it_goes_round_and_round():
    rounds = []

    class Rounds(Retention):
        async def tick(self) -> None:
            rounds.append(1)
            if len(rounds) == 3:
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Rounds(None, days=KEEP, now=lambda: NOW, every=0.0).run()  # type: ignore[arg-type] -- no round uses it
    assert len(rounds) == 3


# --- the setting -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("wait", "least"), [(72, 9), (73, 10), (96, 10), (1, 7), (720, 36)])
def test_a_message_is_kept_at_least_as_long_as_it_may_live(wait, least):
    life = MAX_TTL + timedelta(hours=wait) + CORRECTION_WINDOW
    assert timedelta(days=least - 1) < life <= timedelta(days=least)
    for days in (0, least, 400):
        assert Settings(receipt_wait_hours=wait, retention_days=days).retention_days == days
    for days in (1, least - 1):
        with pytest.raises(ValueError, match=f"{least} at least"):
            Settings(receipt_wait_hours=wait, retention_days=days)


@pytest.mark.parametrize("days", [0, KEEP])
async def test_watched_numbers_are_forgotten_after_an_hour(store: Store, days: int) -> None:
    numbers = [
        {"phone": f"+1206555{last}", "block": "+1206555", "texted_at": at}
        for last, at in (("0001", NOW - HOUR), ("0002", NOW - HOUR + 1))
    ]
    await put(store, watched_numbers, *numbers)
    await retention(store, days).tick()
    assert await values(store, watched_numbers.c.phone) == ["+12065550002"]


@pytest.mark.parametrize("days", [0, KEEP])
async def test_one_time_codes_go_when_they_are_over(store: Store, days: int) -> None:
    of_shop = {"application_id": "shop", "phone": "+12065550001", "digest": "d", "attempts_left": 3}
    await put(
        store, one_time_codes, {**of_shop, "reference": "over", "expires_at": NOW},
        {**of_shop, "reference": "open", "expires_at": NOW + 1},
    )  # fmt: skip
    await retention(store, days).tick()
    assert await values(store, one_time_codes.c.reference) == ["open"]
