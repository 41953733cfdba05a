"""What an app asks for and what it is answered, whichever wire it came by.

Named tuples, because there is one of each for every message: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.model import DEFAULT_TTL, OnUnknown, Purpose, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from gateway.errors import GatewayError

MAX_BODY = 1600  # characters: what AWS takes (SendTextMessage), so that its clients fit
MIN_TTL = timedelta(seconds=5)
MAX_TTL = timedelta(hours=72)
NO_CONTEXT: Mapping[str, str] = MappingProxyType({})


class SendRequest(NamedTuple):
    """One text to one person."""

    account_id: str
    to: str  # as the caller wrote it
    body: str
    origination: str = ""  # a number, sender ID, identity id or pool id; "" lets routing choose
    message_type: str = ""  # "" takes the identity's
    purpose: Purpose = Purpose.MESSAGE
    ttl: timedelta = DEFAULT_TTL
    send_at: datetime | None = None
    max_price: Decimal | None = None  # US$ for the whole message
    on_unknown: OnUnknown = OnUnknown.REPORT
    substitute: bool = False  # apply the look-alike substitution that saves a part
    dry_run: bool = False
    context: Mapping[str, str] = NO_CONTEXT
    protect_configuration: str = ""  # its id; "" takes the configuration set's, or the account's default
    in_reply_to: str = ""
    key_id: str = ""
    path: str = ""  # where in the caller's document this stood, for errors: "messages[3]."
    # Whose event destinations are told of the message: a name, or what ``set_of_application`` gives.
    configuration_set: str = ""
    country_parameters: Mapping[str, str] = NO_CONTEXT  # what a country asks for: "IN_ENTITY_ID", "IN_TEMPLATE_ID"
    message_feedback: bool = False  # the app will tell whether it had its effect


class Accepted(NamedTuple):
    """The answer. With ``refusal`` set, the message was stored as REFUSED and will not leave."""

    message_id: str  # "" for a dry run
    status: Status
    to: str
    sender: str
    message_type: str
    encoding: str
    parts: int
    price: str  # US$, decimal
    created_at: int
    send_at: int | None
    decision: Mapping[str, Any]
    dry_run: bool = False
    refusal: Mapping[str, Any] | None = None  # the verdict that refused


class Order(NamedTuple):
    """Requests that were made together and are answered together, under one Idempotency-Key if any."""

    requests: tuple[SendRequest, ...]
    idempotency_key: str = ""
    request_hash: str = ""


class Answer(NamedTuple):
    """One outcome for each request of the order, in its order."""

    outcomes: tuple[Accepted | GatewayError, ...]
    replayed: bool = False
