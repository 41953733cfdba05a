"""What is known of a person's number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.v1.errors import bad_request
from gateway.errors import Invalid
from gateway.resources import checks
from gateway.resources.carrier_lookup import look_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call

# PhoneTypeCode of each PhoneType (model: NumberValidateResponse). PREPAID, 5, is for networks to know.
_CODES = {"MOBILE": 0, "LANDLINE": 1, "VOIP": 2, "INVALID": 3, "OTHER": 4}


async def phone_number_validate(call: Call) -> Mapping[str, Any]:
    given = call.input["NumberValidateRequest"]
    if not (written := given.get("PhoneNumber")):
        raise bad_request("PhoneNumber: Is missing.")
    found = look_up(written, cleanse=True, country=_country(given.get("IsoCountryCode", "")))
    answer = {
        "OriginalPhoneNumber": written,
        "OriginalCountryCodeIso2": given.get("IsoCountryCode"),
        "PhoneType": found.number_type,
        "PhoneTypeCode": _CODES[found.number_type],
    }
    if found.number_type != "INVALID":
        answer |= {
            "CleansedPhoneNumberE164": found.e164,
            "CleansedPhoneNumberNational": found.national,
            "Carrier": found.carrier or None,
            "Country": found.country_name or None,
            "CountryCodeIso2": found.country or None,
            "CountryCodeNumeric": found.calling_code,
            "Timezone": found.time_zone or None,
        }
    return {"NumberValidateResponse": answer}


def _country(written: str) -> str:
    """Raises AwsError (BadRequestException) for what is no country's code."""
    try:
        return checks.country(written, "IsoCountryCode")
    except Invalid as error:
        raise bad_request(f"{error.detail} {error.remedy}") from error
