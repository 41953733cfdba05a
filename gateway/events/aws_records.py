"""What happens to messages, in the records that AWS's event destinations are given. Pure.

Field by field as documented and as clients in the field read them: times are whole milliseconds, prices numbers, and
the descriptions are compared word for word
(https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html).

Rule 1: a message has one record with ``isFinal`` true: when its status is final. Taken by a carrier that sends no
receipts is as much as will ever be known, hence final.
Rule 2: what was refused at the call itself has no record: AWS tells it as the call's error.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.events.record import EventType
from gateway.model import OnUnknown
from gateway.store.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

VERSION = "1.0"
_MILLIONTHS = 1_000_000

DESCRIPTIONS: Mapping[str, str] = {
    "QUEUED": "Message is queued for delivery",
    "PENDING": "Message is pending delivery",
    "SUCCESSFUL": "Message has been accepted by phone carrier",
    "DELIVERED": "Message has been accepted by phone",
    "INVALID": "Invalid phone number",
    "UNREACHABLE": "Phone is currently unreachable/unavailable",
    "CARRIER_UNREACHABLE": "Phone carrier is currently unreachable/unavailable",
    "BLOCKED": "Phone has blocked SMS",
    "CARRIER_BLOCKED": "Phone carrier has blocked this message",
    "SPAM": "Blocked as spam by phone carrier",
    "INVALID_MESSAGE": "Message body is invalid",
    "TTL_EXPIRED": "Delivery TTL has expired",
    "UNKNOWN": "Unknown error attempting to reach phone",
    "PROTECT_BLOCKED": "Message blocked by protect configuration",
}
# Verdicts of compliance.rules.destination_protected on traffic that looks artificially inflated.
_FILTERED = "inflated_traffic_filtered"
_SUSPICIONS = frozenset({_FILTERED, "inflated_traffic_monitored"})
_WATCHING = frozenset({"MONITOR", "FILTER"})
_ON_ITS_WAY = frozenset({"QUEUED", "PENDING"})

# What each event of ours is, where its code says nothing better.
_OF_EVENT: Mapping[str, str] = {
    EventType.MESSAGE_ACCEPTED: "QUEUED",
    EventType.MESSAGE_SCHEDULED: "QUEUED",
    EventType.MESSAGE_QUEUED: "PENDING",
    EventType.MESSAGE_SUBMITTED: "SUCCESSFUL",
    EventType.MESSAGE_DELIVERED: "DELIVERED",
    EventType.MESSAGE_UNDELIVERED: "UNKNOWN",
    EventType.MESSAGE_EXPIRED: "TTL_EXPIRED",
    EventType.MESSAGE_REJECTED: "CARRIER_BLOCKED",
    EventType.MESSAGE_REFUSED: "BLOCKED",
    EventType.MESSAGE_CANCELLED: "UNKNOWN",
    EventType.MESSAGE_FAILED: "CARRIER_UNREACHABLE",
    EventType.MESSAGE_UNKNOWN: "UNKNOWN",
}
OUR_TYPES = tuple(_OF_EVENT)  # of the log that can become records

# What a carrier answers to a submission (SMPP 3.4 section 5.1.3, SMPP 5.0 section 4.7.6). "" is what we could not put
# into a submission ourselves.
_OF_SUBMIT: Mapping[str, str] = {
    "": "INVALID_MESSAGE",
    "0x00000001": "INVALID_MESSAGE",  # RINVMSGLEN
    "0x0000000B": "INVALID",  # RINVDSTADR
    "0x00000050": "INVALID",  # RINVDSTTON
    "0x00000051": "INVALID",  # RINVDSTNPI
    "0x00000104": "INVALID_MESSAGE",  # RINVDCS
}
# What a GSM network says of a handset, in a receipt's network_error_code: network type 3 (SMPP 3.4 section 5.3.2.31)
# and the local error (3GPP TS 29.002 section 17.6.6).
_OF_NETWORK: Mapping[str, str] = {
    "3:1": "INVALID",  # unknownSubscriber
    "3:5": "INVALID",  # unidentifiedSubscriber
    "3:6": "UNREACHABLE",  # absentSubscriberSM
    "3:9": "BLOCKED",  # illegalSubscriber
    "3:11": "BLOCKED",  # teleserviceNotProvisioned
    "3:12": "BLOCKED",  # illegalEquipment
    "3:13": "BLOCKED",  # callBarred
    "3:21": "CARRIER_UNREACHABLE",  # facilityNotSupported
    "3:27": "UNREACHABLE",  # absentSubscriber
    "3:31": "UNREACHABLE",  # subscriberBusyForMT-SMS
    "3:32": "UNREACHABLE",  # sm-DeliveryFailure
    "3:33": "UNREACHABLE",  # messageWaitingListFull
    "3:34": "CARRIER_UNREACHABLE",  # systemFailure
}
_BY_CODE: Mapping[str, Mapping[str, str]] = {
    EventType.MESSAGE_REJECTED: {**_OF_SUBMIT, **_OF_NETWORK},
    EventType.MESSAGE_UNDELIVERED: _OF_NETWORK,
}


class Sent(NamedTuple):
    """What a record tells of its message beyond our event."""

    country: str
    encoding: str
    price: int  # millionths of a US dollar
    created_at: int  # microseconds
    on_unknown: str
    sender_country: str = ""  # of the number it left from; "" for a sender ID of every country
    protection: Mapping[str, str] | None = None  # what a protect configuration said of it, as its decision has it


def record_of(event: Mapping[str, Any], sent: Sent, *, receipts: bool = True) -> dict[str, Any] | None:
    """The record of one event of a message; None when AWS has none.

    Args:
        event: as the log has it: type, timestamp and data.
        sent: of its message.
        receipts: whether the carrier that took the message sends receipts.
    """
    data = event["data"]
    status = status_of(event, receipts=receipts)
    if not status:
        return None
    price = 0 if status == "PROTECT_BLOCKED" else sent.price
    return {
        "eventType": f"TEXT_{status}",
        "eventVersion": VERSION,
        "eventTimestamp": milliseconds(event["timestamp"]),
        "isFinal": is_final(status, data, sent, receipts=receipts),
        "originationPhoneNumber": data["from"],
        "destinationPhoneNumber": data["to"],
        "isInternationalSend": sent.sender_country not in {"", sent.country},
        "isoCountryCode": sent.country,
        "messageId": data["message_id"],
        "messageRequestTimestamp": sent.created_at // 1000,
        "messageEncoding": "Unicode" if sent.encoding == "UCS2" else "GSM",
        "messageType": data["message_type"],
        "messageStatus": status,
        "messageStatusDescription": DESCRIPTIONS[status],
        "context": data["context"],
        "totalMessageParts": data["parts"],
        "totalMessagePrice": price / _MILLIONTHS,
        "totalCarrierFee": 0.0,  # a route's price is the whole of it
        **_protect(sent.protection, status),
    }


def status_of(event: Mapping[str, Any], *, receipts: bool) -> str:
    """AWS's messageStatus for an event of ours; "" when it has none."""
    kind, data = event["type"], event["data"]
    if kind == EventType.MESSAGE_REFUSED:
        return _of_refusal(data)
    if kind == EventType.MESSAGE_UNKNOWN and not receipts and data["reason_code"] == "no_receipt":
        return ""  # SUCCESSFUL was the last word
    return _BY_CODE.get(kind, {}).get(data["reason_code"]) or _OF_EVENT.get(kind, "")


