"""A text on its way to octets: which encoding, how many parts, where to cut, how the parts are marked.

Rule 1. A part holds 140 octets of user data: 160 septets, 140 octets of Latin-1 or 70 UTF-16 units. A header that marks
        it as one of several takes 6 octets with an 8-bit reference and 7 with a 16-bit one (3GPP TS 23.040 section
        9.2.3.24), which leaves 153 or 152 septets, 134 or 133 octets, 67 or 66 units.
Rule 2. One character outside the SMSC's alphabet moves the whole text to UCS-2, sent as UTF-16: so handsets read it.
Rule 3. A cut never falls inside an escape pair, a surrogate pair or a grapheme cluster, even when that costs a part.
        Only a grapheme that is longer than a whole part is cut, between code points.

The way back, from octets to text, is in carriers.gsm0338 and carriers.udh; their names are offered here as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from carriers.graphemes import graphemes, is_plain
from carriers.gsm0338 import ESCAPE, GSM7_CHARACTERS, DefaultAlphabet, decode, decode_gsm7, encode_gsm7
from carriers.substitutions import substituted
from carriers.types import Concatenation, Encoding, Segment
from carriers.udh import ReassemblyKey, UserDataHeader, build_udh, parse_udh, reassembly_key

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DEFAULT_PROFILE",
    "DefaultAlphabet",
    "Forcing",
    "LongMode",
    "Preview",
    "ReassemblyKey",
    "Substitution",
    "TextError",
    "TextProfile",
    "UserDataHeader",
    "count_parts",
    "decode",
    "decode_gsm7",
    "encode_gsm7",
    "encoding_of",
    "parse_udh",
    "preview",
    "reassembly_key",
    "split",
    "substitute",
]

LongMode: TypeAlias = Literal["udh8", "udh16", "sar", "payload"]
"""How the parts of a long text are marked: a header with an 8- or 16-bit reference, SAR TLVs (SMPP 3.4 section
5.3.2.22), or not at all, the whole going into message_payload (5.3.2.32) for the SMSC to split."""

TextErrorCode: TypeAlias = Literal["too_many_parts", "empty", "not_unicode"]

MAX_PARTS: Final = 255  # the total is one octet (3GPP TS 23.040 section 9.2.3.24.1)


class TextError(ValueError):
    """A text cannot be sent as it is; the message says what to do, ``code`` says it to a program."""

    def __init__(self, code: TextErrorCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code: TextErrorCode = code


@dataclass(frozen=True, slots=True)
class TextProfile:
    """How one connector wants text.

    Raises:
        ValueError: ``max_parts`` is not 1 to 255.
    """

    long_mode: LongMode = "udh8"
    default_alphabet: DefaultAlphabet = "gsm7"  # what data_coding 0 means there
    max_parts: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.max_parts <= MAX_PARTS:
            raise ValueError(f"max_parts: {self.max_parts} is not between 1 and {MAX_PARTS}; choose a number that is")


DEFAULT_PROFILE: Final = TextProfile()


@dataclass(frozen=True, slots=True)
class Forcing:
    """A character that the SMSC's alphabet lacks, and so forces UCS-2."""

    character: str
    position: int  # 0-based, in code points of the text


@dataclass(frozen=True, slots=True)
class Substitution:
    """The same text in look-alike characters, and what it would cost."""

    text: str
    encoding: Encoding
    parts: int
    replaced: tuple[tuple[str, str], ...]  # each different (from, to), in order of first appearance


@dataclass(frozen=True, slots=True)
class Preview:
    """What a text costs, and why."""

    encoding: Encoding
    units: int  # septets, octets or UTF-16 units, as the encoding counts
    parts: int  # as billed: the SMSC's own parts when it does the splitting
    units_per_part: int  # that fit one part here: of a single one, or of each of several
    forcing: tuple[Forcing, ...]  # empty unless the encoding is UCS2
    substitution: Substitution | None  # only one that saves at least one part


class _Measured(NamedTuple):
    """A text in the encoding it will have, ready to be counted and cut."""

    encoding: Encoding
    octets: bytes  # for the ASCII alphabet still its septets: that is what it costs on the air
    units: int


# Looked up once, for in Python 3.11 an Enum takes as long to find a member as a call takes.
_GSM7, _LATIN1, _UCS2 = Encoding.GSM7, Encoding.LATIN1, Encoding.UCS2
_SINGLE: Final = {Encoding.GSM7: 160, Encoding.LATIN1: 140, Encoding.UCS2: 70}
_OF_SEVERAL: Final = {Encoding.GSM7: 153, Encoding.LATIN1: 134, Encoding.UCS2: 67}
_OF_SEVERAL_UDH16: Final = {Encoding.GSM7: 152, Encoding.LATIN1: 133, Encoding.UCS2: 66}

