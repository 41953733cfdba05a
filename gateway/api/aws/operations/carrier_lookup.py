"""What is known of a person's number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.errors import invalid
from gateway.resources.carrier_lookup import look_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call

_SHORTEST, _LONGEST = 3, 20  # characters of E164PhoneNumber, in the model


async def carrier_lookup(call: Call) -> Mapping[str, Any]:
    written, cleanse = call.input["PhoneNumber"], call.input.get("EnableCleansing", False)
    found = look_up(written, cleanse=cleanse)
    if not _SHORTEST <= len(found.e164) <= _LONGEST:
        raise invalid("INVALID_PARAMETER", "PhoneNumber", "Has more or fewer digits than any number.")
    return {
        "E164PhoneNumber": found.e164,
        "PhoneNumberType": found.number_type,
        "DialingCountryCode": found.calling_code or None,
        "IsoCountryCode": found.country or None,
        "Country": found.country_name or None,
        "Carrier": found.carrier or None,
        "OriginalPhoneNumber": written if cleanse and written != found.e164 else None,
    }