def wants(types: Collection[str], event_type: str) -> bool:
    """Whether a destination with these types is told of it."""
    family = event_type.partition("_")[0]
    return event_type in types or f"{family}_ALL" in types or "ALL" in types


def _of_refusal(data: Mapping[str, Any]) -> str:
    """Refused with the answer to the call, which is when its price is told too, or later, as it was to leave."""
    if data["reason_code"] == _FILTERED:
        return "PROTECT_BLOCKED"
    return "" if "price" in data else _OF_EVENT[EventType.MESSAGE_REFUSED]


def is_final(status: str, data: Mapping[str, Any], sent: Sent, *, receipts: bool) -> bool:
    """Whether a status that ``status_of`` gave is the last."""
    if status == "SUCCESSFUL":
        return not receipts
    if data["status"] == "UNKNOWN" and sent.on_unknown == OnUnknown.RESEND_ONCE:
        return bool(data["possible_duplicate"])  # else it is sent once more
    return status not in _ON_ITS_WAY


def _protect(protection: Mapping[str, str] | None, status: str) -> dict[str, Any]:
    """What the protect configuration recommends, where it watches the destination's country."""
    if protection is None or protection["status"] not in _WATCHING:
        return {}
    suspected = protection["verdict"] in _SUSPICIONS
    says = {"protectRecommendation": "BLOCK" if suspected else "ALLOW"}
    insights = {"protectInsights": {"blockReason": "AIT_SUSPECTED"}} if suspected else {}
    return {
        "protectConfiguration": {
            "protectConfigurationId": protection["configuration"],
            "protectStatus": "BLOCK" if status == "PROTECT_BLOCKED" else protection["status"],
        },
        "protectConfigurationAssessment": {**says, **insights},
    }


@lru_cache(maxsize=1024)
def milliseconds(timestamp: str) -> int:
    """Since 1970, of an event's timestamp."""
    return to_micros(datetime.fromisoformat(timestamp)) // 1000


def two_way_message(event: Mapping[str, Any]) -> dict[str, Any]:
    """What a text from a person is published as: the same members as AWS's (sms-voice user guide, two-way-sms)."""
    data = event["data"]
    return {
        "originationNumber": data["from"],
        "destinationNumber": data["to"],
        "messageKeyword": data["keyword"],
        "messageBody": data["body"],
        "inboundMessageId": data["inbound_id"],
        "previousPublishedMessageId": data["reply_to"],
    }
