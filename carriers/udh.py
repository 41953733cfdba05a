"""The user data header, and how the parts of one text find each other by it.

Rule 1. The first octet is the length of the rest; then elements, each an identifier, a length and that many octets of
        data (3GPP TS 23.040 section 9.2.3.24).
Rule 2. Where an element comes twice, or two exclude each other, the last one counts (same section).
Rule 3. A part numbered 0 or above its total is read as if the element were not there (9.2.3.24.1).
Rule 4. Reading never fails, and keeps elements that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from carriers.types import Concatenation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carriers.types import InboundMessage

_CONCATENATION_8: Final = bytes((0x05, 0x00, 0x03))  # header length, identifier, length of the data
_CONCATENATION_16: Final = bytes((0x06, 0x08, 0x04))


@dataclass(frozen=True, slots=True)
class UserDataHeader:
    """What the header of a part says."""

    elements: tuple[tuple[int, bytes], ...] = ()  # (identifier, data), known or not, in order
    concatenation: Concatenation | None = None
    ports: tuple[int, int] | None = None  # destination, source


@dataclass(frozen=True, slots=True)
class ReassemblyKey:
    """What the parts of one text have in common, and those of no other within minutes.

    The source is in it: two handsets that write to one short code will choose the same 8-bit reference.
    """

    source: str
    destination: str
    kind: str  # udh8, udh16 or sar: each has its own references
    reference: int
    total: int


def build_udh(mark: Concatenation) -> bytes:
    """The header with its length octet; empty for SAR, which is marked by TLVs (SMPP 3.4 section 5.3.2.22).

    The mark's numbers must fit their octets.
    """
    if mark.kind == "sar":
        return b""
    if mark.kind == "udh8":
        return _CONCATENATION_8 + bytes((mark.reference, mark.total, mark.number))
    return _CONCATENATION_16 + mark.reference.to_bytes(2) + bytes((mark.total, mark.number))


def parse_udh(octets: bytes) -> tuple[UserDataHeader, bytes]:
    """The header of user data that begins with one, and what follows it. Never raises.

    A header that claims more octets than there are is no header: all octets are given back as the user data. An element
    that claims more than its header has left ends the reading; those before it count.
    """
    end = octets[0] + 1 if octets else 1
    if end > len(octets):
        return UserDataHeader(), octets
    elements = tuple(_elements(octets[1:end]))
    concatenation = ports = None
    for identifier, data in elements:
        concatenation = _concatenation(identifier, data) or concatenation
        ports = _ports(identifier, data) or ports
    return UserDataHeader(elements, concatenation, ports), octets[end:]


def reassembly_key(message: InboundMessage) -> ReassemblyKey | None:
    """What the parts of one text share, or None for a text that stands alone or is numbered against all sense.

    Join the ``octets`` of the parts by ``number`` before decoding: some senders cut through a surrogate pair.
    """
    mark = message.concatenation
    if mark is None or mark.total == 1 or not 1 <= mark.number <= mark.total:
        return None
    return ReassemblyKey(message.source, message.destination, mark.kind, mark.reference, mark.total)


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 2 <= len(header):
        identifier, length = header[position : position + 2]
        data = header[position + 2 : position + 2 + length]
        if len(data) < length:
            return
        yield identifier, data
        position += 2 + length


def _concatenation(identifier: int, data: bytes) -> Concatenation | None:
    match identifier, len(data):
        case 0x00, 3:
            mark = Concatenation("udh8", data[0], data[1], data[2])
        case 0x08, 4:
            mark = Concatenation("udh16", int.from_bytes(data[:2]), data[2], data[3])
        case _:
            return None
    return mark if 1 <= mark.number <= mark.total else None


def _ports(identifier: int, data: bytes) -> tuple[int, int] | None:
    """8-bit and 16-bit application ports (3GPP TS 23.040 sections 9.2.3.24.3 and 9.2.3.24.4)."""
    match identifier, len(data):
        case 0x04, 2:
            return data[0], data[1]
        case 0x05, 4:
            return int.from_bytes(data[:2]), int.from_bytes(data[2:])
        case _:
            return None
