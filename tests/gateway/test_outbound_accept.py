"""Accepting: what is stored, what is answered, and what counts while a batch is decided."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from carriers.types import Outcome
from compliance.types import AccountLimits, RecipientLimit
from gateway.config import Settings
from gateway.errors import Conflict, Invalid
from gateway.metrics import Metrics
from gateway.model import Purpose, Status
from gateway.outbound.accept import Outbound
from gateway.outbound.admission import Admission
from gateway.outbound.decision import Links
from gateway.outbound.facts import KEYS
from gateway.outbound.request import Accepted, Order
from gateway.resources import accounts, opt_outs, phone_numbers, reviews, routes
from gateway.resources.catalog import Catalog
from gateway.store import tables
from gateway.store.store import Store
from tests.support.factories import LONG, OTHER, PERSON, answer, receipt, request
from tests.support.gateway_fixtures import OUR_NUMBER, House, accept_many

if TYPE_CHECKING:
    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx


async def limit(house: House, **limits: Any) -> None:
    await accounts.update(house.desk, account_id="main", limits=AccountLimits(**limits))


async def price(house: House, each: str) -> None:
    (route,) = await routes.find(house.desk, account_id="main")
    await routes.update(house.desk, account_id="main", route_id=route.id, price=Decimal(each))


WRONG = {
    "no number": ({"to": "hello"}, "to"),
    "a number too short": ({"to": "+1206"}, "to"),
    "no text": ({"body": ""}, "body"),
    "a text too long": ({"body": "x" * 1601}, "body"),
    "too many parts": ({"body": "ж" * 1600}, "body"),
    "half a surrogate pair": ({"body": "a\ud83d"}, "body"),
    "a NUL": ({"body": "a\0b"}, "body"),
    "a life too short": ({"ttl": timedelta(seconds=4)}, "ttl"),
    "a life too long": ({"ttl": timedelta(hours=73)}, "ttl"),
    "an unknown type": ({"message_type": "URGENT"}, "message_type"),
}


@pytest.mark.parametrize(("more", "field"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_refused_by_field_and_nothing_is_stored(
    house: House, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await house.outbound.accept(request(**more))
    assert caught.value.field == field
    assert await house.count(tables.messages) == 0
    assert await house.count(tables.decisions) == 0


async def test_an_error_in_a_batch_names_its_place(house: House) -> None:
    first, second = await accept_many(
        house, request(path="messages[0]."), request(path="messages[1].", origination="sender-none")
    )
    assert isinstance(first, Accepted)
    assert second.field.startswith("messages[1]")
    assert not second.field.endswith(".")


async def test_an_accepted_message_is_stored_with_its_first_event_and_announced(house: House) -> None:
    accepted = await house.send(context={"order": "7"})
    row = await house.row(accepted.message_id)
    assert (row["status"], row["destination"], row["sender"], row["parts"]) == ("QUEUED", PERSON, OUR_NUMBER, 1)
    assert row["expires_at"] == house.clock.micros + 72 * 3600 * 1_000_000
    assert await house.events(accepted.message_id) == ["message.accepted"]
    (offered,) = house.offered
    assert (offered.id, offered.connectors, offered.context) == (accepted.message_id, ("one", "two"), {"order": "7"})


async def test_a_refused_message_is_stored_with_its_verdict_and_not_announced(house: House) -> None:
    await opt_outs.add(house.desk, account_id="main", phone=PERSON, actor="staff:a", how="console", now=1)
    accepted = await house.send()
    assert accepted.status is Status.REFUSED
    assert accepted.refusal is not None
    assert accepted.refusal["code"] == "destination_opted_out"
    row = await house.row(accepted.message_id)
    assert (row["reason_code"], row["final_at"]) == ("destination_opted_out", house.clock.micros)
    assert await house.events(accepted.message_id) == ["message.refused"]
    assert house.offered == []


async def test_a_dry_run_decides_and_stores_nothing(house: House) -> None:
    answered = await house.outbound.accept_all(Order((request(dry_run=True),), "key", "hash"))
    (accepted,) = answered.outcomes
    assert isinstance(accepted, Accepted)
    assert (accepted.message_id, accepted.status, accepted.dry_run) == ("", Status.QUEUED, True)
    assert accepted.decision["identity"]["sender"] == OUR_NUMBER
    for table in (tables.messages, tables.events, tables.decisions, tables.idempotency_keys, tables.spend):
        assert await house.count(table) == 0


async def test_a_dry_run_does_not_count_for_what_follows_in_the_same_commit(house: House) -> None:
    await limit(house, duplicate_window=timedelta(hours=1))
    dry, real = await accept_many(house, request(dry_run=True), request())
    assert (dry.status, real.status) == (Status.QUEUED, Status.QUEUED)


async def test_a_scheduled_message_waits_and_its_life_begins_when_it_may_leave(house: House) -> None:
    send_at = house.clock.utc + timedelta(hours=2)
    accepted = await house.send(send_at=send_at, ttl=timedelta(minutes=5))
    row = await house.row(accepted.message_id)
    assert accepted.status is Status.SCHEDULED
    assert (row["next_at"] - house.clock.micros, row["expires_at"] - row["next_at"]) == (7200 * 10**6, 300 * 10**6)
    assert house.offered == []


async def test_a_time_in_the_past_is_now(house: House) -> None:
    accepted = await house.send(send_at=house.clock.utc - timedelta(hours=2), ttl=timedelta(minutes=5))
    assert accepted.status is Status.QUEUED
    assert (await house.row(accepted.message_id))["expires_at"] == house.clock.micros + 300 * 10**6


async def test_a_promotion_waits_for_staff_while_a_review_is_open(house: House) -> None:
    await house.desk.store.write(
        lambda tx: reviews.open_in(
            tx,
            account_id="main",
            phone=PERSON,
            list_name="Default",
            inbound_id="i",
            words="can you cancel",
            why="x",
            at=1,
        )
    )
    await phone_numbers.create(
        house.desk, account_id="main", number="+12065550199", kind="LONG_CODE", now=1, message_type="PROMOTIONAL"
    )
    held = await house.send(message_type="PROMOTIONAL")
    free = await house.send(message_type="TRANSACTIONAL")
    assert (held.status, held.send_at, free.status) == (Status.SCHEDULED, None, Status.QUEUED)


async def test_a_price_above_the_callers_own_is_refused(house: House) -> None:
    await price(house, "0.01")
    within = await house.send(LONG, max_price=Decimal("0.02"))
    above = await house.send(LONG + "y", max_price=Decimal("0.019"))
    assert (within.status, within.price, above.status) == (Status.QUEUED, "0.020000", Status.REFUSED)


async def test_spend_counts_within_a_batch_and_across_commits(house: House) -> None:
    await price(house, "0.01")
    await limit(house, monthly_spend_limit=Decimal("0.03"))
    first = await accept_many(house, request("a"), request("b"))
    second = await accept_many(house, request("c"), request("d"), request("e"))
    assert [one.status for one in first + second] == ["QUEUED"] * 3 + ["REFUSED"] * 2
    (spent,) = await house.rows(tables.spend)
    assert (spent["amount"], spent["month"]) == (30_000, "2026-11")


async def test_a_recipient_limit_counts_within_a_batch(house: House) -> None:
    await limit(house, recipient_limits=(RecipientLimit(2, timedelta(minutes=10)),))
    answers = await accept_many(house, request("a"), request("b"), request("c"), request("d", to=OTHER))
    assert [one.status for one in answers] == ["QUEUED", "QUEUED", "REFUSED", "QUEUED"]
    house.clock.advance(601)
    assert (await house.send("e")).status is Status.QUEUED


async def test_a_duplicate_counts_within_a_batch(house: House) -> None:
    await limit(house, duplicate_window=timedelta(minutes=10))
    answers = await accept_many(house, request("a"), request("a"), request("b"))
    assert [one.status for one in answers] == ["QUEUED", "REFUSED", "QUEUED"]


async def test_a_duplicate_is_told_by_the_text_that_leaves(house: House) -> None:
    await limit(house, duplicate_window=timedelta(minutes=10))
    written = "x" * 100 + "\N{RIGHT SINGLE QUOTATION MARK}"
    first, second, third = await accept_many(
        house, request(written, substitute=True), request("x" * 100 + "'"), request(written)
    )
    assert [one.status for one in (first, second, third)] == ["QUEUED", "REFUSED", "QUEUED"]


@pytest.mark.parametrize(("hours", "sticky"), [(24.9, True), (25.1, False)])
async def test_a_person_keeps_the_identity_of_the_last_delivery_for_25_hours(
    house: House, hours: float, sticky: bool
) -> None:
    second = await phone_numbers.create(house.desk, account_id="main", number="+12065550198", kind="LONG_CODE", now=1)
    usual = (await house.send("which one is it by itself", dry_run=True)).decision["identity"]["id"]
    other = second.id if usual == house.identity.id else house.identity.id
    message = await house.queued(origination=other)
    await house.claim(message)
    await house.settle(message, answer(Outcome.ACCEPTED, "a1"))
    await house.receipt(receipt("a1"))
    house.clock.advance(hours * 3600)
    later = await house.send("later", dry_run=True)
    assert later.decision["identity"]["id"] == (other if sticky else usual)


async def test_of_several_deliveries_the_latest_counts(house: House) -> None:
    second = await phone_numbers.create(house.desk, account_id="main", number="+12065550198", kind="LONG_CODE", now=1)
    for turn, identity_id in enumerate([second.id, house.identity.id, second.id, house.identity.id, second.id]):
        message = await house.queued(f"text {turn}", origination=identity_id)
        await house.claim(message)
        await house.settle(message, answer(Outcome.ACCEPTED, f"a{turn}"))
        await house.receipt(receipt(f"a{turn}"))
        house.clock.advance(60)
        assert (await house.send("later", dry_run=True)).decision["identity"]["id"] == identity_id


async def test_the_same_key_and_body_gets_the_first_answer(house: House) -> None:
    order = Order((request(), request("b", to="nobody")), "key", "hash")
    first = await house.outbound.accept_all(order)
    second = await house.outbound.accept_all(order)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.outcomes[0] == first.outcomes[0]
    error = second.outcomes[1]
    assert isinstance(error, Invalid)
    assert (error.code, error.field) == (first.outcomes[1].code, "to")  # type: ignore[union-attr]  # both are errors
    assert await house.count(tables.messages) == 1


async def test_a_key_is_looked_up_among_the_accounts_own(desk: Desk) -> None:
    """By the primary key: every send with a key pays for it."""
    if not desk.store.sqlite:
        pytest.skip("PostgreSQL plans by how many rows there are")
    sql = f"EXPLAIN QUERY PLAN {KEYS.compile(desk.store.reader.dialect)}"
    async with desk.store.reading() as connection:
        plan = (await connection.exec_driver_sql(sql, ("main", '["key"]', 0))).all()
    steps = [row[3] for row in plan if "idempotency_keys" in row[3]]
    assert steps
    assert all("(account_id=? AND key=?)" in step for step in steps)


async def test_the_same_key_at_two_processes_at_once_sends_once(desk: Desk, house: House) -> None:
    """The first is in the middle of its transaction when the second begins."""
    if desk.store.sqlite:
        pytest.skip("SQLite has one writer at a time")
    other = Store(desk.store.url)
    other.start()
    order, written, go_on = Order((request(),), "key", "hash"), asyncio.Event(), asyncio.Event()

    async def slowly(tx: Tx) -> Any:
        (first,) = await house.outbound.apply(tx, [order])
        written.set()
        await go_on.wait()
        return first

    links = Links(house.connections.up, house.connections.profile, house.connections.simulated)
    catalog = await Catalog.load(other)
    admission, metrics = Admission(catalog, Settings(), Metrics()), Metrics()
    elsewhere = Outbound(other, catalog, links, admission, metrics, now=lambda: house.clock.micros, offer=list)
    writing = asyncio.create_task(desk.store.write(slowly))
    await written.wait()
    asking = asyncio.create_task(elsewhere.accept_all(order))
    try:
        await house.until(lambda: locks_waited_for(desk), wanted=1)
    finally:
        go_on.set()
        first, second = await writing, await asking
        await other.close()
    assert (second.replayed, second.outcomes) == (True, first.outcomes)
    assert await house.count(tables.messages) == 1


async def locks_waited_for(desk: Desk) -> int:
    query = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database"
        " WHERE d.datname = current_database() AND NOT granted"
    )
    async with desk.store.reading() as connection:
        return int((await connection.execute(query)).scalar_one())


async def test_the_same_key_with_another_body_is_refused(house: House) -> None:
    await house.outbound.accept_all(Order((request(),), "key", "hash"))
    with pytest.raises(Invalid) as caught:
        await house.outbound.accept_all(Order((request("other"),), "key", "other"))
    assert (caught.value.code, caught.value.field) == ("idempotency_key_reused", "Idempotency-Key")
    assert await house.count(tables.messages) == 1


async def test_the_same_key_twice_in_one_commit_sends_once(house: House) -> None:
    order = Order((request(),), "key", "hash")
    first, second = await asyncio.gather(house.outbound.accept_all(order), house.outbound.accept_all(order))
    assert {first.replayed, second.replayed} == {False, True}
    assert first.outcomes == second.outcomes
    assert await house.count(tables.messages) == 1


async def test_a_key_is_free_again_after_24_hours(house: House) -> None:
    await house.outbound.accept_all(Order((request(),), "key", "hash"))
    house.clock.advance(24 * 3600)
    again = await house.outbound.accept_all(Order((request("other"),), "key", "other"))
    assert not again.replayed
    replay = await house.outbound.accept_all(Order((request("other"),), "key", "other"))
    assert replay.replayed
    assert await house.count(tables.messages) == 2


async def test_a_key_belongs_to_its_account(house: House) -> None:
    await accounts.create(house.desk, account_id="second", name="Second", now=1)
    await house.outbound.accept_all(Order((request(),), "key", "hash"))
    answered = await house.outbound.accept_all(Order((request(account_id="second"),), "key", "other"))
    assert isinstance(answered.outcomes[0], Conflict)  # nothing to send from, but no replay of another's answer


async def test_a_key_of_errors_alone_is_not_kept(house: House) -> None:
    await house.outbound.accept_all(Order((request(to="nobody"),), "key", "hash"))
    answered = await house.outbound.accept_all(Order((request(),), "key", "other"))
    assert isinstance(answered.outcomes[0], Accepted)


async def test_a_batch_has_an_outcome_for_each_and_one_commit(house: House) -> None:
    await opt_outs.add(house.desk, account_id="main", phone=OTHER, actor="staff:a", how="console", now=1)
    commits: list[int] = []
    house.desk.store.writer.on_commit = lambda: commits.append(1)
    later = house.clock.utc + timedelta(hours=1)
    outcomes = await accept_many(
        house, request(), request(to=OTHER), request(to="x"), request(send_at=later), request("")
    )
    kinds = [one.status if isinstance(one, Accepted) else one.code for one in outcomes]
    assert kinds[:2] == ["QUEUED", "REFUSED"]
    assert kinds[3] == "SCHEDULED"
    assert isinstance(outcomes[2], Invalid)
    assert isinstance(outcomes[4], Invalid)
    assert len(commits) == 1
    assert await house.count(tables.messages) == 3


async def test_equal_decisions_are_stored_once(house: House) -> None:
    await accept_many(house, *(request(f"text {n}") for n in range(5)))
    await house.send("in another commit")
    assert await house.count(tables.decisions) == 1
    assert len({row["decision_id"] for row in await house.rows(tables.messages)}) == 1


async def test_nothing_to_send_from_says_why(house: House) -> None:
    with pytest.raises(Conflict):
        await house.outbound.accept(request(to="+447400123456"))
    assert await house.count(tables.messages) == 0


async def test_no_text_of_a_person_is_in_a_decision(house: House) -> None:
    accepted = await house.send("a very secret code 4711")
    assert PERSON not in str(accepted.decision)
    assert "4711" not in str(accepted.decision)


async def test_the_confirmation_of_an_opt_out_passes_once(house: House) -> None:
    await opt_outs.add(house.desk, account_id="main", phone=PERSON, actor="staff:a", how="console", now=1)
    confirmation = request("You are out.", purpose=Purpose.OPT_OUT_CONFIRMATION)
    first, second = await accept_many(house, confirmation, confirmation)
    third = await house.outbound.accept(confirmation)
    assert [first.status, second.status, third.status] == ["QUEUED", "REFUSED", "REFUSED"]
