"""What carriers answer: judged as a table, then recorded."""

from __future__ import annotations

from typing import Any

import pytest

from carriers.smpp.status import describe
from carriers.types import Outcome, SubmissionResult
from gateway.model import Dispatch, Status
from gateway.outbound.settle import RETRY_AFTER, UNKNOWN_WAIT, Late, Settled, judge
from gateway.store import tables, tables_consent
from gateway.store.times import HOUR, SECOND
from tests.support.factories import LONG, OURS, PERSON, answer, receipt
from tests.support.gateway_fixtures import FENCE, House

NOW = 1_000 * SECOND
ACCEPTED, THROTTLED, RETRY = Outcome.ACCEPTED, Outcome.THROTTLED, Outcome.RETRY
REJECTED, NOT_SENT, UNKNOWN, OPTED_OUT = Outcome.REJECTED, Outcome.NOT_SENT, Outcome.UNKNOWN, Outcome.OPTED_OUT


def dispatch(**more: Any) -> Dispatch:
    values: dict[str, Any] = {
        "id": "m", "account_id": "main", "destination": PERSON, "sender": OURS, "identity_id": "phone-1", "body": "Hi",
        "parts": 1, "message_type": "TRANSACTIONAL", "purpose": "message", "opt_out_list": "Default",
        "connectors": ("one", "two"), "created_at": 0, "expires_at": NOW + HOUR,
    }  # fmt: skip
    return Dispatch(**(values | more))


def settled(
    *results: SubmissionResult | Outcome, jitter: float = 1.0, connector_id: str = "one", **more: Any
) -> Settled:
    answers = [answer(one) if isinstance(one, Outcome) else one for one in results]
    by_part = dict(enumerate(answers, 1))
    return Settled(dispatch(parts=len(by_part), **more), connector_id, "group", by_part, jitter, 72 * HOUR, FENCE)


# The answers to the parts, what the message becomes, and which parts count as taken when it goes again.
MIXES = [
    ((ACCEPTED,), Status.SUBMITTED, None),
    ((THROTTLED,), Status.QUEUED, set()),
    ((NOT_SENT,), Status.QUEUED, set()),
    ((RETRY,), Status.QUEUED, set()),
    ((REJECTED,), Status.REJECTED, None),
    ((OPTED_OUT,), Status.REJECTED, None),
    ((UNKNOWN,), Status.UNKNOWN, None),
    ((ACCEPTED, ACCEPTED), Status.SUBMITTED, None),
    ((ACCEPTED, THROTTLED), Status.QUEUED, {1}),
    ((NOT_SENT, ACCEPTED), Status.QUEUED, {2}),
    ((RETRY, ACCEPTED, THROTTLED), Status.QUEUED, {2}),
    ((ACCEPTED, REJECTED), Status.REJECTED, None),
    ((RETRY, REJECTED), Status.REJECTED, None),
    ((RETRY, OPTED_OUT), Status.REJECTED, None),
    ((ACCEPTED, UNKNOWN), Status.UNKNOWN, None),
    ((UNKNOWN, REJECTED), Status.UNKNOWN, None),
    ((UNKNOWN, OPTED_OUT), Status.UNKNOWN, None),
    ((THROTTLED, UNKNOWN), Status.UNKNOWN, None),
]


@pytest.mark.parametrize(("outcomes", "to", "sent"), MIXES)
def test_the_worst_answer_decides(outcomes: tuple[Outcome, ...], to: Status, sent: set[int] | None) -> None:
    verdict = judge(settled(*outcomes), NOW)
    assert verdict.to is to
    assert (verdict.again.sent_parts if verdict.again else None) == sent


@pytest.mark.parametrize("outcome", [THROTTLED, NOT_SENT])
def test_being_held_back_costs_no_attempt_and_no_time(outcome: Outcome) -> None:
    verdict = judge(settled(outcome, attempts=3), NOW)
    assert verdict.again is not None
    assert (verdict.again.attempts, verdict.next_at) == (3, NOW)


@pytest.mark.parametrize(("attempts", "seconds"), list(enumerate(RETRY_AFTER)))
@pytest.mark.parametrize("jitter", [0.8, 1.2])
def test_a_retry_waits_longer_each_time(attempts: int, seconds: int, jitter: float) -> None:
    verdict = judge(settled(RETRY, attempts=attempts, jitter=jitter), NOW)
    assert verdict.again is not None
    assert (verdict.again.attempts, verdict.next_at) == (attempts + 1, NOW + int(seconds * SECOND * jitter))


