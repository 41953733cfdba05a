"""Every SMPP PDU and TLV as rows of tables: the one description that the parser and the builder are compiled from.

Rule 1. A PDU is its command id and its mandatory fields in wire order; what follows them is TLVs.
Rule 2. A C-octet string is kept without its NUL; its limit counts the NUL, as the specification does.
Rule 3. A length or count octet has no row of its own: it belongs to the field it measures (sm_length, number_of_dests,
        no_unsuccess) and is worked out when a PDU is built.
Rule 4. The limits of mandatory fields bind what we send; what we receive may be longer. The rows of TLVs describe, and
        bind nothing either way: carriers ask for tags and lengths of their own.

Sources: SMPP 3.4 issue 1.2, sections 4 (PDUs), 5.1.2.1 (command ids), 5.3.2 (TLVs); SMPP 5.0, sections 4.4, 4.6
(broadcast) and 4.8.4 (TLVs).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RESP = 0x80000000  # the bit that makes a command id that of its response


class Command(IntEnum):
    """command_id, SMPP 3.4 section 5.1.2.1 and SMPP 5.0 section 4.7.5."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER = 0x00000002
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM = 0x00000003
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    REPLACE_SM = 0x00000007
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM = 0x00000008
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    OUTBIND = 0x0000000B
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    SUBMIT_MULTI = 0x00000021
    SUBMIT_MULTI_RESP = 0x80000021
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    DATA_SM_RESP = 0x80000103
    BROADCAST_SM = 0x00000112
    BROADCAST_SM_RESP = 0x80000112
    QUERY_BROADCAST_SM = 0x00000113
    QUERY_BROADCAST_SM_RESP = 0x80000113
    CANCEL_BROADCAST_SM = 0x00000115
    CANCEL_BROADCAST_SM_RESP = 0x80000115


#: Requests that have no response (SMPP 3.4 sections 4.1.7 and 4.12).
UNANSWERED = frozenset({Command.OUTBIND, Command.ALERT_NOTIFICATION})


class Kind(Enum):
    """How a field or a TLV value stands on the wire (SMPP 3.4 section 3.1)."""

    INTEGER = "integer"
    C_OCTETS = "C-octet string"
    OCTETS = "octet string"  # as a mandatory field: behind a length octet
    DESTINATIONS = "dest_address list"  # behind number_of_dests (4.5.1)
    FAILURES = "unsuccess_sme list"  # behind no_unsuccess (4.5.2)


@dataclass(frozen=True, slots=True)
class Field:
    """A mandatory field. ``size``: an integer's octets; else the most octets (NUL included) or entries."""

    name: str
    kind: Kind
    size: int


def _integer(name: str, size: int = 1) -> Field:
    return Field(name, Kind.INTEGER, size)


def _text(name: str, size: int) -> Field:
    return Field(name, Kind.C_OCTETS, size)


SERVICE_TYPE = _text("service_type", 6)
MESSAGE_ID = _text("message_id", 65)
# The specification says 9. Carriers hand out longer ones: "use a library that supports passwords longer than 8
# characters", https://www.infobip.com/docs/essentials/api-essentials/smpp-specification
PASSWORD = _text("password", 65)
SYSTEM_ID = _text("system_id", 16)


def _party(prefix: str, name: str, size: int = 21) -> tuple[Field, ...]:
    """An address: its type of number, its numbering plan, its digits or letters."""
    return (_integer(f"{prefix}_ton"), _integer(f"{prefix}_npi"), _text(name, size))


SOURCE = _party("source_addr", "source_addr")
DESTINATION = _party("dest_addr", "destination_addr")
TIMES = (_text("schedule_delivery_time", 17), _text("validity_period", 17))
# SMPP 3.4 allows 254 octets, SMPP 5.0 255: whatever the length octet can say.
SHORT_MESSAGE = Field("short_message", Kind.OCTETS, 255)

_BIND = (
    SYSTEM_ID,
    PASSWORD,
    _text("system_type", 13),
    _integer("interface_version"),
    *_party("addr", "address_range", 41),
)
_MESSAGE_TAIL = (
    _integer("esm_class"),
    _integer("protocol_id"),
    _integer("priority_flag"),
    *TIMES,
    _integer("registered_delivery"),
    _integer("replace_if_present_flag"),
    _integer("data_coding"),
    _integer("sm_default_msg_id"),
    SHORT_MESSAGE,
)
_MESSAGE = (SERVICE_TYPE, *SOURCE, *DESTINATION, *_MESSAGE_TAIL)

