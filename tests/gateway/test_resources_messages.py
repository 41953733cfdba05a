"""Finding messages, on both databases: by person, by sender and without a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.resources import messages
from gateway.resources.messages import TO_PERSON, Search
from tests.support.factories import OTHER, PERSON
from tests.support.gateway_fixtures import OUR_NUMBER, House

if TYPE_CHECKING:
    from gateway.resources.desk import Desk

HOUR = 3_600_000_000  # microseconds


async def bodies(house: House, **conditions: Any) -> list[str]:
    found = await messages.find(house.desk.store, Search("main", **conditions))
    return [one["body"] for one in found]


@pytest.mark.parametrize("number", [PERSON, OUR_NUMBER, ""])
async def test_each_condition_counts_however_the_number_is_found(house: House, number: str) -> None:
    first = await house.queued("first")
    house.clock.advance(3600)
    second = await house.queued("second")
    await house.claim(second)
    begin, middle = first.created_at, first.created_at + HOUR // 2
    assert await bodies(house, number=number) == ["second", "first"]
    assert await bodies(house, number=number, status="SUBMITTING") == ["second"]
    assert await bodies(house, number=number, after=middle) == ["second"]
    assert await bodies(house, number=number, after=begin) == ["second", "first"]
    assert await bodies(house, number=number, before=middle) == ["first"]
    assert await bodies(house, number=number, before=begin) == []
    assert await bodies(house, number=number, limit=1) == ["second"]
    assert await bodies(house, number=number, cursor=second.id) == ["first"]


async def test_nobody_elses_messages_are_found(house: House) -> None:
    await house.queued("to the one")
    await house.queued("to the other", to=OTHER)
    assert await bodies(house, number=PERSON) == ["to the one"]
    assert await messages.find(house.desk.store, Search("another", number=PERSON)) == []


async def test_a_row_has_every_column_by_its_name(house: House) -> None:
    sent = await house.queued()
    (by_person,) = await messages.find(house.desk.store, Search("main", number=PERSON))
    (any_number,) = await messages.find(house.desk.store, Search("main"))
    assert by_person == any_number
    assert by_person["id"] == sent.id


async def test_a_persons_messages_are_found_by_the_index(desk: Desk) -> None:
    """The look-up runs on the event loop's own thread: it must not read the whole table."""
    if not desk.store.sqlite:
        pytest.skip("PostgreSQL plans by how many rows there are")
    sql = f"EXPLAIN QUERY PLAN {TO_PERSON.compile(desk.store.reader.dialect)}"
    async with desk.store.reading() as connection:
        plan = (await connection.exec_driver_sql(sql, ("main", PERSON, 0, 1, "~", "", "", 50))).all()
    assert "account_id=? AND destination=?" in plan[0][3]