def test_after_five_retries_the_next_connector_of_the_route_is_tried_at_once() -> None:
    verdict = judge(settled(RETRY, attempts=5), NOW)
    assert verdict.again is not None
    assert (verdict.to, verdict.again.connectors, verdict.again.attempts) == (Status.QUEUED, ("two",), 0)
    assert verdict.next_at == NOW


@pytest.mark.parametrize("more", [{"connectors": ("one",)}, {"connectors": ("zero", "one")}, {"connectors": ("two",)}])
def test_after_five_retries_by_the_last_connector_it_has_failed(more: dict[str, Any]) -> None:
    assert judge(settled(RETRY, attempts=5, **more), NOW).to is Status.FAILED


def test_parts_of_one_message_do_not_leave_by_two_carriers() -> None:
    assert judge(settled(ACCEPTED, RETRY, attempts=5), NOW).to is Status.FAILED
    verdict = judge(settled(ACCEPTED, NOT_SENT), NOW)
    assert verdict.again is not None
    assert verdict.again.connectors == ("one",)


def test_a_status_that_only_the_carrier_knows_is_tried_once_more() -> None:
    row = describe(0x0401)
    result = answer(RETRY, raw_code="0x00000401", detail=f"{row.name}: {row.sentence}")
    first, second = judge(settled(result), NOW), judge(settled(result, attempts=1), NOW)
    assert (first.to, second.to, second.code) == (Status.QUEUED, Status.FAILED, "0x00000401")


def test_an_unknown_is_reported_and_final() -> None:
    verdict = judge(settled(UNKNOWN), NOW)
    assert (verdict.to, verdict.final, verdict.next_at, verdict.code) == (Status.UNKNOWN, True, None, "no_answer")


def test_an_unknown_that_may_be_resent_waits_a_minute_for_a_late_answer() -> None:
    verdict = judge(settled(UNKNOWN, on_unknown="resend_once"), NOW)
    assert (verdict.final, verdict.next_at) == (False, NOW + UNKNOWN_WAIT)


def test_what_was_resent_is_not_resent_again() -> None:
    verdict = judge(settled(UNKNOWN, on_unknown="resend_once", possible_duplicate=True), NOW)
    assert (verdict.final, verdict.next_at) == (True, None)


async def claimed(house: House, body: str = "Hi", **more: Any) -> Dispatch:
    message = await house.queued(body, **more)
    await house.claim(message)
    return message


async def test_an_accepted_message_keeps_the_carriers_id_and_waits_72_hours(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(ACCEPTED, "00AB12"))
    row = await house.row(message.id)
    assert (row["status"], row["next_at"]) == ("SUBMITTED", house.clock.micros + 72 * HOUR)
    assert row["submitted_at"] == house.clock.micros
    (part,) = await house.rows(tables.parts)
    assert (part["carrier_id"], part["carrier_key"], part["carrier_group"]) == ("00AB12", "ab12", "one")
    assert await house.events(message.id) == ["message.accepted", "message.submitted"]


async def test_a_retried_message_is_queued_with_its_attempts(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(RETRY, raw_code="0x00000008", detail="RSYSERR: a fault"))
    row = await house.row(message.id)
    assert (row["status"], row["attempts"], row["reason_code"]) == ("QUEUED", 1, "0x00000008")
    assert row["next_at"] == house.clock.micros + 5 * SECOND
    assert await house.count(tables.parts) == 0


async def test_parts_that_were_taken_stay_taken_when_the_message_is_read_again(house: House) -> None:
    message = await claimed(house, LONG)
    await house.settle(message, answer(ACCEPTED, "p1"), answer(THROTTLED))
    house.worker.connections.connectors.clear()  # type: ignore[attr-defined]  # the fake ones
    await house.sweeper.tick()
    (again,) = await house.worker.resolve([message.id])
    assert (again.sent_parts, again.connectors) == (frozenset({1}), ("one",))


