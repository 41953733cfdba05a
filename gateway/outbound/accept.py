"""Accepting messages: decide, store, and only then answer.

Everything that the database has a say in happens in one transaction: the facts are read, the rules are asked, the
message, its first event and the Idempotency-Key are written. A STOP that was committed before is therefore always seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from compliance.types import Effect, Recent
from gateway.errors import Conflict, GatewayError, Invalid, NotFound, TooMany
from gateway.events.log import append
from gateway.events.record import Event, EventType, message_event
from gateway.model import Dispatch, MessageType, Purpose, Status
from gateway.outbound import facts as known
from gateway.outbound.decision import DecisionBook, decide
from gateway.outbound.draft import Draft, drafted
from gateway.outbound.request import Accepted, Answer, Order
from gateway.resources.message_feedback import EXPECT_FEEDBACK
from gateway.resources.opt_outs import COUNT_CONFIRMATION
from gateway.store.hot import inserting, inserting_once
from gateway.store.tables import decisions, messages
from gateway.store.times import new_id, span, to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from compliance.engine import Decision
    from gateway.metrics import Metrics
    from gateway.outbound.admission import Admission
    from gateway.outbound.decision import Decided, Links, Ruling
    from gateway.outbound.draft import Drafted
    from gateway.outbound.facts import Facts
    from gateway.outbound.request import SendRequest
    from gateway.resources.catalog import Catalog
    from gateway.store.store import Store
    from gateway.store.writer import Tx

COLUMNS = (
    "id", "account_id", "destination", "country", "sender", "identity_id", "pool_id", "opt_out_list", "body",
    "body_hash", "encoding", "parts", "message_type", "purpose", "status", "status_at", "reason_code", "reason",
    "connectors", "lane", "price", "on_unknown", "next_at", "expires_at", "created_at", "final_at", "in_reply_to",
    "context", "decision_id", "key_id", "configuration_set", "country_parameters",
)  # fmt: skip
_STATUS = COLUMNS.index("status")
INSERT = inserting(messages, *COLUMNS, kind="given_message")
INSERT_DECISION = inserting_once(decisions, "id", "body")
# Looked up once: in Python 3.11 an Enum takes as long to find a member as a call takes.
_QUEUED, _REFUSED = Status.QUEUED, Status.REFUSED


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
    feedback: list[tuple[str, str, int]] = field(default_factory=list)


class Outbound:
    """Accepts messages: what others call."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        links: Links,
        admission: Admission,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        offer: Callable[[Sequence[Dispatch]], None],
    ) -> None:
        self._store = store
        self._acceptance = Acceptance(catalog, links, admission, metrics, now=now, offer=offer)

    async def accept(self, request: SendRequest) -> Accepted:
        """Accept one message; see ``accept_all``. Raises the GatewayError that ``accept_all`` would return."""
        return _only(await self.accept_all(Order((request,))))

    async def accept_all(self, order: Order) -> Answer:
        """Decide and store; returns after the commit. One outcome for each request, an error being one of them.

        Raises:
            Invalid: the Idempotency-Key was used with another request.
            Unavailable: nothing could be stored.
        """
        outcome = await self._store.submit(self._acceptance, drafted(order))
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def apply(self, tx: Tx, orders: Sequence[Order]) -> list[Answer | GatewayError]:
        """Decide and write orders within ``tx``: for who sends as part of a change of its own."""
        return await self._acceptance.apply(tx, [drafted(order) for order in orders])

    async def accept_in(self, tx: Tx, request: SendRequest) -> Accepted:
        """Accept one message within ``tx``. Raises the GatewayError that ``apply`` would return."""
        (answer,) = await self.apply(tx, [Order((request,))])
        return _only(answer)


def _only(answer: Answer | GatewayError) -> Accepted:
    """The outcome of an order of one request. Raises it when it is an error."""
    outcome = answer if isinstance(answer, GatewayError) else answer.outcomes[0]
    if isinstance(outcome, GatewayError):
        raise outcome
    return outcome


