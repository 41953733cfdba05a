"""What apps call: the native JSON API under ``/v1`` with its documentation, and the AWS wire; and what machines ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws import add_aws
from gateway.api.front import Front
from gateway.api.health import add_health
from gateway.api.problems import LARGEST_BODY, guard
from gateway.api.rest.pages import add_pages
from gateway.api.rest.serving import handler_of, quick_handler_of
from gateway.api.rest.table import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from gateway.api.front import Quick
    from gateway.services import Services

__all__ = ["LARGEST_BODY", "Front", "add_api", "quick_table"]

_OURS = ("/v1/", "/docs/")
_OURS_EXACTLY = frozenset({"/v1", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"})


def add_api(app: web.Application) -> None:
    """Add the API's paths to ``app``, which has ``gateway.services.SERVICES`` and takes bodies of ``LARGEST_BODY``."""
    app.middlewares.append(guard(_is_ours))
    add_health(app)
    add_pages(app)
    add_aws(app)
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, endpoint.path, handler_of(endpoint))


def quick_table(services: Services) -> Mapping[tuple[str, str], Quick]:
    """Who answers what ``gateway.api.front`` takes, by method and path."""
    return {(one.method, one.path): quick_handler_of(one, services) for one in ENDPOINTS if one.quick}


def _is_ours(path: str) -> bool:
    return path.startswith(_OURS) or path in _OURS_EXACTLY
