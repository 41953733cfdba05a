"""The GSM 7-bit alphabet, and how data_coding says which alphabet a text is in.

Rule 1. The default alphabet has 128 places, one septet each (3GPP TS 23.038 section 6.2.1). 0x1B is not a character: it
        says that the next septet is from the extension table (6.2.1.1); such a character costs two septets.
Rule 2. An escape before a place that the extension table leaves empty shows the default table's character; an escape
        that nothing follows, or that another follows, shows a space (6.2.1 note 1, 6.2.1.1).
Rule 3. data_coding 0 to 15 is SMPP's own list (SMPP 3.4 section 5.2.19). From 16 on it is read as the data coding
        scheme of 3GPP TS 23.038 section 4, which is what SMSCs pass through there.
Rule 4. Reading never fails. What cannot be read becomes U+FFFD, and the caller keeps the octets.

SMPP carries septets unpacked, one in the low seven bits of each octet.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, Literal, TypeAlias

DefaultAlphabet: TypeAlias = Literal["gsm7", "latin1", "ascii"]
"""What an SMSC takes data_coding 0 for: GSM 7-bit as the standard has it, or what its operator chose instead."""

ESCAPE: Final = "\x1b"

# 3GPP TS 23.038 section 6.2.1, sixteen places a row.
_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"  # 0x00
    f"Δ_ΦΓΛΩΠΨΣΘΞ{ESCAPE}ÆæßÉ"  # 0x10
    " !\"#¤%&'()*+,-./"  # 0x20
    "0123456789:;<=>?"  # 0x30
    "¡ABCDEFGHIJKLMNO"  # 0x40
    "PQRSTUVWXYZÄÖÑÜ§"  # 0x50
    "¿abcdefghijklmno"  # 0x60
    "pqrstuvwxyzäöñüà"  # 0x70
)

# 3GPP TS 23.038 section 6.2.1.1. 0x0A is the page break; 0x0D and 0x1B are reserved for controls, so they stay empty.
_EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

GSM7_CHARACTERS: Final = frozenset(_BASIC.replace(ESCAPE, "")) | frozenset(_EXTENSION.values())

_PLACES: Final = {ord(character): place for place, character in enumerate(_BASIC) if character != ESCAPE}
_ESCAPED_PLACES: Final = {ord(character): bytes((ord(ESCAPE), place)) for place, character in _EXTENSION.items()}
_SEPTETS: Final[dict[int, int | bytes]] = {**_PLACES, **_ESCAPED_PLACES}

# All but the Greek letters and the euro sign are in Latin-1, so one pass over octets encodes nearly every message.
_NO_SEPTET: Final = 0xFF
_FROM_LATIN1: Final = bytes(_PLACES.get(octet, _NO_SEPTET) for octet in range(256))

_ESCAPED: Final = re.compile(f"{ESCAPE}(.?)", re.DOTALL)
_UNESCAPED: Final = {**{_BASIC[place]: character for place, character in _EXTENSION.items()}, "": " ", ESCAPE: " "}


def encode_gsm7(text: str) -> bytes:
    """The septets of a text, one in each octet; an extension character takes two.

    Raises:
        UnicodeEncodeError: a character is not in the alphabet.
    """
    try:
        septets = text.encode("latin-1").translate(_FROM_LATIN1)
    except UnicodeEncodeError:
        return codecs.charmap_encode(text, "strict", _SEPTETS)[0]
    return septets if _NO_SEPTET not in septets else codecs.charmap_encode(text, "strict", _SEPTETS)[0]


def decode_gsm7(octets: bytes) -> str:
    """The text of unpacked septets. Octets above 0x7F, which are no septets, become U+FFFD each. Never raises."""
    text = codecs.charmap_decode(octets, "replace", _BASIC)[0]
    return _ESCAPED.sub(_unescape, text) if ESCAPE in text else text


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match[1], match[1])


# Python's codec for each value of SMPP's own list that names a character set; absent values are octets or reserved.
# JIS X 0208 (5) names a character set without an encoding; Shift JIS is its form on Japanese networks.
_SMPP_CODECS: Final = {
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x08: "utf-16-be",
    0x0A: "iso2022_jp",
    0x0E: "euc_kr",
}
_Reading: TypeAlias = Literal["default", "octets", "ucs2", "unknown"]
_BY_ALPHABET_BITS: Final[tuple[_Reading, ...]] = ("default", "octets", "ucs2", "unknown")
_SMPP_READINGS: Final[dict[int, _Reading]] = {0x00: "default", 0x02: "octets", 0x04: "octets"}


def decode(octets: bytes, data_coding: int, default_alphabet: DefaultAlphabet = "gsm7") -> str:
    """The text of user data without its header, as well as it can be read. Never raises.

    Args:
        octets: the user data of one message, or of all its parts joined.
        data_coding: as the carrier gave it; any number.
        default_alphabet: what this SMSC takes data_coding 0 for.
    """
    if data_coding in _SMPP_CODECS:
        return octets.decode(_SMPP_CODECS[data_coding], "replace")
    match _reading(data_coding):
        case "default":
            return _decode_default(octets, default_alphabet)
        case "octets":
            return _guess(octets)
        case "ucs2":
            return octets.decode("utf-16-be", "replace")
        case "unknown":
            # 3GPP TS 23.038 section 4: a reserved coding is assumed to be the default alphabet. Only septets can be.
            return _decode_default(octets, default_alphabet) if octets.isascii() else _guess(octets)


def _reading(data_coding: int) -> _Reading:
    """SMPP's own values first; from 16 on the high four bits name the group (3GPP TS 23.038 section 4)."""
    match data_coding >> 4:
        case 0:
            return _SMPP_READINGS.get(data_coding, "unknown")
        case 1 | 2 | 3 | 4 | 5 | 6 | 7:  # general, and marked for automatic deletion
            return _general_group(data_coding)
        case 0xC | 0xD:  # message waiting, discard or store
            return "default"
        case 0xE:  # message waiting, store, UCS2
            return "ucs2"
        case 0xF:  # message class
            return "octets" if data_coding & 0x04 else "default"
        case _:
            return "unknown"


def _general_group(data_coding: int) -> _Reading:
    """Groups 00xx and 01xx: bit 5 says compressed (3GPP TS 23.042, which nobody sends), bits 3 and 2 the alphabet."""
    return "unknown" if data_coding & 0x20 else _BY_ALPHABET_BITS[data_coding >> 2 & 0x03]


def _decode_default(octets: bytes, default_alphabet: DefaultAlphabet) -> str:
    if default_alphabet == "gsm7":
        return decode_gsm7(octets)
    return octets.decode("latin-1" if default_alphabet == "latin1" else "ascii", "replace")


def _guess(octets: bytes) -> str:
    """Octets that name no alphabet: UTF-8 if they happen to be, since chance seldom is, else Latin-1."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
