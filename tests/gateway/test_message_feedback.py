from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.errors import Invalid, NotFound
from gateway.resources import message_feedback
from gateway.resources.message_feedback import put, status_of
from gateway.store import tables_configuration_sets as tables
from gateway.store.times import HOUR

MAIN = {"account_id": "main"}


async def sent(house, **more):
    return (await house.send(**{"message_feedback": True} | more)).message_id


async def status(house, message_id):
    return await status_of(house.desk, **MAIN, message_id=message_id)


async def test_a_message_with_feedback_waits_for_an_answer(house):
    one, other = await sent(house), await sent(house, message_feedback=False)
    assert (await status(house, one), await status(house, other)) == ("PENDING", "")
    await put(house.desk, **MAIN, message_id=one, status="RECEIVED", now=house.clock.micros)
    assert await status(house, one) == "RECEIVED"
    await put(house.desk, **MAIN, message_id=one, status="FAILED", now=house.clock.micros)
    assert await status(house, one) == "FAILED"


async def test_what_nobody_answers_within_an_hour_is_failed(house):
    silent, answered = await sent(house), await sent(house)
    await put(house.desk, **MAIN, message_id=answered, status="RECEIVED", now=house.clock.micros)
    house.clock.advance(HOUR // 1_000_000 - 1)
    await house.sweeper.tick()
    assert await status(house, silent) == "PENDING"
    house.clock.advance(61)
    await house.sweeper.tick()
    assert (await status(house, silent), await status(house, answered)) == ("FAILED", "RECEIVED")
    await put(house.desk, **MAIN, message_id=silent, status="RECEIVED", now=house.clock.micros)
    assert await status(house, silent) == "RECEIVED"


async def test_what_never_leaves_and_what_is_only_tried_out_has_no_record(house):
    await sent(house, dry_run=True)
    refused = await house.send(message_feedback=True, max_price=Decimal(-1))
    assert refused.status == "REFUSED"
    assert await house.rows(tables.message_feedback) == []


async def test_only_the_accounts_own_messages_with_feedback_are_answered_for(house):
    one, other = await sent(house), await sent(house, message_feedback=False)
    for account_id, message_id in (("main", other), ("other", one), ("main", "none"), ("main", "a\0")):
        with pytest.raises(NotFound) as told:
            await put(house.desk, account_id=account_id, message_id=message_id, status="RECEIVED", now=1)
        assert told.value.code == "message_not_found"
    with pytest.raises(Invalid):
        await put(house.desk, **MAIN, message_id=one, status="PENDING", now=1)
    assert await status(house, one) == "PENDING"


async def test_a_scheduled_message_has_its_hour_from_when_it_was_sent(house):
    one = await sent(house, send_at=house.clock.utc + timedelta(minutes=10))
    (row,) = await house.rows(tables.message_feedback)
    assert (row["message_id"], row["created_at"]) == (one, house.clock.micros)
    assert message_feedback.ANSWER_WITHIN == HOUR
