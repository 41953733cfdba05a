"""Delivery receipts out of deliver_sm and data_sm, in every dialect met, and how their ids are matched.

Rule 1. esm_class decides first: type 0x04 is a receipt and 0x20 an intermediate one; 0x08, 0x10 and 0x18 are another
        handset's acknowledgements and never receipts (SMPP 3.4 section 5.2.12). What is left is a receipt if it has
        both TLVs, or reads like one.
Rule 2. TLVs before text: receipted_message_id and message_state are defined, the text is the vendor's own affair
        (SMPP 3.4 appendix B: "vendor specific").
Rule 3. The text is read key by key: any order and case, anything missing, any date. The first of a key counts, so what
        a person wrote behind ``text:`` changes nothing.
Rule 4. A state nobody knows is UNKNOWN with its words kept. It is never an inbound text, and never an exception.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from carriers.smpp import times
from carriers.smpp.addresses import address, outbound_address
from carriers.smpp.fields import Command, Tag
from carriers.smpp.pdu import integer
from carriers.types import DeliveryReceipt, ReceiptState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carriers.smpp.pdu import Pdu

__all__ = ["IdBase", "address", "candidates", "canonical", "outbound_address", "read_receipt"]

IdBase: TypeAlias = Literal["", "same", "hex_to_dec", "dec_to_hex"]

_CARRIERS_OF_RECEIPTS: Final = frozenset({int(Command.DELIVER_SM), int(Command.DATA_SM)})
_TYPE_MASK: Final = 0x3C
_RECEIPT_BITS: Final = 0x24  # 0x04 receipt, 0x20 intermediate notification
_ACKNOWLEDGEMENTS: Final = frozenset({0x08, 0x10, 0x18})  # by the other handset, its user, or its end of a dialogue
_UCS2: Final = 0x08
_LONGEST_TEXT: Final = 1024  # a receipt's text is 200 characters or so; more is not read
_DATES_KEPT: Final = 1000  # as they were read: receipts come many to a minute, and few write more than the minute
# Looked up once, for in Python 3.11 an Enum takes as long to find a member as a call takes.
_RECEIPTED_MESSAGE_ID: Final = int(Tag.RECEIPTED_MESSAGE_ID)
_MESSAGE_STATE: Final = int(Tag.MESSAGE_STATE)
_USER_MESSAGE_REFERENCE: Final = int(Tag.USER_MESSAGE_REFERENCE)

# message_state, SMPP 3.4 section 5.2.28; 0 and 9 are SMPP 5.0 section 4.7.15.
STATES: Final[Mapping[int, ReceiptState]] = MappingProxyType(
    {
        0: ReceiptState.SCHEDULED,
        1: ReceiptState.ENROUTE,
        2: ReceiptState.DELIVERED,
        3: ReceiptState.EXPIRED,
        4: ReceiptState.DELETED,
        5: ReceiptState.UNDELIVERED,
        6: ReceiptState.ACCEPTED,
        7: ReceiptState.UNKNOWN,
        8: ReceiptState.REJECTED,
        9: ReceiptState.SKIPPED,
    }
)

# SMPP 3.4 appendix B writes seven letters; carriers write more and fewer, so the first four decide.
STATES_BY_WORD: Final[Mapping[str, ReceiptState]] = MappingProxyType(
    {
        "DELI": ReceiptState.DELIVERED,  # DELIVRD, DELIVERED
        "UNDE": ReceiptState.UNDELIVERED,  # UNDELIV
        "EXPI": ReceiptState.EXPIRED,
        "DELE": ReceiptState.DELETED,
        "REJE": ReceiptState.REJECTED,  # REJECTD; OpenMarket writes REJECTED
        "ACCE": ReceiptState.ACCEPTED,  # ACCEPTD
        "ENRO": ReceiptState.ENROUTE,
        "SCHE": ReceiptState.SCHEDULED,
        "SKIP": ReceiptState.SKIPPED,
        "FAIL": ReceiptState.UNDELIVERED,  # FAILED: https://github.com/praekeltfoundation/vumi/pull/897
        "UNKN": ReceiptState.UNKNOWN,
    }
)

# "submit date", "submit_date", "submitdate" and so on: the first word is the key.
_KEY: Final = re.compile(
    r"(?:^|[^\w-])(id|sub|dlvrd|submit|done|stat|err|text)(?:[\s_]*date|us|or)?\s*:", re.IGNORECASE
)
# Appendix B to the letter, as most carriers write it: one match instead of a search, for speed only.
_APPENDIX_B: Final = re.compile(
    r"id:([\w-]+) sub:\d+ dlvrd:\d+ submit date:(\d+) done date:(\d+) stat:(\w+) err:(\w+)(?: |$)",
    re.ASCII | re.IGNORECASE,
)
_BESIDE_ID_AND_STATE: Final = frozenset({"sub", "dlvrd", "submit", "done", "err"})
# Vodafone UK: "00,0210021543,0210021500,,447887123456,..." (kannel devel list, msg02229): a code, when it was done,
# when it was submitted, the number. It has no id, and what the codes mean is not published.
_COMMAS: Final = re.compile(r"(\d{2}),(\d{10}),(\d{10}),[^,]*,\+?(\d{5,20}),", re.ASCII)

# What stands before the digits to make a year of four, and how many digits there are. Twelve can be either form; a year
# of two digits is the usual one, and the other is tried where that gives no date.
_DATE_FORMS: Final = (("20", 10), ("20", 12), ("", 12), ("", 14))


# What a receipt's text tells, each its first word and empty where it tells nothing: id, submit date, done date, state,
# error, handset; and whether it reads like a receipt at all.
_Told: TypeAlias = tuple[str, str, str, str, str, str, bool]


def read_receipt(pdu: Pdu, text_pattern_with_esm_0: bool = True) -> DeliveryReceipt | None:
    """The receipt that a deliver_sm or data_sm carries, or None when it is a text or anything else. Never raises.

    Dates are labelled UTC unless the carrier wrote a zone; most write their local time. ``raw_text`` is cut to 1,024
    characters.

    Args:
        pdu: Any PDU.
        text_pattern_with_esm_0: Take a message that says it is a plain text for a receipt when it reads like one.
    """
    if pdu.command_id not in _CARRIERS_OF_RECEIPTS:
        return None
    kind = pdu.body.get("esm_class", 0) & _TYPE_MASK
    if kind in _ACKNOWLEDGEMENTS:
        return None
    tlvs = dict(reversed(pdu.tlvs))  # of a tag that comes twice the first counts
    text = _text(pdu, tlvs)
    told = _told(text)
    says_so = kind & _RECEIPT_BITS or (_RECEIPTED_MESSAGE_ID in tlvs and _MESSAGE_STATE in tlvs)
    if says_so or (text_pattern_with_esm_0 and kind == 0 and told[-1]):
        return _receipt(pdu.body, tlvs, text, told)
    return None


def _text(pdu: Pdu, tlvs: Mapping[int, bytes]) -> str:
    octets: bytes = pdu.body.get("short_message") or tlvs.get(Tag.MESSAGE_PAYLOAD, b"")
    octets = octets[: 2 * _LONGEST_TEXT]
    # Some SMSCs say UCS-2 and write ASCII; only UCS-2 has zero octets in a receipt.
    if pdu.body.get("data_coding") == _UCS2 and b"\0" in octets:
        return octets.decode("utf-16-be", "replace")
    return octets[:_LONGEST_TEXT].decode("latin-1")


def _told(text: str) -> _Told:
    plain = _APPENDIX_B.match(text)
    if plain is None:
        return _told_by_key(text)
    carrier_id, submitted, done, word, error = plain.groups()
    return carrier_id, submitted, done, word, error, "", True


def _told_by_key(text: str) -> _Told:
    """What ``text`` holds is of no use."""
    fields = _fields_by_key(text) or _comma_fields(text)
    names = ("id", "submit", "done", "stat", "err", "handset")
    carrier_id, submitted, done, word, error, handset = (_word(fields.get(name, "")) for name in names)
    like_a_receipt = bool(carrier_id and word) and not _BESIDE_ID_AND_STATE.isdisjoint(fields)
    return carrier_id, submitted, done, word, error, handset, like_a_receipt


def _fields_by_key(text: str) -> dict[str, str]:
    """The values by key, the first of each; ``{}`` when there is none."""
    keys = list(_KEY.finditer(text))
    fields: dict[str, str] = {}
    ends = [*(key.start() for key in keys[1:]), len(text)][: len(keys)]
    for key, end in zip(keys, ends, strict=True):
        fields.setdefault(key[1].lower(), text[key.end() : end].strip(" \t\r\n\0,;"))
    return fields


def _comma_fields(text: str) -> dict[str, str]:
    found = _COMMAS.match(text)
    if found is None:
        return {}
    return dict(zip(("stat", "done", "submit", "handset"), found.groups(), strict=True))


def _receipt(body: Mapping[str, Any], tlvs: Mapping[int, bytes], text: str, told: _Told) -> DeliveryReceipt:
    told_id, submitted, done, word, error, told_handset, _ = told
    number = integer(tlvs.get(_MESSAGE_STATE))
    handset = address(body.get("source_addr_ton", 0), body.get("source_addr", b""))
    # With and without its NUL: smpplib takes the last character for one, https://github.com/python-smpplib/python-smpplib
    carrier_id = tlvs.get(_RECEIPTED_MESSAGE_ID, b"").decode("latin-1").strip(" \0")
    return DeliveryReceipt(
        carrier_id or told_id,
        _state(word) if number is None else STATES.get(number) or _state(word),
        handset or address(1, told_handset.encode()),
        address(body.get("dest_addr_ton", 0), body.get("destination_addr", b"")),
        word or ("" if number is None else str(number)),
        error or _network_error(tlvs.get(Tag.NETWORK_ERROR_CODE, b"")),
        text[:_LONGEST_TEXT],
        _date(submitted),
        _date(done),
        integer(tlvs.get(_USER_MESSAGE_REFERENCE)),
    )


def _network_error(value: bytes) -> str:
    """network_error_code as "kind of network:code" (SMPP 3.4 section 5.3.2.31)."""
    return f"{value[0]}:{int.from_bytes(value[1:3], 'big')}" if len(value) == 3 else ""  # noqa: PLR2004 -- its size


def _word(value: str) -> str:
    """The first word of a value, which may be blank."""
    words = value.split(maxsplit=1)
    return words[0].rstrip(",;") if words else ""


def _state(word: str) -> ReceiptState:
    return STATES_BY_WORD.get(word[:4].upper(), ReceiptState.UNKNOWN)


@lru_cache(_DATES_KEPT)
def _date(word: str) -> datetime | None:
    """Dates of 10, 12 or 14 digits, or in SMPP's own form; zeros and nonsense are None."""
    if word.isdecimal():
        return _first_that_fits(word)
    try:
        # "180711070003912+", https://github.com/funbox/smppex/issues/46. A span of time is not a date.
        return None if word.endswith("R") else times.parse(word.encode(), datetime.min.replace(tzinfo=UTC))
    except ValueError:
        return None


