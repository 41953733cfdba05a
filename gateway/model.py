"""What the gateway speaks of, and where a message's status may go.

Rule 1: a status moves only along ``MOVES``; any other move raises IllegalMove and changes nothing.
Rule 2: a message is as far as its slowest part (``slowest``).
Rule 3: a final status never changes, except that DELIVERED may overrule EXPIRED or UNKNOWN within 72 hours of it:
carriers correct themselves (SMPP practice; see docs/decisions/0002-status.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import IllegalMove

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_ACCOUNT = "main"
DEFAULT_OPT_OUT_LIST = "Default"
CORRECTION_WINDOW = timedelta(hours=72)
STICKY_FOR = timedelta(hours=25)  # aws-v2: "after a successful delivery the pair is kept 25 hours"
DEFAULT_TTL = timedelta(hours=72)


@lru_cache(maxsize=64)
def account_number(account_id: str) -> str:
    """The 12 digits by which AWS names an account: worked out from our id, so that they never change."""
    return f"{int.from_bytes(hashlib.sha256(account_id.encode()).digest()[:8], 'big') % 10**12:012d}"


class Status(StrEnum):
    SCHEDULED = "SCHEDULED"
    QUEUED = "QUEUED"
    SUBMITTING = "SUBMITTING"
    SUBMITTED = "SUBMITTED"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


_S = Status

MOVES: Mapping[Status, frozenset[Status]] = {
    _S.SCHEDULED: frozenset({_S.QUEUED, _S.REFUSED, _S.CANCELLED, _S.EXPIRED}),
    # QUEUED -> SCHEDULED: a rule defers a message that was ready to leave (quiet hours, a review).
    _S.QUEUED: frozenset({_S.SCHEDULED, _S.SUBMITTING, _S.REFUSED, _S.CANCELLED, _S.EXPIRED, _S.FAILED}),
    # SUBMITTING -> QUEUED: known not accepted, to be tried again.
    _S.SUBMITTING: frozenset({_S.QUEUED, _S.SUBMITTED, _S.REJECTED, _S.FAILED, _S.EXPIRED, _S.UNKNOWN}),
    _S.SUBMITTED: frozenset({_S.DELIVERED, _S.UNDELIVERED, _S.EXPIRED, _S.REJECTED, _S.UNKNOWN}),
    # UNKNOWN -> SUBMITTED: a late answer. UNKNOWN -> QUEUED: on_unknown = resend_once.
    _S.UNKNOWN: frozenset({_S.SUBMITTED, _S.QUEUED, _S.DELIVERED, _S.UNDELIVERED, _S.EXPIRED, _S.REJECTED}),
    _S.EXPIRED: frozenset({_S.DELIVERED}),
    _S.DELIVERED: frozenset(),
    _S.UNDELIVERED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
}

FINAL = frozenset(
    {_S.DELIVERED, _S.UNDELIVERED, _S.EXPIRED, _S.REJECTED, _S.REFUSED, _S.CANCELLED, _S.FAILED, _S.UNKNOWN}
)
WAITING = frozenset({_S.SCHEDULED, _S.QUEUED})  # may still be cancelled

# How far a part is, nearest first: the first status in this order that any part has is the message's.
_SLOWEST_FIRST = (
    _S.SCHEDULED, _S.QUEUED, _S.SUBMITTING, _S.UNKNOWN, _S.SUBMITTED,
    _S.FAILED, _S.REJECTED, _S.EXPIRED, _S.UNDELIVERED, _S.REFUSED, _S.CANCELLED, _S.DELIVERED,
)  # fmt: skip
_RANK = {status: rank for rank, status in enumerate(_SLOWEST_FIRST)}


def move(current: Status, to: Status, *, since: timedelta = timedelta(0)) -> Status:
    """The status after a move; ``since`` is how long ``current`` has stood.

    Raises:
        IllegalMove: the table has no such move, or a correction comes after 72 hours.
    """
    if to not in MOVES[current]:
        raise IllegalMove(f"{current} cannot become {to}")
    if current in FINAL and since > CORRECTION_WINDOW:
        raise IllegalMove(f"{current} has stood for {since}; only {CORRECTION_WINDOW} are allowed for corrections")
    return to


def can_move(current: Status, to: Status, *, since: timedelta = timedelta(0)) -> bool:
    return to in MOVES[current] and (current not in FINAL or since <= CORRECTION_WINDOW)


def slowest(parts: Iterable[Status]) -> Status:
    """The status of a message whose parts have these. Raises ValueError when there are none."""
    return min(parts, key=_RANK.__getitem__)


class MessageType(StrEnum):
    TRANSACTIONAL = "TRANSACTIONAL"
    PROMOTIONAL = "PROMOTIONAL"


class Purpose(StrEnum):
    """Why a message is sent; the names of compliance.types.Purpose."""

    MESSAGE = "message"
    KEYWORD_RESPONSE = "keyword_response"
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    OPT_IN_CONFIRMATION = "opt_in_confirmation"
    VERIFICATION_CODE = "verification_code"


class OnUnknown(StrEnum):
    REPORT = "report"
    RESEND_ONCE = "resend_once"


class IdentityKind(StrEnum):
    """The values of compliance.types.SenderKind."""

    SHORT_CODE = "SHORT_CODE"
    LONG_CODE = "LONG_CODE"
    TEN_DLC = "TEN_DLC"
    TOLL_FREE = "TOLL_FREE"
    SIMULATOR = "SIMULATOR"
    SENDER_ID = "SENDER_ID"


class Capability(StrEnum):
    """What an identity can be used for; AWS's NumberCapability."""

    SMS = "SMS"
    VOICE = "VOICE"
    MMS = "MMS"
    RCS = "RCS"


