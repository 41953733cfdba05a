"""Who may come in, and whether a form is really ours.

Rule 1: every page but the sign-in needs a session; without one the visitor signs in and goes on to where they wanted.
Rule 2: a form counts only when the browser says it comes from our own pages (Sec-Fetch-Site, else Origin) and it
carries the token of the session. Both are checked here, so that no form can forget them.
Rule 3: a viewer may look at everything and change nothing.
Rule 4: where ``secure_cookies`` is on, cookies are Secure and carry the prefix ``__Host-``, so that no neighbouring
host can plant one.
(https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html)
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from aiohttp import web

from gateway.console import forms
from gateway.errors import Forbidden
from gateway.resources import staff
from gateway.resources.staff import Session
from gateway.services import SERVICES
from gateway.store.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.services import Services

SESSION = web.RequestKey("session", Session)
SIGN_IN = "/console/sign-in"
SIGN_OUT = "/console/sign-out"
SESSION_COOKIE = "heliograph_session"
FORM_COOKIE = "heliograph_form"  # before there is a session, the token of the sign-in form
FORM_FOR = 3600  # seconds that a sign-in form may lie open

_STATIC = "/console/static/"
_CHANGERS = frozenset({"compliance", "admin"})
_SAFE = frozenset({"GET", "HEAD"})
_WITHIN = re.compile(r"/console(?:/[A-Za-z0-9._~%+/-]*)?(?:\?[A-Za-z0-9._~%+/&=-]*)?")


def services(request: web.Request) -> Services:
    return request.config_dict[SERVICES]


def session(request: web.Request) -> Session:
    """The session of a request that came through the gate."""
    return request[SESSION]


def may_change(who: Session) -> bool:
    return who.staff.role in _CHANGERS


def actor(request: web.Request) -> str:
    """Who does what this request does, as the record names them."""
    return f"staff:{session(request).staff.name}"


@web.middleware
async def gate(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.method not in _SAFE:
        _check_origin(request)
    if request.path == SIGN_IN or request.path.startswith(_STATIC):
        return await handler(request)
    found = await find_session(request)
    if found is None:
        return _to_sign_in(request)
    request[SESSION] = found
    if request.method not in _SAFE:
        await check_token(request, found.csrf)
        _check_role(request, found)
    return await handler(request)


async def find_session(request: web.Request) -> Session | None:
    """The session of the request's cookie, if it stands."""
    token = cookie(request, SESSION_COOKIE)
    given = services(request)
    return await staff.session(given.desk, token=token, now=given.now()) if token else None


async def check_token(request: web.Request, expected: str) -> None:
    """Raises Forbidden (``form_expired``) unless the form carries this token."""
    given = (await forms.read(request)).get("csrf", "")
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        raise Forbidden(
            "form_expired",
            "This form is no longer valid, so nothing was changed.",
            remedy="Go back, reload the page and try again.",
        )


def cookie(request: web.Request, name: str) -> str:
    return request.cookies.get(_named(request, name), "")


def set_cookie(request: web.Request, response: web.Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _named(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=services(request).settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def drop_cookie(request: web.Request, response: web.Response, name: str) -> None:
    secure = services(request).settings.secure_cookies
    response.del_cookie(_named(request, name), path="/", secure=secure, httponly=True, samesite="Lax")


def remember(request: web.Request, response: web.Response, token: str) -> None:
    """Give the browser its session."""
    set_cookie(request, response, SESSION_COOKIE, token, staff.SESSION_FOR // SECOND)


def within(address: str) -> str:
    """An address to go on to after signing in: one of the console's own, else its home."""
    return address if _WITHIN.fullmatch(address) and "//" not in address else "/console"


def _named(request: web.Request, name: str) -> str:
    return f"__Host-{name}" if services(request).settings.secure_cookies else name


def _to_sign_in(request: web.Request) -> web.Response:
    wanted = request.path_qs if request.method in _SAFE else "/console"
    return web.Response(status=303, headers={"Location": f"{SIGN_IN}?next={quote(within(wanted), safe='')}"})


def _check_role(request: web.Request, who: Session) -> None:
    if request.path != SIGN_OUT and not may_change(who):
        raise Forbidden(
            "role_too_low",
            "Your role is viewer: you may look at everything, but change nothing.",
            remedy="Ask an admin for the role compliance.",
        )


def _check_origin(request: web.Request) -> None:
    """Browsers send Sec-Fetch-Site on https and localhost, Origin everywhere; others have the token alone."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    ours = site in {"same-origin", "none"} if site else origin is None or _is_ours(request, origin)
    if not ours:
        raise Forbidden(
            "foreign_form",
            "This form was sent from another site, so nothing was changed.",
            remedy="Open the console itself and use its own form. Behind a proxy, set HELIOGRAPH_PUBLIC_URL.",
        )


def _is_ours(request: web.Request, origin: str) -> bool:
    public = services(request).settings.public_url
    return urlsplit(origin).netloc in {request.host, urlsplit(public).netloc} - {""}