class Acceptance:
    """A lane of the store's writer: orders that arrive together are decided together."""

    rank = 50  # after receipts and replies: what they say counts for what is accepted with them
    patience = 0.0
    hot = True
    outward = False

    def __init__(
        self,
        catalog: Catalog,
        links: Links,
        admission: Admission,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        offer: Callable[[Sequence[Dispatch]], None],
    ) -> None:
        self._catalog, self._links, self._admission, self._metrics = catalog, links, admission, metrics
        self._now, self._offer = now, offer
        self._book = DecisionBook()

    async def apply(self, tx: Tx, orders: Sequence[Drafted]) -> list[Answer | GatewayError]:
        """Decide and write; what the writer calls."""
        facts = await known.gather(tx, orders, self._now(), self._lookback(orders))
        if self._catalog.guarded:
            await facts.watch.gather(tx, self._watched(orders), facts.now)
        batch = _Batch()
        self._admission.follow()
        answers = [self._answer(order, facts, batch) for order in orders]
        await self._write(tx, batch, facts)
        return answers

    def _watched(self, orders: Sequence[Drafted]) -> Iterator[tuple[str, str]]:
        """Account and number of each message into a country that a protect configuration watches."""
        for draft in (draft for order in orders for draft in order.drafts if isinstance(draft, Draft)):
            request, (e164, country), _ = draft
            guard = self._catalog.guard(request.account_id, request.protect_configuration, request.configuration_set)
            if guard is not None and guard.watches(country):
                yield request.account_id, e164

    def _lookback(self, orders: Sequence[Drafted]) -> int:
        accounts = {one.order.requests[0].account_id for one in orders}
        return max(span(self._catalog.limits(account).lookback) for account in accounts)

    def _answer(self, one: Drafted, facts: Facts, batch: _Batch) -> Answer | GatewayError:
        order, drafts = one
        key = order.idempotency_key
        account_id = order.requests[0].account_id
        stored = facts.keys.get((account_id, key)) if key else None
        if stored:
            return _replay(order, *stored)
        outcomes = tuple([self._decide(draft, facts, batch) if isinstance(draft, Draft) else draft for draft in drafts])
        if key and any(isinstance(outcome, Accepted) and outcome.message_id for outcome in outcomes):
            response = orjson.dumps([_to_document(outcome) for outcome in outcomes]).decode()
            facts.keys[account_id, key] = (order.request_hash, response)
            batch.keys.append((account_id, key, order.request_hash, 202, response, facts.now))
        return Answer(outcomes)

    def _decide(self, draft: Draft, facts: Facts, batch: _Batch) -> Accepted | GatewayError:
        request = draft.request
        try:
            decided = decide(draft, facts, self._catalog, self._links)
            status, send_at = _first_status(request, decided.outcome, facts.now)
            ways = self._ways(request, decided) if status is _QUEUED else decided.choice.connectors
        except GatewayError as error:
            if not error.field.startswith(request.path):
                error.field = f"{request.path}{error.field}".rstrip(".")
            return error
        ruling = self._book.ruling(decided)
        accepted = _accepted(draft, decided, ruling, facts.now, status, send_at)
        if request.dry_run:
            return accepted
        if not self._book.is_stored(ruling.id):
            batch.decisions[ruling.id] = orjson.dumps(ruling.document).decode()
        _keep(batch, draft, decided, ruling, accepted, ways)
        if decided.protection is not None:
            _watch(facts, draft, decided)
        if status is not _REFUSED:
            _count(batch, facts, draft, decided)
            if request.message_feedback:
                batch.feedback.append((accepted.message_id, request.account_id, facts.now))
        if status is _QUEUED:
            self._admission.count(request.account_id, ways[0])
        return accepted

    def _ways(self, request: SendRequest, decided: Decided) -> tuple[str, ...]:
        """The connectors in the order in which this message takes them. Raises TooMany when all have enough."""
        connectors = decided.choice.connectors
        if request.purpose is not Purpose.MESSAGE:
            return connectors
        return self._admission.ways(request.account_id, decided.terms.message_type, connectors)

    async def _write(self, tx: Tx, batch: _Batch, facts: Facts) -> None:
        await tx.many(INSERT_DECISION, [(key, body) for key, body in batch.decisions.items()])
        await tx.many(INSERT, batch.rows)
        append(tx, batch.events)
        await tx.many(known.KEEP_KEY, batch.keys)
        await tx.many(known.ADD_SPEND, [(account, facts.month, amount) for account, amount in batch.spent.items()])
        await tx.many(COUNT_CONFIRMATION, batch.confirmed)
        await facts.watch.keep(tx, facts.now)
        await tx.many(EXPECT_FEEDBACK, batch.feedback)
        if batch.decisions:
            tx.after_commit(lambda: self._book.stored(set(batch.decisions)))
        if batch.ready:
            tx.after_commit(lambda: self._offer(batch.ready))
        if batch.rows:
            tx.after_commit(lambda: self._tell(batch))

    def _tell(self, batch: _Batch) -> None:
        for status, number in Counter([row[_STATUS] for row in batch.rows]).items():
            self._metrics.accepted.labels(status).inc(number)


