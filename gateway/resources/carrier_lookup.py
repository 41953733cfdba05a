"""What is known of a person's number without asking its network: country, type, and who gave it out.

From ``phonenumbers``' metadata: the carrier is the one that the range was given to, before anybody took the number
elsewhere, and there are neither MCC nor MNC.
"""

from __future__ import annotations

from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, carrier

from compliance.countries import countries

# The North American plan does not tell mobile from landline: such a number may have a phone that takes texts.
_TYPES = {
    PhoneNumberType.MOBILE: "MOBILE",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "MOBILE",
    PhoneNumberType.FIXED_LINE: "LANDLINE",
    PhoneNumberType.VOIP: "VOIP",
    PhoneNumberType.UNKNOWN: "INVALID",
}


class Lookup(NamedTuple):
    e164: str
    number_type: str  # MOBILE, LANDLINE, VOIP, OTHER, INVALID
    calling_code: str = ""  # "44"
    country: str = ""  # ISO 3166 alpha-2; "" for a number of no country
    country_name: str = ""
    carrier: str = ""  # "" where the metadata names none


def look_up(written: str, *, cleanse: bool) -> Lookup:
    """A number in the international form, with any punctuation.

    Args:
        written: "+44 (0)7400 123456".
        cleanse: take what is written by its country's rules, such as the zero above, which is not dialled.
    """
    plain = "+" + "".join(filter(str.isdigit, written))
    try:
        number = phonenumbers.parse(plain, None)
    except NumberParseException:
        return Lookup(plain, "INVALID")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN or (e164 != plain and not cleanse):
        return Lookup(plain, "INVALID")
    region = phonenumbers.region_code_for_number(number) or ""
    country = region if region.isalpha() else ""
    rules = countries().get(country)
    return Lookup(
        e164,
        _TYPES.get(kind, "OTHER"),
        str(number.country_code),
        country,
        rules.name if rules else "",
        carrier.name_for_number(number, "en"),
    )
