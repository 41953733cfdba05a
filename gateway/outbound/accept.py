"""Accepting messages: decide, store, and only then answer.

Everything about one message happens in one transaction: the facts are read, the rules are asked, the message, its
first event and the Idempotency-Key are written. A STOP that was committed before is therefore always seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from compliance.types import Effect
from gateway import numbers
from gateway.errors import Conflict, GatewayError, Invalid, NotFound
from gateway.events.log import append
from gateway.events.record import Event, EventType, message_event
from gateway.model import Dispatch, MessageType, Purpose, Status
from gateway.outbound import facts as known
from gateway.outbound.decision import DecisionBook, decide, verdict_document
from gateway.outbound.request import MAX_BODY, MAX_TTL, MIN_TTL, Accepted, Answer, Order
from gateway.resources.opt_outs import COUNT_CONFIRMATION
from gateway.store.hot import inserting, inserting_once
from gateway.store.tables import decisions, messages
from gateway.store.times import from_millionths, new_id, span, to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.numbers import Destination
    from gateway.outbound.decision import Decided, Links
    from gateway.outbound.facts import Facts
    from gateway.outbound.request import SendRequest
    from gateway.resources.catalog import Catalog
    from gateway.store.store import Store
    from gateway.store.writer import Tx

COLUMNS = (
    "id", "account_id", "destination", "country", "sender", "identity_id", "pool_id", "opt_out_list", "body",
    "body_hash", "encoding", "parts", "message_type", "purpose", "status", "status_at", "reason_code", "reason",
    "connectors", "price", "on_unknown", "next_at", "expires_at", "created_at", "final_at", "in_reply_to", "context",
    "decision_id", "key_id",
)  # fmt: skip
INSERT = inserting(messages, *COLUMNS)
INSERT_DECISION = inserting_once(decisions, "id", "body")


@dataclass(slots=True)
class _Batch:
    """What one transaction will write."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    decisions: dict[str, str] = field(default_factory=dict)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    spent: dict[str, int] = field(default_factory=dict)
    ready: list[Dispatch] = field(default_factory=list)
    confirmed: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Parsed:
    request: SendRequest
    destination: Destination


