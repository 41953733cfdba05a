"""Phone numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import (
    AMatchMode,
    AMessageType,
    Answer,
    Arn,
    Country,
    Identifier,
    ListName,
    Money,
    NoQuery,
    Paging,
    Rate,
    Request,
    Text,
)
from gateway.api.rest.naming import naming
from gateway.model import DEFAULT_OPT_OUT_LIST, Capability, MessageType, OriginationIdentity
from gateway.resources import phone_numbers
from keywords.types import MatchMode

_TYPE = "The type of messages it is for."
_LIST = "The opt-out list that its messages are checked against."
_TWO_WAY = "Whether people can text it."
_SELF = "The app honours STOP by itself: nothing is confirmed or blocked. Needs two_way."
_MATCH = "whole: a keyword is the whole text. begins: the text begins with it."
_CHANNEL = "The ARN that texts to it are published to; empty for none. Needs two_way."
_ROLE = "The ARN of the role to publish them as; empty for none."
_INTERNATIONAL = "Whether it may be chosen for other countries, after what is of the country itself."
_PROTECTED = "Whether the number cannot be deleted."
_RATE = "Parts a second at most; null is no limit of its own."


class NewPhoneNumber(Request):
    """A number to add."""

    number: Text = Field(
        min_length=1, max_length=40, description="In the international form, or 3 to 8 digits of a short code.",
        examples=["+12065550100"],
    )  # fmt: skip
    kind: Literal["SHORT_CODE", "LONG_CODE", "TEN_DLC", "TOLL_FREE", "SIMULATOR"] = Field(
        description="What kind of number it is."
    )
    country: Country = Field(default="", description="ISO 3166 alpha-2; may be left out where the number tells it.")
    message_type: AMessageType = Field(default=MessageType.TRANSACTIONAL, description=_TYPE)
    opt_out_list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description=_LIST)
    two_way: bool = Field(default=True, description=_TWO_WAY)
    self_managed_opt_outs: bool = Field(default=False, description=_SELF)
    match_mode: AMatchMode = Field(default=MatchMode.WHOLE, description=_MATCH)
    rate: Rate | None = Field(default=None, description=_RATE)
    capabilities: list[Literal["SMS", "VOICE", "MMS", "RCS"]] = Field(
        default=[Capability.SMS.value], min_length=1, max_length=4, description="What it can be used for."
    )
    international: bool = Field(default=False, description=_INTERNATIONAL)
    deletion_protection: bool = Field(default=False, description=_PROTECTED)
    monthly_price: Money = Field(default=Decimal(0), description="US$ a month that it costs.")


class PhoneNumberPatch(Request):
    """What to change; what is left out stays. In a pool, what the pool decides is changed on the pool."""

    message_type: AMessageType = Field(default=MessageType.TRANSACTIONAL, description=_TYPE)
    opt_out_list: ListName = Field(default=DEFAULT_OPT_OUT_LIST, description=_LIST)
    two_way: bool = Field(default=True, description=_TWO_WAY)
    self_managed_opt_outs: bool = Field(default=False, description=_SELF)
    match_mode: AMatchMode = Field(default=MatchMode.WHOLE, description=_MATCH)
    two_way_channel: Arn = Field(default="", description=_CHANNEL)
    two_way_role: Arn = Field(default="", description=_ROLE)
    international: bool = Field(default=False, description=_INTERNATIONAL)
    deletion_protection: bool = Field(default=False, description=_PROTECTED)
    rate: Rate | None = Field(default=None, description=_RATE)
    active: bool = Field(default=True, description="Whether messages may leave from it.")


class PhoneNumberQuery(Paging):
    """Which numbers to list."""

    pool: Identifier | None = Field(default=None, description="Only those of this pool.")


class PhoneNumber(Answer):
    """A number that texts leave from."""

    id: str
    number: str
    kind: str
    country: str
    message_type: str
    opt_out_list: str
    pool_id: str | None
    two_way: bool
    self_managed_opt_outs: bool
    match_mode: str
    rate: float | None
    active: bool
    capabilities: list[str]
    two_way_channel: str
    two_way_role: str
    international: bool
    deletion_protection: bool
    monthly_price: str


class PhoneNumberPage(Answer):
    items: list[PhoneNumber]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def create(call: Call[NoQuery, NewPhoneNumber]) -> Reply:
    made = await phone_numbers.create(call.desk, account_id=call.account_id, now=call.now(), **call.body.given())
    return Reply(shown(made), 201, {"Location": f"/v1/phone-numbers/{made.id}"})


async def find(call: Call[PhoneNumberQuery, None]) -> PhoneNumberPage:
    query = call.query
    with naming(after="cursor"):
        page = await phone_numbers.find(
            call.desk, account_id=call.account_id, pool_id=query.pool or "", limit=query.limit, after=query.cursor
        )
    return PhoneNumberPage(items=list(map(shown, page.items)), next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> PhoneNumber:
    return shown(await phone_numbers.get(call.desk, account_id=call.account_id, phone_number_id=call.path("id")))


async def update(call: Call[NoQuery, PhoneNumberPatch]) -> PhoneNumber:
    changed = await phone_numbers.update(
        call.desk, account_id=call.account_id, phone_number_id=call.path("id"), **call.body.given()
    )
    return shown(changed)


async def delete(call: Call[NoQuery, None]) -> None:
    await phone_numbers.delete(call.desk, account_id=call.account_id, phone_number_id=call.path("id"))


def shown(one: OriginationIdentity) -> PhoneNumber:
    return PhoneNumber(
        id=one.id, number=one.sender, kind=one.kind, country=one.country, message_type=one.message_type,
        opt_out_list=one.opt_out_list, pool_id=one.pool_ids[0] if one.pool_ids else None, two_way=one.two_way,
        self_managed_opt_outs=one.self_managed_opt_outs, match_mode=one.match_mode, rate=one.rate, active=one.active,
        capabilities=list(one.capabilities), two_way_channel=one.two_way_channel, two_way_role=one.two_way_role,
        international=one.international, deletion_protection=one.deletion_protection,
        monthly_price=f"{one.monthly_price:f}",
    )  # fmt: skip


_TAG = "Phone numbers"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/phone-numbers", scope="read", tag=_TAG, summary="List phone numbers",
        handle=find, query=PhoneNumberQuery, answer=PhoneNumberPage,
    ),
    Endpoint(
        method="POST", path="/v1/phone-numbers", scope="admin", tag=_TAG, summary="Add a phone number",
        handle=create, body=NewPhoneNumber, answer=PhoneNumber, status=201, problems=frozenset({404, 409}),
        note="With the keywords STOP, HELP, START and UNSTOP.",
    ),
    Endpoint(
        method="GET", path="/v1/phone-numbers/{id}", scope="read", tag=_TAG, summary="One phone number",
        handle=get, answer=PhoneNumber,
    ),
    Endpoint(
        method="PATCH", path="/v1/phone-numbers/{id}", scope="admin", tag=_TAG, summary="Change a phone number",
        handle=update, body=PhoneNumberPatch, answer=PhoneNumber, problems=frozenset({409}),
    ),
    Endpoint(
        method="DELETE", path="/v1/phone-numbers/{id}", scope="admin", tag=_TAG, summary="Give a phone number up",
        handle=delete, status=204, problems=frozenset({409}),
        note="Its keywords go; the opt-outs of people stay.",
    ),
)  # fmt: skip
