"""From a row of the table to an aiohttp handler: key, scope, query, body, handler, answer.

What can be known of an endpoint is worked out once, when the handler is made: a send pays for nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api.auth import authenticate, require_scope
from gateway.api.rest.endpoint import Call, Reply
from gateway.api.rest.reading import read_body, read_query
from gateway.errors import Forbidden
from gateway.model import DEFAULT_ACCOUNT
from gateway.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.api.rest.endpoint import Endpoint, Good
    from gateway.resources.api_keys import ApiKey

_JSON = {"Content-Type": "application/json"}
_NO_CONTENT = 204


def handler_of(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What aiohttp calls for this endpoint."""
    empty = _empty(endpoint.query)
    query_model, body_model, scope = endpoint.query, endpoint.body, endpoint.scope
    handle, status, of_instance = endpoint.handle, endpoint.status, endpoint.of_instance

    async def serve(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        key = authenticate(services.desk.catalog, request.headers.get("Authorization"))
        require_scope(key, scope)
        if of_instance:
            _require_instance(key)
        query = read_query(request, query_model) if empty is None or request.query_string else empty
        body, document = await read_body(request, body_model) if body_model else (None, None)
        result = await handle(Call(request, services, key, query, body, document))
        # What a send gives comes first: asking whether something is one of aiohttp's or pydantic's takes longest.
        if isinstance(result, Reply):
            return _response(result.body, result.status, {**_JSON, **result.headers} if result.headers else _JSON)
        if isinstance(result, web.StreamResponse):
            return result
        return _response(result, status, _JSON)

    return serve


def _empty(model: type[BaseModel]) -> Any:  # noqa: ANN401 -- a query, or None when some parameter must be given
    try:
        return model()
    except ValidationError:
        return None


def _response(body: Good, status: int, headers: Mapping[str, str]) -> web.Response:
    if isinstance(body, dict):
        return web.Response(body=orjson.dumps(body), status=status, headers=headers)
    if body is None:
        kept = {name: value for name, value in headers.items() if name != "Content-Type"}
        return web.Response(status=_NO_CONTENT, headers=kept)
    octets = body.model_dump_json(by_alias=True).encode() if isinstance(body, BaseModel) else orjson.dumps(body)
    return web.Response(body=octets, status=status, headers=headers)


def _require_instance(key: ApiKey) -> None:
    if key.account_id != DEFAULT_ACCOUNT:
        raise Forbidden(
            "instance_only",
            f"Connectors belong to the instance; only keys of the account {DEFAULT_ACCOUNT} may see or change them.",
            remedy=f"Use a key of the account {DEFAULT_ACCOUNT}.",
        )
