"""What passes between a carrier and whoever uses it: plain frozen values, no IO.

What is made once for every message is a NamedTuple: a frozen dataclass costs three times as much to make.

Numbers are E.164 with a leading ``+``; a short code is its digits; an alphanumeric sender is its letters.
Every field that a carrier filled in its own words says *raw* and keeps those words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


class Encoding(StrEnum):
    """How the characters of a part become octets (3GPP TS 23.038)."""

    GSM7 = "GSM7"
    LATIN1 = "LATIN1"
    UCS2 = "UCS2"
    BINARY = "BINARY"


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Which part of which whole this is. ``reference`` is unique per sender and receiver only for minutes."""

    kind: Literal["udh8", "udh16", "sar"]
    reference: int
    total: int
    number: int  # 1-based


class Segment(NamedTuple):
    """One part as it leaves."""

    number: int  # 1-based
    total: int
    encoding: Encoding
    data_coding: int
    octets: bytes  # user data without its header
    text: str
    udh: bytes = b""  # user data header with its length octet, or empty
    sar: Concatenation | None = None  # set when the part is marked by SAR TLVs instead of a header
    as_payload: bool = False  # goes whole into message_payload; the SMSC splits


class Submission(NamedTuple):
    """One part handed to a connector."""

    reference: str  # ours; comes back in the SubmissionResult
    group: str  # parts of one group (one message) stay on one bind, in order
    source: str
    destination: str
    segment: Segment
    validity: timedelta | None = None  # from now; the carrier must not deliver later
    wants_receipt: bool = True
    user_message_reference: int = 0  # 0..65535; some carriers echo it in the receipt
    tlvs: tuple[tuple[int, bytes], ...] = ()  # further TLVs, as a carrier asks
    country_parameters: Mapping[str, str] = {}  # what the destination's country asks for, by name: "IN_ENTITY_ID"


class Outcome(StrEnum):
    """What became of a submission. Only silence is UNKNOWN; every answer is a known outcome."""

    ACCEPTED = "ACCEPTED"
    THROTTLED = "THROTTLED"  # not accepted: slow down, does not count as an attempt
    RETRY = "RETRY"  # not accepted: try again later, counts as an attempt
    REJECTED = "REJECTED"  # not accepted, and never will be
    OPTED_OUT = "OPTED_OUT"  # REJECTED, because the person has told the carrier to stop
    NOT_SENT = "NOT_SENT"  # never left us: the link was down, or the octets were still in our own buffer
    UNKNOWN = "UNKNOWN"  # left us, and no answer came


class SubmissionResult(NamedTuple):
    reference: str
    outcome: Outcome
    carrier_id: str = ""  # as the carrier wrote it; may be empty even when accepted
    raw_code: str = ""  # the carrier's own code, "0x00000058"
    detail: str = ""  # one sentence for a person: "RTHROTTLED: throttled, slow down"
    late: bool = False  # overrules an UNKNOWN reported before for the same reference


class ReceiptState(StrEnum):
    """SMPP 3.4 section 5.2.28, with SMPP 5.0's SCHEDULED and SKIPPED."""

    SCHEDULED = "SCHEDULED"
    ENROUTE = "ENROUTE"
    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERED = "UNDELIVERED"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTED"
    SKIPPED = "SKIPPED"


class DeliveryReceipt(NamedTuple):
    """What a carrier says became of a part."""

    carrier_id: str  # raw; see carriers.smpp.receipt.canonical for how it is matched
    state: ReceiptState
    handset: str  # the person's number, "" when the carrier left it out
    identity: str  # the sender the part left from
    raw_state: str = ""
    raw_error: str = ""
    raw_text: str = ""
    submitted_at: datetime | None = None  # as written by the carrier, in its own zone
    done_at: datetime | None = None
    user_message_reference: int | None = None
    reference: str = ""  # ours, when the carrier can echo it (HTTP carriers)
    opted_out: bool = False  # it failed because the person has told the carrier to stop


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A text, or one part of one, from a person (mobile originated)."""

    source: str
    destination: str
    text: str
    octets: bytes = b""  # raw user data without its header
    data_coding: int = 0
    concatenation: Concatenation | None = None
    carrier_id: str = ""  # the carrier's id of it where there is one; duplicates are dropped by it
    ports: tuple[int, int] | None = None  # destination, source (user data header 0x04/0x05)


CarrierEvent: TypeAlias = "DeliveryReceipt | InboundMessage"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One bind as it stands now."""

    index: int
    state: str  # the session's state: CLOSED, CONNECTING, BOUND_TRX, ...
    outstanding: int
    window: int
    since: datetime | None = None
    paused_for: float = 0.0  # seconds until submits go on after throttling
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    connector_id: str
    up: bool
    free: int  # submissions it would take now
    links: tuple[LinkStatus, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)  # learned: receipt id base, version of the SMSC