# The parts of one entry of a list field; which of the first two applies is said by dest_flag (5.2.25).
SME_ADDRESS = DESTINATION
DISTRIBUTION_LIST = (_text("dl_name", 21),)
UNSUCCESS_SME = (*DESTINATION, _integer("error_status_code", 4))

PDUS: Mapping[int, tuple[Field, ...]] = MappingProxyType(
    {
        Command.GENERIC_NACK: (),  # 4.3.1
        Command.BIND_TRANSMITTER: _BIND,  # 4.1.1
        Command.BIND_TRANSMITTER_RESP: (SYSTEM_ID,),  # 4.1.2
        Command.BIND_RECEIVER: _BIND,  # 4.1.3
        Command.BIND_RECEIVER_RESP: (SYSTEM_ID,),  # 4.1.4
        Command.BIND_TRANSCEIVER: _BIND,  # 4.1.5
        Command.BIND_TRANSCEIVER_RESP: (SYSTEM_ID,),  # 4.1.6
        Command.OUTBIND: (SYSTEM_ID, PASSWORD),  # 4.1.7
        Command.UNBIND: (),  # 4.2.1
        Command.UNBIND_RESP: (),  # 4.2.2
        Command.SUBMIT_SM: _MESSAGE,  # 4.4.1
        Command.SUBMIT_SM_RESP: (MESSAGE_ID,),  # 4.4.2
        Command.SUBMIT_MULTI: (  # 4.5.1
            SERVICE_TYPE,
            *SOURCE,
            Field("dest_address", Kind.DESTINATIONS, 254),
            *_MESSAGE_TAIL,
        ),
        Command.SUBMIT_MULTI_RESP: (MESSAGE_ID, Field("unsuccess_sme", Kind.FAILURES, 255)),  # 4.5.2
        Command.DELIVER_SM: _MESSAGE,  # 4.6.1
        Command.DELIVER_SM_RESP: (MESSAGE_ID,),  # 4.6.2
        Command.DATA_SM: (  # 4.7.1
            SERVICE_TYPE,
            *_party("source_addr", "source_addr", 65),
            *_party("dest_addr", "destination_addr", 65),
            _integer("esm_class"),
            _integer("registered_delivery"),
            _integer("data_coding"),
        ),
        Command.DATA_SM_RESP: (MESSAGE_ID,),  # 4.7.2
        Command.QUERY_SM: (MESSAGE_ID, *SOURCE),  # 4.8.1
        Command.QUERY_SM_RESP: (  # 4.8.2
            MESSAGE_ID,
            _text("final_date", 17),
            _integer("message_state"),
            _integer("error_code"),
        ),
        Command.CANCEL_SM: (SERVICE_TYPE, MESSAGE_ID, *SOURCE, *DESTINATION),  # 4.9.1
        Command.CANCEL_SM_RESP: (),  # 4.9.2
        Command.REPLACE_SM: (  # 4.10.1
            MESSAGE_ID,
            *SOURCE,
            *TIMES,
            _integer("registered_delivery"),
            _integer("sm_default_msg_id"),
            SHORT_MESSAGE,
        ),
        Command.REPLACE_SM_RESP: (),  # 4.10.2
        Command.ENQUIRE_LINK: (),  # 4.11.1
        Command.ENQUIRE_LINK_RESP: (),  # 4.11.2
        Command.ALERT_NOTIFICATION: (  # 4.12.1
            *_party("source_addr", "source_addr", 65),
            *_party("esme_addr", "esme_addr", 65),
        ),
        Command.BROADCAST_SM: (  # SMPP 5.0 section 4.4.1
            SERVICE_TYPE,
            *SOURCE,
            MESSAGE_ID,
            _integer("priority_flag"),
            *TIMES,
            _integer("replace_if_present_flag"),
            _integer("data_coding"),
            _integer("sm_default_msg_id"),
        ),
        Command.BROADCAST_SM_RESP: (MESSAGE_ID,),  # SMPP 5.0 section 4.4.1
        Command.QUERY_BROADCAST_SM: (MESSAGE_ID, *SOURCE),  # SMPP 5.0 section 4.6.1
        Command.QUERY_BROADCAST_SM_RESP: (MESSAGE_ID,),  # SMPP 5.0 section 4.6.1
        Command.CANCEL_BROADCAST_SM: (SERVICE_TYPE, MESSAGE_ID, *SOURCE),  # SMPP 5.0 section 4.6.2
        Command.CANCEL_BROADCAST_SM_RESP: (),  # SMPP 5.0 section 4.6.2
    }
)


