"""From a row of the table to a handler: key, scope, query, body, handler, answer.

What can be known of an endpoint is worked out once, when the handler is made: a send pays for nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api.auth import authenticate, require_scope
from gateway.api.problems import Answer, Internal, answer
from gateway.api.rest.endpoint import Call, Reply
from gateway.api.rest.reading import parsed, read_body, read_query
from gateway.errors import Forbidden, GatewayError
from gateway.model import DEFAULT_ACCOUNT
from gateway.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.api.front import PlainRequest, Quick
    from gateway.api.rest.endpoint import Endpoint, Good, Incoming
    from gateway.resources.api_keys import ApiKey
    from gateway.services import Services

_JSON = {"Content-Type": "application/json"}
_NO_CONTENT = 204

log = structlog.get_logger()


def handler_of(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What aiohttp calls for this endpoint."""
    empty = _empty(endpoint.query)
    query_model, body_model, handle, status = endpoint.query, endpoint.body, endpoint.handle, endpoint.status

    async def serve(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        key = _admitted(endpoint, services, request)
        query = read_query(request, query_model) if empty is None or request.query_string else empty
        body, document = await read_body(request, body_model) if body_model else (None, None)
        result = await handle(Call(request, services, key, query, body, document))
        # What a send gives comes first: asking whether something is one of aiohttp's or pydantic's takes longest.
        if not isinstance(result, Reply) and isinstance(result, web.StreamResponse):
            return result
        code, headers, octets = _written(result, status)
        return web.Response(status=code, headers=headers, body=octets or None)

    return serve


def quick_handler_of(endpoint: Endpoint, services: Services) -> Quick:
    """What ``gateway.api.front`` calls for an endpoint that takes and gives a document, and needs no query."""
    query, body_model, handle, status = endpoint.query(), endpoint.body, endpoint.handle, endpoint.status
    if body_model is None or endpoint.answer is None:
        raise TypeError(f"{endpoint.method} {endpoint.path} does not take and give a document.")

    async def serve(request: PlainRequest) -> Answer:
        try:
            key = _admitted(endpoint, services, request)
            body, document = parsed(request.octets, body_model)
            result = await handle(Call(request, services, key, query, body, document))
            return _written(cast("Good | Reply", result), status)
        except GatewayError as error:
            return answer(error)
        except Exception:
            log.exception("unforeseen", action="api.error", method=endpoint.method, route=endpoint.path)
            return answer(Internal())

    return serve


def _admitted(endpoint: Endpoint, services: Services, request: Incoming) -> ApiKey:
    """The key of a request, when it may call this endpoint. Raises Unauthorized and Forbidden."""
    key = authenticate(services.desk.catalog, request.headers.get("Authorization"))
    require_scope(key, endpoint.scope)
    if endpoint.of_instance:
        _require_instance(key)
    return key


def _empty(model: type[BaseModel]) -> Any:  # noqa: ANN401 -- a query, or None when some parameter must be given
    try:
        return model()
    except ValidationError:
        return None


def _written(result: Good | Reply, status: int) -> Answer:
    headers: Mapping[str, str] = _JSON
    if isinstance(result, Reply):
        status = result.status
        headers = {**_JSON, **result.headers} if result.headers else _JSON
        result = result.body
    if isinstance(result, dict):
        return Answer(status, headers, orjson.dumps(result))
    if result is None:
        return Answer(_NO_CONTENT, {name: value for name, value in headers.items() if name != "Content-Type"}, b"")
    if isinstance(result, BaseModel):
        return Answer(status, headers, result.model_dump_json(by_alias=True).encode())
    return Answer(status, headers, orjson.dumps(result))


def _require_instance(key: ApiKey) -> None:
    if key.account_id != DEFAULT_ACCOUNT:
        raise Forbidden(
            "instance_only",
            f"Connectors belong to the instance; only keys of the account {DEFAULT_ACCOUNT} may see or change them.",
            remedy=f"Use a key of the account {DEFAULT_ACCOUNT}.",
        )
