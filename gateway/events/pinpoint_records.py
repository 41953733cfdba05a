"""What happens to messages of an application, in the records of Pinpoint's event stream. Pure.

Field by field as documented: attributes are strings, times whole milliseconds, the price thousandths of a cent
(https://docs.aws.amazon.com/pinpoint/latest/developerguide/event-streams-data-sms.html).

Rule 1: what is not final is ``_SMS.BUFFERED``; a message has one ``_SMS.SUCCESS`` or ``_SMS.FAILURE`` when its status
is final, by the same rules as gateway.events.aws_records.
Rule 2: what a rule refused at the call has a record too: ``SendMessages`` answers the call itself with 200.
Rule 3: ``_SMS.OPTOUT`` is of a message that the person answered with STOP or the like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.events.aws_records import is_final, milliseconds, status_of
from gateway.events.record import EventType
from gateway.model import account_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.events.aws_records import Sent

VERSION = "3.1"
_SUCCESSES = frozenset({"SUCCESSFUL", "DELIVERED"})
_MILLIONTHS_PER_MILLICENT = 10

# Code of the verdict that refused -> record_status.
_OF_REFUSAL: Mapping[str, str] = {
    "destination_opted_out": "OPTED_OUT",
    "monthly_spend_limit_reached": "NO_QUOTA_LEFT_ON_ACCOUNT",
}


class Text(NamedTuple):
    """What a record tells of its message beyond ``Sent``."""

    id: str
    application_id: str
    account_id: str
    to: str
    sender: str
    parts: int
    message_type: str
    context: str  # JSON of what the app gave with it


def stream_record(event: Mapping[str, Any], text: Text, sent: Sent, *, receipts: bool = True) -> dict[str, Any] | None:
    """The record of one event of a message, or of a text that answers one; None when there is none.

    Args:
        event: as the log has it: type, timestamp and data.
        text: the message.
        sent: more of it.
        receipts: whether the carrier that took the message sends receipts.
    """
    kind, status = _judge(event, sent, receipts=receipts)
    if not kind:
        return None
    at, number = milliseconds(event["timestamp"]), account_number(text.account_id)
    refused = event["type"] == EventType.MESSAGE_REFUSED  # it never left
    price = 0.0 if refused else sent.price / _MILLIONTHS_PER_MILLICENT
    return {
        "event_type": f"_SMS.{kind}",
        "event_timestamp": at,
        "arrival_timestamp": at,
        "event_version": VERSION,
        "application": {"app_id": text.application_id, "sdk": {}},
        "client": {"client_id": number},
        "device": {"platform": {}},
        "session": {},
        "attributes": _attributes(text, sent, status),
        "metrics": {} if kind == "BUFFERED" else {"price_in_millicents_usd": price},
        "awsAccountId": number,
    }


def message_of(event: Mapping[str, Any]) -> str:
    """The id of the message that an event tells of: for a text from a person, of the one that it answers."""
    data = event["data"]
    return str(data["reply_to"] if event["type"] == EventType.INBOUND_RECEIVED else data["message_id"])


def _judge(event: Mapping[str, Any], sent: Sent, *, receipts: bool) -> tuple[str, str]:
    """What comes behind "_SMS.", and the record_status; "" twice when there is no record."""
    data = event["data"]
    if event["type"] == EventType.INBOUND_RECEIVED:
        return ("OPTOUT", "DELIVERED") if data["meaning"] == "OPT_OUT" else ("", "")
    if event["type"] == EventType.MESSAGE_REFUSED:
        return "FAILURE", _OF_REFUSAL.get(data["reason_code"], "BLOCKED")
    status = status_of(event, receipts=receipts)
    if not status:
        return "", ""
    if not is_final(status, data, sent, receipts=receipts):
        return "BUFFERED", status if status in _SUCCESSES else "PENDING"
    return "SUCCESS" if status in _SUCCESSES else "FAILURE", status


def _attributes(text: Text, sent: Sent, status: str) -> dict[str, str]:
    """Those of a campaign are left out: nothing here is sent by one."""
    return {
        "sender_request_id": text.id,  # each message is a request of its own
        "origination_phone_number": text.sender,
        "destination_phone_number": text.to,
        "record_status": status,
        "iso_country_code": sent.country,
        "treatment_id": "0",
        "number_of_message_parts": str(text.parts),
        "message_id": text.id,
        "message_type": text.message_type.capitalize(),
        **({"customer_context": text.context} if text.context != "{}" else {}),
    }
