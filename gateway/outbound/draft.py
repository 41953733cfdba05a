"""What can be said of a request before the database is asked: outside the transaction, for which all others wait."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from gateway import numbers
from gateway.errors import GatewayError, Invalid
from gateway.model import MessageType
from gateway.outbound.request import MAX_BODY, MAX_TTL, MIN_TTL, Order, SendRequest

if TYPE_CHECKING:
    from gateway.numbers import Destination


class Draft(NamedTuple):
    """A request that may be decided."""

    request: SendRequest
    destination: Destination
    body_hash: str  # of the text as it was given


class Drafted(NamedTuple):
    """An order, and for each of its requests the draft or what is wrong with it."""

    order: Order
    drafts: tuple[Draft | GatewayError, ...]


def drafted(order: Order) -> Drafted:
    return Drafted(order, tuple([_draft(request) for request in order.requests]))


def hash_of(body: str) -> str:
    """Equal for equal texts; what is kept of a text to know it again."""
    return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _draft(request: SendRequest) -> Draft | GatewayError:
    try:
        _check(request)
        destination = numbers.parse_destination(request.to, f"{request.path}to")
    except GatewayError as error:
        return error
    return Draft(request, destination, hash_of(request.body))


def _check(request: SendRequest) -> None:
    if not request.body:
        raise Invalid(
            "empty", "The text is empty.", field=f"{request.path}body", remedy="Write at least one character."
        )
    if "\0" in request.body:
        raise Invalid(
            "not_text", "The text holds a NUL character.", field=f"{request.path}body", remedy="Leave U+0000 out."
        )
    if len(request.body) > MAX_BODY:
        detail = f"The text has {len(request.body)} characters; {MAX_BODY} are the most."
        remedy = "Shorten it, or send it as several messages."
        raise Invalid("too_long", detail, field=f"{request.path}body", remedy=remedy)
    if not MIN_TTL <= request.ttl <= MAX_TTL:
        raise Invalid("out_of_range", "A message lives from 5 to 259200 seconds.", field=f"{request.path}ttl")
    if request.message_type and request.message_type not in set(MessageType):
        raise Invalid(
            "unknown_value", "The message type is TRANSACTIONAL or PROMOTIONAL.", field=f"{request.path}message_type"
        )
