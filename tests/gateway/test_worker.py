"""From the queue to the carrier and back, with a pretend carrier."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from carriers.types import Outcome, Submission, SubmissionResult
from gateway.errors import InDoubt, Unavailable
from gateway.queue import QueueError
from gateway.resources import messages, opt_outs, phone_numbers
from gateway.store import tables
from gateway.worker import pump
from gateway.worker.flights import read_reference
from tests.support.factories import LONG, OTHER, OURS, PERSON, receipt, request
from tests.support.gateway_fixtures import House, accept_all, accept_many, open_house, silence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.resources.desk import Desk


def one_after_the_other(*outcomes: Outcome | None) -> Callable[[Submission], SubmissionResult | None]:
    """These answers first, then all are taken; None keeps silent."""
    left = deque(outcomes)

    def script(one: Submission) -> SubmissionResult | None:
        outcome = left.popleft() if left else Outcome.ACCEPTED
        if outcome is Outcome.ACCEPTED:
            return accept_all(one)
        return SubmissionResult(one.reference, outcome, detail="as scripted") if outcome else None

    return script


async def texts(house: House, count: int, **more: Any) -> None:
    await accept_many(house, *(request(f"text {n:02}", **more) for n in range(count)))


# One message.


async def test_a_message_leaves_and_its_answer_is_recorded(house: House) -> None:
    carrier = house.connector()
    async with house.running():
        accepted = await house.send("Hello", ttl=timedelta(minutes=10))
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
        await house.until(lambda: accepted.message_id in house.worker.memory, wanted=False)
        assert house.worker.flights == {}
    (sent,) = carrier.submitted
    assert (sent.source, sent.destination, sent.segment.text) == (OURS, PERSON, "Hello")
    assert (sent.validity, sent.group) == (timedelta(minutes=10), accepted.message_id)


async def test_nothing_leaves_before_its_claim_is_committed(house: House) -> None:
    carrier, seen = house.connector(), []
    claims = house.lanes.claims.apply

    async def watched(tx: Any, payloads: Any) -> Any:
        seen.append(len(carrier.submitted))
        return await claims(tx, payloads)

    house.lanes.claims.apply = watched  # type: ignore[method-assign]  # to look at the carrier meanwhile
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert seen == [0]


async def test_parts_leave_in_order_with_one_reference(house: House) -> None:
    carrier = house.connector()
    async with house.running():
        accepted = await house.send(LONG)
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert [read_reference(one.reference) for one in carrier.submitted] == [
        (accepted.message_id, 1),
        (accepted.message_id, 2),
    ]
    assert {one.user_message_reference for one in carrier.submitted} == {1}


async def test_only_the_part_that_was_not_taken_goes_again(house: House) -> None:
    carrier = house.connector()
    carrier.script = one_after_the_other(Outcome.ACCEPTED, Outcome.THROTTLED)
    async with house.running():
        accepted = await house.send(LONG)
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert [read_reference(one.reference)[1] for one in carrier.submitted] == [1, 2, 2]


async def test_a_message_larger_than_the_window_leaves_by_and_by(house: House) -> None:
    carrier = house.connector(window=2)
    async with house.running():
        accepted = await house.send("x" * 700)
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert (len(carrier.submitted), carrier.most_outstanding) == (5, 2)


# Windows and order.


async def test_the_window_is_never_exceeded_and_no_more_is_claimed(house: House) -> None:
    carrier = house.connector(window=4)
    carrier.script = silence
    await texts(house, 20)
    async with house.running():
        await house.until(lambda: len(carrier.outstanding), wanted=4)
        assert (await house.statuses()).count("SUBMITTING") == 4
        carrier.script = accept_all
        for reference in list(carrier.outstanding):
            carrier.answer(reference)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 20)
    assert carrier.most_outstanding <= 4


async def test_throttled_messages_keep_their_place(house: House) -> None:
    carrier = house.connector(window=2)
    carrier.script = one_after_the_other(Outcome.THROTTLED, Outcome.THROTTLED)
    await texts(house, 6)
    carrier.pauses_when_throttled = True
    async with house.running():
        await house.until(lambda: carrier.is_paused and not house.worker.flights)
        carrier.resume()
        await house.until(house.statuses, wanted=["SUBMITTED"] * 6)
    assert carrier.bodies[2:] == [f"text {n:02}" for n in range(6)]
    assert {row["attempts"] for row in await house.rows(tables.messages)} == {0}


async def test_what_was_not_sent_goes_again(house: House) -> None:
    carrier = house.connector()
    carrier.script = one_after_the_other(Outcome.NOT_SENT)
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert len(carrier.submitted) == 2


async def test_silence_is_unknown_and_never_sent_again(house: House) -> None:
    carrier = house.connector()
    carrier.script = silence
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: len(carrier.outstanding), wanted=1)
        carrier.down()
        await house.until(lambda: house.status(accepted.message_id), wanted="UNKNOWN")
        carrier.up()
        later = await house.send("later")
        carrier.script = accept_all
        await house.until(lambda: len(carrier.submitted), wanted=2)
        for reference in list(carrier.outstanding):
            carrier.answer(reference)
        await house.until(lambda: house.status(later.message_id), wanted="SUBMITTED")
    assert await house.status(accepted.message_id) == "UNKNOWN"


async def test_an_answer_that_comes_late_ends_the_unknown(house: House) -> None:
    carrier = house.connector()
    carrier.script = one_after_the_other(Outcome.UNKNOWN)
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="UNKNOWN")
        carrier.answer(f"{accepted.message_id}:1", late=True, carrier_id="late")
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
        assert await house.receipt(receipt("late"))


async def test_a_late_answer_to_one_part_counts_while_the_other_is_awaited(house: House) -> None:
    carrier = house.connector()
    carrier.script = one_after_the_other(Outcome.UNKNOWN, None)
    async with house.running():
        accepted = await house.send(LONG)
        first, second = f"{accepted.message_id}:1", f"{accepted.message_id}:2"
        await house.until(lambda: list(carrier.outstanding), wanted=[second])
        carrier.answer(first, late=True)
        carrier.answer(second)
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")


async def test_an_early_receipt_is_claimed_with_the_answer(house: House) -> None:
    house.connector().script = lambda one: SubmissionResult(one.reference, Outcome.ACCEPTED, carrier_id="early")
    assert not await house.receipt(receipt("early"))
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="DELIVERED")


# Links.


async def test_what_waits_for_a_link_that_goes_down_takes_the_next_of_the_route(house: House) -> None:
    first, second = house.connector("one", window=1), house.connector("two")
    first.script = silence
    async with house.running():
        await texts(house, 5)
        await house.until(lambda: len(first.outstanding), wanted=1)
        first.down()
        await house.until(lambda: len(second.submitted), wanted=4)
        await house.until(house.statuses, wanted=["UNKNOWN"] + ["SUBMITTED"] * 4)


async def test_parts_that_never_left_a_link_that_went_down_are_queued(house: House) -> None:
    carrier = house.connector(window=2)
    carrier.script = silence
    async with house.running():
        accepted = await house.send("x" * 700)
        await house.until(lambda: len(carrier.outstanding), wanted=2)
        for reference in list(carrier.outstanding):
            carrier.outstanding.pop(reference)
            carrier._sink.settled("one", [SubmissionResult(reference, Outcome.ACCEPTED, carrier_id=reference)])
        carrier.down()
        await house.until(lambda: house.status(accepted.message_id), wanted="QUEUED")
        carrier.script = accept_all
        carrier.up()
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert sorted(read_reference(one.reference)[1] for one in carrier.submitted) == [1, 2, 3, 4, 5]


async def test_a_connector_that_is_taken_away_leaves_its_messages_to_the_next(house: House) -> None:
    first, second = house.connector("one"), house.connector("two")
    first.is_up = True
    first.window = 0
    async with house.running():
        await texts(house, 3)
        await house.until(lambda: house.queue.size("one"), wanted=3)
        del house.connections.connectors["one"]
        house.worker.follow()
        await house.until(house.statuses, wanted=["SUBMITTED"] * 3)
    assert len(second.submitted) == 3


# Rates.


async def test_an_identitys_rate_holds_only_that_identity(house: House) -> None:
    carrier = house.connector()
    slow = await phone_numbers.create(
        house.desk, account_id="main", number="+12065550150", kind="LONG_CODE", now=1, rate=1
    )
    async with house.running():
        await texts(house, 3, origination=slow.id)
        await texts(house, 3, origination=house.identity.id)
        await house.until(lambda: len(carrier.submitted), wanted=4)
        for count in (5, 6):
            house.clock.advance(1.01)
            await house.until(lambda: len(carrier.submitted), wanted=count)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 6)
    assert [one.segment.text for one in carrier.submitted if one.source == slow.sender] == [
        "text 00",
        "text 01",
        "text 02",
    ]


async def test_a_connectors_rate_holds_everybody_and_keeps_order(house: House) -> None:
    carrier = house.connector()
    house.connections.rates["one"] = 2.0
    async with house.running():
        await texts(house, 4)
        await house.until(lambda: len(carrier.submitted), wanted=2)
        house.clock.advance(1.01)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 4)
    assert carrier.bodies == [f"text {n:02}" for n in range(4)]


# Memory, queue, store.


async def test_memory_is_bound_and_what_waits_on_disk_follows(desk: Desk) -> None:
    async with open_house(desk, warm_messages=5) as house:
        house.connector(window=2)
        await texts(house, 23, message_type="")
        async with house.running():
            assert house.worker.memory.room >= -5  # transactional ones have a reserve of the same size
            assert house.worker.behind
            await house.until(house.statuses, wanted=["SUBMITTED"] * 23)


@pytest.mark.parametrize("up", [True, False])
async def test_what_others_announce_takes_up_memory_only_while_the_link_is_up(house: House, *, up: bool) -> None:
    carrier = house.connector()
    carrier.is_up = up
    message = await house.queued()
    house.offered.clear()  # another process accepted it
    async with house.running():
        house.worker.hear("one", [list(message)])
        assert (message.id in house.worker.memory) is up
        carrier.up()
        await house.until(lambda: house.status(message.id), wanted="SUBMITTED")
    assert len(carrier.submitted) == 1


async def test_work_goes_on_without_the_queue(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: object, **_more: object) -> None:
        raise QueueError("gone")

    house.connector()
    for method in ("put", "take"):
        monkeypatch.setattr(house.queue, method, broken)
    async with house.running():
        await texts(house, 3)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 3)


async def test_what_the_queue_lost_is_announced_again(house: House) -> None:
    carrier = house.connector(window=0)
    async with house.running():
        await texts(house, 3)
        await house.until(lambda: house.queue.size("one"), wanted=3)
        await house.queue.clear()
        carrier.window = 10
        house.clock.advance(11)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 3)
    assert len(carrier.submitted) == 3


async def test_an_answer_is_recorded_once_the_store_is_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.worker.worker.STORE_DOWN_WAIT", 0)
    house.connector()
    record, failures = house.lanes.settlements.apply, [1, 2]

    async def unsure(tx: Any, payloads: Any) -> Any:
        if failures:
            failures.pop()
            raise Unavailable("The disk is full.")
        return await record(tx, payloads)

    house.lanes.settlements.apply = unsure  # type: ignore[method-assign]  # fails twice
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert failures == []


async def test_a_claim_the_store_does_not_take_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "STORE_DOWN_WAIT", 0)
    carrier = house.connector()
    claim, failures = house.lanes.claims.apply, [1]

    async def unsure(tx: Any, payloads: Any) -> Any:
        if failures:
            failures.pop()
            raise Unavailable("The disk is full.")
        return await claim(tx, payloads)

    house.lanes.claims.apply = unsure  # type: ignore[method-assign]  # fails once
    async with house.running():
        await texts(house, 2)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 2)
    assert carrier.bodies == ["text 00", "text 01"]


async def nothing() -> None: ...


def lose_an_answer(
    house: House, monkeypatch: pytest.MonkeyPatch, lane: Any, meanwhile: Callable[[], Awaitable[Any]] = nothing
) -> None:
    """What is first handed to this lane is stored, and then the connection is lost; ``meanwhile`` comes before that."""
    monkeypatch.setattr(pump, "STORE_DOWN_WAIT", 0)
    monkeypatch.setattr("gateway.worker.worker.STORE_DOWN_WAIT", 0)
    submit, left = house.desk.store.submit, [lane]

    async def lost(future: Any) -> None:
        await future
        await meanwhile()
        raise InDoubt("The database was lost while it stored this.")

    def submit_once(to: Any, payload: Any) -> Any:
        future = submit(to, payload)
        if to not in left:
            return future
        left.clear()
        return asyncio.ensure_future(lost(future))

    monkeypatch.setattr(house.desk.store, "submit", submit_once)


async def test_a_claim_whose_commit_was_not_answered_leaves_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    carrier = house.connector()
    lose_an_answer(house, monkeypatch, house.lanes.claims)
    async with house.running():
        await texts(house, 3)
        await house.until(house.statuses, wanted=["SUBMITTED"] * 3)
    assert carrier.bodies == ["text 00", "text 01", "text 02"]
    assert house.worker.doubtful == set()


async def test_what_was_forbidden_since_a_claim_without_answer_does_not_leave(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = house.connector()

    async def opt_out() -> None:
        await opt_outs.add(house.desk, account_id="main", phone=PERSON, actor="staff:a", how="console", now=1)

    lose_an_answer(house, monkeypatch, house.lanes.claims, opt_out)
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="REFUSED")
    assert carrier.bodies == []


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.ACCEPTED, "SUBMITTED"), (Outcome.REJECTED, "REJECTED")])
async def test_an_answer_whose_commit_was_not_answered_counts_once(
    house: House, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, status: str
) -> None:
    carrier = house.connector()
    carrier.script = one_after_the_other(outcome)
    lose_an_answer(house, monkeypatch, house.lanes.settlements)
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: len(house.worker.flights), wanted=0)
        await house.until(lambda: house.status(accepted.message_id), wanted=status)
    assert await house.events(accepted.message_id) == ["message.accepted", f"message.{status.lower()}"]


async def test_what_was_not_sent_goes_again_once_when_that_was_not_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = house.connector()
    carrier.script = one_after_the_other(Outcome.NOT_SENT)
    lose_an_answer(house, monkeypatch, house.lanes.settlements)
    async with house.running():
        accepted = await house.send()
        await house.until(lambda: house.status(accepted.message_id), wanted="SUBMITTED")
    assert len(carrier.submitted) == 2
    assert (await house.events(accepted.message_id)).count("message.submitted") == 1


async def test_a_cancelled_message_is_forgotten_and_does_not_leave(house: House) -> None:
    carrier = house.connector()
    carrier.is_up = False
    async with house.running():
        accepted = await house.send()
        other = await house.send(to=OTHER)
        await messages.cancel(house.desk.store, "main", accepted.message_id, now=house.clock.micros)
        carrier.up()
        await house.until(lambda: house.status(other.message_id), wanted="SUBMITTED")
    assert [one.destination for one in carrier.submitted] == [OTHER]
    assert accepted.message_id not in house.worker.memory


async def test_a_stop_waits_for_answers_and_claims_no_more(house: House) -> None:
    carrier = house.connector(window=1)
    carrier.script = silence
    await texts(house, 2)
    house.worker.start()
    house.worker.follow()
    house.worker.offer(house.offered)
    await house.until(lambda: len(carrier.outstanding), wanted=1)
    stopping = house.worker.stop(5.0)
    (reference,) = carrier.outstanding

    asyncio.get_running_loop().call_later(0.05, carrier.answer, reference)
    await stopping
    assert await house.statuses() == ["SUBMITTED", "QUEUED"]
    assert len(carrier.submitted) == 1
