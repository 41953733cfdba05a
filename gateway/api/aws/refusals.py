"""Why a message was not taken, in AWS's words: the Reason that clients branch on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.errors import AwsError, conflict, invalid, quota, throttled
from gateway.api.aws.originations import unknown
from gateway.routing import NoChoice

if TYPE_CHECKING:
    from gateway.errors import GatewayError
    from gateway.outbound.request import Accepted

# Code of the verdict that refused -> Reason and ResourceType of the ConflictException.
_CONFLICTS = {
    "destination_opted_out": ("DESTINATION_PHONE_NUMBER_OPTED_OUT", "opted-out-number"),
    "destination_not_verified": ("DESTINATION_PHONE_NUMBER_NOT_VERIFIED", "verified-destination-number"),
}

# Code of the verdict of a protect configuration -> Reason of the ConflictException, which names the configuration.
_PROTECTED = {
    "country_blocked": "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION",
    "number_blocked": "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
}
# AWS takes what a protect configuration filters, and blocks it by an event
# (https://docs.aws.amazon.com/sms-voice/latest/userguide/protect-configuration.html).
TOLD_BY_EVENT = frozenset({"inflated_traffic_filtered"})

# Code of the verdict -> Reason of the ValidationException and the field.
_INVALIDS = {
    "country_not_enabled": ("DESTINATION_COUNTRY_BLOCKED", "DestinationPhoneNumber"),
    "price_over_max_price": ("PRICE_OVER_THRESHOLD", "MaxPrice"),
}

# Code of what kept the named identity back -> Reason of the ConflictException.
_MISFITS = {"inactive": "RESOURCE_NOT_ACTIVE", "message_type": "MESSAGE_TYPE_MISMATCH"}


def of_refusal(accepted: Accepted) -> AwsError:
    """The error for a message that a rule refused. A rule that AWS has no word for is told by our own sentence."""
    verdict = accepted.refusal or {}
    code, reason = verdict["code"], verdict["reason"]
    if code in _CONFLICTS:
        return conflict(*_CONFLICTS[code], accepted.to)
    if code in _PROTECTED:
        return conflict(_PROTECTED[code], "protect-configuration", accepted.decision["protection"]["configuration"])
    if code in _INVALIDS:
        return invalid(*_INVALIDS[code], reason)
    if code == "monthly_spend_limit_reached":
        return quota("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")
    if code == "sender_kind_not_allowed":
        by_name = accepted.decision["identity"]["kind"] == "SENDER_ID"
        told = "SENDER_ID_NOT_SUPPORTED" if by_name else "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY"
        return invalid(told, "OriginationIdentity", reason)
    return throttled() if code == "recipient_rate_exceeded" else invalid("OTHER", "Request", reason)


def of_send_error(error: GatewayError, origination: str) -> AwsError | GatewayError:
    """The error for a message that nothing can be decided about; what is not of sending comes back as it is."""
    if error.code == "unknown_origination_identity":
        return unknown(origination)
    if not isinstance(error, NoChoice):
        return error
    if error.of_named and (reason := _MISFITS.get(error.passed_over[0].code)):
        return conflict(reason, *_resource(error))
    return conflict("NO_ORIGINATION_IDENTITIES_FOUND")


def _resource(error: NoChoice) -> tuple[str, str]:
    one = error.passed_over[0]
    return ("sender-id", one.sender) if one.identity_id.startswith("sender-") else ("phone-number", one.identity_id)
