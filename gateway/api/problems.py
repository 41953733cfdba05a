"""Errors as problem documents (RFC 9457), the same for every path of the API.

Rule 1: a document always has type, title, status, detail, code, field and remedy; the last two may be empty.
Rule 2: a document never repeats what the caller sent, save the names of its fields.
Rule 3: what nobody foresaw is logged here and told as a bare 500.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import structlog
from aiohttp import web

from gateway.errors import (
    Forbidden,
    GatewayError,
    Invalid,
    Malformed,
    NotFound,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

PROBLEM_JSON = "application/problem+json"
LARGEST_BODY = 4 * 1024 * 1024
TYPE_PREFIX = "urn:heliograph:problem:"
_MOST_ERRORS = 100
_LONGEST_FIELD = 200

log = structlog.get_logger()


class WrongMediaType(GatewayError):  # noqa: N818 -- reads as what it says, as all errors of the gateway
    status = 415
    title = "The request has the wrong content type"


class WrongMethod(GatewayError):  # noqa: N818 -- as above
    status = 405
    title = "This path does not do that"


class NotReady(GatewayError):  # noqa: N818 -- as above
    status = 503
    title = "Not ready"


class Internal(GatewayError):  # noqa: N818 -- as above
    """A fault of ours. Says nothing of its cause: that is in the log."""

    def __init__(self) -> None:
        super().__init__(
            "internal_error", "The server failed to answer this request.", remedy="Try again; tell the operator."
        )


def document(error: GatewayError) -> dict[str, Any]:
    """The problem document of an error, as plain JSON values."""
    return {
        "type": f"{TYPE_PREFIX}{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "field": error.field,
        "remedy": error.remedy,
        **error.extra,
    }


class Answer(NamedTuple):
    """An answer as it is written, whoever writes it."""

    status: int
    headers: Mapping[str, str]
    octets: bytes


def answer(error: GatewayError) -> Answer:
    """What tells an error."""
    return Answer(error.status, {**_headers(error), "Content-Type": PROBLEM_JSON}, orjson.dumps(document(error)))


def respond(error: GatewayError, headers: dict[str, str] | None = None) -> web.Response:
    """The same for aiohttp, with further headers."""
    status, usual, octets = answer(error)
    return web.Response(body=octets, status=status, headers={**usual, **(headers or {})})


def _headers(error: GatewayError) -> dict[str, str]:
    if isinstance(error, TooMany | Unavailable):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": 'Bearer realm="heliograph"'}
    if isinstance(error, Forbidden) and (scope := error.extra.get("scope")):
        return {"WWW-Authenticate": f'Bearer realm="heliograph", error="insufficient_scope", scope="{scope}"'}
    return {}


def guard(owns: Callable[[str], bool]) -> Any:  # noqa: ANN401 -- aiohttp's middleware has no public type
    """A middleware that turns errors on the paths ``owns`` says yes to into problem documents."""

    @web.middleware
    async def problems(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except GatewayError as error:
            if not owns(request.path):
                raise
            return respond(error)
        except web.HTTPException as error:
            if not owns(request.path) or error.status < web.HTTPBadRequest.status_code:
                raise
            return _of_http(error)
        except Exception:
            if not owns(request.path):
                raise
            log.exception("unforeseen", action="api.error", method=request.method, route=_route(request))
            return respond(Internal())

    return problems


def _route(request: web.Request) -> str:
    """The pattern of the path: the path itself may hold a phone number."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def _of_http(error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        wrong = WrongMethod("method_not_allowed", f"This path takes {allowed}.", remedy=f"Use {allowed}.")
        return respond(wrong, {"Allow": allowed})
    if isinstance(error, web.HTTPNotFound):
        return respond(NotFound("path_not_found", "There is nothing at this path.", remedy="See /docs for the paths."))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return respond(too_large())
    return respond(Malformed("bad_request", f"The request cannot be served: {error.reason}."))


def too_large() -> TooLarge:
    return TooLarge(
        "body_too_large",
        f"The request is larger than {LARGEST_BODY} octets.",
        field="body",
        remedy="Send less at once.",
    )


# pydantic's type of error -> our code, what is wrong with the field, what to do.
# https://docs.pydantic.dev/latest/errors/validation_errors/
_WORDS = {
    "missing": ("missing", "is missing", "Add it."),
    "extra_forbidden": ("unknown_field", "is no field of this request", "Remove it, or see /docs for its right name."),
    "string_type": ("wrong_type", "must be a string", ""),
    "string_unicode": ("bad_characters", "is not valid Unicode", "Remove half surrogate pairs."),
    "string_pattern_mismatch": ("bad_characters", "has characters or a form that it cannot have", ""),
    "string_too_short": ("too_short", "has fewer than {min_length} characters", ""),
    "string_too_long": ("too_long", "has more than {max_length} characters", ""),
    "int_type": ("wrong_type", "must be a whole number", ""),
    "int_from_float": ("wrong_type", "must be a whole number", ""),
    "int_parsing_size": ("out_of_range", "is too large a number", ""),
    "float_type": ("wrong_type", "must be a number", ""),
    "bool_type": ("wrong_type", "must be true or false", ""),
    "list_type": ("wrong_type", "must be a list", ""),
    "dict_type": ("wrong_type", "must be an object", ""),
    "mapping_type": ("wrong_type", "must be an object", ""),
    "model_type": ("wrong_type", "must be an object", ""),
    "model_attributes_type": ("wrong_type", "must be an object", ""),
    "too_short": ("too_short", "has fewer than {min_length} entries", ""),
    "too_long": ("too_long", "has more than {max_length} entries", ""),
    "greater_than_equal": ("out_of_range", "is less than {ge}", ""),
    "less_than_equal": ("out_of_range", "is more than {le}", ""),
    "finite_number": ("out_of_range", "is no finite number", ""),
    "enum": ("unknown_value", "must be {expected}", ""),
    "literal_error": ("unknown_value", "must be {expected}", ""),
}


def of_validation(error: ValidationError, within: str = "") -> Invalid:
    """What pydantic found, in our words: the first error heads the document, ``errors`` lists all."""
    details = error.errors(include_url=False, include_input=False)[:_MOST_ERRORS]
    return invalid([_entry(one, within) for one in details])


def invalid(entries: Sequence[dict[str, str]]) -> Invalid:
    """One error of several fields; each entry has code, field, detail and remedy."""
    first = entries[0]
    more = f" {len(entries) - 1} more in errors." if len(entries) > 1 else ""
    return Invalid(
        first["code"],
        first["detail"] + more,
        field=first["field"],
        remedy=first["remedy"],
        extra={"errors": list(entries)},
    )


def _entry(one: ErrorDetails, within: str) -> dict[str, str]:
    kind, context = one["type"], one.get("ctx", {})
    code, words, remedy = _WORDS.get(kind, (kind, one["msg"], str(context.get("remedy", ""))))
    field = path_of(one["loc"], within)
    return {
        "code": code,
        "field": field,
        "detail": f"{field or 'The request'} {words.format(**context)}.",
        "remedy": remedy,
    }


def path_of(location: Sequence[str | int], within: str = "") -> str:
    """``("messages", 3, "to")`` as "messages[3].to". A caller's own names are cut short and made harmless."""
    written = within
    for step in location:
        if isinstance(step, int):
            written += f"[{step}]"
        elif step != "[key]":  # pydantic's mark for "the key itself"
            written += f".{step}" if written else step
    return written[:_LONGEST_FIELD].encode("utf-8", "replace").decode()
