"""One-time codes, sent and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.v1.errors import bad_request
from gateway.api.aws.v1.results import response
from gateway.errors import Conflict, NotFound, TooMany
from gateway.events.destinations import set_of_application
from gateway.outbound.one_time_codes import LANGUAGE, Wanted, send_code
from gateway.outbound.request import SendRequest
from gateway.resources import checks, one_time_codes
from gateway.resources.one_time_codes import Key, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.errors import GatewayError
    from gateway.outbound.request import Accepted

_LONGEST_ID = 64  # of what India's DLT gives: pinpoint-sms-voice-v2 model, DestinationCountryParameterValue
# Member of the input -> the name of the country's parameter, and how an error names it.
_OF_INDIA = {"EntityId": ("IN_ENTITY_ID", "entity_id"), "TemplateId": ("IN_TEMPLATE_ID", "template_id")}


async def send_otp_message(call: Call) -> Mapping[str, Any]:
    given = call.input["SendOTPMessageRequestParameters"]
    if given["Channel"] != "SMS":
        raise bad_request("Channel: Must be SMS.")
    key = _key(call, given)
    default = Terms()
    terms = Terms(
        given.get("CodeLength", default.code_length),
        given.get("ValidityPeriod", default.validity_period),
        given.get("AllowedAttempts", default.allowed_attempts),
    )
    wanted = Wanted(key, given["BrandName"], terms, given.get("Language", LANGUAGE))
    outcome = await _send(call, wanted, given)
    return {"MessageResponse": response(call, {given["DestinationIdentity"]: outcome})}


async def verify_otp_message(call: Call) -> Mapping[str, Any]:
    given = call.input["VerifyOTPMessageRequestParameters"]
    valid = await one_time_codes.verify(call.desk, _key(call, given), given["Otp"], call.now())
    return {"VerificationResponse": {"Valid": valid}}


async def _send(call: Call, wanted: Wanted, given: Mapping[str, Any]) -> Accepted | GatewayError:
    """What came of the text; an error that is about the send, not about the input, is one of its outcomes."""
    asked = SendRequest(
        account_id=call.account_id,
        to="",
        body="",
        origination=given["OriginationIdentity"],
        configuration_set=set_of_application(wanted.key.application_id),
        country_parameters={
            name: checks.line(given[member], field, _LONGEST_ID)
            for member, (name, field) in _OF_INDIA.items()
            if member in given
        },
        key_id=call.key_id,
    )
    try:
        return await send_code(call.desk, call.services.outbound, wanted, asked, call.now())
    except (Conflict, NotFound, TooMany) as error:
        return error


def _key(call: Call, given: Mapping[str, Any]) -> Key:
    return Key.of(call.account_id, call.input["ApplicationId"], given["DestinationIdentity"], given["ReferenceId"])
