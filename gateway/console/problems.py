"""Errors as pages: one sentence about what is wrong, and a way back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from gateway.console import pages
from gateway.console.gate import SESSION
from gateway.errors import GatewayError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()

# What aiohttp itself raises, in words. Other codes get the sentence for 400.
_WORDS = {
    403: ("Not allowed", "You may not open this."),
    404: ("There is no such page", "The address may be mistyped, or what stood here is gone."),
    405: ("This page does not do that", "The address takes no request of this kind."),
    413: ("Too much at once", "The form is too large."),
}
_ODD = ("The request cannot be served", "The server did not understand what was asked.")
_OURS = (
    "Something went wrong here",
    "The fault is ours, and it is in the log. Try again; if it stays, tell the operator.",
)
_UNAVAILABLE = "The database cannot be used now. Nothing was changed; try again in a few seconds."


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Unavailable as error:
        page = tell(request, error.status, error.title, _UNAVAILABLE)
        page.headers["Retry-After"] = str(math.ceil(error.retry_after))
        return page
    except GatewayError as error:
        return tell(request, error.status, error.title, error.detail, error.remedy)
    except web.HTTPException as error:
        return tell(request, error.status, *_WORDS.get(error.status, _ODD))
    except Exception as error:  # noqa: BLE001 -- the last one who can answer
        _log(request, error)
        return tell(request, 500, *_OURS)


def tell(request: web.Request, status: int, title: str, detail: str, remedy: str = "") -> web.Response:
    """An error page."""
    return pages.render(
        request, "problem.html", status=status, title=title, detail=detail, remedy=remedy, code=status,
        who=request.get(SESSION), csrf=request[SESSION].csrf if SESSION in request else "",
    )  # fmt: skip


def _log(request: web.Request, error: Exception) -> None:
    resource = request.match_info.route.resource  # its pattern: the path itself may hold a phone number
    log.error(
        "unforeseen", action="console.error", method=request.method, route=resource.canonical if resource else "",
        error=type(error).__name__, exc_info=error,
    )  # fmt: skip
