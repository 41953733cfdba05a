"""Opt-out lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import Answer, At, ListName, NoQuery, Paging, Request
from gateway.api.rest.naming import naming
from gateway.resources import opt_out_lists
from gateway.store.times import iso

if TYPE_CHECKING:
    from gateway.resources.opt_out_lists import OptOutList


class NewOptOutList(Request):
    """A list to make."""

    name: ListName = Field(description="1 to 64 letters, digits, hyphens and underscores; unique in the account.")


class OptOutListAnswer(Answer):
    """A list that numbers, sender IDs and pools may share."""

    name: str
    created_at: At


class OptOutListPage(Answer):
    items: list[OptOutListAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def create(call: Call[NoQuery, NewOptOutList]) -> Reply:
    made = await opt_out_lists.create(call.desk, account_id=call.account_id, name=call.body.name, now=call.now())
    return Reply(_shown(made), 201, {"Location": f"/v1/opt-out-lists/{made.name}"})


async def find(call: Call[Paging, None]) -> OptOutListPage:
    with naming(after="cursor"):
        page = await opt_out_lists.find(
            call.desk, account_id=call.account_id, limit=call.query.limit, after=call.query.cursor
        )
    return OptOutListPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> OptOutListAnswer:
    with naming(opt_out_list="name"):
        return _shown(await opt_out_lists.get(call.desk, account_id=call.account_id, name=call.path("name")))


async def delete(call: Call[NoQuery, None]) -> None:
    with naming(opt_out_list="name"):
        await opt_out_lists.delete(
            call.desk, account_id=call.account_id, name=call.path("name"), actor=call.actor, now=call.now()
        )


def _shown(one: OptOutList) -> OptOutListAnswer:
    return OptOutListAnswer(name=one.name, created_at=iso(one.created_at))


_TAG = "Opt-outs"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/opt-out-lists", scope="read", tag=_TAG, summary="List the opt-out lists",
        handle=find, query=Paging, answer=OptOutListPage,
    ),
    Endpoint(
        method="POST", path="/v1/opt-out-lists", scope="compliance", tag=_TAG, summary="Make an opt-out list",
        handle=create, body=NewOptOutList, answer=OptOutListAnswer, status=201, problems=frozenset({409}),
    ),
    Endpoint(
        method="GET", path="/v1/opt-out-lists/{name}", scope="read", tag=_TAG, summary="One opt-out list",
        handle=get, answer=OptOutListAnswer,
    ),
    Endpoint(
        method="DELETE", path="/v1/opt-out-lists/{name}", scope="compliance", tag=_TAG,
        summary="Delete an opt-out list", handle=delete, status=204, problems=frozenset({409}),
        note="With the opt-outs on it; each person's history keeps them. A list in use cannot be deleted.",
    ),
)  # fmt: skip