async def test_a_part_that_was_delivered_already_is_not_sent_again(house: House) -> None:
    message = await claimed(house, LONG)
    await house.settle(message, answer(ACCEPTED, "p1"), answer(THROTTLED))
    assert await house.receipt(receipt("p1"))
    assert await house.status(message.id) == "QUEUED"
    await house.sweeper.tick()
    (again,) = await house.worker.resolve([message.id])
    assert again.sent_parts == frozenset({1})


async def late(house: House, message: Dispatch, result: SubmissionResult, number: int = 1) -> bool:
    one = Late(message.id, number, "one", "one", result._replace(late=True), 72 * HOUR)
    return await house.desk.store.submit(house.lanes.late, one)


async def test_a_late_answer_ends_the_unknown(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(UNKNOWN))
    assert await house.status(message.id) == "UNKNOWN"
    assert await late(house, message, answer(ACCEPTED, "late-1"))
    row = await house.row(message.id)
    assert (row["status"], row["reason_code"], row["final_at"]) == ("SUBMITTED", "late_answer", None)
    assert [part["carrier_id"] for part in await house.rows(tables.parts)] == ["late-1"]


async def test_a_late_rejection_ends_the_unknown(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(UNKNOWN))
    assert await late(house, message, answer(REJECTED, raw_code="0x0000000B"))
    assert await house.status(message.id) == "REJECTED"


async def test_whom_the_carrier_has_as_opted_out_nothing_else_goes_to(house: House) -> None:
    refused, waiting = await claimed(house, LONG), await house.queued("Another")
    said = answer(OPTED_OUT, raw_code="0x00000412", detail="vendor 0x00000412: opted out")
    await house.settle(refused, said, said)
    assert await house.status(refused.id) == "REJECTED"
    assert await house.claim(waiting) == ()
    row = await house.row(waiting.id)
    assert (row["status"], row["reason_code"]) == ("REFUSED", "destination_opted_out")
    assert (await house.send("One more")).status is Status.REFUSED
    (standing,) = await house.rows(tables_consent.opt_outs)
    assert (standing["phone"], standing["list_name"], standing["by_end_user"]) == (PERSON, "Default", 0)
    (act,) = await house.rows(tables_consent.consent_log)
    assert (act["action"], act["actor"], act["message_id"]) == ("OPT_OUT", "carrier:one", refused.id)
    assert act["how"] == "refused by the carrier, code 0x00000412"
    assert await house.events(PERSON) == ["opt_out.added"]


async def test_what_stood_before_a_carrier_says_so_stands_as_it_is(house: House) -> None:
    first, second = await claimed(house), await claimed(house, "Another")
    await house.settle(first, answer(OPTED_OUT, raw_code="1"))
    before = await house.rows(tables_consent.opt_outs)
    house.clock.advance(60)
    await house.settle(second, answer(OPTED_OUT, raw_code="2"))
    assert await house.rows(tables_consent.opt_outs) == before
    assert [act["message_id"] for act in await house.rows(tables_consent.consent_log)] == [first.id, second.id]
    assert await house.events(PERSON) == ["opt_out.added"]


async def test_a_late_answer_may_say_that_the_person_has_opted_out(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(UNKNOWN))
    assert await late(house, message, answer(OPTED_OUT, raw_code="0x00000412"))
    assert await house.status(message.id) == "REJECTED"
    assert [row["phone"] for row in await house.rows(tables_consent.opt_outs)] == [PERSON]


async def test_a_late_answer_for_each_part_is_needed(house: House) -> None:
    message = await claimed(house, LONG)
    await house.settle(message, answer(UNKNOWN), answer(UNKNOWN))
    assert await late(house, message, answer(ACCEPTED, "p1"))
    assert await house.status(message.id) == "UNKNOWN"
    assert await late(house, message, answer(ACCEPTED, "p2"), 2)
    assert await house.status(message.id) == "SUBMITTED"


async def test_a_late_answer_for_what_is_known_changes_nothing(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(ACCEPTED, "a1"))
    assert not await late(house, message, answer(ACCEPTED, "a2"))
    assert [part["carrier_id"] for part in await house.rows(tables.parts)] == ["a1"]
    assert await house.events(message.id) == ["message.accepted", "message.submitted"]


async def test_an_id_with_a_nul_is_stored(house: House) -> None:
    message = await claimed(house)
    await house.settle(message, answer(ACCEPTED, "a\0b"))
    assert await house.status(message.id) == "SUBMITTED"
