"""``POST /``: who calls, which operation, its input checked, its handler, its output rendered.

AWS JSON 1.0 (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html): the operation is in ``X-Amz-Target``,
errors have ``__type``, and every answer an ``x-amzn-RequestId``.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from aiohttp import web

from gateway.api.aws import model, shapes
from gateway.api.aws.authentication import authenticate
from gateway.api.aws.body import read_document, read_octets
from gateway.api.aws.errors import AwsError, internal, of_faults, of_gateway
from gateway.api.aws.operations import handlers
from gateway.api.aws.tokens import once
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/x-amz-json-1.0"
_SERVICE = "PinpointSMSVoiceV2"  # the model's targetPrefix
_SIGNING_NAME = "sms-voice"  # the model's signingName

log = structlog.get_logger()


async def serve(request: web.Request) -> web.Response:
    """Answer one call of an AWS client. Whatever goes wrong is answered as an error that such a client knows."""
    request_id = str(uuid.uuid4())
    try:
        return _response(200, await _answer(request, request_id), request_id)
    except AwsError as error:
        return _failure(error, request_id)
    except GatewayError as error:
        return _failure(of_gateway(error, request_id), request_id)
    except Exception:
        log.exception("unforeseen", action="aws.error", target=_target(request), request_id=request_id)
        return _failure(internal(request_id), request_id)


async def _answer(request: web.Request, request_id: str) -> Mapping[str, Any]:
    octets = await read_octets(request, CONTENT_TYPE)
    caller = authenticate(request, octets, _SIGNING_NAME)
    name = _target(request)
    if name:
        caller.require(name)
    if (handler := handlers().get(name)) is None:
        raise AwsError("UnknownOperationException", 400, Message="This server has no such operation.")
    operation = model.operation(name)
    values, faults = shapes.read(operation.input_shape, read_document(octets))
    if faults:
        raise of_faults("MISSING_PARAMETER" if faults[0].message == shapes.MISSING else "INVALID_PARAMETER", faults)
    call = caller.call(name, values, request_id)

    async def answer() -> Mapping[str, Any]:
        return shapes.render(operation.output_shape, await handler(call))

    return await once(call, operation.idempotent_members, answer)


def _target(request: web.Request) -> str:
    """The operation's name, or "" when the header names no operation of this service."""
    service, _, name = request.headers.get("X-Amz-Target", "").partition(".")
    return name if service == _SERVICE and name in model.operations() else ""


def _failure(error: AwsError, request_id: str) -> web.Response:
    return _response(error.status, {"__type": error.name, **error.members}, request_id)


def _response(status: int, document: Mapping[str, Any], request_id: str) -> web.Response:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}
    return web.Response(body=orjson.dumps(document), status=status, headers=headers)