_LATIN1_CHARACTERS: Final = frozenset(map(chr, range(256)))
# An SMSC that takes ASCII turns it into GSM 7-bit for the air, so only what both hold arrives as it was written.
_ASCII_CHARACTERS: Final = frozenset(filter(str.isascii, GSM7_CHARACTERS))
_CHARACTERS: Final = {"gsm7": GSM7_CHARACTERS, "latin1": _LATIN1_CHARACTERS, "ascii": _ASCII_CHARACTERS}

_DEFAULT_CODING: Final = 0x00
_UCS2_CODING: Final = 0x08
_UTF16: Final = "utf-16-be"
_LAST_OF_BMP: Final = "\uffff"
_ESCAPE_SEPTET: Final = ord(ESCAPE)


def preview(text: str, profile: TextProfile = DEFAULT_PROFILE) -> Preview:
    """What a text costs at this connector, what forces UCS-2, and the substitution that would save parts.

    A text over the profile's ``max_parts`` is previewed all the same: that is when one wants to see why.

    Raises:
        TextError: the text is empty, not Unicode, or longer than 255 parts.
    """
    measured = _measure(text, profile.default_alphabet)
    if measured.units <= _SINGLE[measured.encoding]:
        return _preview(text, measured, 1, _SINGLE[measured.encoding], profile)
    pieces = _cut(text, measured, profile.long_mode, MAX_PARTS)
    return _preview(text, measured, len(pieces), _capacity(measured.encoding, profile.long_mode), profile)


def encoding_of(text: str, default_alphabet: DefaultAlphabet = "gsm7") -> Encoding:
    """The encoding a text will have. Any text, for nothing but the alphabet is looked at."""
    return _in_alphabet(text, default_alphabet)[0]


def count_parts(text: str, profile: TextProfile = DEFAULT_PROFILE) -> int:
    """How many parts a text is billed as.

    Raises:
        TextError: as ``split``.
    """
    measured = _measure(text, profile.default_alphabet)
    if measured.units <= _SINGLE[measured.encoding]:
        return 1
    return len(_cut(text, measured, profile.long_mode, profile.max_parts))


def split(text: str, reference: int = 0, profile: TextProfile = DEFAULT_PROFILE) -> tuple[Segment, ...]:
    """The parts of a text as they leave, in order.

    Args:
        text: what to say.
        reference: marks the parts of one text; count it up per connector and destination. It wraps at 8 or 16 bits.
        profile: how the connector wants text.

    Returns:
        One segment without any mark when the text fits one part; else one a part, or one for all with ``as_payload``.

    Raises:
        TextError: the text is empty, not Unicode, or needs more parts than the profile allows.
    """
    measured = _measure(text, profile.default_alphabet)
    if measured.units <= _SINGLE[measured.encoding]:
        return (_segment(text, measured.encoding, _whole(text, measured, profile)),)
    pieces = _cut(text, measured, profile.long_mode, profile.max_parts)
    if profile.long_mode == "payload":
        return (_segment(text, measured.encoding, _whole(text, measured, profile), as_payload=True),)
    encoding, total = measured.encoding, len(pieces)
    return tuple(
        _segment(
            piece,
            encoding,
            _octets(piece, encoding, profile.default_alphabet),
            _mark(profile.long_mode, reference, total, number),
        )
        for number, piece in enumerate(pieces, 1)
    )


def substitute(text: str, default_alphabet: DefaultAlphabet = "gsm7") -> str:
    """The text in look-alike characters of the alphabet, or unchanged when some character has none there."""
    found = substituted(text, _CHARACTERS[default_alphabet])
    return found[0] if found else text


def _in_alphabet(text: str, default_alphabet: DefaultAlphabet) -> tuple[Encoding, bytes]:
    """The encoding, and the octets of it; no octets for UCS2."""
    try:
        if default_alphabet == "latin1":
            return _LATIN1, text.encode("latin-1")
        septets = encode_gsm7(text)
    except UnicodeEncodeError:
        return _UCS2, b""
    if default_alphabet == "ascii" and not text.isascii():
        return _UCS2, b""
    return _GSM7, septets


