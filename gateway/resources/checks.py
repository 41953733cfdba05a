"""Checks of single fields. Each gives the value back as it is kept, or raises Invalid naming the field."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

import phonenumbers

from gateway.errors import Invalid
from gateway.model import Capability
from gateway.store.times import to_millionths

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_PER_PAGE = 1000
_LINE_BREAKS = frozenset("\n\r\t")
_HIGHEST_PRICE = Decimal(1000)
_ARN = re.compile(r"arn:[!-~]{16,2044}")
_CONNECT = re.compile(r"connect\.[a-z0-9-]{1,40}\.amazonaws\.com")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SLUG = re.compile(r"[a-z0-9-]{1,40}")


def is_storable(value: str) -> bool:
    """Whether a database can hold it: PostgreSQL takes no NUL, and UTF-8 has no lone surrogates."""
    return _UNSTORABLE.search(value) is None


def line(value: str, field: str, longest: int, *, required: bool = True) -> str:
    """One line of text without control characters, its outer spaces cut off."""
    cleaned = value.strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in cleaned):
        raise Invalid("bad_characters", f"{field} has control characters in it.", field=field, remedy="Remove them.")
    return _sized(cleaned, field, longest, required=required)


def prose(value: str, field: str, longest: int, *, required: bool = False) -> str:
    """Text of any number of lines."""
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in _LINE_BREAKS:
            raise Invalid(
                "bad_characters", f"{field} has control characters in it.", field=field, remedy="Remove them."
            )
    return _sized(value, field, longest, required=required)


def _sized(value: str, field: str, longest: int, *, required: bool) -> str:
    if required and not value.strip():
        raise Invalid("missing", f"{field} is empty.", field=field, remedy=f"Give 1 to {longest} characters.")
    if len(value) > longest:
        raise Invalid(
            "too_long", f"{field} has {len(value)} characters.", field=field, remedy=f"Give {longest} at most."
        )
    return value


def one_of(value: str, allowed: Iterable[str], field: str) -> str:
    known = sorted(allowed)
    if value not in known:
        raise Invalid("unknown_value", f"{field} has an unknown value.", field=field, remedy=f"Use {_listing(known)}.")
    return value


def _listing(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def whole_number(value: int, field: str, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest:
        raise Invalid(
            "out_of_range",
            f"{field} is {value}.",
            field=field,
            remedy=f"Give a whole number from {lowest} to {highest}.",
        )
    return value


def rate(value: float | None, field: str = "rate") -> int | None:
    """Parts a second; None is no limit."""
    if value is None:
        return None
    if value != int(value):
        raise Invalid("not_whole", f"{field} is not a whole number.", field=field, remedy="Give parts a second.")
    return whole_number(int(value), field, 1, 10_000)


def country(value: str, field: str = "country", *, required: bool = False) -> str:
    """An ISO 3166 alpha-2 code in upper case, of a country that has phone numbers; or nothing."""
    code = value.strip().upper()
    if not code and not required:
        return ""
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise Invalid(
            "unknown_country",
            f"{field} is not the ISO 3166 code of a country.",
            field=field,
            remedy="Write its two letters, such as US or FR.",
        )
    return code


def slug(value: str, field: str) -> str:
    """An id that the operator gives: it stands in addresses, logs and metrics."""
    if not _SLUG.fullmatch(value):
        raise Invalid(
            "bad_id",
            f"{field} is not 1 to 40 of a-z, 0-9 and hyphens.",
            field=field,
            remedy="Choose such an id.",
        )
    return value


def price(value: Decimal, field: str) -> int:
    """An amount of US$, in millionths as the store keeps it."""
    if not value.is_finite() or not 0 <= value <= _HIGHEST_PRICE:
        raise Invalid("out_of_range", f"{field} is not an amount from 0 to {_HIGHEST_PRICE}.", field=field)
    return to_millionths(value)


def capabilities(values: Iterable[str], field: str = "capabilities") -> str:
    """What a number can be used for, one at least; as the store keeps it, separated by spaces."""
    wanted = {one_of(value, Capability, field) for value in values}
    if not wanted:
        raise Invalid("missing", f"{field} is empty.", field=field, remedy="Give one at least, such as SMS.")
    return " ".join(one for one in Capability if one in wanted)


def channel(value: str, field: str = "two_way_channel") -> str:
    """Where texts are published to: the ARN of a topic, Amazon Connect's host, or nothing.

    (https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms.html)
    """
    return value if _CONNECT.fullmatch(value) else arn(value, field)


def arn(value: str, field: str) -> str:
    """An Amazon Resource Name, or nothing."""
    if value and not _ARN.fullmatch(value):
        raise Invalid("bad_arn", f"{field} is no ARN.", field=field, remedy="Write it as arn:aws:SERVICE:…")
    return value


def length(value: str, field: str, shortest: int, longest: int) -> None:
    """Raises Invalid for a text that is too short or too long; never repeats it."""
    if not shortest <= len(value) <= longest:
        raise Invalid(
            "bad_length", f"{field} has {len(value)} characters.", field=field, remedy=f"Give {shortest} to {longest}."
        )
