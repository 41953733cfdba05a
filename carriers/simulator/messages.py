"""The messages the SMSC has taken: their life, their receipts, and what may be asked about them. No IO and no clock."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from carriers.errors import CarrierError
from carriers.smpp import times
from carriers.smpp.fields import Command, Tag
from carriers.smpp.pdu import Pdu, response_to
from carriers.text import decode
from carriers.types import ReceiptState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from carriers.types import InboundMessage

MESSAGES_KEPT: Final = 10_000

RINVSCHED: Final = 0x61
RINVEXPIRY: Final = 0x62
RCANCELFAIL: Final = 0x11
RREPLACEFAIL: Final = 0x13
RQUERYFAIL: Final = 0x67

RECEIPT: Final = 0x04  # esm_class, SMPP 3.4 section 5.2.12
FOR_SUCCESS: Final = frozenset({1, 3})  # registered_delivery, section 5.2.17; 3 is SMPP 5.0's section 4.7.21
FOR_FAILURE: Final = frozenset({1, 2})

#: The word of a final state in a receipt (SMPP 3.4 appendix B) and its message_state (section 5.2.28).
FINALS: Final[Mapping[ReceiptState, tuple[str, int]]] = MappingProxyType(
    {
        ReceiptState.DELIVERED: ("DELIVRD", 2),
        ReceiptState.EXPIRED: ("EXPIRED", 3),
        ReceiptState.DELETED: ("DELETED", 4),
        ReceiptState.UNDELIVERED: ("UNDELIV", 5),
    }
)
_ENROUTE: Final = 1
_UNKNOWN_TLVS: Final = ((0x1499, b"vendor"), (0x3FFE, b""), (0x9999, b"\xff\0\xff"))  # vendors' own, and reserved


class Refused(CarrierError):  # noqa: N818 -- it is an answer, not a fault of ours
    """The SMSC does not take a request; ``status`` is the command_status to say so with."""

    def __init__(self, status: int) -> None:
        super().__init__(f"command_status 0x{status:08X}")
        self.status = status


@dataclass(slots=True, eq=False)
class Message:
    """One message on its way to one handset.

    Attributes:
        carrier_id: Its id, in decimal.
        account: The system_id it came by.
        part: What it says, with the handset as its destination.
        source: Type of number, numbering plan and octets, as they came; so is ``destination``.
        registered: registered_delivery, as it came.
        reference: user_message_reference as it came, or None.
        taken_at: When it was taken, by the calendar.
        due_at: When it is to be delivered.
        expires_at: When it may no longer be delivered; None for never.
    """

    carrier_id: bytes
    account: str
    part: InboundMessage
    source: tuple[int, int, bytes]
    destination: tuple[int, int, bytes]
    registered: int
    reference: bytes | None
    taken_at: datetime
    due_at: datetime
    expires_at: datetime | None
    state: ReceiptState = ReceiptState.ENROUTE
    error: int = 0
    done_at: datetime | None = None

    def end(self, state: ReceiptState, error: int, at: datetime) -> None:
        self.state, self.error, self.done_at = state, error, at

    def wants_receipt(self) -> bool:
        """Whether the final state that it has now was asked for."""
        asked = FOR_SUCCESS if self.state is ReceiptState.DELIVERED else FOR_FAILURE
        return self.registered & 0x03 in asked


def read_times(pdu: Pdu, now: datetime) -> tuple[datetime, datetime | None]:
    """When a submit is to be delivered, and when it expires.

    Raises:
        Refused: One of the two times has no form of SMPP 3.4 section 7.1.1.
    """
    schedule, validity = pdu.body.get("schedule_delivery_time", b""), pdu.body.get("validity_period", b"")
    return _time(schedule, now, RINVSCHED) or now, _time(validity, now, RINVEXPIRY)


def _time(octets: bytes, now: datetime, status: int) -> datetime | None:
    if not octets:
        return None
    try:
        return times.parse(octets, now)
    except ValueError:
        raise Refused(status) from None


def receipt(message: Message, *, hex_id: bool = False, unknown_tlvs: bool = False) -> Pdu:
    """The receipt of a message that has a final state, as text and as TLVs (SMPP 3.4 appendix B and section 5.3.2)."""
    word, state = FINALS[message.state]
    carrier_id = f"{int(message.carrier_id):x}" if hex_id else message.carrier_id.decode()
    tlvs: tuple[tuple[int, bytes], ...] = (
        (Tag.RECEIPTED_MESSAGE_ID, carrier_id.encode() + b"\0"),
        (Tag.MESSAGE_STATE, bytes((state,))),
    )
    if message.error:
        tlvs += ((Tag.NETWORK_ERROR_CODE, b"\x03" + message.error.to_bytes(2, "big")),)  # 3 is GSM
    if message.reference is not None:
        tlvs += ((Tag.USER_MESSAGE_REFERENCE, message.reference),)
    return deliver_sm(
        message.destination,
        message.source,
        esm_class=RECEIPT,
        short_message=_receipt_text(message, carrier_id, word),
        tlvs=tlvs + _UNKNOWN_TLVS if unknown_tlvs else tlvs,
    )


def _receipt_text(message: Message, carrier_id: str, word: str) -> bytes:
    text = (
        f"id:{carrier_id} sub:001 dlvrd:{message.state is ReceiptState.DELIVERED:03d}"
        f" submit date:{_date(message.taken_at)} done date:{_date(message.done_at or message.taken_at)}"
        f" stat:{word} err:{message.error:03d} text:{message.part.text[:20]}"
    )
    return text.encode("ascii", "replace")


def _date(at: datetime) -> str:
    """YYMMDDhhmm, as ``strftime`` writes it in three times the time."""
    return f"{at.year % 100:02d}{at.month:02d}{at.day:02d}{at.hour:02d}{at.minute:02d}"


def deliver_sm(
    source: tuple[int, int, bytes],
    destination: tuple[int, int, bytes],
    *,
    esm_class: int,
    short_message: bytes,
    data_coding: int = 0,
    tlvs: tuple[tuple[int, bytes], ...] = (),
) -> Pdu:
    """A deliver_sm. Addresses are type of number, numbering plan, octets."""
    body = {
        "source_addr_ton": source[0],
        "source_addr_npi": source[1],
        "source_addr": source[2],
        "dest_addr_ton": destination[0],
        "dest_addr_npi": destination[1],
        "destination_addr": destination[2],
        "esm_class": esm_class,
        "data_coding": data_coding,
        "short_message": short_message,
    }
    return Pdu(Command.DELIVER_SM, body=body, tlvs=tlvs)


def answer(pdu: Pdu, status: int, *, unknown_tlvs: bool, **body: object) -> Pdu:
    """The answer to a submit, with TLVs nobody knows when the script wants them."""
    made = response_to(pdu, status, **body)
    return Pdu(made.command_id, status, made.sequence, made.body, _UNKNOWN_TLVS) if unknown_tlvs else made


class Messages:
    """The latest messages by id, and what an ESME may ask about them. A message is found by its own account alone."""

    def __init__(self, most: int = MESSAGES_KEPT) -> None:
        self._most = most
        self._messages: OrderedDict[bytes, Message] = OrderedDict()

    def add(self, message: Message) -> None:
        self._messages[message.carrier_id] = message
        if len(self._messages) > self._most:
            self._messages.popitem(last=False)

    def query(self, account: str, pdu: Pdu) -> Pdu:
        """query_sm_resp (SMPP 3.4 section 4.8.2)."""
        message = self._find(account, pdu)
        if message is None:
            return response_to(pdu, RQUERYFAIL)
        return response_to(
            pdu,
            message_id=message.carrier_id,
            final_date=times.absolute(message.done_at) if message.done_at else b"",
            message_state=FINALS[message.state][1] if message.done_at else _ENROUTE,
            error_code=message.error,
        )

    def cancel(self, account: str, pdu: Pdu) -> tuple[Pdu, list[Message]]:
        """cancel_sm_resp, and the messages it ends: one by its id, or all of a pair when it has none (section 4.9)."""
        found = list(self._pair(account, pdu)) if not pdu.body["message_id"] else [self._find(account, pdu)]
        ending = [message for message in found if message is not None and message.state is ReceiptState.ENROUTE]
        return response_to(pdu, 0 if ending else RCANCELFAIL), ending

    def replace(self, account: str, pdu: Pdu, now: datetime) -> Pdu:
        """replace_sm_resp (section 4.10): another text for a message on its way, in the same data_coding."""
        message = self._find(account, pdu)
        if message is None or message.state is not ReceiptState.ENROUTE:
            return response_to(pdu, RREPLACEFAIL)
        try:
            _, expires_at = read_times(pdu, now)
        except Refused as refused:
            return response_to(pdu, refused.status)
        octets = pdu.body["short_message"]
        text = decode(octets, message.part.data_coding)
        message.part = replace(message.part, text=text, octets=octets, concatenation=None)
        message.expires_at = expires_at or message.expires_at
        message.registered = pdu.body["registered_delivery"]
        return response_to(pdu)

    def _find(self, account: str, pdu: Pdu) -> Message | None:
        """The message of that id, if it left from the sender that the request names."""
        message = self._messages.get(pdu.body["message_id"])
        if message is None or message.account != account or message.source[2] != pdu.body["source_addr"]:
            return None
        return message

    def _pair(self, account: str, pdu: Pdu) -> Iterator[Message]:
        pair = (pdu.body["source_addr"], pdu.body["destination_addr"])
        for message in self._messages.values():
            if message.account == account and (message.source[2], message.destination[2]) == pair:
                yield message
