"""Between accounts, types and connectors, from acceptance to a pretend carrier."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from gateway.resources import accounts, phone_numbers, routes
from gateway.store import tables
from gateway.worker import refill
from tests.support.factories import request
from tests.support.gateway_fixtures import House, accept_all, accept_many, open_house, silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

MEMORY = 40
_people = itertools.count()


@pytest.fixture
async def house(desk: Desk) -> AsyncIterator[House]:
    """Two accounts, each with a number for promotions; "other" leaves by the connector "two" if a test says so."""
    async with open_house(desk, connector_ids=("one",), warm_messages=MEMORY) as house:
        await accounts.create(desk, account_id="other", name="Other", now=1)
        await add_number(house, "main", "+12065550190")
        await add_number(house, "other", "+12065550191")
        await routes.create(desk, account_id="other", connectors=["one"], now=1)
        yield house


async def add_number(house: House, account: str, number: str) -> None:
    await phone_numbers.create(
        house.desk, account_id=account, number=number, kind="LONG_CODE", message_type="PROMOTIONAL", now=1
    )


async def send(house: House, name: str, count: int, account: str = "main", kind: str = "PROMOTIONAL") -> None:
    """Texts that begin with a name, each to a person of its own."""
    texts = [
        request(f"{name} {at}", to=f"+1206555{next(_people) % 10_000:04}", account_id=account, message_type=kind)
        for at in range(count)
    ]
    outcomes = await accept_many(house, *texts)
    assert {outcome.status for outcome in outcomes} == {"QUEUED"}


def places(bodies: list[str], name: str) -> list[int]:
    return [place for place, body in enumerate(bodies) if body.split()[0] == name]


async def test_a_flood_leaves_room_in_memory_for_another_account(house: House) -> None:
    carrier = house.connector(window=2)
    carrier.script = silence
    async with house.running():
        await send(house, "flood", 35)
        house.worker.memory.look_around()
        await send(house, "flood", 100)
        assert house.worker.memory.room == MEMORY // 4
        await send(house, "few", 5, account="other")
        assert house.worker.memory.room == MEMORY // 4 - 5
        carrier.script = accept_all
        for reference in list(carrier.outstanding):
            carrier.answer(reference)
        await house.until(lambda: len(carrier.bodies), wanted=140)
    assert max(places(carrier.bodies, "few")) < 2 + 2 * 5 + 2  # the window that was full, then in turns


@pytest.mark.parametrize("kind", ["PROMOTIONAL", "TRANSACTIONAL"])
async def test_from_the_database_accounts_come_in_turns(house: House, kind: str) -> None:
    if kind == "TRANSACTIONAL":
        await phone_numbers.create(house.desk, account_id="other", number="+12065550192", kind="LONG_CODE", now=1)
    await send(house, "flood", 300, kind=kind)
    await send(house, "few", 5, account="other", kind=kind)
    house.offered.clear()  # as after a restart
    carrier = house.connector(window=2)
    async with house.running():
        await house.until(lambda: len(carrier.bodies), wanted=305)
    assert max(places(carrier.bodies, "few")) < 2 * 5 + 2


async def test_promotions_in_the_database_move_while_codes_without_end_are_there_too(house: House) -> None:
    await send(house, "code", 300, kind="TRANSACTIONAL")
    await send(house, "sale", 60)
    house.offered.clear()
    carrier = house.connector(window=2)
    async with house.running():
        await house.until(lambda: len(carrier.bodies), wanted=360)
    among = [len(places(carrier.bodies[:so_far], "sale")) for so_far in (90, 180, 270)]
    assert among[0] >= 4, among
    assert among[1] >= 10, among
    assert among[2] >= 16, among


async def test_a_code_overtakes_promotions_that_fill_memory_and_database(house: House) -> None:
    await send(house, "sale", 300)
    carrier = house.connector(window=2)
    carrier.script = silence
    async with house.running():
        await house.until(lambda: len(carrier.outstanding), wanted=2)
        await send(house, "code", 1, kind="TRANSACTIONAL")
        carrier.script = accept_all
        for reference in list(carrier.outstanding):
            carrier.answer(reference)
        await house.until(lambda: len(carrier.bodies), wanted=301)
    assert places(carrier.bodies, "code")[0] <= 2 + 2


async def test_a_connector_that_stands_still_does_not_hold_up_another(house: House) -> None:
    (route,) = await routes.find(house.desk, account_id="other")
    await house.desk.change(add_connector_two)
    await routes.delete(house.desk, account_id="other", route_id=route.id)
    await routes.create(house.desk, account_id="other", connectors=["two"], now=1)
    house.leased["two"] = house.leased["one"]
    stuck, well = house.connector("one", window=2), house.connector("two", window=2)
    stuck.script = silence
    async with house.running():
        await send(house, "flood", 35)
        house.worker.memory.look_around()
        await send(house, "flood", 100)
        await send(house, "few", 60, account="other")
        await house.until(lambda: house.clock.advance(0.1) or len(well.bodies), wanted=60)
    assert len(stuck.bodies) == 2


async def add_connector_two(tx: Tx) -> None:
    await tx.conn.execute(insert(tables.connectors).values(id="two", kind="smpp", carrier_group="two", created_at=0))


async def test_more_accounts_than_one_look_takes_all_get_their_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "ACCOUNTS_AT_ONCE", 5)
    many = 12
    for at in range(many):
        await accounts.create(house.desk, account_id=f"a{at:03}", name="x", now=1)
        await phone_numbers.create(
            house.desk, account_id=f"a{at:03}", number=f"+1206556{at:04}", kind="LONG_CODE", now=1
        )
        await routes.create(house.desk, account_id=f"a{at:03}", connectors=["one"], now=1)
    for at in range(many):
        await send(house, f"n{at:03}", 7, account=f"a{at:03}", kind="TRANSACTIONAL")
    house.offered.clear()
    carrier = house.connector(window=2)
    async with house.running():
        await house.until(lambda: len(carrier.bodies), wanted=7 * many)
    assert len(set(carrier.bodies)) == 7 * many
