"""Reviews: texts that may be revocations, and wait for somebody to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import Answer, At, Flag, NoQuery, Paging, Reason, Request
from gateway.api.rest.naming import naming
from gateway.resources import reviews
from gateway.store.times import iso

if TYPE_CHECKING:
    from gateway.resources.reviews import Review


class ReviewQuery(Paging):
    """Which reviews to list."""

    open: Flag = Field(default=True, description="Only those that wait for a decision.")


class CloseReview(Request):
    """A decision."""

    outcome: Literal["OPT_OUT", "KEEP"] = Field(description="OPT_OUT: it was a revocation. KEEP: it was not.")
    reason: Reason = Field(min_length=1, description="Why; kept with the record.")


class ReviewAnswer(Answer):
    """A text that reads like a revocation, but not for certain."""

    id: str
    number: str
    list: str
    inbound_id: str
    words: str = Field(description="What the person wrote.")
    why: str = Field(description="What it reads like.")
    opened_at: At
    closed_at: At | None
    outcome: str = Field(description="OPT_OUT, KEEP, or empty while it is open.")
    actor: str = Field(description="Who closed it.")


class ReviewPage(Answer):
    items: list[ReviewAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def find(call: Call[ReviewQuery, None]) -> ReviewPage:
    query = call.query
    with naming(after="cursor"):
        page = await reviews.find(
            call.desk, account_id=call.account_id, only_open=query.open, limit=query.limit, after=query.cursor
        )
    return ReviewPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> ReviewAnswer:
    return _shown(await reviews.get(call.desk, account_id=call.account_id, review_id=call.path("id")))


async def close(call: Call[NoQuery, CloseReview]) -> ReviewAnswer:
    closed = await reviews.close(
        call.desk, account_id=call.account_id, review_id=call.path("id"), outcome=call.body.outcome, actor=call.actor,
        reason=call.body.reason, now=call.now(),
    )  # fmt: skip
    return _shown(closed)


def _shown(one: Review) -> ReviewAnswer:
    return ReviewAnswer(
        id=one.id, number=one.phone, list=one.list_name, inbound_id=one.inbound_id, words=one.words, why=one.why,
        opened_at=iso(one.opened_at), closed_at=None if one.closed_at is None else iso(one.closed_at),
        outcome=one.outcome, actor=one.actor,
    )  # fmt: skip


ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/reviews", scope="read", tag="Reviews", summary="List reviews",
        handle=find, query=ReviewQuery, answer=ReviewPage,
    ),
    Endpoint(
        method="GET", path="/v1/reviews/{id}", scope="read", tag="Reviews", summary="One review",
        handle=get, answer=ReviewAnswer,
    ),
    Endpoint(
        method="POST", path="/v1/reviews/{id}/close", scope="compliance", tag="Reviews", summary="Decide a review",
        handle=close, body=CloseReview, answer=ReviewAnswer, problems=frozenset({409}),
    ),
)  # fmt: skip
