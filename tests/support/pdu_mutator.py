"""Broken PDUs, the same ones for the same seed: every row of the field table, damaged in the ways links and SMSCs do it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from carriers.smpp.fields import PDUS, TLVS, Command, Field, Kind
from carriers.smpp.pdu import HEADER, Pdu, build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECEIPT = b"id:39f99dd5 sub:001 dlvrd:001 submit date:2601010100 done date:2601010101 stat:DELIVRD err:000 text:hello"


def sample_body(command: int) -> dict[str, Any]:
    """A value for every field of a PDU, each different from its default."""
    return {row.name: _sample(row) for row in PDUS[command]}


def _sample(row: Field) -> Any:
    party = {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": b"14155550100"}
    return {
        Kind.INTEGER: 1,
        Kind.C_OCTETS: row.name.encode()[: row.size - 1],
        Kind.OCTETS: b"hello \x00\xff",
        Kind.DESTINATIONS: ({"dest_flag": 1, **party}, {"dest_flag": 2, "dl_name": b"staff"}),
        Kind.FAILURES: ({**party, "error_status_code": 0x0B}, {**party, "error_status_code": 0x01020304}),
    }[row.kind]


def seeds() -> list[bytes]:
    """One PDU of every command, those that carry messages also with TLVs, and the receipts."""
    pdus = [Pdu(command, 0, 7, sample_body(command)) for command in PDUS]
    tlvs = tuple((row.tag, b"\x01" * row.shortest) for row in TLVS.values())
    pdus += [Pdu(command, 0, 8, sample_body(command), tlvs) for command in (Command.SUBMIT_SM, Command.DATA_SM_RESP)]
    receipt = {**sample_body(Command.DELIVER_SM), "esm_class": 4, "short_message": RECEIPT}
    pdus.append(Pdu(Command.DELIVER_SM, 0, 9, receipt, ((0x001E, b"39f99dd5\0"), (0x0427, b"\x02"))))
    pdus.append(Pdu(Command.DELIVER_SM, 0, 10, receipt))
    return [build(pdu) for pdu in pdus]


def _flip_bits(source: random.Random, octets: bytearray, _other: bytes) -> None:
    for _ in range(source.randint(1, 8)):
        octets[source.randrange(len(octets))] ^= 1 << source.randrange(8)


def _truncate(source: random.Random, octets: bytearray, _other: bytes) -> None:
    del octets[source.randrange(len(octets)) :]


def _strip_nuls(source: random.Random, octets: bytearray, _other: bytes) -> None:
    share = source.random()
    kept = bytes(octet for octet in octets[HEADER:] if octet or source.random() > share)
    octets[HEADER:] = kept


def _lie_about_length(source: random.Random, octets: bytearray, _other: bytes) -> None:
    octets[0:4] = source.choice((0, 3, 15, 16, 17, len(octets) + 1, 70_001, 0x7FFFFFFF, 0xFFFFFFFF)).to_bytes(4, "big")


def _splice(source: random.Random, octets: bytearray, other: bytes) -> None:
    octets[source.randrange(len(octets)) :] = other[source.randrange(len(other)) :]


def _storm_of_tlvs(source: random.Random, octets: bytearray, _other: bytes) -> None:
    for _ in range(source.choice((3, 99, 100, 101, 400))):
        size = source.choice((0, 0, 1, 4))
        tag = source.choice((0x0424, 0x0427, 0x001E, 0x1400, 0xFFFF))
        octets += tag.to_bytes(2, "big") + size.to_bytes(2, "big") + source.randbytes(size)


def _noise(source: random.Random, octets: bytearray, _other: bytes) -> None:
    octets[HEADER:] = source.randbytes(source.randrange(200))


OPERATIONS: tuple[Callable[[random.Random, bytearray, bytes], None], ...] = (
    _flip_bits,
    _truncate,
    _strip_nuls,
    _lie_about_length,
    _splice,
    _storm_of_tlvs,
    _noise,
)


def mutants(count: int, seed: int = 2026) -> Iterator[bytes]:
    """``count`` damaged PDUs; command_length is put right in most, or few would get past it."""
    source = random.Random(seed)
    whole = seeds()
    for _ in range(count):
        octets = bytearray(source.choice(whole))
        length_lies = False
        for operation in source.sample(OPERATIONS, source.choice((1, 1, 2, 3))):
            if octets:
                operation(source, octets, source.choice(whole))
            length_lies |= operation is _lie_about_length
        if not length_lies and len(octets) >= HEADER and source.random() < 0.9:
            octets[0:4] = len(octets).to_bytes(4, "big")
        yield bytes(octets)
