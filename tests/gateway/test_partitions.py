"""PostgreSQL's partitions by day: made ahead, taken out, dropped; and what happens when they were not made in time."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from gateway.store import partitions
from gateway.store.migrate import upgrade
from gateway.store.partitions import AHEAD, EVENTS, MESSAGES, PARTS, SLICED, alone, day_of, days, make_ahead, strays
from gateway.store.store import Store
from gateway.store.tables import events, messages, parts
from gateway.store.times import DAY, HOUR, SECOND, first_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncEngine

# Long after the days that the template's migration made.
TODAY = day_of(4_000_000_000 * SECOND)
NOON = TODAY + 12 * HOUR
COMING = {TODAY + ahead * DAY for ahead in range(AHEAD + 1)}


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = Store(postgres_url)
    yield store
    await store.close()


@pytest.fixture
def engine(store: Store) -> AsyncEngine:
    return store.reader


def an_id(at: int) -> str:
    """As gateway.store.times.new_id would make it at that moment."""
    return first_id(at)[:-12] + uuid.uuid4().hex[-12:]


async def put(engine: AsyncEngine, table: Table, **values: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(table).values(account_id="main", **values))


async def where(engine: AsyncEngine, table: Table) -> list[str]:
    """The partition that each row is in."""
    async with engine.connect() as connection:
        found = await connection.execute(
            select(text("tableoid::regclass::text AS name")).select_from(table).order_by(text("name"))
        )
        return list(found.scalars())


async def plan(engine: AsyncEngine, query: Any) -> str:
    sql = query.compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
    async with engine.connect() as connection:
        return "\n".join((await connection.execute(text(f"EXPLAIN {sql}"))).scalars())


# --- bounds ----------------------------------------------------------------------------------------------------------
@given(at=st.integers(0, 2**47), random=st.integers(0, 2**80 - 1))
def test_an_id_is_not_below_the_first_of_its_moment_and_below_the_first_of_the_next(at, random):
    made = uuid.UUID(int=at << 80 | 7 << 76 | 2 << 62 | (random & (2**62 - 1)) | (random >> 68) << 64)
    assert made.version == 7
    assert first_id(at * 1000) <= str(made) < first_id((at + 1) * 1000)


def test_the_first_id_is_of_its_millisecond():
    assert first_id(1_645_557_742_000_999) == "017f22e2-79b0-7000-8000-000000000000"  # the time of RFC 9562's example


# --- made ahead ------------------------------------------------------------------------------------------------------
async def test_a_migrated_database_has_today_and_the_next_days(store, engine):
    await upgrade(store.url)
    async with store.reading() as connection:
        now = int(await connection.scalar(text("SELECT extract(epoch FROM now())::bigint"))) * SECOND
    # Midnight may have passed since the migration.
    assert all(day_of(now) + DAY in found for found in (await days(engine)).values())


async def test_days_are_made_ahead_once(engine):
    await make_ahead(engine, NOON)
    await make_ahead(engine, NOON)
    for found in (await days(engine)).values():
        assert {day for day in found if day >= TODAY} == COMING


async def test_each_row_goes_to_the_partition_of_its_day(engine):
    await make_ahead(engine, NOON)
    for at in (TODAY, TODAY + DAY - 1, TODAY + DAY):
        await put(engine, messages, id=an_id(at))
        await put(engine, parts, message_id=an_id(at), number=1)
        await put(engine, events, at=at)
    for one, table in ((MESSAGES, messages), (PARTS, parts), (EVENTS, events)):
        first, second = one.partition(TODAY), one.partition(TODAY + DAY)
        assert await where(engine, table) == [first, first, second]
    assert MESSAGES.partition(TODAY) == "messages_20961002"


@pytest.mark.parametrize("at", [0, TODAY - 1, TODAY + 400 * DAY])
async def test_what_no_day_takes_is_stored_all_the_same(engine, at):
    await make_ahead(engine, NOON)
    await put(engine, messages, id=an_id(at))
    await put(engine, events, at=at)
    assert await where(engine, messages) == ["messages_rest"]
    assert await where(engine, events) == ["events_rest"]


async def test_a_day_made_late_takes_its_rows_and_no_others(engine):
    for at in (TODAY - 1, TODAY, NOON, TODAY + DAY - 1, TODAY + 40 * DAY):
        await put(engine, messages, id=an_id(at), body=str(at))
        await put(engine, events, at=at)
    await make_ahead(engine, NOON)
    assert await where(engine, messages) == [MESSAGES.partition(TODAY)] * 3 + ["messages_rest"] * 2
    assert await where(engine, events) == [EVENTS.partition(TODAY)] * 3 + ["events_rest"] * 2
    async with engine.connect() as connection:
        bodies = set((await connection.execute(select(messages.c.body))).scalars())
    assert str(NOON) in bodies
    assert len(bodies) == 5


async def test_a_change_that_waits_while_its_row_moves_is_not_lost(engine, monkeypatch):
    monkeypatch.setattr(partitions, "PATIENCE", "60s")
    name = an_id(NOON)
    await put(engine, messages, id=name, status="QUEUED")
    async with engine.connect() as slow:
        await slow.execute(update(messages).where(messages.c.id == name).values(reason="first"))
        making = asyncio.create_task(partitions._make(engine, MESSAGES, TODAY))  # waits for us, and others for it
        await waiting_for_lock(engine, 1)
        late = update(messages).where(messages.c.id == name, messages.c.reason == "first").values(status="SUBMITTING")
        changing = asyncio.create_task(changed(engine, late))
        await waiting_for_lock(engine, 2)
        await slow.commit()
    await making
    assert await changing == 1
    assert await where(engine, messages) == [MESSAGES.partition(TODAY)]


async def test_too_much_in_the_default_partition_is_left_there_unless_all_may_wait(engine):
    for at in (NOON, NOON + 1, NOON + 2):
        await put(engine, events, at=at)
    assert await strays(engine, EVENTS, 2) == 3
    await make_ahead(engine, NOON, most=2)
    assert TODAY not in (await days(engine))[EVENTS]
    assert TODAY in (await days(engine))[MESSAGES]

    await make_ahead(engine, NOON, most=3)
    assert await where(engine, events) == [EVENTS.partition(TODAY)] * 3
    assert await strays(engine, EVENTS, 2) == 0

    await put(engine, messages, id=an_id(TODAY + 30 * DAY))
    await make_ahead(engine, TODAY + 30 * DAY, most=None)
    assert await where(engine, messages) == [MESSAGES.partition(TODAY + 30 * DAY)]


async def test_a_new_day_has_the_indexes_of_its_table(engine):
    await make_ahead(engine, NOON)
    query = text("SELECT indexdef FROM pg_indexes WHERE tablename = :name ORDER BY 1")
    async with engine.connect() as connection:
        for one in SLICED:
            whole, rest, day = [
                [
                    definition.partition(" USING ")[2]
                    for definition in (await connection.execute(query, {"name": name})).scalars()
                ]
                for name in (one.table, one.default, one.partition(TODAY))
            ]
            assert sorted(whole) == sorted(rest) == sorted(day)


# --- locks -----------------------------------------------------------------------------------------------------------
async def waiting_for_lock(engine: AsyncEngine, count: int) -> None:
    query = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    while True:
        async with engine.connect() as connection:
            if await connection.scalar(query) == count:
                return


async def changed(engine: AsyncEngine, statement: Any) -> int:
    async with engine.begin() as connection:
        return (await connection.execute(statement)).rowcount


async def test_a_table_in_use_is_left_for_the_next_time(engine, monkeypatch):
    monkeypatch.setattr(partitions, "PATIENCE", "20ms")
    async with engine.connect() as reader:
        await reader.execute(select(messages.c.id))  # holds its lock until the end of the transaction
        await make_ahead(engine, NOON)
        found = await days(engine)
        assert TODAY not in found[MESSAGES]
        assert TODAY in found[EVENTS]
    await make_ahead(engine, NOON)
    assert (await days(engine))[MESSAGES] >= COMING


async def test_one_at_a_time_may_change_partitions(engine):
    async with alone(engine) as first, alone(engine) as second:
        assert (first, second) == (True, False)
    async with alone(engine) as third:
        assert third is True


async def test_another_failure_is_told(engine):
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE TABLE {MESSAGES.partition(TODAY)} (id TEXT)"))  # in the way
    with pytest.raises(Exception, match="already exists"):
        await make_ahead(engine, NOON)


# --- taken out -------------------------------------------------------------------------------------------------------
async def test_a_day_goes_with_its_rows_and_leaves_the_others(engine):
    await make_ahead(engine, NOON)
    for at in (NOON, NOON + DAY):
        await put(engine, events, at=at)
    await partitions.detach(engine, EVENTS, TODAY)
    assert await where(engine, events) == [EVENTS.partition(TODAY + DAY)]
    assert TODAY not in (await days(engine))[EVENTS]
    await partitions.drop_detached(engine)
    assert f"{EVENTS.partition(TODAY)}_gone" not in await partitions._tables(engine, "true")


async def test_what_people_took_out_themselves_is_not_dropped(engine):
    await make_ahead(engine, NOON)
    async with engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE events DETACH PARTITION {EVENTS.partition(TODAY)}"))
        await connection.execute(text("CREATE TABLE things_gone (id TEXT)"))
    await partitions.drop_detached(engine)
    left = await partitions._tables(engine, "NOT relispartition")
    assert {EVENTS.partition(TODAY), "things_gone"} <= set(left)


async def test_a_day_in_use_stays_whole(engine, monkeypatch):
    await make_ahead(engine, NOON)
    monkeypatch.setattr(partitions, "PATIENCE", "20ms")
    async with engine.connect() as reader:
        await reader.execute(select(events.c.seq))
        await partitions.detach(engine, EVENTS, TODAY)
    assert TODAY in (await days(engine))[EVENTS]


# --- what plans look at ----------------------------------------------------------------------------------------------
async def test_an_id_is_looked_up_in_one_partition(engine):
    await make_ahead(engine, NOON)
    name = an_id(NOON)
    for query, one in (
        (select(messages.c.id).where(messages.c.id == name), MESSAGES),
        (select(parts.c.number).where(parts.c.message_id == name), PARTS),
    ):
        said = await plan(engine, query)
        assert one.partition(TODAY) in said
        assert said.count(f"{one.table}_20") == said.count(one.partition(TODAY))
        assert one.default not in said


async def test_a_span_of_time_is_looked_up_in_its_days(engine):
    await make_ahead(engine, NOON)
    of_day = messages.c.id >= first_id(NOON), messages.c.id < first_id(NOON + DAY)
    said = await plan(engine, select(messages.c.id).where(*of_day, messages.c.destination == "x"))
    looked_at = {day for day in COMING if MESSAGES.partition(day) in said}
    assert looked_at == {TODAY, TODAY + DAY}
    assert MESSAGES.default not in said
