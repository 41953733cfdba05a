"""API keys of the account."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import Answer, At, Line, NoQuery, Paging, Request
from gateway.api.rest.naming import naming
from gateway.resources import api_keys
from gateway.resources.api_keys import LONGEST_NAME, ApiKey
from gateway.store.times import iso

_Scope = Literal["send", "read", "compliance", "admin"]


class NewApiKey(Request):
    """A key to make."""

    name: Line = Field(min_length=1, max_length=LONGEST_NAME, description="For people.", examples=["web shop"])
    scopes: Annotated[list[_Scope], Field(min_length=1, max_length=4)] = Field(
        description="send: send and cancel messages. read: see everything but keys, connectors and destinations. "
        "compliance: change opt-outs and reviews. admin: change everything else. None includes another."
    )


class ApiKeyAnswer(Answer):
    """A key, without its secret."""

    id: str
    name: str
    prefix: str = Field(description="The first characters of the secret, to recognise it by.")
    scopes: list[_Scope]
    created_at: At
    revoked_at: At | None


class NewApiKeyAnswer(ApiKeyAnswer):
    """A new key with its secret."""

    secret: str = Field(description="Shown once.")


class ApiKeyPage(Answer):
    items: list[ApiKeyAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def create(call: Call[NoQuery, NewApiKey]) -> Reply:
    body = call.body
    made, secret = await api_keys.create(
        call.desk, account_id=call.account_id, name=body.name, scopes=body.scopes, now=call.now()
    )
    answer = NewApiKeyAnswer(**_shown(made).model_dump(), secret=secret)
    return Reply(answer, 201, {"Location": f"/v1/api-keys/{made.id}"})


async def find(call: Call[Paging, None]) -> ApiKeyPage:
    with naming(after="cursor"):
        page = await api_keys.find(
            call.desk, account_id=call.account_id, limit=call.query.limit, after=call.query.cursor
        )
    return ApiKeyPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> ApiKeyAnswer:
    return _shown(await api_keys.get(call.desk, account_id=call.account_id, key_id=call.path("id")))


async def revoke(call: Call[NoQuery, None]) -> ApiKeyAnswer:
    revoked = await api_keys.revoke(call.desk, account_id=call.account_id, key_id=call.path("id"), now=call.now())
    return _shown(revoked)


def _shown(one: ApiKey) -> ApiKeyAnswer:
    scopes: list[_Scope] = [scope for scope in ("admin", "compliance", "read", "send") if scope in one.scopes]
    return ApiKeyAnswer(
        id=one.id, name=one.name, prefix=one.prefix, scopes=scopes, created_at=iso(one.created_at),
        revoked_at=None if one.revoked_at is None else iso(one.revoked_at),
    )  # fmt: skip


_TAG = "API keys"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/api-keys", scope="admin", tag=_TAG, summary="List API keys",
        handle=find, query=Paging, answer=ApiKeyPage,
    ),
    Endpoint(
        method="POST", path="/v1/api-keys", scope="admin", tag=_TAG, summary="Make an API key",
        handle=create, body=NewApiKey, answer=NewApiKeyAnswer, status=201,
        note="The secret is shown here and never again.",
    ),
    Endpoint(
        method="GET", path="/v1/api-keys/{id}", scope="admin", tag=_TAG, summary="One API key",
        handle=get, answer=ApiKeyAnswer,
    ),
    Endpoint(
        method="DELETE", path="/v1/api-keys/{id}", scope="admin", tag=_TAG, summary="Revoke an API key",
        handle=revoke, answer=ApiKeyAnswer, note="From the answer on it opens nothing. It stays in the list.",
    ),
)  # fmt: skip
