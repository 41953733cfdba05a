"""What carriers answered to submissions: judged, then recorded.

Rule 1: every answer is a known outcome; only silence is UNKNOWN, and it is never sent again unless the message says so.
Rule 2: THROTTLED and NOT_SENT cost no attempt; RETRY does, and after ``len(RETRY_AFTER)`` of them the next connector
        of the route is tried, then the message has FAILED.
Rule 3: parts that were taken are not sent again when another part of the message must be.
Rule 4: a person who has opted out at the carrier has opted out here, from that commit on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from carriers.smpp.receipt import canonical
from carriers.types import Outcome
from gateway.model import Dispatch, OnUnknown, Status
from gateway.resources.messages import LOCK_IDS, Move, move_in, to_dispatch
from gateway.resources.standing import Refusal, add_refused_in
from gateway.store.hot import Hot, among, given, upsert
from gateway.store.tables import messages, parts
from gateway.store.texts import storable
from gateway.store.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from carriers.types import SubmissionResult
    from gateway.outbound.claim import Standing
    from gateway.store.writer import Tx

RETRY_AFTER = (5, 15, 60, 300, 900)  # seconds, +-20 %
# A code that only the carrier can explain (carriers.smpp.status.describe names it so) is tried once more, then final.
VENDOR, TRIES_OF_VENDOR_CODE = "vendor 0x", 1
UNKNOWN_WAIT = 60 * SECOND  # a late answer or a receipt may still tell, before resend_once sends again

_PART = (
    "message_id", "number", "account_id", "status", "status_at", "connector_id", "carrier_group", "carrier_id",
    "carrier_key", "raw_code",
)  # fmt: skip


def _put_part(dialect: Dialect) -> Executable:
    insert = upsert(dialect, parts)
    row_of = given(dialect, "given_part", {name: parts.c[name].type for name in _PART})
    row = insert.values(row_of) if dialect.name == "sqlite" else insert.from_select(_PART, select(*row_of.values()))
    newer = {name: row.excluded[name] for name in _PART[3:]}
    statement: Executable = row.on_conflict_do_update(index_elements=["message_id", "number"], set_=newer)
    return statement


PUT_PART = Hot("put part", _PART, _put_part, ("message_id", "number"))

_PART_STATUS: Mapping[Outcome, Status] = {
    Outcome.ACCEPTED: Status.SUBMITTED,
    Outcome.REJECTED: Status.REJECTED,
    Outcome.OPTED_OUT: Status.REJECTED,
    Outcome.UNKNOWN: Status.UNKNOWN,
}


class Settled(NamedTuple):
    """The answers to all parts of a message that were handed over together."""

    message: Dispatch
    connector_id: str
    carrier_group: str
    results: Mapping[int, SubmissionResult]  # by part number
    jitter: float  # 0.8 to 1.2
    give_up_after: int  # microseconds without a final receipt
    fence: int  # of the lease under which it was claimed
    again: bool = False  # told before, and nobody knows whether that was stored


class Judgement(NamedTuple):
    """Where the message goes. ``again`` is it as it waits to be sent again, when it does."""

    to: Status
    code: str = ""
    reason: str = ""
    next_at: int | None = None
    final: bool | None = None
    again: Dispatch | None = None


def judge(settled: Settled, now: int) -> Judgement:
    """Pure: the worst answer decides (unknown, opted out, rejected, retry, held back, accepted)."""
    outcomes = {result.outcome: result for result in reversed(list(settled.results.values()))}
    if outcomes.keys() == {Outcome.ACCEPTED}:
        return Judgement(Status.SUBMITTED, next_at=now + settled.give_up_after)
    if result := outcomes.get(Outcome.UNKNOWN):
        return _unknown(settled.message, result, now)
    if result := outcomes.get(Outcome.OPTED_OUT) or outcomes.get(Outcome.REJECTED):
        return Judgement(Status.REJECTED, code=result.raw_code, reason=result.detail)
    message = _with_sent(settled)
    if result := outcomes.get(Outcome.RETRY):
        return _retry(message, settled, result, now)
    result = outcomes.get(Outcome.THROTTLED) or outcomes[Outcome.NOT_SENT]
    return Judgement(Status.QUEUED, code=result.raw_code, reason=result.detail, next_at=now, again=message)


def _with_sent(settled: Settled) -> Dispatch:
    """The message as it is after these answers. Parts of one message do not leave by two carriers."""
    message = settled.message
    sent = message.sent_parts | {n for n, result in settled.results.items() if result.outcome is Outcome.ACCEPTED}
    return message._replace(sent_parts=sent, connectors=(settled.connector_id,) if sent else message.connectors)


def _unknown(message: Dispatch, result: SubmissionResult, now: int) -> Judgement:
    resend = message.on_unknown == OnUnknown.RESEND_ONCE and not message.possible_duplicate
    return Judgement(
        Status.UNKNOWN, code="no_answer", reason=result.detail or "The carrier did not answer.",
        next_at=now + UNKNOWN_WAIT if resend else None, final=not resend,
    )  # fmt: skip


def _retry(message: Dispatch, settled: Settled, result: SubmissionResult, now: int) -> Judgement:
    if message.attempts < (TRIES_OF_VENDOR_CODE if result.detail.startswith(VENDOR) else len(RETRY_AFTER)):
        wait = int(RETRY_AFTER[message.attempts] * SECOND * settled.jitter)
        again = message._replace(attempts=message.attempts + 1)
        return Judgement(Status.QUEUED, code=result.raw_code, reason=result.detail, next_at=now + wait, again=again)
    ways = message.connectors
    others = ways[ways.index(settled.connector_id) + 1 :] if settled.connector_id in ways else ()
    if others and not result.detail.startswith(VENDOR):
        again = message._replace(attempts=0, connectors=others)
        return Judgement(Status.QUEUED, code=result.raw_code, reason=result.detail, next_at=now, again=again)
    return Judgement(Status.FAILED, code=result.raw_code, reason=result.detail)


class Settlements:
    """A lane of the store's writer. Gives the judgement on each message, once it is durable.

    None for a message whose lease does not stand any more: whoever took it over has recorded UNKNOWN.
    """

    rank = 10  # before receipts, which may speak of what is settled in the same batch
    patience = 0.005
    hot = True
    outward = True

    def __init__(self, standing: Standing, *, now: Callable[[], int]) -> None:
        self._standing, self._now = standing, now

    async def apply(self, tx: Tx, settled: Sequence[Settled]) -> list[Judgement | None]:
        now, standing = self._now(), await self._standing(tx)
        judged = [(one, judge(one, now)) for one in settled if standing.get(one.connector_id) == one.fence]
        stored = await self._stored(tx, [one for one, _ in judged if one.again])
        fresh = [(one, verdict) for one, verdict in judged if one.message.id not in stored]
        await tx.many(PUT_PART, [row for one, _ in fresh for row in _part_rows(one, now)])
        await move_in(tx, [_to_move(one, verdict, now) for one, verdict in fresh])
        await add_refused_in(tx, _refusals(one for one, _ in fresh), at=now)
        verdicts = {one.message.id: verdict for one, verdict in judged}
        return [verdicts.get(one.message.id) for one in settled]

    async def _stored(self, tx: Tx, again: Sequence[Settled]) -> set[str]:
        """Those of them that were recorded when they were first told: they are no longer what the claim made them."""
        if not again:
            return set()
        rows = await tx.rows(LEAVING, tx.listed(one.message.id for one in again), Status.SUBMITTING.value)
        leaving = {(row[0], row[1]) for row in rows}
        return {one.message.id for one in again if (one.message.id, one.connector_id) not in leaving}


def _leaving(dialect: Dialect) -> Executable:
    leaving = among(messages.c.id, "ids", dialect), messages.c.status == bindparam("p_status")
    return select(messages.c.id, messages.c.connector_id).where(*leaving).order_by(messages.c.id).with_for_update()


LEAVING = Hot("messages that are leaving", ("ids", "p_status"), _leaving)


def _part_rows(settled: Settled, now: int) -> list[tuple[Any, ...]]:
    """Only what stands is recorded: a part that will be sent again has no row yet."""
    message = settled.message
    return [
        (
            message.id, number, message.account_id, _PART_STATUS[result.outcome].value, now, settled.connector_id,
            settled.carrier_group, carrier_id, canonical(carrier_id) if carrier_id else "", storable(result.raw_code),
        )
        for number, result in settled.results.items()
        if result.outcome in _PART_STATUS
        for carrier_id in [storable(result.carrier_id)]
    ]  # fmt: skip


def _refusals(answers: Iterable[Settled]) -> list[Refusal]:
    return [
        Refusal.of(one.message, one.connector_id, result.raw_code)
        for one in answers
        for result in one.results.values()
        if result.outcome is Outcome.OPTED_OUT
    ]


def _to_move(settled: Settled, verdict: Judgement, now: int) -> Move:
    attempts = verdict.again.attempts if verdict.again else settled.message.attempts
    return Move(
        settled.message, Status.SUBMITTING, verdict.to, now, code=verdict.code, reason=verdict.reason,
        connector_id=settled.connector_id, next_at=verdict.next_at, attempts=attempts,
        possible_duplicate=settled.message.possible_duplicate, final=verdict.final,
    )  # fmt: skip


class Late(NamedTuple):
    """An answer that came after its part was given up as UNKNOWN."""

    message_id: str
    number: int
    connector_id: str
    carrier_group: str
    result: SubmissionResult
    give_up_after: int


class LateAnswers:
    """A lane of the store's writer: UNKNOWN becomes SUBMITTED, or REJECTED, when the carrier says so late."""

    rank = 11
    patience = 0.005
    hot = True
    outward = True

    def __init__(self, *, now: Callable[[], int]) -> None:
        self._now = now

    async def apply(self, tx: Tx, late: Sequence[Late]) -> list[bool]:
        """True for each answer that still mattered."""
        now = self._now()
        found = await tx.rows(LOCK_IDS, tx.listed({one.message_id for one in late}))
        unknown = {row[0]: row for row in found if row[-2] == Status.UNKNOWN}
        told = [one for one in late if one.message_id in unknown and one.result.outcome in _LATE]
        answers = [_settled(one, to_dispatch(unknown[one.message_id])) for one in told]
        await tx.many(PUT_PART, [row for one in answers for row in _part_rows(one, now)])
        unclear = await self._unclear(tx, unknown)
        last = {one.message_id: one for one in told if one.message_id not in unclear}
        await move_in(tx, [_late_move(one, unknown[message_id], now) for message_id, one in last.items()])
        await add_refused_in(tx, _refusals(answers), at=now)
        return [one in told for one in late]

    async def _unclear(self, tx: Tx, unknown: Mapping[str, Any]) -> set[str]:
        """Of these messages, those of which some part is still without an answer."""
        several = [message_id for message_id, row in unknown.items() if row[6] > 1]
        found = await tx.rows(STATES, tx.listed(several), Status.UNKNOWN.value) if several else []
        return {row[0] for row in found}


