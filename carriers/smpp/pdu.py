"""SMPP PDUs to octets and back: one parser and one builder, compiled from the rows of ``carriers.smpp.fields``.

Three readings can go wrong, and each is a different thing (SMPP 3.4 sections 3.2 and 5.1.3):

not enough octets yet    ``split_stream`` leaves them in the buffer
one bad PDU              ``PduError``: the stream is intact; answer with its status and go on
the stream out of step   ``FramingError``: nothing behind it can be trusted; generic_nack with sequence 0, and close

A response is never refused for its body: sequence and status have already said what became of the request, so what
could not be read is told in ``Pdu.problem``.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from carriers.errors import ProtocolError
from carriers.smpp.fields import PDUS, RESP, TLVS, UNANSWERED, Command
from carriers.smpp.layout import BodyError, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    _Tlvs: TypeAlias = tuple[tuple[int, bytes], ...]

HEADER: Final = 16
MAX_PDU: Final = 70_000  # 64 KiB of message_payload, every mandatory field, and room for TLVs
MAX_TLVS: Final = 100  # 64 KiB of empty TLVs would hold up the loop for tens of milliseconds

RINVCMDLEN: Final = 0x02
RINVCMDID: Final = 0x03
RINVOPTPARSTREAM: Final = 0xC0

_HEADER: Final = struct.Struct(">IIII")
_LENGTH: Final = struct.Struct(">I")
_TLV: Final = struct.Struct(">HH")
_INTEGER_SIZES: Final = frozenset({1, 2, 4})
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Pdu(NamedTuple):
    """One PDU.

    Attributes:
        command_id: Any value; see ``Command`` for those that have a name.
        status: command_status; 0 in requests.
        sequence: sequence_number.
        body: The mandatory fields by the specification's names. Octet strings are bytes without NUL, integers int,
            ``dest_address`` and ``unsuccess_sme`` tuples of mappings. When building, a field left out is 0 or empty.
        tlvs: Tag and value, raw, in wire order, duplicates kept.
        problem: Why the body of a response could not be read whole, else empty.
    """

    command_id: int
    status: int = 0
    sequence: int = 0
    body: Mapping[str, Any] = _NOTHING
    tlvs: tuple[tuple[int, bytes], ...] = ()
    problem: str = ""

    @property
    def is_response(self) -> bool:
        return self.command_id & RESP != 0

    def tlv(self, tag: int) -> bytes | None:
        """The value of the first TLV with this tag."""
        for found, value in self.tlvs:
            if found == tag:
                return value
        return None

    def tlv_int(self, tag: int) -> int | None:
        """The first TLV with this tag as a number; see ``integer``."""
        return integer(self.tlv(tag))


def integer(value: bytes | None) -> int | None:
    """The value of a TLV as a number, of 1, 2 or 4 octets whatever the table says; else None."""
    return None if value is None or len(value) not in _INTEGER_SIZES else int.from_bytes(value, "big")


class PduError(ProtocolError):
    """One PDU cannot be read; the stream behind it can.

    Attributes:
        command_id: As received.
        sequence: As received.
        status: The command_status to answer with.
        answerable: False for a response, or a request that has none: it must not be answered.
    """

    def __init__(self, sentence: str, command_id: int, sequence: int, status: int) -> None:
        super().__init__(sentence)
        self.command_id = command_id
        self.sequence = sequence
        self.status = status
        self.answerable = not command_id & RESP and command_id not in UNANSWERED

    def answer(self) -> Pdu:
        """What to send back, when ``answerable``."""
        return response_to(Pdu(self.command_id, sequence=self.sequence), self.status)


class FramingError(ProtocolError):
    """The stream is out of step: answer generic_nack 0x02 with sequence 0 and close (SMPP 3.4 section 3.2)."""

    def __init__(self, command_length: int) -> None:
        super().__init__(
            f"command_length: {command_length} is not within {HEADER} to {MAX_PDU}; the stream is out of step"
        )
        self.command_length = command_length


_LAYOUTS: Final[Mapping[int, Layout]] = {int(command): Layout(rows) for command, rows in PDUS.items()}
# SMPP 3.4 section 4.6.2 always wants deliver_sm_resp's empty message_id; the other responses may come bare (4.4.2).
_NEVER_BARE: Final = frozenset({Command.DELIVER_SM_RESP})
_GENERIC_NACK: Final = int(Command.GENERIC_NACK)


def build(pdu: Pdu) -> bytes:
    """A PDU's octets.

    An error response without fields and TLVs is its header alone (SMPP 3.4 section 4.4.2).

    Raises:
        ValueError: A field has no place in this PDU or does not fit; the message begins with the field's name.
    """
    return framed(pdu.command_id, pdu.status, pdu.sequence, build_body(pdu))


def build_body(pdu: Pdu) -> bytes:
    """A PDU's octets behind its header.

    Raises:
        ValueError: As ``build``.
    """
    layout = _LAYOUTS.get(pdu.command_id)
    if layout is None:
        raise ValueError(f"command_id: 0x{pdu.command_id:08X} is not an SMPP command")
    body = layout.write(pdu.body) if pdu.body else layout.blank
    if pdu.tlvs:
        return checked(body + build_tlvs(pdu.tlvs))
    return body if pdu.body else _empty(pdu.command_id, pdu.status, body)


def _empty(command_id: int, status: int, blank: bytes) -> bytes:
    """The body of a PDU in which nothing is set."""
    return b"" if status and command_id & RESP and command_id not in _NEVER_BARE else blank


def build_tlvs(tlvs: Sequence[tuple[int, bytes]]) -> bytes:
    """The octets of TLVs.

    Raises:
        ValueError: They are too many, or one does not fit.
    """
    if len(tlvs) > MAX_TLVS:
        raise ValueError(f"tlvs: {len(tlvs)}, at most {MAX_TLVS} are sent")
    try:
        return b"".join([_TLV.pack(tag, len(value)) + value for tag, value in tlvs])
    except (struct.error, TypeError):
        raise ValueError("tlvs: a tag is 0 to 0xFFFF, its value bytes of at most 65535") from None


def checked(body: bytes) -> bytes:
    """The body itself.

    Raises:
        ValueError: It is too long for a PDU. Only one with TLVs can be.
    """
    if HEADER + len(body) > MAX_PDU:
        raise ValueError(f"command_length: {HEADER + len(body)} octets, at most {MAX_PDU} are sent")
    return body


def framed(command_id: int, status: int, sequence: int, body: bytes) -> bytes:
    """A body with its header in front.

    Raises:
        ValueError: Status or sequence do not fit.
    """
    try:
        return _HEADER.pack(HEADER + len(body), command_id, status, sequence) + body
    except struct.error:
        raise ValueError("command_status, sequence_number: must be 0 to 0xFFFFFFFF") from None


def parse(octets: bytes | memoryview) -> Pdu:
    """One whole PDU.

    Raises:
        PduError: It cannot be read; nothing else is raised, whatever the octets.
    """
    octets = bytes(octets)
    if len(octets) < HEADER:
        raise PduError(f"command_length: {len(octets)} octets are no PDU", 0, 0, RINVCMDLEN)
    length, command_id, status, sequence = _HEADER.unpack_from(octets)
    if length != len(octets):
        raise PduError(f"command_length: says {length} of {len(octets)} octets", command_id, sequence, RINVCMDLEN)
    layout = _LAYOUTS.get(command_id)
    if layout is None:
        raise PduError(f"command_id: 0x{command_id:08X} is unknown", command_id, sequence, RINVCMDID)
    try:
        body, at = layout.read(octets, HEADER)
    except BodyError as error:
        if command_id & RESP:
            return _odd_response(octets, *layout.read_some(octets, HEADER))
        raise PduError(str(error), command_id, sequence, error.status) from None
    if at == length:
        return Pdu(command_id, status, sequence, body)
    tlvs, end, problem = _parse_tlvs(octets, at)
    if command_id & RESP and end != length:
        return _odd_response(octets, body, at, "")
    if problem:
        raise PduError(problem, command_id, sequence, RINVOPTPARSTREAM)
    return Pdu(command_id, status, sequence, body, tlvs)


def _odd_response(octets: bytes, body: Mapping[str, Any], at: int, problem: str) -> Pdu:
    """A response whose fields and TLVs do not fill it: SMSCs send every shape, error or not.

    It may be a header alone; TLVs where the fields should be; fields cut short; or with padding behind. ``body`` is
    what could be read as fields, up to ``at``.
    """
    end, command_id, status, sequence = _HEADER.unpack_from(octets)
    if end == HEADER:
        return Pdu(command_id, status, sequence)
    bare, bare_end, _ = _parse_tlvs(octets, HEADER)
    # An id of one character and padding looks like a vendor's TLV: only a refusal, which has no id, may begin so.
    if bare and bare_end == end and (status or bare[0][0] in TLVS):
        return Pdu(command_id, status, sequence, {}, bare)
    if status and at == end:
        problem = ""  # a refusal may leave out the fields that only success has
    tlvs, _, tlv_problem = _parse_tlvs(octets, at)
    return Pdu(command_id, status, sequence, body, tlvs, problem or tlv_problem)


def _parse_tlvs(octets: bytes, at: int) -> tuple[_Tlvs, int, str]:
    """The TLVs from ``at`` on, the offset behind them, and what is wrong. Up to 3 octets of padding may follow."""
    tlvs: list[tuple[int, bytes]] = []
    end = len(octets)
    while at + 4 <= end:
        tag, size = _TLV.unpack_from(octets, at)
        behind = at + 4 + size
        if behind > end:
            return tuple(tlvs), at, f"TLV 0x{tag:04X}: longer than the PDU"
        if len(tlvs) == MAX_TLVS:
            return tuple(tlvs), at, f"tlvs: more than {MAX_TLVS}"
        tlvs.append((tag, octets[at + 4 : behind]))
        at = behind
    return tuple(tlvs), at, ""


def split_stream(buffer: bytearray) -> list[bytes]:
    """Takes all whole PDUs off the front of ``buffer``; what is left is the beginning of one.

    PDUs in front of a bad length are returned first; the bad length then stands at the front and the next call raises.

    Raises:
        FramingError: The length at the front is none a PDU has. Nothing is ever allocated by it.
    """
    pdus: list[bytes] = []
    octets, at = bytes(buffer), 0  # a slice of bytes costs a third of one of a bytearray made into bytes
    left = len(octets)
    while left >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(octets, at)
        if not HEADER <= length <= MAX_PDU:
            if pdus:
                break
            raise FramingError(length)
        if length > left:
            break
        pdus.append(octets[at : at + length])
        at += length
        left -= length
    del buffer[:at]
    return pdus


def acknowledgement(pdu: Pdu, status: int = 0) -> bytes:
    """``build(response_to(pdu, status))`` in half the time: this runs for every message that comes."""
    command_id = pdu.command_id | RESP
    layout = _LAYOUTS.get(command_id)
    if layout is None:
        return framed(_GENERIC_NACK, status, pdu.sequence, b"")
    return framed(command_id, status, pdu.sequence, _empty(command_id, status, layout.blank))


def response_to(pdu: Pdu, status: int = 0, **body: Any) -> Pdu:  # noqa: ANN401 -- fields are bytes, int or tuples
    """The response to a request, with its sequence: generic_nack for a command that has none."""
    command_id = pdu.command_id | RESP
    return Pdu(command_id if command_id in _LAYOUTS else _GENERIC_NACK, status, pdu.sequence, body)
