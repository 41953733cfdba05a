"""Claiming: what changed since acceptance is seen, and no message is handed over twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from compliance.types import AccountLimits
from gateway.model import Purpose
from gateway.resources import accounts, messages, opt_outs, phone_numbers, reviews
from tests.support.factories import OTHER, PERSON

if TYPE_CHECKING:
    from tests.support.gateway_fixtures import House


async def opt_out(house: House, phone: str = PERSON) -> None:
    await opt_outs.add(house.desk, account_id="main", phone=phone, actor="staff:a", how="console", now=1)


async def open_review(house: House) -> None:
    await house.desk.store.write(
        lambda tx: reviews.open_in(
            tx, account_id="main", phone=PERSON, list_name="Default", inbound_id="i", words="w", why="x", at=1
        )
    )


async def test_a_claimed_message_is_submitting_by_the_connector_that_claimed_it(house: House) -> None:
    message = await house.queued()
    assert await house.claim(message, connector_id="two") == (message,)
    row = await house.row(message.id)
    assert (row["status"], row["connector_id"], row["next_at"]) == ("SUBMITTING", "two", None)


async def test_a_message_cancelled_after_acceptance_never_leaves(house: House) -> None:
    message = await house.queued()
    await messages.cancel(house.desk.store, "main", message.id, now=house.clock.micros)
    assert await house.claim(message) == ()
    assert await house.status(message.id) == "CANCELLED"
    assert await house.events(message.id) == ["message.accepted", "message.cancelled"]


async def test_a_person_who_opted_out_after_acceptance_gets_nothing(house: House) -> None:
    message, other = await house.queued(), await house.queued(to=OTHER)
    await opt_out(house)
    assert await house.claim(message, other) == (other,)
    row = await house.row(message.id)
    assert (row["status"], row["reason_code"]) == ("REFUSED", "destination_opted_out")
    assert row["final_at"] == house.clock.micros
    assert await house.events(message.id) == ["message.accepted", "message.refused"]


async def test_an_opt_out_in_the_same_commit_is_seen(house: House) -> None:
    message = await house.queued()
    taken, _ = await asyncio.gather(house.claim(message), opt_out(house))
    assert taken == ()
    assert await house.status(message.id) == "REFUSED"


async def test_an_expired_message_never_leaves(house: House) -> None:
    message = await house.queued(ttl=timedelta(seconds=5))
    house.clock.advance(5)
    assert await house.claim(message) == ()
    row = await house.row(message.id)
    assert (row["status"], row["reason_code"]) == ("EXPIRED", "ttl_expired")


async def test_a_country_switched_off_after_acceptance_gets_nothing(house: House) -> None:
    message = await house.queued()
    await accounts.update(house.desk, account_id="main", limits=AccountLimits(enabled_countries=frozenset({"GB"})))
    assert await house.claim(message) == ()
    assert await house.status(message.id) == "REFUSED"


async def test_a_review_opened_after_acceptance_holds_promotions_only(house: House) -> None:
    await phone_numbers.create(
        house.desk, account_id="main", number="+12065550199", kind="LONG_CODE", now=1, message_type="PROMOTIONAL"
    )
    offer, code = await house.queued(message_type="PROMOTIONAL"), await house.queued(message_type="TRANSACTIONAL")
    await open_review(house)
    assert await house.claim(offer, code) == (code,)
    row = await house.row(offer.id)
    assert (row["status"], row["next_at"], row["final_at"]) == ("SCHEDULED", None, None)


async def test_the_confirmation_of_an_opt_out_leaves_though_it_was_counted(house: House) -> None:
    await opt_out(house)
    message = await house.queued("You are out.", purpose=Purpose.OPT_OUT_CONFIRMATION)
    assert await house.claim(message) == (message,)


async def test_a_message_that_was_announced_twice_leaves_once(house: House) -> None:
    message = await house.queued()
    assert await house.claim(message, message) == (message,)


@pytest.mark.parametrize("together", [True, False], ids=["in one commit", "one after the other"])
async def test_of_two_claims_of_one_message_one_wins(house: House, *, together: bool) -> None:
    message = await house.queued()
    if together:
        taken = list(await asyncio.gather(house.claim(message), house.claim(message, connector_id="two")))
    else:
        taken = [await house.claim(message), await house.claim(message, connector_id="two")]
    assert sorted(map(len, taken)) == [0, 1]
    assert (await house.row(message.id))["connector_id"] == "one"
