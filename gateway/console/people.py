"""One person: what stands against texting them, how it came to that, and what was said of late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.console import forms, gate, inbound, pages, words
from gateway.errors import NotFound
from gateway.resources import checks, messages, opt_out_lists, opt_outs, reviews

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from gateway.resources.desk import Desk
    from gateway.resources.opt_outs import OptOut

LATEST = 25  # texts of either side


class Said(NamedTuple):
    """One text of a conversation."""

    at: int
    ours: bool
    row: Mapping[Any, Any]


async def show(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    desk, account_id = given.desk, who.account_id
    typed = request.match_info["number"]
    number = forms.number(typed, desk.catalog.directory(account_id))
    if number is None:
        raise NotFound("not_a_number", "This is not a phone number.", remedy="Search for it in any format.")
    if number != typed:
        return pages.see_other(f"/console/people/{pages.segment(number)}")
    return await pages.show(
        request, "person.html", section="opt-outs", number=number, lists=await states(desk, account_id, number),
        history=(await opt_outs.history(desk, account_id=account_id, phone=number))[::-1],
        said=await _conversation(desk, account_id, number), reviewing=await _in_review(desk, account_id, number),
        notice=words.NOTICES.get(forms.typed(request, "done"), ""),
    )  # fmt: skip


async def states(desk: Desk, account_id: str, number: str) -> dict[str, OptOut | None]:
    """What stands for a number on each list of the account, those that it is on first."""
    lists = await opt_out_lists.find(desk, account_id=account_id, limit=checks.MOST_PER_PAGE)
    standing = await opt_outs.find(desk, account_id=account_id, query=number, limit=checks.MOST_PER_PAGE)
    by_list = {one.list_name: one for one in standing.items if one.phone == number}
    return by_list | {one.name: None for one in lists.items if one.name not in by_list}


async def _conversation(desk: Desk, account_id: str, number: str) -> Sequence[Said]:
    """The latest texts of both sides, newest first."""
    sent = await messages.find(desk.store, messages.Search(account_id, number=number, limit=LATEST))
    came = await inbound.from_person(desk.store, account_id, number, LATEST)
    said = [Said(row["created_at"], True, row) for row in sent] + [Said(row["received_at"], False, row) for row in came]
    return sorted(said, key=_moment, reverse=True)[:LATEST]


def _moment(said: Said) -> int:
    return said.at


async def _in_review(desk: Desk, account_id: str, number: str) -> Any:  # noqa: ANN401 -- Review or None
    waiting = await reviews.find(desk, account_id=account_id, limit=checks.MOST_PER_PAGE)
    return next((one for one in waiting.items if one.phone == number), None)
