"""Group commit: who shares a commit, who fails alone, and what a database that is gone does to everyone."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from asyncpg.exceptions import ConnectionDoesNotExistError, InternalClientError
from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from gateway.errors import InDoubt, Invalid, Unavailable
from gateway.events import log
from gateway.events.progress import ADVANCE
from gateway.nodes.board import OTHERS
from gateway.outbound import accept, claim, facts, settle
from gateway.receipts import FIND, OF_PARTS, ORPHAN, PART, SIBLINGS
from gateway.resources import messages, reviews, standing
from gateway.store import engine
from gateway.store.bare import BarePostgres, BareSqlite
from gateway.store.hot import Hot, inserting
from gateway.store.store import Store
from gateway.store.tables_consent import opt_out_lists
from gateway.store.writer import IN_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.store.writer import Tx

INSERT = inserting(opt_out_lists, "account_id", "name", "created_at")
HOT = (
    accept.INSERT, accept.INSERT_DECISION, claim.CLAIM, claim.QUEUED, claim.UNCLAIM, settle.LEAVING, facts.ADD_SPEND, facts.KEEP_KEY, facts.KEYS,
    facts.RECENT_OF, facts.SPENT, log.APPEND, messages.BY_IDS, messages.MOVE, reviews.STANDING, settle.PUT_PART,
    settle.STATES, standing.COUNT_CONFIRMATION, standing.STANDING, FIND, OF_PARTS, ORPHAN, PART, SIBLINGS, ADVANCE, OTHERS,
    messages.OURS,
)  # fmt: skip


class Names:
    """A lane that stores names; "poison" cannot be stored."""

    rank, hot, outward, patience = 10, True, False, 0.0

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def apply(self, tx: Tx, names: Sequence[str]) -> list[str]:
        self.batches.append(list(names))
        await tx.many(INSERT, [("main", name, None if name == "poison" else 1) for name in names])
        return [name.upper() for name in names]


async def names_in(store: Store) -> set[str]:
    async with store.reading() as connection:
        return set((await connection.execute(select(opt_out_lists.c.name))).scalars())


async def submitting(store: Store, lane: Names, name: str) -> str:
    """As a task of its own, so that all of a ``gather`` are handed over before the writer looks."""
    return await store.submit(lane, name)


def adding(name: str, error: Exception | None = None) -> Callable[[Tx], Any]:
    async def work(tx: Tx) -> str:
        await tx.conn.execute(insert(opt_out_lists).values(account_id="main", name=name, created_at=1))
        if error:
            raise error
        return name

    return work


@pytest.mark.parametrize(
    "dialect", [sqlite.dialect(paramstyle="qmark"), postgresql.asyncpg.dialect()], ids=lambda dialect: dialect.name
)
@pytest.mark.parametrize("hot", HOT, ids=lambda hot: hot.name)
def test_a_hot_statement_takes_its_parameters_in_the_order_declared(hot: Hot, dialect: Any) -> None:
    assert hot.compile(dialect)
    wrong = Hot(hot.name, (*hot.params, "more"), hot.build)
    with pytest.raises(ValueError, match="declared are"):
        wrong.compile(dialect)


_ATTRIBUTES = """
    SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = (SELECT typrelid FROM pg_type WHERE typname = :kind)"""


@pytest.mark.parametrize("hot", [hot for hot in HOT if hot.sets is not None], ids=lambda hot: hot.name)
async def test_a_composite_type_has_the_columns_that_its_statement_is_given(postgres_url: str, hot: Hot) -> None:
    reader = engine.open_reader(postgres_url)
    kind = re.search(r"CAST\(\$1 AS (given_\w+)\[\]\)", hot.compile(reader.dialect))
    assert kind
    async with reader.connect() as connection:
        attributes = (await connection.execute(text(_ATTRIBUTES), {"kind": kind[1]})).scalar_one()
    await reader.dispose()
    assert tuple(attributes) == hot.params


async def test_what_arrives_together_is_committed_together(store: Store) -> None:
    lane, commits = Names(), []
    store.writer.on_commit = lambda: commits.append(1)
    work = [submitting(store, lane, f"n{n}") for n in range(50)]
    results = await asyncio.gather(*work, store.write(adding("alone")))
    assert results == [f"N{n}" for n in range(50)] + ["alone"]
    assert (len(lane.batches), len(commits)) == (1, 1)
    assert len(await names_in(store)) == 51


async def test_a_poisoned_piece_fails_alone(store: Store) -> None:
    lane = Names()
    work = [submitting(store, lane, name) for name in ("a", "poison", "b")]
    results = await asyncio.gather(*work, store.write(adding("c")), return_exceptions=True)
    assert [results[0], *results[2:]] == ["A", "B", "c"]
    assert isinstance(results[1], Exception)
    assert not isinstance(results[1], Unavailable)
    assert await names_in(store) == {"a", "b", "c"}


async def test_single_work_that_raises_undoes_itself_only(store: Store) -> None:
    error = Invalid("x", "No.")
    done, failed = await asyncio.gather(
        store.write(adding("kept")), store.write(adding("undone", error)), return_exceptions=True
    )
    assert (done, failed) == ("kept", error)
    assert await names_in(store) == {"kept"}


async def test_what_was_to_follow_undone_work_does_not_follow(store: Store) -> None:
    told: list[str] = []

    async def fails(tx: Tx) -> None:
        tx.after_commit(lambda: told.append("undone"))
        raise Invalid("x", "No.")

    async def works(tx: Tx) -> None:
        tx.after_commit(lambda: told.append("kept"))

    await asyncio.gather(store.write(works), store.write(fails), store.write(works), return_exceptions=True)
    assert told == ["kept", "kept"]


async def test_a_fault_after_the_commit_does_not_do_the_work_twice(store: Store) -> None:
    def fault() -> None:
        raise RuntimeError("after the commit")

    async def work(tx: Tx) -> int:
        await adding("once")(tx)
        tx.after_commit(fault)
        return 7

    store.writer.on_commit = fault
    assert await store.write(work) == 7
    assert await names_in(store) == {"once"}
    assert await store.write(adding("twice")) == "twice"


async def test_work_nobody_waits_for_any_more_is_not_done(store: Store) -> None:
    lane = Names()
    kept, gone = store.submit(lane, "kept"), store.submit(lane, "gone")
    gone.cancel()
    assert await kept == "KEPT"
    assert await names_in(store) == {"kept"}


async def test_lanes_run_in_the_order_of_their_rank(store: Store) -> None:
    order: list[int] = []

    class Ranked:
        hot, outward, patience = True, False, 0.0

        def __init__(self, rank: int) -> None:
            self.rank = rank

        async def apply(self, _tx: Tx, payloads: Sequence[int]) -> list[int]:
            order.append(self.rank)
            return list(payloads)

    await asyncio.gather(*(store.submit(Ranked(rank), rank) for rank in (30, 10, 20)))
    assert order == [10, 20, 30]


async def test_a_database_that_cannot_be_written_is_unavailable_to_everyone_and_stores_nothing(store: Store) -> None:
    lane = Names()
    gone = OSError(28, "No space left on device")
    results = await asyncio.gather(
        submitting(store, lane, "a"), store.write(adding("b")), store.write(adding("c", gone)), return_exceptions=True
    )
    assert [type(one) for one in results] == [Unavailable] * 3
    assert "No space" in store.writer.trouble
    assert await names_in(store) == set()
    assert await store.submit(lane, "later") == "LATER"
    assert store.writer.trouble == ""


async def test_a_read_only_database_is_unavailable(store: Store) -> None:
    make = "PRAGMA query_only = 1" if store.sqlite else "SET TRANSACTION READ ONLY"

    async def close_it(tx: Tx) -> None:
        await tx.conn.execute(text(make))
        await adding("a")(tx)

    with pytest.raises(Unavailable):
        await store.write(close_it)
    assert await store.write(adding("b")) == "b"
    assert await names_in(store) == {"b"}


async def test_a_statement_that_cannot_be_is_our_fault_and_fails_alone(store: Store) -> None:
    async def wrong(tx: Tx) -> None:
        await tx.conn.execute(text("SELECT nothing FROM nowhere"))

    done, failed = await asyncio.gather(store.write(adding("a")), store.write(wrong), return_exceptions=True)
    assert done == "a"
    assert isinstance(failed, Exception)
    assert not isinstance(failed, Unavailable)


async def test_a_server_that_ends_the_connection_is_unavailable_once(store: Store) -> None:
    if store.sqlite:
        pytest.skip("SQLite has no connection to end")

    async def end(tx: Tx) -> None:
        await tx.conn.execute(select(func.pg_terminate_backend(func.pg_backend_pid())))

    with pytest.raises(Unavailable):
        await store.write(end)
    assert await store.write(adding("a")) == "a"


async def test_a_commit_that_is_not_answered_is_in_doubt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.sqlite:
        pytest.skip("SQLite always answers")
    commit, lane = BarePostgres.commit, Names()

    async def lost(bare: BarePostgres) -> None:
        await commit(bare)
        monkeypatch.undo()
        raise ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(BarePostgres, "commit", lost)
    with pytest.raises(InDoubt) as caught:
        await store.submit(lane, "a")
    assert "same Idempotency-Key" in caught.value.remedy
    assert "ConnectionDoesNotExistError" in store.writer.trouble
    assert await store.submit(lane, "b") == "B"
    assert await names_in(store) == {"a", "b"}


async def test_a_connection_in_no_state_for_work_is_unavailable_once(store: Store) -> None:
    broken = InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    with pytest.raises(Unavailable):
        await store.write(adding("a", broken))
    assert await store.write(adding("b")) == "b"
    assert await names_in(store) == {"b"}


async def test_postgresql_stores_what_goes_out_while_other_work_is_under_way(postgres_url: str) -> None:
    class Outward(Names):
        outward = True

    store, held, woken = Store(postgres_url), asyncio.Event(), asyncio.Event()
    store.start()

    async def slowly(tx: Tx) -> None:
        await adding("a")(tx)
        held.set()
        await woken.wait()

    slow = asyncio.create_task(store.write(slowly))
    await held.wait()
    assert await asyncio.wait_for(store.submit(Outward(), "b"), 10) == "B"
    assert await names_in(store) == {"b"}
    woken.set()
    await slow
    await store.close()


async def test_who_stops_in_the_middle_of_a_transaction_does_not_hold_up_the_others(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE", 50)
    asleep, other, held, woken = Store(postgres_url), Store(postgres_url), asyncio.Event(), asyncio.Event()
    asleep.start()
    other.start()

    async def sleep(tx: Tx) -> None:
        await tx.rows(IN_ORDER)
        held.set()
        await woken.wait()
        await adding("a")(tx)

    sleeping = asyncio.create_task(asleep.write(sleep))
    await held.wait()
    try:
        await asyncio.wait_for(other.write(lambda tx: tx.rows(IN_ORDER)), 10)
    finally:
        woken.set()
    with pytest.raises(Unavailable):
        await sleeping
    assert await names_in(other) == set()
    await asleep.close()
    await other.close()


async def test_a_look_up_that_failed_leaves_no_connection_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = BareSqlite if store.sqlite else BarePostgres
    look = Hot("one", (), lambda _dialect: text("SELECT 1"))

    async def broken(*_: Any) -> Any:
        raise RuntimeError("interrupted")

    assert len(await store.peek(look)) == 1
    before = store._peek._connection
    with monkeypatch.context() as patched:
        patched.setattr(driver, "rows", broken)
        with pytest.raises(RuntimeError):
            await store.peek(look)
    assert len(await store.peek(look)) == 1
    assert store._peek._connection is not before


async def test_a_stopped_store_takes_nothing(database_url: str) -> None:
    store = Store(database_url)
    store.start()
    waiting = asyncio.ensure_future(store.write(adding("before")))
    await asyncio.sleep(0)  # it is handed over
    await store.close()
    assert await waiting == "before"
    with pytest.raises(Unavailable):
        await store.write(adding("after"))


async def test_a_database_that_cannot_be_read_is_unavailable(store: Store) -> None:
    with pytest.raises(Unavailable):
        async with store.reading():
            raise OperationalError("SELECT 1", {}, OSError("gone"))
