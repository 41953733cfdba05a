"""Phone numbers as people and programs write them, and as we keep them: E.164 with a leading plus.

Rule 1: what an app sends to is written in the international form, in ASCII. Nothing is guessed: a number without its
country code is refused, because the guess would text a stranger.
Rule 2: a destination must be a number that its country has given out (``phonenumbers``' metadata), except those in
``_UNLISTED``.
Rule 3: an error says what is wrong and what to write instead; it never repeats the number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from gateway.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SenderForm: TypeAlias = Literal["phone", "short_code", "sender_id"]

# E.164 has 15 digits at most (ITU-T E.164 section 6.1); twice that and a little leaves room for any punctuation, and
# keeps what the cache below holds small.
_LONGEST = 40
_LONGEST_TYPED = 80  # what a person may paste into a search box
_MOST_DIGITS = 15
_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}")
_INTERNATIONAL = re.compile(r"[ (]*\+[0-9 ().\-]*")
_EXAMPLE = "Write the number in the international form, as +14255550100."

# AWS's simulator numbers of Norway are in a range that Norway has not given out, so phonenumbers does not know them;
# the 48 others pass. https://docs.aws.amazon.com/sms-voice/latest/userguide/test-phone-numbers.html
_UNLISTED = {"+4759449384": "NO", "+4759449387": "NO"}

# What ``number_type`` asks about.
_TYPES = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail", "fixed_line",
    "mobile",
)  # fmt: skip
_NOTHING = "(?!)"

_KINDS = {value: name.lower() for name, value in vars(PhoneNumberType).items() if name.isupper()}

# The GSM 7-bit default alphabet without its line breaks and escape (3GPP TS 23.038 section 6.2.1). An alphanumeric
# originating address holds 11 such characters (3GPP TS 23.040 section 9.1.2.5).
_GSM_CHARACTERS = frozenset(
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_LONGEST_SENDER_ID = 11
_SHORT_CODE = re.compile(r"[0-9]{3,8}")


class Destination(NamedTuple):
    """A number that a text can go to.

    Attributes:
        e164: "+14255550100".
        country: ISO 3166 alpha-2, or "" for a number of no country (+800, +881).
    """

    e164: str
    country: str

    @property
    def kind(self) -> str:
        """The type as phonenumbers names it, in lower case: "mobile", "fixed_line", "toll_free", ...

        "unknown" for the simulator numbers in ``_UNLISTED``.
        """
        return _KINDS[phonenumbers.number_type(phonenumbers.parse(self.e164, None))]


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a text is not a destination."""

    code: str
    detail: str
    remedy: str = _EXAMPLE


_MISSING = _Fault("number_missing", "The number is empty.")
_LETTERS = _Fault("number_has_letters", "The number has letters in it.", "Write digits only, as +14255550100.")
_NO_COUNTRY_CODE = _Fault(
    "number_without_country_code",
    "The number has no country code: it does not begin with +.",
    "Put + and the country code in front, as +14255550100; leave out 00, 011 and other dialling prefixes.",
)
_STRAY_PLUS = _Fault("number_has_other_characters", "The number has a plus sign elsewhere than in front.")
_UNKNOWN_CODE = _Fault("unknown_country_code", "No country has the code that the number begins with.")
_TOO_LONG = _Fault("number_too_long", f"The number is too long: {_MOST_DIGITS} digits are the most there can be.")
_TOO_SHORT = _Fault("number_too_short", "The number is too short.")

_PARSE_FAULTS = {
    NumberParseException.INVALID_COUNTRY_CODE: _UNKNOWN_CODE,
    NumberParseException.TOO_LONG: _TOO_LONG,
}


def parse_destination(raw: str, field: str = "to") -> Destination:
    """The number a text goes to. Spaces, hyphens, dots and round brackets are passed over.

    Args:
        raw: the international form, in ASCII: "+1 (425) 555-0100".
        field: the path of the field it came from, for the error.

    Raises:
        Invalid: ``number_missing``, ``number_has_letters``, ``number_has_other_characters``,
            ``number_without_country_code``, ``unknown_country_code``, ``number_too_short``, ``number_too_long``,
            ``number_wrong_length`` or ``number_not_in_use``.
    """
    found = _read(raw) if len(raw) <= _LONGEST else _TOO_LONG
    if isinstance(found, Destination):
        return found
    raise Invalid(found.code, found.detail, field=field, remedy=found.remedy)