class Outbound:
    """Accepts messages. A lane of the store's writer: orders that arrive together are decided together."""

    rank = 50  # after receipts and replies: what they say counts for what is accepted with them
    patience = 0.0
    hot = True

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        links: Links,
        *,
        now: Callable[[], int],
        offer: Callable[[Sequence[Dispatch]], None],
    ) -> None:
        self._store, self._catalog, self._links = store, catalog, links
        self._now, self._offer = now, offer
        self._book = DecisionBook()

    async def accept(self, request: SendRequest) -> Accepted:
        """Accept one message; see ``accept_all``. Raises the GatewayError that ``accept_all`` would return."""
        answer = await self.accept_all(Order((request,)))
        outcome = answer.outcomes[0]
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def accept_all(self, order: Order) -> Answer:
        """Decide and store; returns after the commit. One outcome for each request, an error being one of them.

        Raises:
            Invalid: the Idempotency-Key was used with another request.
            Unavailable: nothing could be stored.
        """
        outcome = await self._store.submit(self, order)
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def apply(self, tx: Tx, orders: Sequence[Order]) -> list[Answer | GatewayError]:
        """Decide and write orders within ``tx``: what the writer calls, and whoever sends as part of its own change."""
        now = self._now()
        parsed = [[_parse(request) for request in order.requests] for order in orders]
        people: dict[str, set[str]] = {}
        for each in parsed:
            for one in each:
                if isinstance(one, _Parsed):
                    people.setdefault(one.request.account_id, set()).add(one.destination.e164)
        facts = await known.gather(tx, orders, people, now, self._lookback(people))
        batch = _Batch()
        answers = [self._answer(order, each, facts, batch) for order, each in zip(orders, parsed, strict=True)]
        await self._write(tx, batch, facts)
        return answers

    def _lookback(self, accounts: dict[str, set[str]]) -> int:
        return max((span(self._catalog.limits(account).lookback) for account in accounts), default=0)

    def _answer(
        self, order: Order, parsed: list[_Parsed | GatewayError], facts: Facts, batch: _Batch
    ) -> Answer | GatewayError:
        account_id = order.requests[0].account_id
        stored = facts.keys.get((account_id, order.idempotency_key)) if order.idempotency_key else None
        if stored:
            return _replay(order, *stored)
        outcomes = tuple(one if isinstance(one, GatewayError) else self._decide(one, facts, batch) for one in parsed)
        if order.idempotency_key and any(isinstance(one, Accepted) and one.message_id for one in outcomes):
            response = orjson.dumps([_to_document(outcome) for outcome in outcomes]).decode()
            facts.keys[account_id, order.idempotency_key] = (order.request_hash, response)
            batch.keys.append((account_id, order.idempotency_key, order.request_hash, 202, response, facts.now))
        return Answer(outcomes)

    def _decide(self, parsed: _Parsed, facts: Facts, batch: _Batch) -> Accepted | GatewayError:
        request = parsed.request
        try:
            decided = decide(request, parsed.destination, facts, self._catalog, self._links)
        except GatewayError as error:
            if not error.field.startswith(request.path):
                error.field = f"{request.path}{error.field}".rstrip(".")
            return error
        decision_id, document = self._book.entry(decided)
        status, next_at = _first_status(request, decided, facts.now)
        accepted = _accepted(parsed, decided, document, status, facts.now, next_at)
        if request.dry_run:
            return accepted
        if not self._book.is_stored(decision_id):
            batch.decisions[decision_id] = orjson.dumps(document).decode()
        self._keep(batch, parsed, decided, accepted, decision_id, next_at)
        if status is not Status.REFUSED:
            _count(batch, facts, parsed, decided)
        return accepted

    def _keep(
        self,
        batch: _Batch,
        parsed: _Parsed,
        decided: Decided,
        accepted: Accepted,
        decision_id: str,
        next_at: int | None,
    ) -> None:
        request, now = parsed.request, accepted.created_at
        identity, status = decided.choice.identity, accepted.status
        expires_at = max(now, to_micros(request.send_at) if request.send_at else now) + span(request.ttl)
        why = decided.outcome.refusal or decided.outcome.deferral
        code, reason = (why.code, why.reason) if why else ("", "")
        final_at = now if status is Status.REFUSED else None
        batch.rows.append((
            accepted.message_id, request.account_id, accepted.to, parsed.destination.country, identity.sender,
            identity.id, decided.choice.pool.id if decided.choice.pool else "", identity.opt_out_list, decided.body,
            decided.body_hash, decided.encoding.value, decided.parts, accepted.message_type, request.purpose.value,
            status.value, now, code, reason, _json(decided.choice.connectors), decided.price, request.on_unknown.value,
            next_at, expires_at, now, final_at, request.in_reply_to, _json(request.context), decision_id,
            request.key_id,
        ))  # fmt: skip
        batch.events.append(message_event(
            account_id=request.account_id, message_id=accepted.message_id, to=accepted.to, sender=identity.sender,
            status=status, at=now, parts=decided.parts, message_type=accepted.message_type,
            purpose=request.purpose.value, context=request.context, reason_code=code, reason=reason,
            price=decided.price, event_type=EventType.MESSAGE_ACCEPTED if status is Status.QUEUED else None,
        ))  # fmt: skip
        if status is Status.QUEUED:
            batch.ready.append(Dispatch(
                id=accepted.message_id, account_id=request.account_id, destination=accepted.to, sender=identity.sender,
                identity_id=identity.id, body=decided.body, parts=decided.parts, message_type=accepted.message_type,
                purpose=request.purpose.value, opt_out_list=identity.opt_out_list,
                connectors=decided.choice.connectors, created_at=now, expires_at=expires_at,
                on_unknown=request.on_unknown.value, self_managed=identity.self_managed_opt_outs, rate=identity.rate,
                country=parsed.destination.country, context=request.context,
            ))  # fmt: skip

    async def _write(self, tx: Tx, batch: _Batch, facts: Facts) -> None:
        await tx.many(INSERT_DECISION, [(key, body) for key, body in batch.decisions.items()])
        await tx.many(INSERT, batch.rows)
        await append(tx, batch.events)
        await tx.many(known.KEEP_KEY, batch.keys)
        await tx.many(known.ADD_SPEND, [(account, facts.month, amount) for account, amount in batch.spent.items()])
        await tx.many(COUNT_CONFIRMATION, batch.confirmed)
        if batch.decisions:
            tx.after_commit(lambda: self._book.stored(set(batch.decisions)))
        if batch.ready:
            tx.after_commit(lambda: self._offer(batch.ready))