class Tag(IntEnum):
    """Tags of the TLVs, SMPP 3.4 section 5.3.2 and SMPP 5.0 section 4.8.4. 0x1400-0x3FFF are the vendors' own."""

    DEST_ADDR_SUBUNIT = 0x0005
    DEST_NETWORK_TYPE = 0x0006
    DEST_BEARER_TYPE = 0x0007
    DEST_TELEMATICS_ID = 0x0008
    SOURCE_ADDR_SUBUNIT = 0x000D
    SOURCE_NETWORK_TYPE = 0x000E
    SOURCE_BEARER_TYPE = 0x000F
    SOURCE_TELEMATICS_ID = 0x0010
    QOS_TIME_TO_LIVE = 0x0017
    PAYLOAD_TYPE = 0x0019
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D
    RECEIPTED_MESSAGE_ID = 0x001E
    MS_MSG_WAIT_FACILITIES = 0x0030
    PRIVACY_INDICATOR = 0x0201
    SOURCE_SUBADDRESS = 0x0202
    DEST_SUBADDRESS = 0x0203
    USER_MESSAGE_REFERENCE = 0x0204
    USER_RESPONSE_CODE = 0x0205
    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    SAR_MSG_REF_NUM = 0x020C
    LANGUAGE_INDICATOR = 0x020D
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    CALLBACK_NUM_PRES_IND = 0x0302
    CALLBACK_NUM_ATAG = 0x0303
    NUMBER_OF_MESSAGES = 0x0304
    CALLBACK_NUM = 0x0381
    DPF_RESULT = 0x0420
    SET_DPF = 0x0421
    MS_AVAILABILITY_STATUS = 0x0422
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    DELIVERY_FAILURE_REASON = 0x0425
    MORE_MESSAGES_TO_SEND = 0x0426
    MESSAGE_STATE = 0x0427
    CONGESTION_STATE = 0x0428
    USSD_SERVICE_OP = 0x0501
    BROADCAST_CHANNEL_INDICATOR = 0x0600
    BROADCAST_CONTENT_TYPE = 0x0601
    BROADCAST_CONTENT_TYPE_INFO = 0x0602
    BROADCAST_MESSAGE_CLASS = 0x0603
    BROADCAST_REP_NUM = 0x0604
    BROADCAST_FREQUENCY_INTERVAL = 0x0605
    BROADCAST_AREA_IDENTIFIER = 0x0606
    BROADCAST_ERROR_STATUS = 0x0607
    BROADCAST_AREA_SUCCESS = 0x0608
    BROADCAST_END_TIME = 0x0609
    BROADCAST_SERVICE_GROUP = 0x060A
    BILLING_IDENTIFICATION = 0x060B
    SOURCE_NETWORK_ID = 0x060D
    DEST_NETWORK_ID = 0x060E
    SOURCE_NODE_ID = 0x060F
    DEST_NODE_ID = 0x0610
    DEST_ADDR_NP_RESOLUTION = 0x0611
    DEST_ADDR_NP_INFORMATION = 0x0612
    DEST_ADDR_NP_COUNTRY = 0x0613
    DISPLAY_TIME = 0x1201
    SMS_SIGNAL = 0x1203
    MS_VALIDITY = 0x1204
    ALERT_ON_MESSAGE_DELIVERY = 0x130C
    ITS_REPLY_TYPE = 0x1380
    ITS_SESSION_INFO = 0x1383


@dataclass(frozen=True, slots=True)
class TlvRow:
    """A TLV's value: its kind and its length in octets, both ends included."""

    tag: Tag
    kind: Kind
    shortest: int
    longest: int


def _number(tag: Tag, size: int = 1) -> TlvRow:
    return TlvRow(tag, Kind.INTEGER, size, size)


def _octets(tag: Tag, shortest: int, longest: int) -> TlvRow:
    return TlvRow(tag, Kind.OCTETS, shortest, longest)


def _string(tag: Tag, longest: int) -> TlvRow:
    return TlvRow(tag, Kind.C_OCTETS, 1, longest)


_MOST = 0xFFFF  # what the length of a TLV can say