# Apps write to the same people again. At 400 octets an entry the cache holds at most 7 MB.
@lru_cache(maxsize=16_384)
def _read(raw: str) -> Destination | _Fault:
    if found := _read_plain(raw):
        return found
    if not _INTERNATIONAL.fullmatch(raw):
        return _misspelt(raw)
    if sum(map(str.isdigit, raw)) > _MOST_DIGITS + 1:  # one more for a trunk zero: +44 (0)20 ...
        return _TOO_LONG
    try:
        number = phonenumbers.parse(raw, None)
    except NumberParseException as error:
        return _PARSE_FAULTS.get(error.error_type, _TOO_SHORT)
    return _check(number)


def _read_plain(raw: str) -> Destination | None:
    """The short way for most: E.164 without punctuation, of a number that its country has given out.

    It asks phonenumbers' own patterns what phonenumbers would ask them, in the same order, each joined into one and
    compiled once: 2 us instead of 40. What may begin with a dialling prefix, or is wrong, goes the long way (None).
    """
    if not _PLAIN.fullmatch(raw) or (plan := _plan(raw[1:4])) is None:
        return None
    national = raw[plan.begins :]
    if plan.trunk is not None and plan.trunk.match(national):
        return None
    for country in plan.countries:
        if country.leading is None:
            if country.has(national):
                return Destination(raw, country.code)
        elif country.leading.match(national):
            return Destination(raw, country.code) if country.has(national) else None
    return None


class _Country:
    """The numbers that one of the countries of a calling code has given out."""

    def __init__(self, code: str) -> None:
        metadata = _metadata(code)
        self.code = code
        # Numbers that begin so are this country's, whatever the patterns of those behind it say.
        self.leading = re.compile(metadata.leading_digits) if metadata.leading_digits is not None else None
        general = metadata.general_desc
        self._all = (general and general.national_number_pattern) or _NOTHING
        described = [getattr(metadata, name) for name in _TYPES]
        self._types = [one for one in described if one is not None and one.national_number_pattern]
        self._of_length: dict[int, re.Pattern[str]] = {}

    def has(self, national: str) -> bool:
        length = len(national)
        if length not in self._of_length:
            self._of_length[length] = self._joined(length)
        return self._of_length[length].fullmatch(national) is not None

    def _joined(self, length: int) -> re.Pattern[str]:
        """The patterns of all types of numbers that may be so long, as one. No lengths given means any."""
        types = [one for one in self._types if not one.possible_length or length in one.possible_length]
        patterns = "|".join(one.national_number_pattern for one in types) or _NOTHING
        return re.compile(f"(?=(?:{self._all})$)(?:{patterns})")


def _metadata(code: str) -> phonenumbers.PhoneMetadata:
    """What phonenumbers knows of a country; it knows all that it names itself."""
    found = phonenumbers.PhoneMetadata.metadata_for_region(code)
    if found is None:
        raise LookupError(code)
    return found


class _Plan(NamedTuple):
    """The numbering plan of a calling code."""

    begins: int  # where the national number does
    trunk: re.Pattern[str] | None  # what phonenumbers may strip in front of it
    countries: tuple[_Country, ...]  # in the order in which phonenumbers asks them


@lru_cache(maxsize=1000)
def _plan(three: str) -> _Plan | None:
    """The plan of the calling code that three digits begin with. No code is the beginning of another (E.164)."""
    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(three[:length]), ())
        if regions and regions[0].isalpha():  # "001" is phonenumbers' name for no country
            trunk = _metadata(regions[0]).national_prefix_for_parsing
            return _Plan(1 + length, re.compile(trunk) if trunk else None, tuple(map(_Country, regions)))
    return None