def _first_that_fits(digits: str) -> datetime | None:
    for century, length in _DATE_FORMS:
        whole = century + digits
        if len(digits) == length:
            try:
                return datetime.fromisoformat(f"{whole[:8]}T{whole[8:]}Z")
            except ValueError:
                continue
    return None


# --- ids ---

_MOST_HEX_DIGITS, _MOST_DIGITS = 32, 39  # 128 bits: longer ones are nobody's counter
_IDS_KEPT: Final = 1000  # as they were rewritten: a receipt's id is asked about several times in one batch
_DECIMAL: Final = re.compile(r"[0-9]{2,39}")  # of one digit both bases make the same
_HEX: Final = re.compile(r"[0-9a-f]{2,32}|[a-f]")


def canonical(carrier_id: str) -> str:
    """An id as it is compared: without blanks, in lower case, without leading zeros.

    ``000024`` and ``24`` are one id (https://github.com/jookies/jasmin/issues/375), so are ``00B8BE19`` and ``b8be19``.
    """
    lower = carrier_id.strip(" \t\r\n\0").lower()
    return lower.lstrip("0") or lower[-1:]


def candidates(carrier_id: str, base: IdBase = "") -> tuple[str, ...]:
    """The canonical forms under which a receipt's id may be stored, most exact first, none twice.

    Carriers answer in one base and report in the other: ``39f99dd5`` in the answer is ``0972660181`` in the receipt
    (https://github.com/jookies/jasmin/issues/20).

    Args:
        carrier_id: As the receipt has it.
        base: How this carrier's receipts turn into its answers, once learned or configured; then only that form.
    """
    plain = canonical(carrier_id)
    decimal, hexadecimal = rewritten(plain)
    if base:
        form = {"same": plain, "hex_to_dec": decimal, "dec_to_hex": hexadecimal}[base]
        return (form or plain,) if plain else ()
    return tuple(filter(None, (plain, decimal, hexadecimal)))


def rewritten(plain: str) -> tuple[str, str]:
    """A canonical id, taken for hexadecimal, in decimal; and taken for decimal, in hexadecimal.

    Each is "" where it cannot be so taken or comes out the same.
    """
    return _rewritten(plain) if len(plain) <= _MOST_DIGITS else ("", "")


@lru_cache(_IDS_KEPT)
def _rewritten(plain: str) -> tuple[str, str]:
    if _DECIMAL.fullmatch(plain):
        return str(int(plain, 16)) if len(plain) <= _MOST_HEX_DIGITS else "", f"{int(plain):x}"
    return str(int(plain, 16)) if _HEX.fullmatch(plain) else "", ""