TLVS: Mapping[int, TlvRow] = MappingProxyType(
    {
        row.tag: row
        for row in (
            _number(Tag.DEST_ADDR_SUBUNIT),
            _number(Tag.DEST_NETWORK_TYPE),
            _number(Tag.DEST_BEARER_TYPE),
            _number(Tag.DEST_TELEMATICS_ID, 2),
            _number(Tag.SOURCE_ADDR_SUBUNIT),
            _number(Tag.SOURCE_NETWORK_TYPE),
            _number(Tag.SOURCE_BEARER_TYPE),
            _number(Tag.SOURCE_TELEMATICS_ID),
            _number(Tag.QOS_TIME_TO_LIVE, 4),
            _number(Tag.PAYLOAD_TYPE),
            _string(Tag.ADDITIONAL_STATUS_INFO_TEXT, 256),
            _string(Tag.RECEIPTED_MESSAGE_ID, 65),
            _number(Tag.MS_MSG_WAIT_FACILITIES),
            _number(Tag.PRIVACY_INDICATOR),
            _octets(Tag.SOURCE_SUBADDRESS, 2, 23),
            _octets(Tag.DEST_SUBADDRESS, 2, 23),
            _number(Tag.USER_MESSAGE_REFERENCE, 2),
            _number(Tag.USER_RESPONSE_CODE),
            _number(Tag.SOURCE_PORT, 2),
            _number(Tag.DESTINATION_PORT, 2),
            _number(Tag.SAR_MSG_REF_NUM, 2),
            _number(Tag.LANGUAGE_INDICATOR),
            _number(Tag.SAR_TOTAL_SEGMENTS),
            _number(Tag.SAR_SEGMENT_SEQNUM),
            _number(Tag.SC_INTERFACE_VERSION),
            _number(Tag.CALLBACK_NUM_PRES_IND),
            _octets(Tag.CALLBACK_NUM_ATAG, 0, 65),
            _number(Tag.NUMBER_OF_MESSAGES),
            _octets(Tag.CALLBACK_NUM, 4, 19),
            _number(Tag.DPF_RESULT),
            _number(Tag.SET_DPF),
            _number(Tag.MS_AVAILABILITY_STATUS),
            _octets(Tag.NETWORK_ERROR_CODE, 3, 3),
            _octets(Tag.MESSAGE_PAYLOAD, 0, _MOST),
            _number(Tag.DELIVERY_FAILURE_REASON),
            _number(Tag.MORE_MESSAGES_TO_SEND),
            _number(Tag.MESSAGE_STATE),
            _number(Tag.CONGESTION_STATE),
            _octets(Tag.USSD_SERVICE_OP, 1, 1),
            _number(Tag.BROADCAST_CHANNEL_INDICATOR),
            _octets(Tag.BROADCAST_CONTENT_TYPE, 3, 3),
            _octets(Tag.BROADCAST_CONTENT_TYPE_INFO, 0, 255),
            _number(Tag.BROADCAST_MESSAGE_CLASS),
            _number(Tag.BROADCAST_REP_NUM, 2),
            _octets(Tag.BROADCAST_FREQUENCY_INTERVAL, 3, 3),
            _octets(Tag.BROADCAST_AREA_IDENTIFIER, 0, 100),
            _number(Tag.BROADCAST_ERROR_STATUS, 4),
            _number(Tag.BROADCAST_AREA_SUCCESS),
            _string(Tag.BROADCAST_END_TIME, 17),
            _octets(Tag.BROADCAST_SERVICE_GROUP, 1, 255),
            _octets(Tag.BILLING_IDENTIFICATION, 1, 1024),
            _string(Tag.SOURCE_NETWORK_ID, 65),
            _string(Tag.DEST_NETWORK_ID, 65),
            _octets(Tag.SOURCE_NODE_ID, 6, 6),
            _octets(Tag.DEST_NODE_ID, 6, 6),
            _number(Tag.DEST_ADDR_NP_RESOLUTION),
            _octets(Tag.DEST_ADDR_NP_INFORMATION, 10, 10),
            _octets(Tag.DEST_ADDR_NP_COUNTRY, 1, 5),
            _number(Tag.DISPLAY_TIME),
            _number(Tag.SMS_SIGNAL, 2),
            TlvRow(Tag.MS_VALIDITY, Kind.OCTETS, 1, 4),  # 1 octet in SMPP 3.4, 4 when SMPP 5.0 adds a span of time
            _octets(Tag.ALERT_ON_MESSAGE_DELIVERY, 0, 1),  # no value in SMPP 3.4, one octet in SMPP 5.0
            _number(Tag.ITS_REPLY_TYPE),
            _octets(Tag.ITS_SESSION_INFO, 2, 2),
        )
    }
)
