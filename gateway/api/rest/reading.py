"""Reading a request: its query and its JSON body into their models, or an error that names what is wrong.

orjson reads bodies. What it refuses is read once more by the standard library, which takes half surrogate pairs, so
that the error can name the field that has them instead of an octet's position.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.api.problems import LARGEST_BODY, WrongMediaType, of_validation, too_large
from gateway.errors import Invalid, Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping


M = TypeVar("M", bound=BaseModel)

_JSON = "application/json"


def read_query(request: web.Request, model: type[M]) -> M:
    """The query of a request.

    Raises:
        Invalid: a parameter is unknown, given twice or wrong.
    """
    query = request.query
    values: dict[str, str | list[str]] = {}
    for name in query:
        given = query.getall(name)
        if name in values:
            continue
        if _takes_many(model, name):
            values[name] = given
        elif len(given) > 1:
            raise Invalid(
                "given_twice", f"{_shown(name)} is given more than once.", field=_shown(name), remedy="Give it once."
            )
        else:
            values[name] = given[0]
    return validated(model, values)


def validated(model: type[M], values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise of_validation(error) from None


async def read_body(request: web.Request, model: type[M]) -> tuple[M, Any]:
    """The body of a request as its model, and as plain values.

    Raises:
        WrongMediaType: it is not declared as JSON.
        Malformed: it is no JSON.
        TooLarge: it has more than ``LARGEST_BODY`` octets.
        Invalid: fields are wrong.
    """
    return parsed(await read_octets(request), model)


def parsed(raw: bytes, model: type[M]) -> tuple[M, Any]:
    """The octets of a body as ``read_body`` gives them. Raises Malformed and Invalid."""
    try:
        document = orjson.loads(raw)
    except ValueError as error:
        raise _unreadable(raw, model, error) from None
    try:
        return model.model_validate(document), document
    except ValidationError as error:
        raise of_validation(error) from None


async def read_octets(request: web.Request) -> bytes:
    if request.content_type != _JSON:
        raise WrongMediaType(
            "wrong_content_type",
            "The body is not declared as JSON.",
            field="Content-Type",
            remedy="Send the header Content-Type: application/json.",
        )
    # A small body comes with its headers, and is had at once for a third of what waiting for it costs.
    whole = request.content.is_eof()
    if not whole and (request.content_length or 0) > LARGEST_BODY:
        raise too_large()
    try:
        raw = request.content.read_nowait() if whole else await request.read()
    except web.RequestPayloadError as error:
        raise Malformed(
            "unreadable_body",
            "The body cannot be read: it is cut off, or not encoded as the request says.",
            field="Content-Encoding",
            remedy="Send it whole, and without Content-Encoding.",
        ) from error
    if len(raw) > LARGEST_BODY:
        raise too_large()
    return raw


def _unreadable(raw: bytes, model: type[BaseModel], error: ValueError) -> Malformed | Invalid:
    try:
        model.model_validate(json.loads(raw, parse_constant=_refuse))
    except ValidationError as found:
        return of_validation(found)
    except (ValueError, RecursionError):
        pass
    return Malformed("bad_json", f"The body is no JSON: {_reason(error)}.", remedy="Send one JSON object in UTF-8.")


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _reason(error: ValueError) -> str:
    """Where and why, without the text itself."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.split(':')[0]} at line {error.lineno}, column {error.colno}"
    return "it cannot be read"


def _takes_many(model: type[BaseModel], name: str) -> bool:
    found = model.model_fields.get(name)
    return found is not None and getattr(found.annotation, "__origin__", None) is tuple


def _shown(name: str) -> str:
    return name[:100].encode("utf-8", "replace").decode()
