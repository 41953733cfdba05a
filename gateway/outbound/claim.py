"""The last check before a message leaves, and the record that it is leaving.

One statement moves a whole batch from QUEUED to SUBMITTING, and only those that are still QUEUED: so a message that
was cancelled, refused or taken by another worker is not sent, and two workers never send one message. A claim counts
only under a lease that still stands (gateway.nodes.leases, rule 2). It is committed
before the octets are written; what is SUBMITTING when a worker dies is UNKNOWN, never sent again blindly.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sqlalchemy import bindparam, select, update

from compliance import engine
from compliance.types import Effect, Opted, SenderKind, SendFacts
from compliance.types import Purpose as CompliancePurpose
from gateway.model import Dispatch, MessageType, Purpose, Status
from gateway.resources import opt_outs, reviews
from gateway.resources.messages import Move, move_in
from gateway.store.hot import Hot, among
from gateway.store.tables import messages
from gateway.store.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from compliance.engine import Decision
    from gateway.resources.catalog import Catalog
    from gateway.resources.opt_outs import OptOut
    from gateway.store.writer import Tx


def _claim(dialect: Dialect) -> Executable:
    columns = {"status": "p_submitting", "status_at": "p_at", "connector_id": "p_connector", "next_at": "p_next_at"}
    return (
        update(messages)
        .where(among(messages.c.id, "ids", dialect), messages.c.status == bindparam("p_queued"))
        .values({column: bindparam(name) for column, name in columns.items()})
        .returning(messages.c.id)
    )


CLAIM = Hot("claim messages", ("p_submitting", "p_at", "p_connector", "p_next_at", "ids", "p_queued"), _claim)


def _unclaim(dialect: Dialect) -> Executable:
    ours = messages.c.status == bindparam("p_submitting"), messages.c.connector_id == bindparam("p_connector")
    return update(messages).where(among(messages.c.id, "ids", dialect), *ours).values(status=bindparam("p_queued"))


UNCLAIM = Hot("take claims back", ("p_queued", "ids", "p_submitting", "p_connector"), _unclaim)


#: The connectors that this process has a lease on, in this transaction, with the fences of those leases.
Standing: TypeAlias = "Callable[[Tx], Awaitable[Mapping[str, int]]]"


class Claim(NamedTuple):
    """Messages that a connector has room for."""

    connector_id: str
    fence: int  # of the lease on the connector
    messages: tuple[Dispatch, ...]
    again: bool = False  # made before, and nobody knows whether that was stored


class Claims:
    """A lane of the store's writer. Gives back those of each claim that may leave now.

    None may by a claim without a standing lease: another process has the connector now.
    """

    rank = 60  # after everything that could forbid it
    patience = 0.003
    hot = True
    outward = True

    def __init__(self, catalog: Catalog, standing: Standing, *, now: Callable[[], int]) -> None:
        self._catalog, self._standing, self._now = catalog, standing, now

    async def apply(self, tx: Tx, claims: Sequence[Claim]) -> list[tuple[Dispatch, ...]]:
        now = self._now()
        standing = await self._standing(tx)
        valid = [claim for claim in claims if standing.get(claim.connector_id) == claim.fence]
        for claim in valid:
            if claim.again:
                await self._take_back(tx, claim)
        stopped = await self._stopped(tx, valid, now)
        await move_in(tx, list(stopped.values()))
        return [await self._take(tx, claim, stopped, now) if claim in valid else () for claim in claims]

    async def _take(self, tx: Tx, claim: Claim, stopped: dict[str, Move], now: int) -> tuple[Dispatch, ...]:
        # Each once: a queue may announce a message again that waits already, and it must not leave twice.
        wanted = {message.id: message for message in claim.messages if message.id not in stopped}.values()
        if not wanted:
            return ()
        ids = tx.listed(message.id for message in wanted)
        rows = await tx.rows(CLAIM, Status.SUBMITTING.value, now, claim.connector_id, None, ids, Status.QUEUED.value)
        taken = {row[0] for row in rows}
        return tuple(message for message in wanted if message.id in taken)

    async def _take_back(self, tx: Tx, claim: Claim) -> None:
        """What the first try has stored: none of it has left, and much may have been forbidden since."""
        ids = tx.listed(message.id for message in claim.messages)
        await tx.many(UNCLAIM, [(Status.QUEUED.value, ids, Status.SUBMITTING.value, claim.connector_id)])

    async def _stopped(self, tx: Tx, claims: Sequence[Claim], now: int) -> dict[str, Move]:
        """Those that may not leave: expired, or a rule now says no."""
        everyone = [message for claim in claims for message in claim.messages]
        opted = await opt_outs.standing_in(tx, list({message.destination for message in everyone}))
        # A review holds no other messages (compliance.rules.under_review).
        promotional = {one.destination for one in everyone if one.message_type == MessageType.PROMOTIONAL}
        held = await reviews.standing_in(tx, list(promotional))
        moves: dict[str, Move] = {}
        for message in everyone:
            if message.expires_at <= now:
                reason = "It did not leave within its time to live."
                moves[message.id] = Move(message, Status.QUEUED, Status.EXPIRED, now, code="ttl_expired", reason=reason)
                continue
            person = _person(message)
            if person not in opted and person not in held and self._enabled(message):
                continue
            if blocked := self._ask_again(message, opted.get(person), person in held, now):
                moves[message.id] = blocked
        return await _still_queued(tx, moves)

    def _enabled(self, message: Dispatch) -> bool:
        enabled = self._catalog.limits(message.account_id).enabled_countries
        return enabled is None or message.country in enabled

    def _ask_again(self, message: Dispatch, opted: OptOut | None, in_review: bool, now: int) -> Move | None:
        decision = engine.recheck(self._facts(message, opted, in_review, now))
        verdict = decision.refusal or decision.deferral
        if verdict is None:
            return None
        status = Status.REFUSED if decision.effect is Effect.REFUSE else Status.SCHEDULED
        return Move(
            message, Status.QUEUED, status, now, code=verdict.code, reason=verdict.reason, next_at=_until(decision)
        )

    def _facts(self, message: Dispatch, opted: OptOut | None, in_review: bool, now: int) -> SendFacts:
        own = 1 if message.purpose == Purpose.OPT_OUT_CONFIRMATION else 0  # counted when it was accepted
        return SendFacts(
            destination=message.destination,
            country=message.country,
            identity=message.sender,
            sender_kind=SenderKind.LONG_CODE,  # of no interest to the rules that are asked again
            message_type=message.message_type,  # type: ignore[arg-type]
            purpose=CompliancePurpose(message.purpose),
            body_hash="",
            now=from_micros(now),
            price=Decimal(0),
            max_price=None,
            month_spend=Decimal(0),
            opted=Opted(from_micros(opted.opted_out_at), opted.list_name, opted.how) if opted else None,
            in_review=in_review,
            recent=(),
            confirmations_since_opt_out=max(0, opted.confirmations - own) if opted else 0,
            limits=self._catalog.limits(message.account_id),
            self_managed_opt_outs=message.self_managed,
        )


def _person(message: Dispatch) -> tuple[str, str, str]:
    return message.account_id, message.destination, message.opt_out_list


def _until(decision: Decision) -> int | None:
    return to_micros(decision.until) if decision.until else None


def _queued(dialect: Dialect) -> Executable:
    waiting = among(messages.c.id, "ids", dialect), messages.c.status == bindparam("p_status")
    return select(messages.c.id).where(*waiting).order_by(messages.c.id).with_for_update()


QUEUED = Hot("still in status", ("ids", "p_status"), _queued)


async def _still_queued(tx: Tx, moves: dict[str, Move]) -> dict[str, Move]:
    """Only those that wait still: one cancelled meanwhile has its own last event already."""
    if not moves:
        return moves
    waiting = {row[0] for row in await tx.rows(QUEUED, tx.listed(moves), Status.QUEUED.value)}
    return {message_id: one for message_id, one in moves.items() if message_id in waiting}
