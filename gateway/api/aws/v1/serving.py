"""One operation of REST-JSON: who calls, its input checked, its handler, its output rendered.

(https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html): an error's name is in ``x-amzn-ErrorType``, and every
answer has an ``x-amzn-RequestId``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from aiohttp import web

from gateway.api.aws.authentication import authenticate
from gateway.api.aws.body import read_document, read_octets
from gateway.api.aws.errors import AwsError
from gateway.api.aws.shapes import read, render
from gateway.api.aws.v1.errors import bad_request, declared, internal, of_gateway
from gateway.api.aws.v1.model import gathered, payload_of
from gateway.api.aws.v1.operations import handlers
from gateway.api.aws.v1.unoffered import not_offered
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from botocore.model import OperationModel

CONTENT_TYPE = "application/json"

log = structlog.get_logger()


def handler_of(operation: OperationModel) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What aiohttp calls for an operation. Whatever goes wrong is answered as an error that AWS's clients know."""

    async def serve(request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4())
        try:
            found = await _answer(operation, request, request_id)
            return _response(operation.http["responseCode"], found, request_id)
        except AwsError as error:
            return _failure(operation, error, request_id)
        except GatewayError as error:
            return _failure(operation, of_gateway(error), request_id)
        except Exception:
            log.exception("unforeseen", action="aws.error", target=operation.name, request_id=request_id)
            return _failure(operation, internal(), request_id)

    return serve


async def _answer(operation: OperationModel, request: web.Request, request_id: str) -> Mapping[str, Any]:
    octets = await read_octets(request, CONTENT_TYPE)
    caller = authenticate(request, octets, operation.service_model.signing_name)
    caller.require(operation.name)
    if (handler := handlers().get(operation.name)) is None:
        raise not_offered(operation.name)
    given = gathered(operation, request.match_info, request.query, read_document(octets))
    values, faults = read(operation.input_shape, given)
    if faults:
        raise bad_request(" ".join(f"{name}: {message}" for name, message in faults))
    answer = await handler(caller.call(operation.name, values, request_id))
    rendered = render(operation.output_shape, answer)
    payload = payload_of(operation.output_shape)
    return rendered[payload] if payload else rendered


def _failure(operation: OperationModel, error: AwsError, request_id: str) -> web.Response:
    told = declared(operation, error, request_id)
    response = _response(told.status, told.members, request_id)
    response.headers["x-amzn-ErrorType"] = told.name
    return response


def _response(status: int, document: Mapping[str, Any], request_id: str) -> web.Response:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}
    return web.Response(body=orjson.dumps(document), status=status, headers=headers)
