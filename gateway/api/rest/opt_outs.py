"""Opt-outs: who must not be texted, and how that came about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import (
    Answer,
    At,
    Country,
    ListName,
    NoQuery,
    Paging,
    PhoneText,
    Query,
    Reason,
    Request,
    Text,
)
from gateway.api.rest.naming import naming
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import opt_outs
from gateway.store.times import iso

if TYPE_CHECKING:
    from gateway.resources.consent import Consent
    from gateway.resources.opt_outs import OptOut

_HOW = "API"
_OUR_NAMES = {"phone": "number", "after": "cursor", "list_name": "list"}


class OptOutQuery(Paging):
    """Which opt-outs to list."""

    number: Text = Field(
        default="", max_length=80, description="A number in any form, or its first digits, or the last seven and more."
    )
    list: Text = Field(default="", max_length=64, description="Only on this list.")
    region: Country = Field(default="", description="The country to assume for a number in its national form.")


class ListQuery(Query):
    """Which list is meant."""

    list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description="The opt-out list.")


class NewOptOut(Request):
    """A person to opt out."""

    number: PhoneText
    list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description="The opt-out list.")
    reason: Reason = Field(default="", description="Why; kept with the record.")


class LiftOptOut(Request):
    """A person to text again."""

    number: PhoneText
    list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description="The opt-out list.")
    reason: Reason = Field(min_length=1, description="Why you may; kept with the record.")


class OptOutAnswer(Answer):
    """An opt-out that stands."""

    number: str
    list: str
    opted_out_at: At
    by_end_user: bool = Field(description="The person said so, not staff, an app or an import.")
    how: str


class OptOutPage(Answer):
    items: list[OptOutAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


class ConsentRecord(Answer):
    """One act about a person's consent."""

    seq: int
    at: At
    action: str = Field(description="OPT_OUT, OPT_IN, REVIEW_OPENED, REVIEW_CLOSED or LIST_DELETED.")
    list: str
    actor: str = Field(description="Who: person, staff:…, key:… or carrier:….")
    how: str
    words: str = Field(description="What the person wrote.")
    reason: str
    inbound_id: str
    message_id: str


class ConsentHistory(Answer):
    number: str
    items: list[ConsentRecord]


async def find(call: Call[OptOutQuery, None]) -> OptOutPage:
    query = call.query
    with naming(**_OUR_NAMES):
        page = await opt_outs.find(
            call.desk, account_id=call.account_id, query=query.number, list_name=query.list, limit=query.limit,
            after=query.cursor, region=query.region,
        )  # fmt: skip
    return OptOutPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def add(call: Call[NoQuery, NewOptOut]) -> Reply:
    body = call.body
    with naming(**_OUR_NAMES):
        stands, new = await opt_outs.add(
            call.desk, account_id=call.account_id, phone=body.number, list_name=body.list, actor=call.actor, how=_HOW,
            reason=body.reason, now=call.now(),
        )  # fmt: skip
    return Reply(_shown(stands), 201 if new else 200, {"Location": f"/v1/opt-outs/{quote(stands.phone)}"})


async def lift(call: Call[NoQuery, LiftOptOut]) -> None:
    body = call.body
    with naming(**_OUR_NAMES):
        await opt_outs.lift(
            call.desk, account_id=call.account_id, phone=body.number, list_name=body.list, actor=call.actor, how=_HOW,
            reason=body.reason, now=call.now(),
        )  # fmt: skip


async def get(call: Call[ListQuery, None]) -> OptOutAnswer:
    with naming(**_OUR_NAMES):
        return _shown(
            await opt_outs.get(
                call.desk, account_id=call.account_id, phone=call.path("number"), list_name=call.query.list
            )
        )


async def history(call: Call[NoQuery, None]) -> ConsentHistory:
    number = opt_outs.e164(call.path("number"), "number")
    found = await opt_outs.history(call.desk, account_id=call.account_id, phone=number)
    return ConsentHistory(number=number, items=list(map(_record, found)))


def _shown(one: OptOut) -> OptOutAnswer:
    return OptOutAnswer(
        number=one.phone,
        list=one.list_name,
        opted_out_at=iso(one.opted_out_at),
        by_end_user=one.by_end_user,
        how=one.how,
    )


def _record(one: Consent) -> ConsentRecord:
    return ConsentRecord(
        seq=one.seq, at=iso(one.at), action=one.action, list=one.list_name, actor=one.actor, how=one.how,
        words=one.words, reason=one.reason, inbound_id=one.inbound_id, message_id=one.message_id,
    )  # fmt: skip


_TAG = "Opt-outs"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/opt-outs", scope="read", tag=_TAG, summary="Find opt-outs",
        handle=find, query=OptOutQuery, answer=OptOutPage,
    ),
    Endpoint(
        method="POST", path="/v1/opt-outs", scope="compliance", tag=_TAG, summary="Opt a person out",
        handle=add, body=NewOptOut, answer=OptOutAnswer, status=201, also={200: OptOutAnswer},
        problems=frozenset({404}),
        note="200 with what stands when the person is on the list already.",
    ),
    Endpoint(
        method="POST", path="/v1/opt-outs/lift", scope="compliance", tag=_TAG, summary="Lift an opt-out",
        handle=lift, body=LiftOptOut, status=204, problems=frozenset({404}),
        note="Only with a reason: the record must show why the person may be texted again.",
    ),
    Endpoint(
        method="GET", path="/v1/opt-outs/{number}", scope="read", tag=_TAG, summary="Whether a person is opted out",
        handle=get, query=ListQuery, answer=OptOutAnswer,
    ),
    Endpoint(
        method="GET", path="/v1/opt-outs/{number}/history", scope="read", tag=_TAG,
        summary="Everything about a person's consent", handle=history, answer=ConsentHistory,
    ),
)  # fmt: skip
