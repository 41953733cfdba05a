"""Sender IDs."""

from __future__ import annotations

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import (
    AMessageType,
    Answer,
    Country,
    Identifier,
    Line,
    ListName,
    NoQuery,
    Paging,
    Rate,
    Request,
)
from gateway.api.rest.naming import naming
from gateway.model import DEFAULT_OPT_OUT_LIST, MessageType, OriginationIdentity
from gateway.resources import sender_ids

_TYPE = "The type of messages it is for."
_LIST = "The opt-out list that its messages are checked against."
_PROTECTED = "Whether the sender ID cannot be deleted."
_RATE = "Parts a second at most; null is no limit of its own."


class NewSenderId(Request):
    """A sender ID to add."""

    sender: Line = Field(
        min_length=1,
        max_length=11,
        description="1 to 11 characters of the GSM alphabet, one a letter.",
        examples=["ACME"],
    )
    country: Country = Field(default="", description="ISO 3166 alpha-2; empty is for every country.")
    message_type: AMessageType = Field(default=MessageType.TRANSACTIONAL, description=_TYPE)
    opt_out_list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description=_LIST)
    rate: Rate | None = Field(default=None, description=_RATE)
    both_types: bool = Field(
        default=False, description="Whether it is for both types; message_type is then that of a text that names none."
    )
    deletion_protection: bool = Field(default=False, description=_PROTECTED)


class SenderIdPatch(Request):
    """What to change; what is left out stays."""

    message_type: AMessageType = Field(default=MessageType.TRANSACTIONAL, description=_TYPE)
    opt_out_list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description=_LIST)
    deletion_protection: bool = Field(default=False, description=_PROTECTED)
    rate: Rate | None = Field(default=None, description=_RATE)
    active: bool = Field(default=True, description="Whether messages may leave from it.")


class SenderIdQuery(Paging):
    """Which sender IDs to list."""

    pool: Identifier | None = Field(default=None, description="Only those of this pool.")


class SenderId(Answer):
    """A name that texts leave from. It gets no replies."""

    id: str
    sender: str
    country: str
    message_type: str
    opt_out_list: str
    pool_ids: list[str]
    rate: float | None
    active: bool
    both_types: bool
    deletion_protection: bool


class SenderIdPage(Answer):
    items: list[SenderId]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def create(call: Call[NoQuery, NewSenderId]) -> Reply:
    made = await sender_ids.create(call.desk, account_id=call.account_id, now=call.now(), **call.body.given())
    return Reply(_shown(made), 201, {"Location": f"/v1/sender-ids/{made.id}"})


async def find(call: Call[SenderIdQuery, None]) -> SenderIdPage:
    query = call.query
    with naming(after="cursor"):
        page = await sender_ids.find(
            call.desk, account_id=call.account_id, pool_id=query.pool or "", limit=query.limit, after=query.cursor
        )
    return SenderIdPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> SenderId:
    return _shown(await sender_ids.get(call.desk, account_id=call.account_id, sender_id=call.path("id")))


async def update(call: Call[NoQuery, SenderIdPatch]) -> SenderId:
    changed = await sender_ids.update(
        call.desk, account_id=call.account_id, sender_id=call.path("id"), **call.body.given()
    )
    return _shown(changed)


async def delete(call: Call[NoQuery, None]) -> None:
    await sender_ids.delete(call.desk, account_id=call.account_id, sender_id=call.path("id"))


def _shown(one: OriginationIdentity) -> SenderId:
    return SenderId(
        id=one.id, sender=one.sender, country=one.country, message_type=one.message_type,
        opt_out_list=one.opt_out_list, pool_ids=list(one.pool_ids), rate=one.rate, active=one.active,
        both_types=one.both_types, deletion_protection=one.deletion_protection,
    )  # fmt: skip


_TAG = "Sender IDs"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/sender-ids", scope="read", tag=_TAG, summary="List sender IDs",
        handle=find, query=SenderIdQuery, answer=SenderIdPage,
    ),
    Endpoint(
        method="POST", path="/v1/sender-ids", scope="admin", tag=_TAG, summary="Add a sender ID",
        handle=create, body=NewSenderId, answer=SenderId, status=201, problems=frozenset({404, 409}),
    ),
    Endpoint(
        method="GET", path="/v1/sender-ids/{id}", scope="read", tag=_TAG, summary="One sender ID",
        handle=get, answer=SenderId,
    ),
    Endpoint(
        method="PATCH", path="/v1/sender-ids/{id}", scope="admin", tag=_TAG, summary="Change a sender ID",
        handle=update, body=SenderIdPatch, answer=SenderId, problems=frozenset({409}),
    ),
    Endpoint(
        method="DELETE", path="/v1/sender-ids/{id}", scope="admin", tag=_TAG, summary="Give a sender ID up",
        handle=delete, status=204, problems=frozenset({409}),
    ),
)  # fmt: skip
