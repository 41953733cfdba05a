"""The one door: stored before it returns, and not acknowledged when it could not be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carriers.errors import NotAcknowledged
from gateway.errors import Unavailable
from gateway.store import tables
from tests.support.factories import receipt, text
from tests.support.gateway_fixtures import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.resources.desk import Desk


@pytest.fixture
async def house(desk: Desk) -> AsyncIterator[House]:
    async with open_house(desk) as house:
        house.connections.groups["two"] = "one"
        yield house


async def test_receipts_and_texts_are_stored_when_it_returns(house: House) -> None:
    message = await house.submitted("77")
    await house.intake.received("two", [receipt("77"), text("Hello").message, receipt("nobody")])
    assert await house.status(message.id) == "DELIVERED"
    assert await house.count(tables.inbound_messages) == 1
    assert await house.count(tables.orphans) == 1


async def test_a_text_is_remembered_as_acknowledged(house: House) -> None:
    await house.intake.received("one", [text("Yes!").message])

    async def acknowledged() -> list[int]:
        return [row["acknowledged"] for row in await house.rows(tables.inbound_messages)]

    await house.until(acknowledged, wanted=[1])
    await house.intake.received("one", [text("Yes!").message])
    await house.until(acknowledged, wanted=[1, 1])


async def test_what_cannot_be_stored_is_not_acknowledged(house: House) -> None:
    async def full(*_args: Any) -> list[bool]:
        raise Unavailable("The disk is full.")

    house.receipts.apply = full  # type: ignore[method-assign]  # as a full disk
    with pytest.raises(NotAcknowledged):
        await house.intake.received("one", [receipt("77"), text("Hello").message])
    assert await house.count(tables.inbound_messages) == 0


async def test_what_is_counted_is_what_came(house: House) -> None:
    await house.submitted("77")
    await house.intake.received("one", [receipt("77"), receipt("78"), text("Hello").message])
    sample = house.worker.metrics.registry.get_sample_value
    found = [sample("heliograph_receipts_total", {"connector": "one", "matched": one}) for one in ("yes", "no")]
    assert found == [1, 1]
    assert sample("heliograph_inbound_messages_total", {"connector": "one"}) == 1
