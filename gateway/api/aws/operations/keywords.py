"""Keywords of phone numbers and pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import identities
from gateway.api.aws.errors import about, not_found, quota
from gateway.api.aws.lists import filtered, page
from gateway.errors import Invalid
from gateway.resources import keywords
from keywords.types import Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.api.aws.call import Call
    from keywords.types import Keyword

_FILTERS = {"keyword-action": lambda one: (one.action,)}
_QUOTAS = {"phone-number": "KEYWORDS_PER_PHONE_NUMBER", "pool": "KEYWORDS_PER_POOL"}


async def put_keyword(call: Call) -> dict[str, Any]:
    """A keyword that is there keeps its action where none is given: those of STOP and HELP cannot change."""
    kind, owner_id = await identities.owner_of_keywords(call)
    word = call.input["Keyword"]
    known = _find(word, await keywords.find(call.desk, account_id=call.account_id, owner_id=owner_id))
    action = call.input.get("KeywordAction", known.action if known else Action.AUTOMATIC_RESPONSE)
    with about("keyword", word), about(kind, owner_id):
        try:
            put = await keywords.put(
                call.desk, account_id=call.account_id, owner_id=owner_id, word=word, action=action,
                message=call.input["KeywordMessage"], now=call.now(),
            )  # fmt: skip
        except Invalid as error:
            raise quota(_QUOTAS[kind]) if error.code == "too_many" else error from error
    return _owner(call, kind, owner_id) | _shown(put)


async def describe_keywords(call: Call) -> dict[str, Any]:
    kind, owner_id = await identities.owner_of_keywords(call)
    found = await keywords.find(call.desk, account_id=call.account_id, owner_id=owner_id)
    if wanted := call.input.get("Keywords"):
        found = tuple({one.word: one for one in (_named(word, found) for word in wanted)}.values())
    listed = page(call, "Keywords", filtered(call, found, _FILTERS), lambda one: one.word, _shown)
    return _owner(call, kind, owner_id) | listed


async def delete_keyword(call: Call) -> dict[str, Any]:
    kind, owner_id = await identities.owner_of_keywords(call)
    word = call.input["Keyword"]
    known = _named(word, await keywords.find(call.desk, account_id=call.account_id, owner_id=owner_id))
    with about("keyword", word), about(kind, owner_id):
        await keywords.delete(call.desk, account_id=call.account_id, owner_id=owner_id, word=word)
    return _owner(call, kind, owner_id) | _shown(known)


def _find(word: str, existing: Iterable[Keyword]) -> Keyword | None:
    return next((one for one in existing if one.word.casefold() == word.casefold()), None)


def _named(word: str, existing: Iterable[Keyword]) -> Keyword:
    if (found := _find(word, existing)) is None:
        raise not_found("keyword", word)
    return found


def _owner(call: Call, kind: str, owner_id: str) -> dict[str, Any]:
    return {"OriginationIdentityArn": call.arn(f"{kind}/{owner_id}"), "OriginationIdentity": owner_id}


def _shown(one: Keyword) -> dict[str, Any]:
    return {"Keyword": one.word, "KeywordMessage": one.message, "KeywordAction": one.action}
