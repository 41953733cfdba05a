"""What is known of a person's number without asking its network: country, type, time zone, and who gave it out.

From ``phonenumbers``' metadata: the carrier is the one that the range was given to, before anybody took the number
elsewhere, and there are neither MCC nor MNC. The place of a landline is not told: its metadata would take 100 MB of
memory in every process, for numbers that take no texts.
"""

from __future__ import annotations

from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, carrier, timezone

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
    national: str = ""  # without the calling code: "7400123456"
    time_zone: str = ""  # "Europe/Paris"; "" where the number may be in several


def look_up(written: str, *, cleanse: bool, country: str = "") -> Lookup:
    """A number, with any punctuation.

    Args:
        written: "+44 (0)7400 123456".
        cleanse: take what is written by its country's rules, such as the zero above, which is not dialled.
        country: ISO 3166 alpha-2; what has no plus is read as it is dialled there. "" takes all as international.
    """
    digits = "".join(filter(str.isdigit, written))
    plain = f"+{digits}"
    try:
        number = phonenumbers.parse(digits, country) if country and "+" not in written else phonenumbers.parse(plain)
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
        phonenumbers.national_significant_number(number),
        _time_zone(number),
    )


def _time_zone(number: phonenumbers.PhoneNumber) -> str:
    zones = timezone.time_zones_for_number(number)
    return zones[0] if len(zones) == 1 and zones[0] != timezone.UNKNOWN_TIMEZONE else ""
