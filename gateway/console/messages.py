"""Messages: found by number, status and day; and one message's whole story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from gateway.console import forms, gate, inbound, pages, words
from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import checks, messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from gateway.routing import Directory

PER_PAGE = 50
SECTION = "messages"
_FIELDS = ("q", "status", "from", "to")


async def index(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    asked = {name: forms.typed(request, name) for name in _FIELDS}
    found: Sequence[Mapping[str, Any]] = ()
    errors: forms.Errors = {}
    try:
        search = _search(asked, who.account_id, given.desk.catalog.directory(who.account_id))
        cursor = forms.typed(request, "after")
        found = await messages.find(given.desk.store, messages.Search(**search, cursor=cursor, limit=PER_PAGE + 1))
    except Invalid as error:
        errors = forms.by_field(error)
    return await pages.show(
        request, "messages.html", section=SECTION, status=422 if errors else 200, asked=asked, errors=errors,
        found=found[:PER_PAGE], statuses=words.STATUSES, searched=any(asked.values()),
        older=_older(asked, found), paged="after" in request.query,
    )  # fmt: skip


async def show(request: web.Request) -> web.Response:
    return await _story(request)


async def cancel(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    message_id = _id(request)
    try:
        await messages.cancel(given.desk.store, who.account_id, message_id, now=given.now())
    except Conflict as error:
        return await _story(request, status=error.status, error=forms.sentence(error))
    return pages.see_other(f"/console/messages/{message_id}?done=cancelled")


async def _story(request: web.Request, *, status: int = 200, error: str = "") -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    story = await messages.get(given.desk.store, who.account_id, _id(request))
    message = story.message
    replies = await inbound.replies_to(given.desk.store, who.account_id, message["destination"], message["id"])
    answers = message["in_reply_to"]
    return await pages.show(
        request, "message.html", section=SECTION, status=status, error=error, message=message,
        message_parts=story.parts, steps=words.steps(story.timeline), decision=story.decision, replies=replies,
        answered=await inbound.get(given.desk.store, who.account_id, answers) if answers else None,
        notice=words.NOTICES.get(forms.typed(request, "done"), ""),
    )  # fmt: skip


def _id(request: web.Request) -> str:
    message_id = request.match_info["id"]
    if not checks.is_storable(message_id):
        raise NotFound("message_not_found", "There is no message with this id.", field="id")
    return message_id


def _search(asked: dict[str, str], account_id: str, directory: Directory) -> dict[str, Any]:
    """What is typed, as it is looked for. What is no phone number may be one of our sender names or short codes."""
    if asked["status"] and asked["status"] not in words.STATUSES:
        raise Invalid("unknown_value", "There is no such status.", field="status", remedy="Choose one of the list.")
    return {
        "account_id": account_id,
        "number": forms.number(asked["q"], directory) or asked["q"],
        "status": asked["status"],
        "after": forms.day(asked["from"], "from"),
        "before": forms.day(asked["to"], "to", after=True),
    }


def _older(asked: dict[str, str], found: Sequence[Mapping[str, Any]]) -> str:
    """The address of the next page; "" on the last one."""
    if len(found) <= PER_PAGE:
        return ""
    kept = {name: value for name, value in asked.items() if value}
    return "?" + urlencode(kept | {"after": found[PER_PAGE - 1]["id"]})