_LATE: Mapping[Outcome, Status] = {
    Outcome.ACCEPTED: Status.SUBMITTED,
    Outcome.REJECTED: Status.REJECTED,
    Outcome.OPTED_OUT: Status.REJECTED,
}


def _states(dialect: Dialect) -> Executable:
    return select(parts.c.message_id).where(
        among(parts.c.message_id, "ids", dialect), parts.c.status == bindparam("p_status")
    )


STATES = Hot("messages with a part in status", ("ids", "p_status"), _states)


def _settled(one: Late, message: Dispatch) -> Settled:
    return Settled(message, one.connector_id, one.carrier_group, {one.number: one.result}, 1.0, one.give_up_after, 0)


def _late_move(one: Late, row: Any, now: int) -> Move:  # noqa: ANN401 -- a row of dispatchable()
    to, message = _LATE[one.result.outcome], to_dispatch(row)
    accepted = to is Status.SUBMITTED
    return Move(
        message, Status.UNKNOWN, to, now, was_at=row[-1], code="late_answer" if accepted else one.result.raw_code,
        reason="The carrier answered late: it has the message." if accepted else one.result.detail,
        connector_id=one.connector_id, next_at=now + one.give_up_after if accepted else None,
        attempts=message.attempts, possible_duplicate=message.possible_duplicate,
    )  # fmt: skip