def _check(number: phonenumbers.PhoneNumber) -> Destination | _Fault:
    """``number_type`` is UNKNOWN exactly when ``is_valid_number`` is false."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if phonenumbers.number_type(number) != PhoneNumberType.UNKNOWN:
        return Destination(e164, _country(number))
    if country := _UNLISTED.get(e164):
        return Destination(e164, country)
    return _implausible(number)


def _country(number: phonenumbers.PhoneNumber) -> str:
    region = phonenumbers.region_code_for_number(number)
    return region if region and region.isalpha() else ""  # "001" is phonenumbers' name for no country


def _misspelt(raw: str) -> _Fault:
    """What is wrong with a text that is not even written like a number."""
    if not raw.strip(" "):
        return _MISSING
    if any(character.isalpha() for character in raw):
        return _LETTERS
    for position, character in enumerate(raw, start=1):
        if character not in "+0123456789 ().-":
            return _Fault(
                "number_has_other_characters",
                f"The number has a character that does not belong: U+{ord(character):04X} at position {position}.",
                "Use only + 0-9, spaces, hyphens, dots and round brackets.",
            )
    return _NO_COUNTRY_CODE if "+" not in raw else _STRAY_PLUS


def _implausible(number: phonenumbers.PhoneNumber) -> _Fault:
    """What is wrong with a number that is written well, but that nobody can have."""
    code = f"+{number.country_code}"
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.TOO_LONG:
            return _Fault("number_too_long", f"The number is too long for country code {code}.")
        case ValidationResult.TOO_SHORT:
            return _Fault("number_too_short", f"The number is too short for country code {code}.")
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return _Fault("number_too_short", f"The number lacks its area code after country code {code}.")
        case ValidationResult.INVALID_LENGTH:
            return _Fault("number_wrong_length", f"No number under country code {code} has this many digits.")
        case _:
            return _Fault(
                "number_not_in_use",
                f"No country with code {code} has given out a number like this one.",
                "Check the digits after the country code.",
            )


def parse_sender(raw: str, field: str = "sender") -> tuple[str, SenderForm]:
    """What a text leaves from, and which form it has.

    "+1 425 555 0100" is a phone number and comes back in E.164 (any that is possible: an operator may own a range
    newer than our metadata); 3 to 8 digits are a short code; 1 to 11 GSM characters with a letter are a sender ID.

    Raises:
        Invalid: ``sender_missing``, ``sender_not_a_number``, ``sender_wrong_length``, ``sender_without_letter`` or
            ``sender_has_other_characters``.
    """
    text = raw.strip(" ")
    if not text:
        raise Invalid("sender_missing", "The sender is empty.", field=field, remedy=_SENDER_FORMS)
    if text.startswith("+"):
        return _phone_sender(text, field), "phone"
    if _SHORT_CODE.fullmatch(text):
        return text, "short_code"
    if fault := _sender_id_fault(text):
        raise Invalid(fault.code, fault.detail, field=field, remedy=fault.remedy)
    return text, "sender_id"


_SENDER_FORMS = "Write a phone number as +14255550100, a short code as 12345, or a sender ID as ACME."


def _phone_sender(text: str, field: str) -> str:
    if len(text) <= _LONGEST and _INTERNATIONAL.fullmatch(text) and (number := _possible(text)):
        return number
    raise Invalid("sender_not_a_number", "The sender is not a phone number.", field=field, remedy=_SENDER_FORMS)


def _sender_id_fault(text: str) -> _Fault | None:
    if len(text) > _LONGEST_SENDER_ID:
        return _Fault("sender_wrong_length", f"A sender ID has {_LONGEST_SENDER_ID} characters at most.", _SENDER_FORMS)
    for position, character in enumerate(text, start=1):
        if character not in _GSM_CHARACTERS:
            where = f"U+{ord(character):04X} at position {position}"
            return _Fault("sender_has_other_characters", f"A sender ID cannot have {where}.", _SENDER_FORMS)
    if not any(character.isalpha() for character in text):
        return _Fault(
            "sender_without_letter",
            "A sender without + has 3 to 8 digits (a short code), or has a letter (a sender ID).",
            _SENDER_FORMS,
        )
    return None


def mask(number: str) -> str:
    """A number as logs show it, with its last two digits only: "+*********82"."""
    plus = "+" if number.startswith("+") else ""
    digits = number[len(plus) :]
    shown = digits[-2:] if len(digits) > len("82") else ""
    return f"{plus}{'*' * (len(digits) - len(shown))}{shown}"


def find(raw: str, region: str = "") -> str | None:
    """The number that a person means, in E.164, or None.

    For searching, where a wrong guess finds nothing and harms nobody: any punctuation, any script's digits, a dialling
    prefix, a missing plus. ``region`` is the ISO 3166 alpha-2 code of the country to assume for a national number.
    """
    if len(raw) > _LONGEST_TYPED:
        return None
    if "+" in raw or "\N{FULLWIDTH PLUS SIGN}" in raw:
        return _possible(raw)
    return next(filter(None, _guesses(raw, region.upper())), None)


def _guesses(raw: str, region: str) -> Iterator[str | None]:
    """National first, then with the dialling prefixes of most countries and of the US, then without its plus."""
    if region:
        yield _valid(raw, region)
    digits = "".join(str(int(character)) for character in raw if character.isdecimal())
    for prefix in ("00", "011", ""):
        if digits.startswith(prefix):
            yield _valid("+" + digits.removeprefix(prefix), None)


def _possible(text: str) -> str | None:
    return _parsed(text, None, phonenumbers.is_possible_number)


def _valid(text: str, region: str | None) -> str | None:
    return _parsed(text, region, phonenumbers.is_valid_number)


def _parsed(text: str, region: str | None, holds: Callable[[phonenumbers.PhoneNumber], bool]) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if holds(number) else None
