"""The OpenAPI document and the interactive page that reads it. All of it comes from this package."""

from __future__ import annotations

import functools
from importlib import metadata, resources

from aiohttp import web

from gateway.api.rest import openapi
from gateway.api.rest.table import ENDPOINTS

_PACKAGE = "gateway.api"
_FILES = {
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
}
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_pages(app: web.Application) -> None:
    _serve(app, "/openapi.json", document(), "application/json")
    for path, (name, kind) in _FILES.items():
        _serve(app, path, resources.files(_PACKAGE).joinpath("static", name).read_bytes(), kind)


@functools.cache
def document() -> bytes:
    """The OpenAPI document; it is the same as long as the process runs."""
    return openapi.encode(openapi.build(ENDPOINTS, metadata.version("heliograph")))


def _serve(app: web.Application, path: str, octets: bytes, kind: str) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=octets, headers={**_SAFE, "Content-Type": kind})

    app.router.add_get(path, page)