def _measure(text: str, default_alphabet: DefaultAlphabet) -> _Measured:
    if not text:
        raise TextError("empty", "The text is empty; give at least one character.")
    encoding, octets = _in_alphabet(text, default_alphabet)
    if encoding is not _UCS2:
        return _Measured(encoding, octets, len(octets))
    try:
        octets = text.encode(_UTF16)
    except UnicodeEncodeError as error:
        raise TextError(
            "not_unicode",
            f"The text has half a surrogate pair at position {error.start}; send whole Unicode characters.",
        ) from error
    return _Measured(encoding, octets, len(octets) // 2)


def _capacity(encoding: Encoding, long_mode: LongMode) -> int:
    # SAR TLVs and message_payload take nothing from the user data, yet the parts are cut and counted as with a header:
    # the SMSC turns both into headers towards the handset, and a fuller part would be cut a second time there.
    return _OF_SEVERAL_UDH16[encoding] if long_mode == "udh16" else _OF_SEVERAL[encoding]


def _cut(text: str, measured: _Measured, long_mode: LongMode, limit: int) -> list[str]:
    """The text cut into parts, no more than ``limit`` of them. What is far too long is refused before the work."""
    capacity = _capacity(measured.encoding, long_mode)
    if measured.units <= limit * capacity:
        pieces = _cut_as_encoded(text, measured, capacity)
        if len(pieces) <= limit:
            return pieces
    raise TextError("too_many_parts", f"The text needs more than {limit} parts, the most allowed here; shorten it.")


def _cut_as_encoded(text: str, measured: _Measured, capacity: int) -> list[str]:
    match measured.encoding:
        case Encoding.UCS2:
            return _cut_utf16(text, measured, capacity)
        case Encoding.LATIN1:
            return [octets.decode("latin-1") for octets in _cut_octets(measured.octets, capacity)]
        case _:
            return [decode_gsm7(octets) for octets in _cut_octets(measured.octets, capacity)]


def _cut_octets(octets: bytes, capacity: int) -> Iterator[bytes]:
    start = 0
    while len(octets) - start > capacity:
        end = start + capacity
        # An escape pair stays whole; so does CR LF, the only grapheme of two characters in these alphabets.
        if octets[end - 1] == _ESCAPE_SEPTET or octets[end - 1 : end + 1] == b"\r\n":
            end -= 1
        yield octets[start:end]
        start = end
    yield octets[start:]


def _cut_utf16(text: str, measured: _Measured, capacity: int) -> list[str]:
    if measured.units == len(text) and is_plain(text):
        return [text[start : start + capacity] for start in range(0, len(text), capacity)]
    return list(_cut_graphemes(text, capacity))


def _cut_graphemes(text: str, capacity: int) -> Iterator[str]:
    start = position = used = 0
    for cluster, units in _atoms(text, capacity):
        if used + units > capacity:
            yield text[start:position]
            start, used = position, 0
        position += len(cluster)
        used += units
    yield text[start:]


def _atoms(text: str, capacity: int) -> Iterator[tuple[str, int]]:
    """What may not be cut, with its UTF-16 units: graphemes, and the code points of one too long for any part."""
    for cluster in graphemes(text):
        units = _utf16_units(cluster)
        if units <= capacity:
            yield cluster, units
        else:
            yield from ((character, _utf16_units(character)) for character in cluster)


def _utf16_units(text: str) -> int:
    return 1 if len(text) == 1 and text <= _LAST_OF_BMP else len(text.encode(_UTF16)) // 2


def _segment(
    text: str, encoding: Encoding, octets: bytes, mark: Concatenation | None = None, *, as_payload: bool = False
) -> Segment:
    data_coding = _UCS2_CODING if encoding is _UCS2 else _DEFAULT_CODING
    if mark is None:
        return Segment(1, 1, encoding, data_coding, octets, text, b"", None, as_payload)
    sar = mark if mark.kind == "sar" else None
    return Segment(mark.number, mark.total, encoding, data_coding, octets, text, build_udh(mark), sar)


def _whole(text: str, measured: _Measured, profile: TextProfile) -> bytes:
    """The octets of a text that is not cut. They were made to measure it, but where ASCII leaves and not septets."""
    if profile.default_alphabet == "ascii":
        return _octets(text, measured.encoding, "ascii")
    return measured.octets


def _octets(text: str, encoding: Encoding, default_alphabet: DefaultAlphabet) -> bytes:
    if encoding is _UCS2:
        return text.encode(_UTF16)
    return encode_gsm7(text) if default_alphabet == "gsm7" else text.encode("latin-1")


def _mark(long_mode: LongMode, reference: int, total: int, number: int) -> Concatenation:
    if long_mode == "udh8":
        return Concatenation("udh8", reference & 0xFF, total, number)
    return Concatenation("sar" if long_mode == "sar" else "udh16", reference & 0xFFFF, total, number)


def _preview(text: str, measured: _Measured, parts: int, units_per_part: int, profile: TextProfile) -> Preview:
    if measured.encoding is not Encoding.UCS2:
        return Preview(measured.encoding, measured.units, parts, units_per_part, (), None)
    alphabet = _CHARACTERS[profile.default_alphabet]
    forcing = tuple(Forcing(character, index) for index, character in enumerate(text) if character not in alphabet)
    substitution = _substitution(text, parts, profile)
    return Preview(measured.encoding, measured.units, parts, units_per_part, forcing, substitution)


def _substitution(text: str, parts: int, profile: TextProfile) -> Substitution | None:
    found = substituted(text, _CHARACTERS[profile.default_alphabet]) if parts > 1 else None
    if found is None:
        return None
    try:
        candidate = preview(found[0], profile)
    except TextError:  # nothing visible was in it, or its look-alikes take more room than any text may
        return None
    return Substitution(found[0], candidate.encoding, candidate.parts, found[1]) if candidate.parts < parts else None
