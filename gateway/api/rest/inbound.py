"""Texts from people."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import Answer, At, Count, Country, Cursor, Moment, NoQuery, Query, Text
from gateway.api.rest.finding import check_cursor, read_number
from gateway.resources import inbound_messages
from gateway.resources.inbound_messages import InboundText, Search
from gateway.store.times import iso, to_micros


class InboundQuery(Query):
    """Which texts to list. Newest first."""

    number: Text = Field(default="", max_length=40, description="The person's number in any form, or ours.")
    region: Country = Field(default="", description="The country to assume for a number in its national form.")
    after: Moment | None = Field(default=None, description="Received at or after.")
    before: Moment | None = Field(default=None, description="Received before.")
    cursor: Cursor = ""
    limit: Count = Field(default=50, ge=1, le=200, description="Entries in one page at most.")


class Inbound(Answer):
    """A text from a person."""

    id: str
    sender: str = Field(alias="from", description="The person's number.")
    to: str = Field(description="Our number or short code.")
    identity_id: str
    body: str
    parts: int
    complete: bool = Field(description="False when parts of it never came.")
    connector: str
    keyword: str = Field(description="The word that matched, or empty.")
    meaning: str = Field(description="What the text was taken for, or empty.")
    match: dict[str, Any] = Field(description="What matched and why.")
    reply_to: str = Field(description="The id of the last message to that person from that number, or empty.")
    received_at: At


class InboundPage(Answer):
    items: list[Inbound]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def find(call: Call[InboundQuery, None]) -> InboundPage:
    query = call.query
    check_cursor(query.cursor)
    search = Search(
        account_id=call.account_id,
        number=read_number(call, query.number, query.region),
        after=to_micros(query.after) if query.after else None,
        before=to_micros(query.before) if query.before else None,
        cursor=query.cursor,
        limit=query.limit + 1,
    )
    found = await inbound_messages.find(call.desk, search)
    shown = [_shown(one) for one in found[: query.limit]]
    return InboundPage(items=shown, next_cursor=shown[-1].id if len(found) > query.limit else "")


async def get(call: Call[NoQuery, None]) -> Inbound:
    return _shown(await inbound_messages.get(call.desk, account_id=call.account_id, inbound_id=call.path("id")))


def _shown(one: InboundText) -> Inbound:
    return Inbound(
        id=one.id, sender=one.sender, to=one.to, identity_id=one.identity_id, body=one.body, parts=one.parts,
        complete=one.complete, connector=one.connector_id, keyword=one.keyword, meaning=one.meaning,
        match=dict(one.match), reply_to=one.reply_to, received_at=iso(one.received_at),
    )  # fmt: skip


ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/inbound", scope="read", tag="Inbound", summary="Find texts from people",
        handle=find, query=InboundQuery, answer=InboundPage,
    ),
    Endpoint(
        method="GET", path="/v1/inbound/{id}", scope="read", tag="Inbound", summary="One text from a person",
        handle=get, answer=Inbound,
    ),
)  # fmt: skip
