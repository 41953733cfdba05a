from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from gateway.model import Status
from gateway.outbound.admission import LONGEST_WAIT, Admission, Counted, Level
from gateway.outbound.census import Census
from gateway.resources import phone_numbers, routes
from gateway.store import tables
from gateway.store.times import HOUR, iso
from tests.support.api import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api import Bench

LIMIT = 10
PROMOTIONS = 9  # of them may be promotions


@contextlib.asynccontextmanager
async def limited(url, folder, **limits) -> AsyncIterator[Bench]:
    async with serving(folder, database_url=url, **limits) as bench:
        await phone_numbers.create(
            bench.services.desk, account_id="main", number="+12065550101", kind="LONG_CODE",
            message_type="PROMOTIONAL", now=bench.services.now(),
        )  # fmt: skip
        yield bench


@pytest.fixture
async def bench(database_url, tmp_path) -> AsyncIterator[Bench]:
    async with limited(database_url, tmp_path, connector_backlog=LIMIT, account_backlog=100) as bench:
        yield bench


@pytest.fixture
async def small(database_url, tmp_path) -> AsyncIterator[Bench]:
    """The account's limit is the smaller one."""
    async with limited(database_url, tmp_path, connector_backlog=100, account_backlog=LIMIT) as bench:
        yield bench


def admission(bench) -> Admission:
    return bench.services.outbound._acceptance._admission


async def census(bench, **more) -> None:
    await Census(bench.services.desk.store, admission(bench), **more).take()


_people = iter(range(10**6))


def message(kind="PROMOTIONAL", **more):
    """To a person who has had nothing yet."""
    return {"to": f"+1206555{next(_people):04}", "body": "Hi", "message_type": kind} | more


async def send(bench, kind="PROMOTIONAL", *, key="all", headers=None, **more):
    return await bench.call("POST", "/v1/messages", message(kind, **more), key=key, headers=headers)


async def send_many(bench, count, kind="PROMOTIONAL", **more):
    answer = await bench.call("POST", "/v1/messages/batch", {"messages": [message(kind) for _ in range(count)]}, **more)
    assert answer.status == 202, answer.json
    return answer.json["results"]


async def limit(bench, value):
    """Of the connector's own."""
    answer = await bench.call("PATCH", "/v1/connectors/c1", {"backlog_limit": value})
    assert (answer.status, answer.json["backlog_limit"]) == (200, value)


def codes(results):
    return [result["error"]["code"] if "error" in result else "" for result in results]


async def stored(bench) -> int:
    return (await bench.counts())["messages"]


async def leave(bench, count):
    """So many leave, as if a carrier had taken them."""
    t = tables.messages

    async def work(tx):
        ids = select(t.c.id).where(t.c.status == "QUEUED").order_by(t.c.id).limit(count)
        found = [row.id for row in await tx.conn.execute(ids)]
        await tx.conn.execute(update(t).where(t.c.id.in_(found)).values(status=Status.SUBMITTED.value))

    await bench.services.desk.store.write(work)


# What is refused, and how it is said.


