"""The body of a request: one JSON object, read strictly.

A name that is there twice, a number that is none and half a surrogate pair are refused: two readers of such a document
may understand two things by it.
(names and statuses of errors: AWS's "Common Errors")
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import web

from gateway.api.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 10 * 1024 * 1024  # octets: the file of CreateRegistrationAttachment, 6,990,508 of them, in base64


async def read_octets(request: web.Request, content_type: str) -> bytes:
    """The whole body, which must be of that type where there is one.

    Raises:
        AwsError: UnsupportedMediaTypeException, MalformedHttpRequestException for a body that is encoded or cut off,
            RequestEntityTooLargeException.
    """
    if request.body_exists and request.content_type != content_type:
        raise AwsError("UnsupportedMediaTypeException", 415, Message=f"The content type must be {content_type}.")
    if request.headers.get("Content-Encoding", "identity") != "identity":  # gzip, or AWS's own aws-chunked
        raise _malformed("The body must come without Content-Encoding.")
    if (request.content_length or 0) > LARGEST:
        raise _too_large()
    if request.content.is_eof():  # a small body comes with its headers
        return request.content.read_nowait()
    return await _gathered(request)


def read_document(octets: bytes) -> dict[str, Any]:
    """What a body says; an empty one says nothing. Raises AwsError (SerializationException)."""
    if not octets:
        return {}
    try:
        found = _DECODER.decode(octets.decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AwsError("SerializationException", 400, Message="The body is not one JSON object in UTF-8.")
    return found


async def _gathered(request: web.Request) -> bytes:
    found = bytearray()
    try:
        async for chunk in request.content.iter_any():
            found += chunk
            if len(found) > LARGEST:
                raise _too_large()
    except web.RequestPayloadError as error:
        raise _malformed("The body is cut off, or not as its headers say.") from error
    return bytes(found)


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedHttpRequestException", 400, Message=message)


def _too_large() -> AwsError:
    return AwsError("RequestEntityTooLargeException", 413, Message=f"A request has {LARGEST} octets at most.")
