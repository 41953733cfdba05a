"""Addresses: the wire's type of number, numbering plan and octets, to our one form and back.

Ours: E.164 with ``+``; a short code's digits; an alphanumeric sender's letters.
Types of number and numbering plans: SMPP 3.4 sections 5.2.5 and 5.2.6.
"""

from __future__ import annotations

import re
from typing import Final

_INTERNATIONAL: Final = 1
_ALPHANUMERIC: Final = 5
_AS_THEY_ARE: Final = frozenset({2, 3, 4, _ALPHANUMERIC, 6})  # national, network specific, subscriber, abbreviated

_E164: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,20}", re.ASCII)
_LIKE_INTERNATIONAL: Final = re.compile(r"[1-9]\d{7,14}", re.ASCII)  # ITU-T E.164: 15 digits at most
_LONGEST_NUMBER: Final = 20  # SMPP 3.4 section 5.2.8
_SHORTEST_WITH_COUNTRY: Final = 7  # what is shorter and says "international" is a short code
_LONGEST_ALPHANUMERIC: Final = 11  # 3GPP TS 23.040 section 9.1.2.5


def address(ton: int, raw: bytes) -> str:
    """An address off the wire in our form.

    E.164 with ``+`` when the type of number says international, or when that is unknown and the digits look
    international (8 to 15, no leading zero; a leading ``+`` or ``00`` says it too). Everything else stays as it is: a
    national number needs a home country to become E.164, and a type of number out of the table counts as unknown. The
    form does not depend on the numbering plan.
    """
    text = raw.decode("latin-1").strip(" \0")
    # "+" and digits is our form already. Of the characters of Latin-1 only 0 to 9 are decimal.
    if ton in _AS_THEY_ARE or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        return text
    bare = text.removeprefix("00")
    if ton == _INTERNATIONAL:
        return f"+{bare}" if len(bare) >= _SHORTEST_WITH_COUNTRY else text
    return f"+{bare}" if _LIKE_INTERNATIONAL.fullmatch(bare) else text


def outbound_address(number: str, short_code_ton_npi: tuple[int, int] = (3, 0)) -> tuple[int, int, bytes]:
    """Our form for the wire: type of number, numbering plan, octets.

    Args:
        number: ``+`` and E.164 digits, the digits of a short code, or up to 11 ASCII characters of a sender's name.
        short_code_ton_npi: What the carrier wants with short codes: (3, 0), (6, 0), (0, 1) or (0, 0).

    Raises:
        ValueError: It is none of them. Nothing is ever cut: a shorter number is another person's.
    """
    if _E164.fullmatch(number):
        return _INTERNATIONAL, 1, number[1:].encode()
    if number.startswith("+"):
        raise ValueError("address: + must be followed by 7 to 15 digits, the country code first")
    if _DIGITS.fullmatch(number):
        return *short_code_ton_npi, number.encode()
    if not 1 <= len(number) <= _LONGEST_ALPHANUMERIC or not number.isascii() or not number.isprintable():
        raise ValueError("address: a sender's name has 1 to 11 ASCII characters")
    return _ALPHANUMERIC, 0, number.encode()
