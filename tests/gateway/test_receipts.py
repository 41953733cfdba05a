"""Receipts: whose they are, and what they change."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy import update

from carriers.smpp.idbase import ENOUGH, explained_by
from carriers.types import Outcome, ReceiptState
from gateway.receipts import FIND, Arrived
from gateway.store import tables, tables_consent
from gateway.store.times import DAY, first_id
from tests.support.factories import LONG, OTHER, PERSON, answer, receipt

if TYPE_CHECKING:
    from gateway.store.writer import Tx
    from tests.support.gateway_fixtures import House

DELIVERED, UNDELIVERED, EXPIRED = ReceiptState.DELIVERED, ReceiptState.UNDELIVERED, ReceiptState.EXPIRED


FORMS = [
    ("00AB12", "00AB12"), ("00AB12", "00ab12"), ("0024", "24"), ("24", "000024"), ("39f99dd5", "0972660181"),
    ("972660181", "39F99DD5"), (" 77 ", "77"),
]  # fmt: skip


@pytest.mark.parametrize(("answered", "reported"), FORMS)
async def test_an_id_is_known_in_every_form_carriers_write(house: House, answered: str, reported: str) -> None:
    message = await house.submitted(answered)
    assert await house.receipt(receipt(reported))
    row = await house.row(message.id)
    assert (row["status"], row["final_at"], row["connector_id"]) == ("DELIVERED", house.clock.micros, "one")
    assert await house.events(message.id) == ["message.accepted", "message.submitted", "message.delivered"]


NOT_OURS: list[tuple[dict[str, Any], str]] = [({"handset": OTHER}, "one"), ({}, "two")]


@pytest.mark.parametrize(("more", "group"), NOT_OURS, ids=["another handset", "another carrier"])
async def test_the_same_id_elsewhere_is_an_orphan(house: House, more: dict[str, Any], group: str) -> None:
    message = await house.submitted("77")
    assert not await house.receipt(receipt("77", **more), group)
    assert await house.status(message.id) == "SUBMITTED"
    (orphan,) = await house.rows(tables.orphans)
    assert (orphan["carrier_id"], orphan["why"]) == ("77", "no match yet")


@pytest.mark.parametrize("handset", ["", "+12065550123", "12065550123", "2065550123"])
async def test_a_handset_left_out_or_in_another_form_is_no_other_handset(house: House, handset: str) -> None:
    message = await house.submitted("77")
    assert await house.receipt(receipt("77", handset=handset))
    assert await house.status(message.id) == "DELIVERED"


async def test_what_may_mean_two_is_never_guessed(house: House) -> None:
    ids = [(await house.submitted("10")).id, (await house.submitted("a")).id]
    assert not await house.receipt(receipt("10"))
    assert [await house.status(one) for one in ids] == ["SUBMITTED", "SUBMITTED"]
    assert [one["why"] for one in await house.rows(tables.orphans)] == ["ambiguous"]


async def made(house: House, carrier_id: str, days: float) -> str:
    """A message that was made so many days ago, or to come."""
    old = (await house.submitted(carrier_id)).id
    new = first_id(house.clock.micros - round(days * DAY))[:-12] + old[-12:]

    async def age(tx: Tx) -> None:
        for column in (tables.messages.c.id, tables.parts.c.message_id):
            await tx.conn.execute(update(column.table).where(column == old).values({column.name: new}))

    await house.desk.store.write(age)
    return new


# The clock of the tests stands two days behind that by which ids are made.
AGES = [(0.9, 1.1), (-0.5, 3.0), (1.1, 4.1), (3.9, 30.0), (-9.0, -30.0)]


@pytest.mark.parametrize("days", sorted({age for pair in AGES for age in pair}))
async def test_a_message_of_any_age_is_found(house: House, days: float) -> None:
    message_id = await made(house, "77", days)
    assert await house.receipt(receipt("77"))
    assert await house.status(message_id) == "DELIVERED"


@pytest.mark.parametrize(("younger", "older"), AGES[:-1])
async def test_an_id_that_a_carrier_uses_again_means_the_latest(house: House, younger: float, older: float) -> None:
    ids = [await made(house, "77", older), await made(house, "77", younger)]
    assert await house.receipt(receipt("77"))
    assert [await house.status(one) for one in ids] == ["SUBMITTED", "DELIVERED"]


@pytest.mark.parametrize("ages", [(0.1, 0.9), (1.1, 3.9), (4.1, 30.0), (-30.0, 30.0)])
async def test_of_two_as_late_neither_is_guessed(house: House, ages: tuple[float, float]) -> None:
    ids = [await made(house, "77", age) for age in ages]
    assert not await house.receipt(receipt("77"))
    assert [await house.status(one) for one in ids] == ["SUBMITTED", "SUBMITTED"]


async def test_an_early_receipt_is_claimed_once_the_answer_is_recorded(house: House) -> None:
    assert not await house.receipt(receipt("EARLY-1", raw_error="000"))
    message = await house.submitted("early-1")
    assert await house.receipts.reclaim(["early-1"]) == 1
    assert await house.status(message.id) == "DELIVERED"
    assert await house.count(tables.orphans) == 0


async def test_an_orphan_keeps_the_time_it_came_however_often_it_is_asked(house: House) -> None:
    await house.receipt(receipt("nobody"))
    came = house.clock.micros
    house.clock.advance(3600)
    assert await house.receipts.reclaim_all() == 0
    (orphan,) = await house.rows(tables.orphans)
    assert orphan["received_at"] == came


async def test_where_no_orphan_is_left_none_is_looked_for(house: House) -> None:
    assert house.receipts.orphans
    await house.receipts.reclaim_all()
    assert not house.receipts.orphans
    await house.receipt(receipt("nobody"))
    assert house.receipts.orphans


async def test_the_same_receipt_twice_has_one_effect(house: House) -> None:
    message = await house.submitted("77")
    results = await asyncio.gather(house.receipt(receipt("77")), house.receipt(receipt("77")))
    assert await house.receipt(receipt("77"))
    assert results == [True, True]
    assert (await house.events(message.id)).count("message.delivered") == 1


ORDERS = [
    ((UNDELIVERED, DELIVERED), "UNDELIVERED"),
    ((DELIVERED, UNDELIVERED), "DELIVERED"),
    ((DELIVERED, EXPIRED), "DELIVERED"),
    ((EXPIRED, DELIVERED), "DELIVERED"),
    ((ReceiptState.UNKNOWN, DELIVERED), "DELIVERED"),
    ((ReceiptState.REJECTED, DELIVERED), "REJECTED"),
    ((ReceiptState.ENROUTE, DELIVERED, ReceiptState.ACCEPTED), "DELIVERED"),
    ((ReceiptState.DELETED,), "UNDELIVERED"),
    ((ReceiptState.SKIPPED,), "UNDELIVERED"),
    ((ReceiptState.ENROUTE,), "SUBMITTED"),
]


@pytest.mark.parametrize(("states", "ends"), ORDERS)
@pytest.mark.parametrize("together", [True, False], ids=["in one commit", "one by one"])
async def test_a_status_never_goes_back(
    house: House, states: tuple[ReceiptState, ...], ends: str, *, together: bool
) -> None:
    message = await house.submitted("77")
    work = [house.receipt(receipt("77", state)) for state in states]
    found = list(await asyncio.gather(*work)) if together else [await one for one in work]
    assert all(found)
    assert await house.status(message.id) == ends


@pytest.mark.parametrize("first", [EXPIRED, ReceiptState.UNKNOWN])
@pytest.mark.parametrize(("hours", "ends"), [(72, "DELIVERED"), (72.1, "first")])
async def test_a_delivery_overrules_for_72_hours(house: House, first: ReceiptState, hours: float, ends: str) -> None:
    message = await house.submitted("77")
    house.clock.advance(100 * 3600)
    await house.receipt(receipt("77", first))
    house.clock.advance(hours * 3600)
    await house.receipt(receipt("77"))
    assert await house.status(message.id) == (first.value if ends == "first" else ends)


async def test_a_correction_in_one_commit_counts_from_the_first_of_the_two(house: House) -> None:
    message = await house.submitted("77")
    house.clock.advance(100 * 3600)
    await asyncio.gather(house.receipt(receipt("77", EXPIRED)), house.receipt(receipt("77")))
    assert await house.status(message.id) == "DELIVERED"


async def test_an_undelivered_message_says_what_the_carrier_said(house: House) -> None:
    message = await house.submitted("77")
    await house.receipt(receipt("77", UNDELIVERED, raw_state="UNDELIV", raw_error="0A\x005"))
    row = await house.row(message.id)
    assert (row["reason_code"][:2], row["reason"]) == ("0A", "The carrier reported UNDELIV.")
    (part,) = await house.rows(tables.parts)
    assert part["raw_state"] == "UNDELIV"


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2])))
async def test_a_message_is_as_far_as_its_slowest_part(house: House, order: tuple[int, ...]) -> None:
    message = await house.queued(LONG)
    await house.claim(message)
    await house.settle(message, answer(Outcome.ACCEPTED, "p1"), answer(Outcome.ACCEPTED, "p2"))
    await house.receipt(receipt(f"p{order[0]}"))
    assert await house.status(message.id) == "SUBMITTED"
    await house.receipt(receipt(f"p{order[1]}"))
    assert await house.status(message.id) == "DELIVERED"


async def test_one_part_that_failed_decides_for_all(house: House) -> None:
    message = await house.queued(LONG)
    await house.claim(message)
    await house.settle(message, answer(Outcome.ACCEPTED, "p1"), answer(Outcome.ACCEPTED, "p2"))
    await asyncio.gather(house.receipt(receipt("p1")), house.receipt(receipt("p2", UNDELIVERED)))
    assert await house.status(message.id) == "UNDELIVERED"


async def test_a_message_of_which_a_part_never_left_is_not_delivered_by_the_other(house: House) -> None:
    message = await house.queued(LONG)
    await house.claim(message)
    await house.settle(message, answer(Outcome.ACCEPTED, "p1"), answer(Outcome.THROTTLED))
    house.clock.advance(73 * 3600)
    await house.claim(message)
    assert await house.status(message.id) == "EXPIRED"
    assert await house.receipt(receipt("p1"))
    assert await house.status(message.id) == "EXPIRED"


@pytest.mark.parametrize("early", [False, True], ids=["in time", "before the answer"])
async def test_a_receipt_may_say_that_the_person_has_opted_out(house: House, early: bool) -> None:
    told = receipt("77", UNDELIVERED, raw_error="045", opted_out=True)
    if early:
        assert not await house.receipt(told)
    message = await house.submitted("77")
    assert await house.receipts.reclaim(["77"]) == 1 if early else await house.receipt(told)
    assert await house.receipt(told)
    assert await house.status(message.id) == "UNDELIVERED"
    (standing,) = await house.rows(tables_consent.opt_outs)
    assert (standing["phone"], standing["how"]) == (PERSON, "refused by the carrier, code 045")
    (act,) = await house.rows(tables_consent.consent_log)
    assert (act["actor"], act["message_id"]) == ("carrier:one", message.id)


async def test_ids_with_a_nul_are_kept(house: House) -> None:
    assert not await house.receipt(receipt("a\0b", handset="+1\x002"))
    assert await house.count(tables.orphans) == 1


async def test_every_receipt_of_a_batch_is_answered(house: House) -> None:
    messages = [await house.submitted(f"id-{n}") for n in range(5)]
    work = [Arrived("one", receipt(f"id-{n}")) for n in (3, 1, 4, 0, 2, 9)]
    results = await asyncio.gather(*(house.desk.store.submit(house.receipts, one) for one in work))
    assert results == [True] * 5 + [False]
    assert [await house.status(one.id) for one in messages] == ["DELIVERED"] * 5


async def test_the_look_up_uses_the_index_of_keys(house: House) -> None:
    if not house.desk.store.sqlite:
        pytest.skip("PostgreSQL scans tables as small as these")
    async with house.desk.store.reading() as connection:
        query = FIND.compile(connection.dialect).replace("?", "'[]'")
        plan = " ".join(str(row) for row in await connection.execute(sql("EXPLAIN QUERY PLAN " + query)))
    assert "ix_parts_carrier_key" in plan


# The base of the ids.

TOLD_APART = [
    ("0972660181", "39f99dd5", "dec_to_hex"), ("39f99dd5", "972660181", "hex_to_dec"), ("ab", "ab", "same"),
    ("77", "77", "same"), ("5", "5", ""), ("77", "nothing", ""),
]  # fmt: skip


@pytest.mark.parametrize(("reported", "key", "base"), TOLD_APART)
def test_a_match_teaches_only_what_it_can_tell(reported: str, key: str, base: str) -> None:
    assert explained_by(reported, key) == base


async def teach(house: House, numbers: range) -> None:
    """Receipts in decimal for answers in hexadecimal."""
    for number in numbers:
        await house.submitted(f"ff{number:06x}")
        assert await house.receipt(receipt(str(int(f"ff{number:06x}", 16))))


async def test_a_learned_base_decides_and_orphans_are_asked_again(house: House) -> None:
    ids = [(await house.submitted("10")).id, (await house.submitted("a")).id]
    assert not await house.receipt(receipt("10"))
    await teach(house, range(1, ENOUGH))
    assert (house.receipts.bases, house.receipts.base_learned) == ({}, False)
    await teach(house, range(ENOUGH, ENOUGH + 1))
    assert (house.receipts.bases, house.receipts.base_learned) == ({"one": "dec_to_hex"}, True)
    await house.sweeper.tick()
    assert [await house.status(one) for one in ids] == ["SUBMITTED", "DELIVERED"]
    assert not house.receipts.base_learned


async def test_a_base_that_is_set_wins(house: House) -> None:
    house.receipts._set_base = lambda _group: "same"
    ids = [(await house.submitted("10")).id, (await house.submitted("a")).id]
    assert await house.receipt(receipt("10"))
    assert [await house.status(one) for one in ids] == ["DELIVERED", "SUBMITTED"]
