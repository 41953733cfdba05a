"""The queue of texts that may be opt-outs: staff read the words and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlencode

from gateway.console import forms, gate, pages, words
from gateway.errors import Conflict, Invalid
from gateway.resources import reviews

if TYPE_CHECKING:
    from aiohttp import web

PER_PAGE = 20
SECTION = "reviews"


async def index(request: web.Request) -> web.Response:
    return await _queue(request)


async def close(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    asked = await forms.read(request)
    review_id, outcome = request.match_info["id"], asked.get("outcome", "")
    try:
        await reviews.close(
            given.desk, account_id=who.account_id, review_id=review_id, actor=gate.actor(request),
            outcome=cast("Literal['OPT_OUT', 'KEEP']", outcome), reason=forms.reason(asked), now=given.now(),
        )  # fmt: skip
    except (Invalid, Conflict) as error:
        return await _queue(request, status=error.status, failed=review_id, error=forms.sentence(error))
    return pages.see_other(f"/console/reviews?done={outcome.lower()}")


async def _queue(request: web.Request, *, status: int = 200, failed: str = "", error: str = "") -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    after = forms.typed(request, "after")
    found = await reviews.find(given.desk, account_id=who.account_id, limit=PER_PAGE, after=after)
    return await pages.show(
        request, "reviews.html", section=SECTION, status=status, found=found.items, failed=failed, error=error,
        elsewhere=error if failed not in {one.id for one in found.items} else "",
        following="?" + urlencode({"after": found.next}) if found.next else "", paged=bool(after),
        notice=words.NOTICES.get(forms.typed(request, "done"), ""),
    )  # fmt: skip
