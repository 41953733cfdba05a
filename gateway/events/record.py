"""The event record: what happened, to what, and when.

The log keeps an event as JSON text without its number, because the database counts only as it stores. ``numbered``
puts the number in front when the event is given to somebody, without reading the text again:

    {"id":"evt_42","seq":42,"type":"message.delivered","timestamp":"…Z","account_id":"main","data":{…}}
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gateway.model import Status
from gateway.store.times import from_millionths, iso

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventType(StrEnum):
    MESSAGE_ACCEPTED = "message.accepted"
    MESSAGE_SCHEDULED = "message.scheduled"
    MESSAGE_QUEUED = "message.queued"  # back in the queue, to be tried again
    MESSAGE_SUBMITTED = "message.submitted"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_UNDELIVERED = "message.undelivered"
    MESSAGE_EXPIRED = "message.expired"
    MESSAGE_REJECTED = "message.rejected"
    MESSAGE_REFUSED = "message.refused"
    MESSAGE_CANCELLED = "message.cancelled"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_UNKNOWN = "message.unknown"
    INBOUND_RECEIVED = "inbound.received"
    OPT_OUT_ADDED = "opt_out.added"
    OPT_OUT_LIFTED = "opt_out.lifted"
    REVIEW_OPENED = "review.opened"
    REVIEW_CLOSED = "review.closed"


# What a move to a status is called. SUBMITTING is our own journal and no event.
_OF_STATUS: Mapping[Status, EventType] = {
    Status.SCHEDULED: EventType.MESSAGE_SCHEDULED,
    Status.QUEUED: EventType.MESSAGE_QUEUED,
    Status.SUBMITTED: EventType.MESSAGE_SUBMITTED,
    Status.DELIVERED: EventType.MESSAGE_DELIVERED,
    Status.UNDELIVERED: EventType.MESSAGE_UNDELIVERED,
    Status.EXPIRED: EventType.MESSAGE_EXPIRED,
    Status.REJECTED: EventType.MESSAGE_REJECTED,
    Status.REFUSED: EventType.MESSAGE_REFUSED,
    Status.CANCELLED: EventType.MESSAGE_CANCELLED,
    Status.FAILED: EventType.MESSAGE_FAILED,
    Status.UNKNOWN: EventType.MESSAGE_UNKNOWN,
}


class Event(NamedTuple):
    """One thing that happened.

    Attributes:
        subject_id: the message's or inbound message's id, or the phone number of an opt-out: events of one subject
            keep their order at every destination.
        at: microseconds since 1970, UTC.
        data: what JSON can say.
    """

    type: EventType
    account_id: str
    subject_id: str
    at: int
    data: Mapping[str, Any]


def message_event(
    *,
    account_id: str,
    message_id: str,
    to: str,
    sender: str,
    status: Status,
    at: int,
    parts: int,
    message_type: str,
    purpose: str,
    context: Mapping[str, str],
    reason_code: str = "",
    reason: str = "",
    connector: str = "",
    possible_duplicate: bool = False,
    price: int | None = None,
    protection: Mapping[str, str] | None = None,
    event_type: EventType | None = None,
) -> Event:
    """A message moved to ``status``.

    Args:
        account_id: whose message it is.
        message_id: the message's id; also the subject.
        to: destination in E.164.
        sender: what the text leaves from.
        status: where it moved.
        at: microseconds since 1970, UTC.
        parts: number of segments.
        message_type: TRANSACTIONAL or PROMOTIONAL.
        purpose: a gateway.model.Purpose.
        context: what the app gave with the message.
        reason_code: stable code of why, or "".
        reason: why, in words, or "".
        connector: id of the connector that took it, or "".
        possible_duplicate: whether it may have been sent twice.
        price: millionths of a US dollar, for all parts; None leaves it out.
        protection: what a protect configuration said of it; None leaves it out.
        event_type: when the status does not tell: MESSAGE_ACCEPTED at the first QUEUED.

    Raises:
        KeyError: SUBMITTING, which is no event.
    """
    data: dict[str, Any] = {
        "message_id": message_id, "to": to, "from": sender, "status": status, "parts": parts,
        "message_type": message_type, "purpose": purpose, "reason_code": reason_code, "reason": reason,
        "connector": connector, "possible_duplicate": possible_duplicate, "context": context,
    }  # fmt: skip
    if price is not None:
        data["price"] = _dollars(price)
    if protection is not None:
        data["protection"] = protection
    return Event(event_type or _OF_STATUS[status], account_id, message_id, at, data)


def encode(event: Event) -> str:
    """The event as the log keeps it: a JSON object without ``id`` and ``seq``."""
    body = {
        "type": event.type,
        "timestamp": timestamp(event.at),
        "account_id": event.account_id,
        "data": event.data,
    }
    try:
        return orjson.dumps(body, default=dict).decode()
    except TypeError:
        # Half a surrogate pair in an inbound text is no Unicode; the event must be logged all the same.
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=dict)
        return text.encode("utf-8", "replace").decode()


def numbered(seq: int, text: str) -> str:
    """The event as everybody else gets it: ``text`` of the log with its number in front."""
    return f'{{"id":"evt_{seq}","seq":{seq},{text[1:]}'


@lru_cache(maxsize=1024)
def timestamp(at: int) -> str:
    """RFC 3339 of microseconds since 1970. All that one transaction does has one time, so few are worked out."""
    return iso(at)


@lru_cache(maxsize=1024)
def _dollars(millionths: int) -> str:
    return str(from_millionths(millionths))