async def test_a_send_over_the_connectors_limit_is_answered_429_and_nothing_is_stored(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    before = await bench.counts()
    answer = await send(bench, "TRANSACTIONAL", headers={"Idempotency-Key": "k1"})
    problem = answer.json
    assert (answer.status, problem["code"]) == (429, "connector_backlog_full")
    assert "connector c1 (10 of this type, 10 in all)" in problem["detail"]
    assert answer.headers["Retry-After"] == str(problem["retry_after"]) == "60"
    assert await bench.counts() == before


async def test_a_send_over_the_accounts_limit_says_so(small):
    await send_many(small, LIMIT, "TRANSACTIONAL")
    answer = await send(small, "TRANSACTIONAL")
    assert (answer.status, answer.json["code"]) == (429, "account_backlog_full")
    assert "account main (10 of this type, 10 in all)" in answer.json["detail"]


async def test_one_accounts_limit_is_no_concern_of_another(small):
    await send_many(small, LIMIT, "TRANSACTIONAL")
    assert (await send(small, "TRANSACTIONAL")).status == 429
    assert (await send(small, "TRANSACTIONAL", key="other")).status == 202


async def test_accounts_share_the_connectors_limit(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    assert (await send(bench, "TRANSACTIONAL", key="other")).json["code"] == "connector_backlog_full"


async def test_promotions_leave_the_last_tenth_to_transactional_messages(bench):
    assert codes(await send_many(bench, LIMIT)) == [""] * PROMOTIONS + ["connector_backlog_full"]
    refused = await send(bench)
    assert "(9 of this type, 10 in all)" in refused.json["detail"]
    assert (await send(bench, "TRANSACTIONAL")).status == 202
    assert (await send(bench, "TRANSACTIONAL")).status == 429


async def test_each_of_a_batch_has_its_own_result(bench):
    await send_many(bench, PROMOTIONS - 1)
    texts = [message(), message(), message("TRANSACTIONAL"), message("TRANSACTIONAL")]
    answer = await bench.call("POST", "/v1/messages/batch", {"messages": texts})
    results = answer.json["results"]
    assert (answer.status, answer.json["accepted"]) == (202, 2)
    assert codes(results) == ["", "connector_backlog_full", "", "connector_backlog_full"]
    problem = results[1]["error"]
    assert (problem["status"], problem["field"], problem["retry_after"]) == (429, "messages[1]", 60)
    assert await stored(bench) == PROMOTIONS - 1 + 2


async def test_a_dry_run_is_refused_as_the_send_would_be_and_takes_no_room(bench):
    await send_many(bench, LIMIT - 1, "TRANSACTIONAL")
    assert [(await send(bench, "TRANSACTIONAL", dry_run=True)).status for _ in range(3)] == [200] * 3
    assert (await send(bench, "TRANSACTIONAL")).status == 202
    assert (await send(bench, "TRANSACTIONAL", dry_run=True)).json["code"] == "connector_backlog_full"


async def test_the_same_idempotency_key_is_good_once_there_is_room(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    text, headers = message("TRANSACTIONAL"), {"Idempotency-Key": "k1"}
    assert (await bench.call("POST", "/v1/messages", text, headers=headers)).status == 429
    await leave(bench, 1)
    await census(bench)
    answer = await bench.call("POST", "/v1/messages", text, headers=headers)
    assert answer.status == 202
    assert "Idempotent-Replayed" not in answer.headers


async def test_a_batch_that_was_taken_in_part_is_replayed_as_it_was_answered(bench):
    body = {"messages": [message() for _ in range(LIMIT)]}
    first, second = [
        await bench.call("POST", "/v1/messages/batch", body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.json == first.json
    assert codes(second.json["results"])[-1] == "connector_backlog_full"


async def test_a_refused_text_does_not_count_as_sent_to_the_person(bench):
    """Else the one that follows in the same batch would be its duplicate."""
    await send_many(bench, PROMOTIONS)
    twice = message()
    texts = [twice, twice | {"message_type": "TRANSACTIONAL"}]
    answer = await bench.call("POST", "/v1/messages/batch", {"messages": texts})
    assert codes(answer.json["results"]) == ["connector_backlog_full", ""]


# What counts.


async def test_what_is_scheduled_takes_no_room_and_is_not_refused(bench):
    for _ in range(LIMIT + 1):
        later = iso(bench.services.now() + HOUR)
        assert (await send(bench, "TRANSACTIONAL", send_at=later)).status == 202
    await census(bench)
    assert codes(await send_many(bench, LIMIT + 1, "TRANSACTIONAL")) == [""] * LIMIT + ["connector_backlog_full"]


async def test_what_waits_for_another_try_counts(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")

    async def put_off(tx):
        await tx.conn.execute(update(tables.messages).values(next_at=bench.services.now() + 10**9))

    await bench.services.desk.store.write(put_off)
    await census(bench)
    assert (await send(bench, "TRANSACTIONAL")).status == 429


async def test_what_other_processes_accepted_counts_after_the_next_census(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    fresh = Admission(bench.services.desk.catalog, bench.services.settings, bench.services.metrics)
    bench.services.outbound._acceptance._admission = fresh
    assert fresh.ways("main", "TRANSACTIONAL", ("c1",)) == ("c1",)
    await census(bench)
    assert (await send(bench, "TRANSACTIONAL")).json["code"] == "connector_backlog_full"


async def test_there_is_room_again_when_the_backlog_has_fallen(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    assert (await send(bench, "TRANSACTIONAL")).status == 429
    await leave(bench, 3)
    await census(bench)
    results = await send_many(bench, 4, "TRANSACTIONAL")
    assert codes(results) == [""] * 3 + ["connector_backlog_full"]


async def test_a_census_of_many_pages_counts_each_message_once(bench):
    await limit(bench, 100)
    for _ in range(7):
        await send_many(bench, 3, "TRANSACTIONAL")  # three of one time
        await send_many(bench, 2, "TRANSACTIONAL", key="other")
        await send(bench)
    for page in (1, 2, 4, 100):
        await census(bench, page=page)
        assert {name: one.waiting for name, one in admission(bench)._lanes.items()} == {"c1": 42}, page
        assert {name: one.waiting for name, one in admission(bench)._accounts.items()} == {"main": 28, "other": 14}


async def test_a_census_goes_past_messages_of_one_time_that_do_not_fit_its_page(bench):
    await send_many(bench, 5, "TRANSACTIONAL")
    await census(bench, page=2)
    assert admission(bench)._lanes["c1"].waiting == 5


async def test_what_is_accepted_during_a_census_is_not_forgotten(bench):
    admission(bench).begin()
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    admission(bench).end(Counted(), 1.0)
    assert (await send(bench, "TRANSACTIONAL")).status == 429


# Several connectors, and a limit of a connector's own.


async def two_ways(bench) -> None:
    """The route knows another connector, which is down."""
    desk, now = bench.services.desk, bench.services.now()
    smpp = {"host": "127.0.0.1", "port": 2776, "system_id": "test", "password": "secret1"}
    made = await bench.call("POST", "/v1/connectors", {"id": "c2", "kind": "smpp", "settings": smpp})
    assert (made.status, made.json["backlog_limit"]) == (201, 0)
    (route,) = await routes.find(desk, account_id="main")
    await routes.delete(desk, account_id="main", route_id=route.id)
    await routes.create(desk, account_id="main", connectors=["c1", "c2"], now=now)


async def test_when_the_first_connector_is_full_the_next_takes_it_until_all_are(bench):
    await two_ways(bench)
    results = await send_many(bench, 2 * LIMIT + 1, "TRANSACTIONAL")
    assert codes(results) == [""] * 2 * LIMIT + ["connector_backlog_full"]
    async with bench.services.desk.store.reading() as conn:
        t = tables.messages.c
        found = (await conn.execute(select(t.lane, t.connectors).order_by(t.id))).all()
    assert [tuple(row) for row in found] == [("c1", '["c1","c2"]')] * LIMIT + [("c2", '["c2","c1"]')] * LIMIT
    assert [one.connectors[0] for one in bench.offered] == ["c1"] * LIMIT + ["c2"] * LIMIT
    detail = results[-1]["error"]["detail"]
    assert "connector c1 (" in detail
    assert "connector c2 (" in detail


async def test_a_connectors_own_limit_counts_at_once_and_zero_gives_the_default_back(bench):
    await send_many(bench, LIMIT, "TRANSACTIONAL")
    assert (await send(bench, "TRANSACTIONAL")).status == 429
    await limit(bench, 12)
    assert codes(await send_many(bench, 3, "TRANSACTIONAL")) == ["", "", "connector_backlog_full"]
    await limit(bench, 0)
    assert "10 in all" in (await send(bench, "TRANSACTIONAL")).json["detail"]


@pytest.mark.parametrize("value", [-1, 9, 10**9 + 1])
async def test_a_limit_that_cannot_be_is_refused(bench, value):
    answer = await bench.call("PATCH", "/v1/connectors/c1", {"backlog_limit": value})
    assert (answer.status, answer.json["field"]) == (422, "backlog_limit")


# What is shown.


async def test_metrics_tell_the_backlog_and_what_was_turned_away(bench):
    registry = bench.services.metrics.registry
    await send_many(bench, LIMIT + 2, "TRANSACTIONAL")
    await census(bench)
    assert registry.get_sample_value("heliograph_connector_backlog", {"connector": "c1"}) == LIMIT
    away = registry.get_sample_value("heliograph_sends_turned_away_total", {"code": "connector_backlog_full"})
    assert away == 2


# How long to wait.


def test_while_nothing_leaves_it_is_a_minute():
    level = Level(10, waiting=10)
    assert level.retry_after("TRANSACTIONAL") == LONGEST_WAIT


@pytest.mark.parametrize(
    ("left", "turned_away", "kind", "seconds"),
    [
        (100, 0, "TRANSACTIONAL", 1),
        (1, 0, "TRANSACTIONAL", 2),  # the rate is smoothed: half a message a second so far
        (1, 9, "TRANSACTIONAL", 20),
        (1, 1000, "TRANSACTIONAL", 60),
        (100, 0, "PROMOTIONAL", 3),
    ],
)
def test_it_is_the_time_that_those_before_it_take_to_leave(left, turned_away, kind, seconds):
    level = Level(1000)
    level.begin()
    level.end(1000 + left, 0.0)
    level.begin()
    level.end(1000, 1.0)
    level.turned_away = turned_away
    assert level.retry_after(kind) == seconds


def test_what_was_accepted_between_two_censuses_has_left_when_the_second_does_not_find_it():
    level = Level(1000)
    level.begin()
    level.end(50, 0.0)
    level.accepted += 30
    level.begin()
    level.end(60, 2.0)
    assert level.rate == 5.0  # 20 in two seconds, smoothed