def _first_status(request: SendRequest, outcome: Decision, now: int) -> tuple[Status, int | None]:
    """Where a message begins, and until when it is held (None: not, or until staff have decided)."""
    if outcome.effect is Effect.REFUSE:
        return _REFUSED, None
    if outcome.effect is Effect.DEFER:
        until = outcome.until
        return Status.SCHEDULED, to_micros(until) if until else None
    if request.send_at and to_micros(request.send_at) > now:
        return Status.SCHEDULED, to_micros(request.send_at)
    return _QUEUED, None


def _accepted(
    draft: Draft, decided: Decided, ruling: Ruling, now: int, status: Status, send_at: int | None
) -> Accepted:
    request, terms = draft.request, decided.terms
    return Accepted(
        "" if request.dry_run else new_id(),
        status,
        draft.destination.e164,
        decided.choice.identity.sender,
        terms.message_type,
        ruling.encoding,
        terms.parts,
        ruling.price,
        now,
        send_at,
        ruling.document,
        request.dry_run,
        ruling.refusal,
    )


def _keep(
    batch: _Batch, draft: Draft, decided: Decided, ruling: Ruling, accepted: Accepted, ways: tuple[str, ...]
) -> None:
    """The row, the first event and, if it may leave now, the dispatch of one message."""
    request, (e164, country), _ = draft
    body, body_hash, _, parts, price, message_type = decided.terms
    identity, status, now = decided.choice.identity, accepted.status, accepted.created_at
    queued = status is _QUEUED
    purpose = str(request.purpose)
    connectors = ruling.connectors if ways is decided.choice.connectors else orjson.dumps(ways).decode()
    expires_at = (max(now, to_micros(request.send_at)) if request.send_at else now) + span(request.ttl)
    batch.rows.append((
        accepted.message_id, request.account_id, e164, country, identity.sender, identity.id, ruling.pool_id,
        identity.opt_out_list, body, body_hash, ruling.encoding, parts, message_type, purpose, str(status), now,
        ruling.code, ruling.reason, connectors, ways[0], price, str(request.on_unknown),
        now if queued else accepted.send_at, expires_at, now, now if status is _REFUSED else None,
        request.in_reply_to, _json(request.context), ruling.id, request.key_id,
        request.configuration_set, _json(request.country_parameters),
    ))  # fmt: skip
    batch.events.append(message_event(
        account_id=request.account_id, message_id=accepted.message_id, to=e164, sender=identity.sender, status=status,
        at=now, parts=parts, message_type=message_type, purpose=purpose, context=request.context,
        reason_code=ruling.code, reason=ruling.reason, price=price, protection=ruling.document["protection"],
        event_type=EventType.MESSAGE_ACCEPTED if queued else None,
    ))  # fmt: skip
    if queued:
        batch.ready.append(_dispatch(draft, decided, accepted, expires_at, ways))


