"""Pools, and who is in them."""

from __future__ import annotations

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import AMatchMode, Answer, Arn, Identifier, Line, ListName, NoQuery, Paging, Request
from gateway.api.rest.naming import naming
from gateway.model import DEFAULT_OPT_OUT_LIST, OriginationIdentity, Pool
from gateway.resources import pools
from gateway.resources.pools import LONGEST_NAME
from keywords.types import MatchMode

_SHARED = "Reserved for the AWS API: whether the carrier's shared routes may be used."
_PROTECTED = "Whether the pool cannot be deleted."


class NewPool(Request):
    """A pool to make. It takes its settings and keywords from its first member."""

    identity_id: Identifier = Field(description="The id of its first phone number or sender ID.")
    name: Line = Field(default="", max_length=LONGEST_NAME, description="For people; left out, the pool's id.")
    shared_routes: bool = Field(default=False, description=_SHARED)
    deletion_protection: bool = Field(default=False, description=_PROTECTED)


class PoolPatch(Request):
    """What to change, for the pool and its numbers; what is left out stays."""

    name: Line = Field(default="pool", min_length=1, max_length=LONGEST_NAME, description="For people.")
    opt_out_list: ListName = Field(
        default=DEFAULT_OPT_OUT_LIST, description="The opt-out list that its messages are checked against."
    )
    two_way: bool = Field(default=True, description="Whether people can text its numbers.")
    self_managed_opt_outs: bool = Field(default=False, description="The app honours STOP by itself. Needs two_way.")
    match_mode: AMatchMode = Field(
        default=MatchMode.WHOLE, description="whole: a keyword is the whole text. begins: the text begins with it."
    )
    two_way_channel: Arn = Field(
        default="", description="The ARN that texts to its numbers are published to; empty for none. Needs two_way."
    )
    two_way_role: Arn = Field(default="", description="The ARN of the role to publish them as; empty for none.")
    shared_routes: bool = Field(default=False, description=_SHARED)
    deletion_protection: bool = Field(default=False, description=_PROTECTED)


class PoolAnswer(Answer):
    """Numbers and sender IDs that an app sends from as one."""

    id: str
    name: str
    message_type: str
    opt_out_list: str
    two_way: bool
    self_managed_opt_outs: bool
    match_mode: str
    shared_routes: bool
    deletion_protection: bool
    two_way_channel: str
    two_way_role: str


class PoolPage(Answer):
    items: list[PoolAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


class Member(Answer):
    """A phone number or sender ID."""

    id: str
    sender: str
    kind: str
    country: str
    pool_ids: list[str]
    active: bool


class Members(Answer):
    items: list[Member]


async def create(call: Call[NoQuery, NewPool]) -> Reply:
    made = await pools.create(call.desk, account_id=call.account_id, now=call.now(), **call.body.given())
    return Reply(_shown(made), 201, {"Location": f"/v1/pools/{made.id}"})


async def find(call: Call[Paging, None]) -> PoolPage:
    with naming(after="cursor"):
        page = await pools.find(call.desk, account_id=call.account_id, limit=call.query.limit, after=call.query.cursor)
    return PoolPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> PoolAnswer:
    return _shown(await pools.get(call.desk, account_id=call.account_id, pool_id=call.path("id")))


async def update(call: Call[NoQuery, PoolPatch]) -> PoolAnswer:
    changed = await pools.update(call.desk, account_id=call.account_id, pool_id=call.path("id"), **call.body.given())
    return _shown(changed)


async def delete(call: Call[NoQuery, None]) -> None:
    await pools.delete(call.desk, account_id=call.account_id, pool_id=call.path("id"))


async def members(call: Call[NoQuery, None]) -> Members:
    found = await pools.members(call.desk, account_id=call.account_id, pool_id=call.path("id"))
    return Members(items=list(map(_member, found)))


async def join(call: Call[NoQuery, None]) -> Member:
    joined = await pools.join(
        call.desk, account_id=call.account_id, pool_id=call.path("id"), identity_id=call.path("identity_id")
    )
    return _member(joined)


async def leave(call: Call[NoQuery, None]) -> None:
    await pools.leave(
        call.desk, account_id=call.account_id, pool_id=call.path("id"), identity_id=call.path("identity_id")
    )


def _shown(one: Pool) -> PoolAnswer:
    return PoolAnswer(
        id=one.id, name=one.name, message_type=one.message_type, opt_out_list=one.opt_out_list, two_way=one.two_way,
        self_managed_opt_outs=one.self_managed_opt_outs, match_mode=one.match_mode, shared_routes=one.shared_routes,
        deletion_protection=one.deletion_protection, two_way_channel=one.two_way_channel,
        two_way_role=one.two_way_role,
    )  # fmt: skip


def _member(one: OriginationIdentity) -> Member:
    return Member(
        id=one.id, sender=one.sender, kind=one.kind, country=one.country, pool_ids=list(one.pool_ids), active=one.active
    )


_TAG = "Pools"
_MEMBER = "/v1/pools/{id}/members/{identity_id}"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/pools", scope="read", tag=_TAG, summary="List pools",
        handle=find, query=Paging, answer=PoolPage,
    ),
    Endpoint(
        method="POST", path="/v1/pools", scope="admin", tag=_TAG, summary="Make a pool",
        handle=create, body=NewPool, answer=PoolAnswer, status=201, problems=frozenset({404, 409}),
    ),
    Endpoint(
        method="GET", path="/v1/pools/{id}", scope="read", tag=_TAG, summary="One pool", handle=get, answer=PoolAnswer
    ),
    Endpoint(
        method="PATCH", path="/v1/pools/{id}", scope="admin", tag=_TAG, summary="Change a pool",
        handle=update, body=PoolPatch, answer=PoolAnswer, problems=frozenset({409}),
    ),
    Endpoint(
        method="DELETE", path="/v1/pools/{id}", scope="admin", tag=_TAG, summary="Dissolve a pool",
        handle=delete, status=204, problems=frozenset({409}), note="Its numbers and sender IDs stay.",
    ),
    Endpoint(
        method="GET", path="/v1/pools/{id}/members", scope="read", tag=_TAG, summary="Who is in a pool",
        handle=members, answer=Members,
    ),
    Endpoint(
        method="PUT", path=_MEMBER, scope="admin", tag=_TAG, summary="Put a number or sender ID into a pool",
        handle=join, answer=Member, problems=frozenset({409}),
        note="It must have the pool's settings and keywords. Joining twice is no mistake.",
    ),
    Endpoint(
        method="DELETE", path=_MEMBER, scope="admin", tag=_TAG, summary="Take a number or sender ID out of a pool",
        handle=leave, status=204, problems=frozenset({409}), note="The last one cannot leave.",
    ),
)  # fmt: skip
