"""deliver_sm and data_sm as what they mean: a receipt, or a text from a person. Pure, and total: nothing is refused.

What a carrier got wrong is kept as it came (an odd UDH stays in the text's octets, an unknown data_coding keeps its
octets beside a best-effort text), for a refused deliver_sm comes again for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carriers.smpp.fields import Tag
from carriers.smpp.receipt import address, read_receipt
from carriers.text import decode, parse_udh
from carriers.types import Concatenation, InboundMessage

if TYPE_CHECKING:
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.settings import SmppSettings
    from carriers.types import CarrierEvent

_UDHI = 0x40


def read(pdu: Pdu, settings: SmppSettings) -> CarrierEvent:
    """What a deliver_sm or data_sm says. Never raises."""
    receipt = read_receipt(pdu, settings.receipt_text_with_esm_0)
    if receipt is None:
        return read_message(pdu, settings)
    return receipt._replace(opted_out=True) if receipt.raw_error in settings.opted_out_errors else receipt


def read_message(pdu: Pdu, settings: SmppSettings) -> InboundMessage:
    """A text, or one part of one."""
    body = pdu.body
    concatenation, ports, octets = _user_data(pdu)
    data_coding = body.get("data_coding", 0)
    return InboundMessage(
        source=address(body.get("source_addr_ton", 0), body.get("source_addr", b"")),
        destination=address(body.get("dest_addr_ton", 0), body.get("destination_addr", b"")),
        text=decode(octets, data_coding, settings.default_alphabet),
        octets=octets,
        data_coding=data_coding,
        concatenation=concatenation or _sar(pdu),
        carrier_id=_carrier_id(pdu, settings.inbound_id_tag),
        ports=ports or _ports(pdu),
    )


def _user_data(pdu: Pdu) -> tuple[Concatenation | None, tuple[int, int] | None, bytes]:
    """What the header says, and the octets behind it."""
    octets: bytes = pdu.body.get("short_message", b"") or pdu.tlv(Tag.MESSAGE_PAYLOAD) or b""
    if not pdu.body.get("esm_class", 0) & _UDHI:
        return None, None, octets
    header, rest = parse_udh(octets)
    return header.concatenation, header.ports, rest


def _sar(pdu: Pdu) -> Concatenation | None:
    """SMPP 3.4 sections 5.3.2.22 to 24."""
    reference = pdu.tlv_int(Tag.SAR_MSG_REF_NUM)
    total, number = pdu.tlv_int(Tag.SAR_TOTAL_SEGMENTS), pdu.tlv_int(Tag.SAR_SEGMENT_SEQNUM)
    if reference is None or not total or not number or number > total or total == 1:
        return None
    return Concatenation("sar", reference, total, number)


def _ports(pdu: Pdu) -> tuple[int, int] | None:
    """Destination and source port, as the user data header has them."""
    destination, source = pdu.tlv_int(Tag.DESTINATION_PORT), pdu.tlv_int(Tag.SOURCE_PORT)
    if destination is None and source is None:
        return None
    return destination or 0, source or 0


def _carrier_id(pdu: Pdu, tag: int) -> str:
    return (pdu.tlv(tag) or b"").decode("latin-1").strip(" \0")