def _dispatch(draft: Draft, decided: Decided, accepted: Accepted, expires_at: int, ways: tuple[str, ...]) -> Dispatch:
    request, terms, identity = draft.request, decided.terms, decided.choice.identity
    return Dispatch(
        id=accepted.message_id,
        account_id=request.account_id,
        destination=draft.destination.e164,
        sender=identity.sender,
        identity_id=identity.id,
        body=terms.body,
        parts=terms.parts,
        message_type=terms.message_type,
        purpose=str(request.purpose),
        opt_out_list=identity.opt_out_list,
        connectors=ways,
        created_at=accepted.created_at,
        expires_at=expires_at,
        on_unknown=str(request.on_unknown),
        self_managed=identity.self_managed_opt_outs,
        rate=identity.rate,
        country=draft.destination.country,
        context=request.context,
        country_parameters=request.country_parameters,
    )


def _count(batch: _Batch, facts: Facts, draft: Draft, decided: Decided) -> None:
    """What is accepted counts at once, also for what follows in the same batch."""
    account_id, price = draft.request.account_id, decided.terms.price
    if draft.request.purpose is Purpose.MESSAGE:
        recent = Recent(facts.moment, decided.terms.body_hash, decided.terms.message_type)  # type: ignore[arg-type]
        facts.recent[account_id, draft.destination.e164].append(recent)
    if price:
        batch.spent[account_id] = batch.spent.get(account_id, 0) + price
        facts.spent[account_id] = facts.spent.get(account_id, 0) + price
    if draft.request.purpose is Purpose.OPT_OUT_CONFIRMATION:
        person = account_id, draft.destination.e164, decided.choice.identity.opt_out_list
        batch.confirmed.append(person)
        if opted := facts.opted.get(person):
            facts.opted[person] = replace(opted, confirmations=opted.confirmations + 1)


def _watch(facts: Facts, draft: Draft, decided: Decided) -> None:
    """Texts that a stranger can set off count as neighbours, refused ones too: who keeps trying stays suspect."""
    known_number = decided.protection is not None and decided.protection.override
    by_strangers = draft.request.purpose is Purpose.MESSAGE and decided.terms.message_type == MessageType.TRANSACTIONAL
    if by_strangers and not known_number:
        facts.watch.note(draft.request.account_id, draft.destination.e164)


def _replay(order: Order, request_hash: str, response: str) -> Answer | GatewayError:
    if request_hash != order.request_hash:
        return Invalid(
            "idempotency_key_reused", "This Idempotency-Key was used with another request within the last 24 hours.",
            field="Idempotency-Key", remedy="Use a new key for a new request.",
        )  # fmt: skip
    return Answer(tuple(_from_document(document) for document in orjson.loads(response)), replayed=True)


def _to_document(outcome: Accepted | GatewayError) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        return outcome._asdict()
    return {
        "error": type(outcome).__name__, "code": outcome.code, "detail": outcome.detail, "field": outcome.field,
        "remedy": outcome.remedy, "extra": outcome.extra,
    }  # fmt: skip


def _from_document(document: dict[str, Any]) -> Accepted | GatewayError:
    if "error" not in document:
        return Accepted(**{**document, "status": Status(document["status"])})
    name = document.pop("error")
    if name == "TooMany":
        return TooMany(**document, retry_after=document["extra"]["retry_after"])
    kind = {"Conflict": Conflict, "NotFound": NotFound}.get(name, Invalid)
    return kind(document.pop("code"), document.pop("detail"), **document)


def _json(context: Mapping[str, str]) -> str:
    return orjson.dumps(context).decode() if context else "{}"
