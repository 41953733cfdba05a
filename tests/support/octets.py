"""PDUs by hand, octet by octet, for tests that must not trust our own builder."""

from __future__ import annotations

HEADER = 16


def raw_pdu(command: int, body: bytes = b"", status: int = 0, sequence: int = 7) -> bytes:
    head = (HEADER + len(body), command, status, sequence)
    return b"".join(number.to_bytes(4, "big") for number in head) + body


def raw_tlv(tag: int, value: bytes, length: int | None = None) -> bytes:
    return tag.to_bytes(2, "big") + (len(value) if length is None else length).to_bytes(2, "big") + value
