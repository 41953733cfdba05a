"""Keywords of phone numbers and pools: the same rules, under either path."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import Answer, NoQuery, Prose, Request
from gateway.resources import keywords
from keywords.types import Action, Keyword


class KeywordBody(Request):
    """What a word does."""

    action: Annotated[Action, Field(strict=False)] = Field(
        default=Action.AUTOMATIC_RESPONSE,
        description="What happens when the word comes. That of STOP and HELP is fixed.",
    )
    message: Prose = Field(default="", max_length=1600, description="The answer to the person.")


class KeywordAnswer(Answer):
    word: str
    action: str
    message: str


class Keywords(Answer):
    items: list[KeywordAnswer]


async def find(call: Call[NoQuery, None]) -> Keywords:
    found = await keywords.find(call.desk, account_id=call.account_id, owner_id=call.path("id"))
    return Keywords(items=list(map(_shown, found)))


async def put(call: Call[NoQuery, KeywordBody]) -> KeywordAnswer:
    kept = await keywords.put(
        call.desk, account_id=call.account_id, owner_id=call.path("id"), word=call.path("word"), now=call.now(),
        action=call.body.action, message=call.body.message,
    )  # fmt: skip
    return _shown(kept)


async def get(call: Call[NoQuery, None]) -> KeywordAnswer:
    return _shown(
        await keywords.get(call.desk, account_id=call.account_id, owner_id=call.path("id"), word=call.path("word"))
    )


async def delete(call: Call[NoQuery, None]) -> None:
    await keywords.delete(call.desk, account_id=call.account_id, owner_id=call.path("id"), word=call.path("word"))


def _shown(one: Keyword) -> KeywordAnswer:
    return KeywordAnswer(word=one.word, action=one.action, message=one.message)


def _endpoints(owner: str, named: str) -> tuple[Endpoint, ...]:
    every, single = f"/v1/{owner}/{{id}}/keywords", f"/v1/{owner}/{{id}}/keywords/{{word}}"
    return (
        Endpoint(
            method="GET", path=every, scope="read", tag="Keywords", summary=f"List the keywords of a {named}",
            handle=find, answer=Keywords,
        ),
        Endpoint(
            method="GET", path=single, scope="read", tag="Keywords", summary=f"One keyword of a {named}",
            handle=get, answer=KeywordAnswer,
        ),
        Endpoint(
            method="PUT", path=single, scope="admin", tag="Keywords", summary=f"Add or change a keyword of a {named}",
            handle=put, body=KeywordBody, answer=KeywordAnswer, problems=frozenset({409}),
        ),
        Endpoint(
            method="DELETE", path=single, scope="admin", tag="Keywords", summary=f"Remove a keyword of a {named}",
            handle=delete, status=204, problems=frozenset({409}), note="STOP and HELP stay.",
        ),
    )  # fmt: skip


ENDPOINTS = (*_endpoints("phone-numbers", "phone number"), *_endpoints("pools", "pool"))
