"""Everything the gateway knows of a number, and what would happen to a text to it now."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select

from gateway import numbers
from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import AMessageType, Answer, At, Identifier, Query
from gateway.api.rest.message_models import Decision
from gateway.errors import Conflict
from gateway.model import STICKY_FOR, Status
from gateway.outbound.request import SendRequest
from gateway.resources import opt_outs
from gateway.store.tables import messages
from gateway.store.tables_consent import reviews
from gateway.store.times import iso, span

_SAMPLE = "Hello"  # one part in every alphabet; the verdicts do not depend on it


class LookupQuery(Query):
    """Of what kind of text to say what would happen."""

    origination: Identifier | None = Field(
        default=None, alias="from", description="What the text would leave from; left out, the gateway chooses."
    )
    message_type: AMessageType | None = Field(default=None, description="TRANSACTIONAL or PROMOTIONAL.")


class LookupOptOut(Answer):
    list: str
    opted_out_at: At
    by_end_user: bool
    how: str


class StickySender(Answer):
    """What the latest text that reached the person left from: the next one leaves from it too."""

    identity_id: str
    sender: str
    message_id: str
    sent_at: At


class Forecast(Answer):
    """What would happen to a text now."""

    effect: Literal["allow", "refuse", "defer", "impossible"] = Field(
        description="impossible: nothing can send it, or no route leads there."
    )
    code: str = Field(description="Why not, for programs; empty when it is allowed.")
    reason: str = Field(description="Why not, in words; empty when it is allowed.")
    decision: Decision | None


class LookupAnswer(Answer):
    """What is known of a number."""

    number: str
    country: str
    kind: str = Field(description="mobile, fixed_line, fixed_line_or_mobile, toll_free, …")
    opted_out: list[LookupOptOut]
    in_review: list[str] = Field(description="The opt-out lists for which a text of the person waits for a decision.")
    sticky_sender: StickySender | None
    send: Forecast


async def lookup(call: Call[LookupQuery, None]) -> LookupAnswer:
    number = numbers.parse_destination(call.path("number"), "number")
    standing = await opt_outs.find(call.desk, account_id=call.account_id, query=number.e164)
    return LookupAnswer(
        number=number.e164,
        country=number.country,
        kind=number.kind,
        opted_out=[
            LookupOptOut(
                list=one.list_name, opted_out_at=iso(one.opted_out_at), by_end_user=one.by_end_user, how=one.how
            )
            for one in standing.items
        ],
        in_review=await _reviews(call, number.e164),
        sticky_sender=await _sticky(call, number.e164),
        send=await _forecast(call, number.e164),
    )


async def _reviews(call: Call[Any, Any], phone: str) -> list[str]:
    t = reviews.c
    query = select(t.list_name).where(t.account_id == call.account_id, t.phone == phone, t.closed_at.is_(None))
    async with call.desk.store.reading() as conn:
        return sorted((await conn.execute(query)).scalars())


async def _sticky(call: Call[Any, Any], phone: str) -> StickySender | None:
    """As gateway.outbound.facts sees it: the latest message of the last 25 hours that was delivered."""
    t = messages.c
    query = select(t.identity_id, t.sender, t.id, t.created_at).where(
        t.account_id == call.account_id,
        t.destination == phone,
        t.created_at > call.now() - span(STICKY_FOR),
        t.status == Status.DELIVERED.value,
    )
    async with call.desk.store.reading() as conn:
        row = (await conn.execute(query.order_by(t.created_at.desc()).limit(1))).first()
    if row is None:
        return None
    return StickySender(identity_id=row.identity_id, sender=row.sender, message_id=row.id, sent_at=iso(row.created_at))


async def _forecast(call: Call[LookupQuery, None], phone: str) -> Forecast:
    request = SendRequest(
        account_id=call.account_id, to=phone, body=_SAMPLE, dry_run=True, key_id=call.key.id,
        origination=call.query.origination or "", message_type=call.query.message_type or "",
    )  # fmt: skip
    try:
        accepted = await call.services.outbound.accept(request)
    except Conflict as error:
        return Forecast(effect="impossible", code=error.code, reason=error.detail, decision=None)
    decision = Decision.model_validate(accepted.decision)
    why = next((one for one in decision.verdicts if one.effect == decision.effect != "allow"), None)
    return Forecast(
        effect=decision.effect, code=why.code if why else "", reason=why.reason if why else "", decision=decision
    )


ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/lookup/{number}", scope="read", tag="Lookup", summary="What is known of a number",
        handle=lookup, query=LookupQuery, answer=LookupAnswer,
        note="Its country and kind, where it is opted out, what waits in review, which sender it is used to, and what "
        "would happen to a text now, with every rule's verdict.",
    ),
)  # fmt: skip
