"""What became of a text to one person, as ``pinpoint`` tells it: a status, a code, a sentence and the message's id.

The sentence is never missing: clients search it, and some fail without one. That of an opted-out number is "+1… is
opted out", the one of a text that was taken "MessageId: …" (model: MessageResult; Pinpoint developer guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.refusals import TOLD_BY_EVENT
from gateway.errors import GatewayError, TooMany

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.outbound.request import Accepted

# Code of the verdict that refused, or of the error -> DeliveryStatus and StatusCode; else it is a permanent failure.
_TOLD = {
    "destination_opted_out": ("OPT_OUT", 400),
    "recipient_rate_exceeded": ("THROTTLED", 429),
    "duplicate_address": ("DUPLICATE", 400),
}
_FAILURE = ("PERMANENT_FAILURE", 400)
_OURS = 500  # statuses from here on tell of a fault of the server


def response(call: Call, outcomes: Mapping[str, Accepted | GatewayError]) -> dict[str, Any]:
    """The MessageResponse that tells the outcome of each address."""
    return {
        "ApplicationId": call.input["ApplicationId"],
        "RequestId": call.request_id,
        "Result": {address: result_of(outcome) for address, outcome in outcomes.items()},
    }


def result_of(outcome: Accepted | GatewayError) -> dict[str, Any]:
    """The MessageResult of one text. What a protect configuration filters counts as taken: an event tells of it."""
    if isinstance(outcome, GatewayError):
        return _of_error(outcome)
    refusal = outcome.refusal
    if not refusal or refusal["code"] in TOLD_BY_EVENT:
        return _result("SUCCESSFUL", 200, f"MessageId: {outcome.message_id}", outcome.message_id)
    opted_out = refusal["code"] == "destination_opted_out"
    sentence = f"{outcome.to} is opted out" if opted_out else refusal["reason"]
    return _result(*_TOLD.get(refusal["code"], _FAILURE), sentence, outcome.message_id)


def _of_error(error: GatewayError) -> dict[str, Any]:
    sentence = f"{error.detail} {error.remedy}".strip()
    if isinstance(error, TooMany):
        return _result("THROTTLED", 429, sentence)
    if error.status >= _OURS:
        return _result("TEMPORARY_FAILURE", error.status, sentence)
    return _result(*_TOLD.get(error.code, _FAILURE), sentence)


def _result(status: str, code: int, sentence: str, message_id: str = "") -> dict[str, Any]:
    return {
        "DeliveryStatus": status,
        "StatusCode": code,
        "StatusMessage": sentence,
        "MessageId": message_id or None,
    }