def _parse(request: SendRequest) -> _Parsed | GatewayError:
    try:
        _check(request)
        return _Parsed(request, numbers.parse_destination(request.to, field=f"{request.path}to"))
    except GatewayError as error:
        return error


def _check(request: SendRequest) -> None:
    if not request.body:
        raise Invalid(
            "empty", "The text is empty.", field=f"{request.path}body", remedy="Write at least one character."
        )
    if "\0" in request.body:
        raise Invalid(
            "not_text", "The text holds a NUL character.", field=f"{request.path}body", remedy="Leave U+0000 out."
        )
    if len(request.body) > MAX_BODY:
        detail = f"The text has {len(request.body)} characters; {MAX_BODY} are the most."
        remedy = "Shorten it, or send it as several messages."
        raise Invalid("too_long", detail, field=f"{request.path}body", remedy=remedy)
    if not MIN_TTL <= request.ttl <= MAX_TTL:
        raise Invalid("out_of_range", "A message lives from 5 to 259200 seconds.", field=f"{request.path}ttl")
    if request.message_type and request.message_type not in set(MessageType):
        raise Invalid(
            "unknown_value", "The message type is TRANSACTIONAL or PROMOTIONAL.", field=f"{request.path}message_type"
        )


def _first_status(request: SendRequest, decided: Decided, now: int) -> tuple[Status, int | None]:
    """Where a message begins, and when it may leave (None: when staff have decided)."""
    if decided.outcome.effect is Effect.REFUSE:
        return Status.REFUSED, None
    if decided.outcome.effect is Effect.DEFER:
        until = decided.outcome.until
        return Status.SCHEDULED, to_micros(until) if until else None
    if request.send_at and to_micros(request.send_at) > now:
        return Status.SCHEDULED, to_micros(request.send_at)
    return Status.QUEUED, now


def _accepted(
    parsed: _Parsed,
    decided: Decided,
    document: Mapping[str, Any],
    status: Status,
    now: int,
    next_at: int | None,
) -> Accepted:
    refusal = decided.outcome.refusal
    return Accepted(
        message_id="" if parsed.request.dry_run else new_id(),
        status=status,
        to=parsed.destination.e164,
        sender=decided.choice.identity.sender,
        message_type=str(decided.message_type),
        encoding=decided.encoding.value,
        parts=decided.parts,
        price=f"{from_millionths(decided.price):f}",
        created_at=now,
        send_at=next_at if status is Status.SCHEDULED else None,
        decision=document,
        dry_run=parsed.request.dry_run,
        refusal=verdict_document(refusal) if refusal else None,
    )


def _count(batch: _Batch, facts: Facts, parsed: _Parsed, decided: Decided) -> None:
    """What is accepted counts at once, also for what follows in the same batch."""
    account_id = parsed.request.account_id
    if decided.price:
        batch.spent[account_id] = batch.spent.get(account_id, 0) + decided.price
        facts.spent[account_id] = facts.spent.get(account_id, 0) + decided.price
    if parsed.request.purpose is Purpose.OPT_OUT_CONFIRMATION:
        person = account_id, parsed.destination.e164, decided.choice.identity.opt_out_list
        batch.confirmed.append(person)
        if opted := facts.opted.get(person):
            facts.opted[person] = replace(opted, confirmations=opted.confirmations + 1)


def _replay(order: Order, request_hash: str, response: str) -> Answer | GatewayError:
    if request_hash != order.request_hash:
        return Invalid(
            "idempotency_key_reused", "This Idempotency-Key was used with another request within the last 24 hours.",
            field="Idempotency-Key", remedy="Use a new key for a new request.",
        )  # fmt: skip
    return Answer(tuple(_from_document(document) for document in orjson.loads(response)), replayed=True)


def _to_document(outcome: Accepted | GatewayError) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        return {name: getattr(outcome, name) for name in Accepted.__slots__}
    return {
        "error": type(outcome).__name__, "code": outcome.code, "detail": outcome.detail, "field": outcome.field,
        "remedy": outcome.remedy, "extra": outcome.extra,
    }  # fmt: skip


def _from_document(document: dict[str, Any]) -> Accepted | GatewayError:
    if "error" not in document:
        return Accepted(**{**document, "status": Status(document["status"])})
    kind = {"Conflict": Conflict, "NotFound": NotFound}.get(document.pop("error"), Invalid)
    return kind(document.pop("code"), document.pop("detail"), **document)


def _json(value: Any) -> str:  # noqa: ANN401 -- anything JSON takes
    return orjson.dumps(value).decode()
