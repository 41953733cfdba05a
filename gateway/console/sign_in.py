"""Signing in and out.

Before there is a session, the token of the sign-in form is in a cookie of its own: a stranger's page can neither read
nor set it, so it cannot sign somebody in as somebody else.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from gateway.console import forms, gate, pages
from gateway.errors import Unauthorized
from gateway.resources import staff

if TYPE_CHECKING:
    from aiohttp import web

LONGEST_ADDRESS = 500


async def form(request: web.Request) -> web.Response:
    onward = gate.within(forms.typed(request, "next", LONGEST_ADDRESS))
    if await gate.find_session(request):
        return pages.see_other(onward)
    return _page(request, onward)


async def sign_in(request: web.Request) -> web.Response:
    given = gate.services(request)
    await gate.check_token(request, gate.cookie(request, gate.FORM_COOKIE))
    asked = await forms.read(request)
    onward, name = gate.within(asked.get("next", "")), asked.get("name", "")
    try:
        _, token = await staff.sign_in(given.desk, name=name, password=asked.get("password", ""), now=given.now())
    except Unauthorized as error:
        return _page(request, onward, name=name, error=forms.sentence(error), status=error.status)
    response = pages.see_other(onward)
    gate.remember(request, response, token)
    gate.drop_cookie(request, response, gate.FORM_COOKIE)
    return response


async def sign_out(request: web.Request) -> web.Response:
    given = gate.services(request)
    await staff.sign_out(given.desk, token=gate.cookie(request, gate.SESSION_COOKIE))
    response = pages.see_other(gate.SIGN_IN)
    gate.drop_cookie(request, response, gate.SESSION_COOKIE)
    return response


def _page(request: web.Request, onward: str, *, name: str = "", error: str = "", status: int = 200) -> web.Response:
    token = gate.cookie(request, gate.FORM_COOKIE) or secrets.token_urlsafe(32)
    response = pages.render(request, "sign_in.html", status=status, csrf=token, next=onward, name=name, error=error)
    gate.set_cookie(request, response, gate.FORM_COOKIE, token, gate.FORM_FOR)
    return response
