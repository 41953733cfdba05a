"""Opt-outs: who is on which list; adding one and lifting one, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from gateway.console import forms, gate, pages
from gateway.console.people import states
from gateway.errors import Invalid, NotFound
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import checks, opt_out_lists, opt_outs
from gateway.resources.desk import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from gateway.resources.opt_outs import OptOut

PER_PAGE = 50
SECTION = "opt-outs"
HOW = "console"


async def index(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    desk, directory = given.desk, given.desk.catalog.directory(who.account_id)
    asked = {name: forms.typed(request, name) for name in ("q", "list")}
    errors: forms.Errors = {}
    found: Page[OptOut] = Page(())
    try:
        found = await opt_outs.find(
            desk, account_id=who.account_id, query=asked["q"], list_name=asked["list"], limit=PER_PAGE,
            after=forms.typed(request, "after", 200), region=forms.home(directory),
        )  # fmt: skip
    except Invalid as error:
        errors = forms.by_field(error)
    return await pages.show(
        request, "opt_outs.html", section=SECTION, status=422 if errors else 200, asked=asked, errors=errors,
        found=found.items, number=forms.number(asked["q"], directory), lists=await _lists(request),
        following=_following(asked, found.next), paged="after" in request.query,
    )  # fmt: skip


async def add_form(request: web.Request) -> web.Response:
    asked = {name: forms.typed(request, name) for name in ("phone", "list")}
    return await _add_page(request, asked, {})


async def add(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    asked = await forms.read(request)
    try:
        added, new = await opt_outs.add(
            given.desk, account_id=who.account_id, phone=asked.get("phone", ""), actor=gate.actor(request), how=HOW,
            list_name=asked.get("list", ""), reason=forms.reason(asked), now=given.now(),
        )  # fmt: skip
    except (Invalid, NotFound) as error:
        return await _add_page(request, asked, forms.by_field(error), status=error.status)
    return pages.see_other(f"/console/people/{pages.segment(added.phone)}?done={'added' if new else 'already'}")


async def lift_form(request: web.Request) -> web.Response:
    asked = {name: forms.typed(request, name) for name in ("phone", "list")}
    return await _lift_page(request, asked, {})


async def lift(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    asked = await forms.read(request)
    phone = asked.get("phone", "")
    try:
        await opt_outs.lift(
            given.desk, account_id=who.account_id, phone=phone, actor=gate.actor(request), how=HOW,
            reason=forms.reason(asked), list_name=asked.get("list", ""), now=given.now(),
        )  # fmt: skip
    except Invalid as error:
        return await _lift_page(request, asked, forms.by_field(error), status=error.status)
    return pages.see_other(f"/console/people/{pages.segment(phone)}?done=lifted")


async def _add_page(
    request: web.Request, asked: Mapping[str, str], errors: dict[str, str], *, status: int = 200
) -> web.Response:
    """First the number alone, in any format; then, with the number as we read it, the list and the reason."""
    account_id = gate.session(request).staff.account_id
    typed = asked.get("phone", "")
    number = forms.number(typed, gate.services(request).desk.catalog.directory(account_id))
    if typed and number is None:
        errors = errors | {"phone": "This is not a phone number. Write it with + and its country code."}
        status = 422
    standing = await states(gate.services(request).desk, account_id, number) if number else {}
    return await pages.show(
        request, "opt_out_add.html", section=SECTION, status=status, asked=dict(asked), typed=typed, number=number,
        standing=standing, lists=await _lists(request), chosen=asked.get("list") or DEFAULT_OPT_OUT_LIST, errors=errors,
    )  # fmt: skip


async def _lift_page(
    request: web.Request, asked: Mapping[str, str], errors: Mapping[str, str], *, status: int = 200
) -> web.Response:
    """What stands, and the reason to lift it. Raises NotFound when nothing stands."""
    desk, account_id = gate.services(request).desk, gate.session(request).staff.account_id
    try:
        stands = await opt_outs.get(
            desk, account_id=account_id, phone=asked.get("phone", ""), list_name=asked.get("list", "")
        )
    except Invalid as error:
        raise NotFound("not_opted_out", "This number is not on that opt-out list.") from error
    return await pages.show(
        request, "opt_out_lift.html", section=SECTION, status=status, stands=stands, asked=dict(asked), errors=errors
    )


async def _lists(request: web.Request) -> list[str]:
    desk, account_id = gate.services(request).desk, gate.session(request).staff.account_id
    found = await opt_out_lists.find(desk, account_id=account_id, limit=checks.MOST_PER_PAGE)
    return [one.name for one in found.items]


def _following(asked: Mapping[str, str], after: str) -> str:
    kept = {name: value for name, value in asked.items() if value}
    return "?" + urlencode(kept | {"after": after}) if after else ""
