"""What time does: each thing falls due when it should, and once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from carriers.types import Outcome
from gateway.model import OnUnknown, Status
from gateway.outbound.interrupted import interrupt_in
from gateway.outbound.request import Order
from gateway.outbound.settle import Late
from gateway.resources import messages, phone_numbers, reviews
from gateway.store import tables
from gateway.store.times import HOUR
from gateway.worker.refill import LANES
from gateway.worker.sweeper import due, overdue
from tests.support.factories import LONG, PERSON, answer, part, receipt, request

if TYPE_CHECKING:
    from gateway.model import Dispatch
    from tests.support.gateway_fixtures import House


async def claimed(house: House, body: str = "Hi", **more: Any) -> Dispatch:
    message = await house.queued(body, **more)
    await house.claim(message)
    return message


async def pass_time(house: House, seconds: float) -> None:
    house.clock.advance(seconds)
    await house.sweeper.tick()
    await house.refill.tick()


async def test_a_schedule_falls_due(house: House) -> None:
    accepted = await house.send(send_at=house.clock.utc + timedelta(minutes=10))
    await pass_time(house, 599)
    assert await house.status(accepted.message_id) == "SCHEDULED"
    await pass_time(house, 1)
    assert await house.status(accepted.message_id) == "QUEUED"
    (message,) = await house.worker.resolve([accepted.message_id])
    assert await house.claim(message) == (message,)


async def test_a_schedule_that_was_cancelled_does_not(house: House) -> None:
    accepted = await house.send(send_at=house.clock.utc + timedelta(minutes=10))
    await messages.cancel(house.desk.store, "main", accepted.message_id, now=house.clock.micros)
    await pass_time(house, 601)
    assert await house.status(accepted.message_id) == "CANCELLED"


@pytest.mark.parametrize("later", [0, 100], ids=["queued", "scheduled"])
async def test_what_waits_too_long_expires(house: House, later: int) -> None:
    send_at = house.clock.utc + timedelta(seconds=later)
    accepted = await house.send(send_at=send_at, ttl=timedelta(seconds=60))
    await pass_time(house, later + 59)
    assert await house.status(accepted.message_id) == "QUEUED"
    await pass_time(house, 10)
    row = await house.row(accepted.message_id)
    assert (row["status"], row["reason_code"]) == ("EXPIRED", "ttl_expired")


async def test_a_message_without_a_final_receipt_is_given_up_after_72_hours(house: House) -> None:
    message = await house.submitted("77")
    await pass_time(house, 72 * 3600 - 1)
    assert await house.status(message.id) == "SUBMITTED"
    await pass_time(house, 1)
    row = await house.row(message.id)
    assert (row["status"], row["reason_code"], row["connector_id"]) == ("UNKNOWN", "no_receipt", "one")
    assert row["final_at"] is not None
    await house.receipt(receipt("77"))
    assert await house.status(message.id) == "DELIVERED"


async def test_given_up_is_not_resent(house: House) -> None:
    message = await house.submitted("77", on_unknown=OnUnknown.RESEND_ONCE)
    await pass_time(house, 72 * 3600)
    await pass_time(house, 3600)
    assert await house.status(message.id) == "UNKNOWN"


async def test_a_retry_falls_due(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(Outcome.RETRY))
    await pass_time(house, 4)
    house.connector()
    house.worker.follow()
    await house.refill.tick()
    assert message.id not in house.worker.memory
    await pass_time(house, 1)
    (again,) = await house.worker.resolve([message.id])
    assert again.attempts == 1


async def unknown(house: House, body: str = "Hi", **more: Any) -> Dispatch:
    message = await claimed(house, body, on_unknown=OnUnknown.RESEND_ONCE, **more)
    results = [answer(Outcome.UNKNOWN)] if body == "Hi" else [answer(carrier_id="p1"), answer(Outcome.UNKNOWN)]
    await house.settle(message, *results)
    return message


async def test_an_unknown_is_resent_once_and_marked(house: House) -> None:
    message = await unknown(house)
    await pass_time(house, 59)
    assert await house.status(message.id) == "UNKNOWN"
    await pass_time(house, 1)
    row = await house.row(message.id)
    assert (row["status"], row["possible_duplicate"]) == ("QUEUED", 1)
    (again,) = await house.worker.resolve([message.id])
    assert again.possible_duplicate
    await house.claim(again)
    await house.settle(again, answer(Outcome.UNKNOWN))
    await pass_time(house, 3600)
    row = await house.row(message.id)
    assert (row["status"], row["possible_duplicate"], row["final_at"] is not None) == ("UNKNOWN", 1, True)


async def test_only_the_unknown_part_is_resent(house: House) -> None:
    message = await unknown(house, LONG)
    await pass_time(house, 60)
    (again,) = await house.worker.resolve([message.id])
    assert (again.sent_parts, again.connectors) == (frozenset({1}), ("one",))


async def test_an_unknown_whose_life_is_over_is_not_resent(house: House) -> None:
    message = await unknown(house, ttl=timedelta(seconds=30))
    await pass_time(house, 60)
    row = await house.row(message.id)
    assert (row["status"], row["final_at"] is not None) == ("UNKNOWN", True)
    await pass_time(house, 60)
    assert await house.status(message.id) == "UNKNOWN"


async def test_a_late_answer_keeps_it_from_being_resent(house: House) -> None:
    message = await unknown(house)
    late = Late(message.id, 1, "one", "one", answer(carrier_id="late"), 72 * HOUR)
    assert await house.desk.store.submit(house.lanes.late, late)
    await pass_time(house, 60)
    assert await house.status(message.id) == "SUBMITTED"


async def interrupted(house: House) -> int:
    """The process that ran the first connector died."""
    now = house.clock.micros
    return await house.desk.store.write(lambda tx: interrupt_in(tx, ["one"], now))


async def test_what_was_leaving_when_the_process_died_is_unknown_and_what_waited_waits(house: House) -> None:
    leaving = await claimed(house)
    waiting = await house.queued("waits")
    taken = await house.submitted("77")
    assert await interrupted(house) == 1
    row = await house.row(leaving.id)
    assert (row["status"], row["reason_code"], row["final_at"] is not None) == ("UNKNOWN", "interrupted", True)
    assert [await house.status(one.id) for one in (waiting, taken)] == ["QUEUED", "SUBMITTED"]
    assert await interrupted(house) == 0


async def test_what_was_leaving_is_resent_where_that_was_asked_for(house: House) -> None:
    message = await claimed(house, on_unknown=OnUnknown.RESEND_ONCE)
    await interrupted(house)
    await house.sweeper.tick()
    row = await house.row(message.id)
    assert (row["status"], row["possible_duplicate"]) == ("QUEUED", 1)


async def test_queued_messages_are_fetched_at_the_start(house: House) -> None:
    message = await house.queued()
    house.connector()
    house.worker.follow()
    await house.refill.tick()
    assert message.id in house.worker.memory
    (found,) = await house.worker.resolve([message.id])
    assert (found.body, found.connectors, found.rate) == (message.body, message.connectors, message.rate)


async def test_what_waited_for_staff_goes_on_when_they_have_decided(house: House) -> None:
    await phone_numbers.create(
        house.desk, account_id="main", number="+12065550199", kind="LONG_CODE", now=1, message_type="PROMOTIONAL"
    )
    await house.desk.store.write(
        lambda tx: reviews.open_in(
            tx, account_id="main", phone=PERSON, list_name="Default", inbound_id="i", words="w", why="x", at=1
        )
    )
    held = await house.send(message_type="PROMOTIONAL")
    await pass_time(house, 2)
    assert await house.status(held.message_id) == "SCHEDULED"
    (review,) = (await reviews.find(house.desk, account_id="main")).items
    await reviews.close(
        house.desk, account_id="main", review_id=review.id, outcome="KEEP", actor="staff:a", reason="kept", now=2
    )
    await pass_time(house, 2)
    assert await house.status(held.message_id) == "QUEUED"


async def test_a_text_that_stays_incomplete_is_given_as_it_is(house: House) -> None:
    await house.desk.store.submit(house.inbound, part("Hello ", 1))
    await pass_time(house, 599)
    assert await house.count(tables.inbound_messages) == 0
    await pass_time(house, 11)
    (row,) = await house.rows(tables.inbound_messages)
    assert (row["body"], row["complete"], row["parts"]) == ("Hello ", 0, 1)


async def test_what_is_old_is_cleaned_away(house: House) -> None:
    await house.outbound.accept_all(Order((request(),), "key", "hash"))
    await house.receipt(receipt("nobody"))
    await pass_time(house, 25 * 3600)
    assert (await house.count(tables.idempotency_keys), await house.count(tables.orphans)) == (0, 1)
    await pass_time(house, 50 * 3600)
    assert await house.count(tables.orphans) == 0


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (overdue(0), "ix_messages_expiring (expires_at<?)"),
        (due(Status.SCHEDULED, 0), "ix_messages_live (status=? AND next_at<?)"),
        (due(Status.SUBMITTED, 0), "ix_messages_live (status=? AND next_at<?)"),
    ],
    ids=["overdue", "scheduled", "submitted"],
)
async def test_a_sweep_reads_what_is_due_and_nothing_else(house: House, query: Any, index: str) -> None:
    """However many messages there are: by an index, and without sorting what it finds."""
    if not house.desk.store.sqlite:
        pytest.skip("PostgreSQL plans by how many rows there are")
    sql = query.compile(house.desk.store.reader, compile_kwargs={"literal_binds": True})
    async with house.desk.store.reading() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")).all()
    assert [row[3] for row in plan] == [f"SEARCH messages USING INDEX {index}"]


async def test_the_lanes_are_found_without_reading_what_waits_in_them(house: House) -> None:
    if not house.desk.store.sqlite:
        pytest.skip("PostgreSQL plans by how many rows there are")
    async with house.desk.store.reading() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {LANES.compile(connection.dialect)}")).all()
    # A newer SQLite finds that the index is enough by itself, and says so: 3.53 does, 3.40 does not.
    steps = [row[3].replace("COVERING ", "") for row in plan if " m " in row[3] or "messages" in row[3]]
    assert steps == ["SEARCH m USING INDEX ix_messages_queued (lane>?)"]