@dataclass(frozen=True, slots=True)
class OriginationIdentity:
    """What a text leaves from: a phone number or a sender ID."""

    id: str  # "phone-…" or "sender-…"
    kind: IdentityKind
    sender: str  # "+14255550100", "12345", "ACME"
    country: str  # ISO 3166 alpha-2; "" for a sender ID of every country
    message_type: MessageType = MessageType.TRANSACTIONAL
    opt_out_list: str = DEFAULT_OPT_OUT_LIST
    pool_ids: tuple[str, ...] = ()  # a number is in one pool at most, a sender ID in any number
    two_way: bool = True
    self_managed_opt_outs: bool = False
    match_mode: str = "whole"  # keywords.types.MatchMode
    rate: float | None = None  # parts per second; None is no limit of its own
    active: bool = True
    both_types: bool = False  # a sender ID of either type; message_type is then that of a text that names none
    international: bool = False  # may be chosen for other countries, after those that are of the country
    two_way_channel: str = ""  # ARN that texts to it are published to; "" for none
    two_way_role: str = ""  # ARN of the role to publish as
    capabilities: tuple[str, ...] = (Capability.SMS.value,)
    deletion_protection: bool = False
    monthly_price: Decimal = Decimal(0)  # US$
    created_at: int = 0  # microseconds


@dataclass(frozen=True, slots=True)
class Pool:
    id: str
    name: str
    message_type: MessageType = MessageType.TRANSACTIONAL
    opt_out_list: str = DEFAULT_OPT_OUT_LIST
    two_way: bool = True
    self_managed_opt_outs: bool = False
    match_mode: str = "whole"
    shared_routes: bool = False
    deletion_protection: bool = False
    two_way_channel: str = ""  # of its numbers
    two_way_role: str = ""
    created_at: int = 0  # microseconds


@dataclass(frozen=True, slots=True)
class Route:
    """Which connectors take a text, first to last. An empty condition holds for everything."""

    id: str
    position: int  # lower is asked first
    connectors: tuple[str, ...]
    country: str = ""
    prefix: str = ""  # of the destination, with its plus: "+4479"
    identity_id: str = ""
    message_type: str = ""
    price: Decimal = Decimal(0)  # US$ a part


class Dispatch(NamedTuple):
    """A message ready to leave: all that the worker needs, so that nothing is read back."""

    id: str
    account_id: str
    destination: str
    sender: str
    identity_id: str
    body: str
    parts: int
    message_type: str
    purpose: str
    opt_out_list: str
    connectors: tuple[str, ...]  # in the order of the route
    created_at: int  # microseconds since 1970, UTC, as all times of the store
    expires_at: int
    attempts: int = 0
    on_unknown: str = OnUnknown.REPORT
    self_managed: bool = False
    rate: float | None = None
    possible_duplicate: bool = False
    country: str = ""
    sent_parts: frozenset[int] = frozenset()  # taken by the carrier already; only the others are sent
    context: Mapping[str, str] = {}
    country_parameters: Mapping[str, str] = {}  # for the carrier, as a country asks
