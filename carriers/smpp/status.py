"""The command_status table: what each answer of an SMSC means, and what to do about it.

Every non-zero answer to a submit is a known outcome: the message was not accepted. Only silence is unknown.
Some rows mean more in one place than in another; the table holds the meaning on an answer to a submit:

* RALYBND and RBINDFAIL on a bind are usually an SMSC that still holds the session we just lost: bind again, later.
* RMSGQFUL is one destination's queue as a rule; from several destinations at once it is the whole link's.
* The same number can mean something else at one carrier: a connector may override the class of any code.

Sources: SMPP 3.4 section 5.1.3 (0x00-0xFF), SMPP 5.0 section 4.7.6 (0x100-0x112).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class StatusClass(StrEnum):
    """What to do about a command_status."""

    OK = "OK"
    THROTTLE = "THROTTLE"  # slow the link down; the message keeps its attempt count
    RETRY = "RETRY"  # try this message again later; counts as an attempt
    PERM = "PERM"  # this message will never be accepted
    OPTED_OUT = "OPTED_OUT"  # PERM, because the person has told the carrier to stop; no number of SMPP's own says so
    SESSION = "SESSION"  # the session is not what we think: bind again; the message was not accepted
    BIND_FATAL = "BIND_FATAL"  # only a person can put it right
    PROTO = "PROTO"  # one side has a bug: final for the message, and worth an alarm


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One command_status: its name in the specification without ``ESME_``, its class, and plain words for a person."""

    code: int
    name: str
    klass: StatusClass
    sentence: str


_ROWS = (
    StatusRow(0x00, "ROK", StatusClass.OK, "accepted"),
    StatusRow(0x01, "RINVMSGLEN", StatusClass.PERM, "the message has a length the carrier does not take"),
    StatusRow(0x02, "RINVCMDLEN", StatusClass.PROTO, "the carrier could not follow the length of what we sent"),
    StatusRow(0x03, "RINVCMDID", StatusClass.PROTO, "the carrier does not know this operation"),
    StatusRow(0x04, "RINVBNDSTS", StatusClass.SESSION, "the carrier does not see this session as bound for sending"),
    StatusRow(0x05, "RALYBND", StatusClass.SESSION, "the carrier still holds another session of this account"),
    StatusRow(0x06, "RINVPRTFLG", StatusClass.PERM, "the carrier does not take this priority"),
    StatusRow(0x07, "RINVREGDLVFLG", StatusClass.PERM, "the carrier does not take this request for a receipt"),
    StatusRow(0x08, "RSYSERR", StatusClass.RETRY, "the carrier has a fault of its own"),
    StatusRow(0x0A, "RINVSRCADR", StatusClass.PERM, "the carrier does not allow this sender"),
    StatusRow(0x0B, "RINVDSTADR", StatusClass.PERM, "the carrier does not take this destination number"),
    StatusRow(0x0C, "RINVMSGID", StatusClass.PERM, "the carrier does not know this message id"),
    StatusRow(0x0D, "RBINDFAIL", StatusClass.SESSION, "the carrier could not bind the session"),
    StatusRow(0x0E, "RINVPASWD", StatusClass.BIND_FATAL, "the password is wrong"),
    StatusRow(0x0F, "RINVSYSID", StatusClass.BIND_FATAL, "the system_id is wrong"),
    StatusRow(0x11, "RCANCELFAIL", StatusClass.PERM, "the message could not be cancelled"),
    StatusRow(0x13, "RREPLACEFAIL", StatusClass.PERM, "the message could not be replaced"),
    StatusRow(0x14, "RMSGQFUL", StatusClass.RETRY, "the carrier's queue is full, mostly that of one destination"),
    StatusRow(0x15, "RINVSERTYP", StatusClass.PERM, "the carrier does not know this service_type"),
    StatusRow(0x33, "RINVNUMDESTS", StatusClass.PERM, "the number of destinations is wrong"),
    StatusRow(0x34, "RINVDLNAME", StatusClass.PERM, "the carrier does not know this distribution list"),
    StatusRow(0x40, "RINVDESTFLAG", StatusClass.PERM, "the destination flag is wrong"),
    StatusRow(0x42, "RINVSUBREP", StatusClass.PERM, "the carrier cannot submit with replacement"),
    StatusRow(0x43, "RINVESMCLASS", StatusClass.PERM, "the carrier does not take this esm_class"),
    StatusRow(0x44, "RCNTSUBDL", StatusClass.PERM, "the carrier cannot send to a distribution list"),
    StatusRow(0x45, "RSUBMITFAIL", StatusClass.RETRY, "the carrier could not take the message this time"),
    StatusRow(0x48, "RINVSRCTON", StatusClass.PERM, "the sender's type of number is wrong for this carrier"),
    StatusRow(0x49, "RINVSRCNPI", StatusClass.PERM, "the sender's numbering plan is wrong for this carrier"),
    StatusRow(0x50, "RINVDSTTON", StatusClass.PERM, "the destination's type of number is wrong for this carrier"),
    StatusRow(0x51, "RINVDSTNPI", StatusClass.PERM, "the destination's numbering plan is wrong for this carrier"),
    StatusRow(0x53, "RINVSYSTYP", StatusClass.BIND_FATAL, "the system_type is wrong"),
    StatusRow(0x54, "RINVREPFLAG", StatusClass.PERM, "the replace_if_present flag is wrong"),
    StatusRow(0x55, "RINVNUMMSGS", StatusClass.PERM, "the number of messages is wrong"),
    StatusRow(0x58, "RTHROTTLED", StatusClass.THROTTLE, "more messages a second than the carrier allows; slow down"),
    StatusRow(0x61, "RINVSCHED", StatusClass.PERM, "the carrier does not take this scheduled time"),
    StatusRow(0x62, "RINVEXPIRY", StatusClass.PERM, "the carrier does not take this validity period"),
    StatusRow(0x63, "RINVDFTMSGID", StatusClass.PERM, "the carrier has no such predefined message"),
    StatusRow(0x64, "RX_T_APPN", StatusClass.RETRY, "the receiving application has a passing fault"),
    StatusRow(0x65, "RX_P_APPN", StatusClass.PERM, "the receiving application has a lasting fault"),
    StatusRow(0x66, "RX_R_APPN", StatusClass.PERM, "the receiving application rejected the message"),
    StatusRow(0x67, "RQUERYFAIL", StatusClass.PERM, "the message's state could not be queried"),
    StatusRow(0xC0, "RINVOPTPARSTREAM", StatusClass.PROTO, "the carrier could not read the TLVs we sent"),
    StatusRow(0xC1, "ROPTPARNOTALLWD", StatusClass.PERM, "the carrier does not allow a TLV we sent"),
    StatusRow(0xC2, "RINVPARLEN", StatusClass.PERM, "a field or TLV has a length the carrier does not take"),
    StatusRow(0xC3, "RMISSINGOPTPARAM", StatusClass.PERM, "the carrier misses a TLV it demands"),
    StatusRow(0xC4, "RINVOPTPARAMVAL", StatusClass.PERM, "the carrier does not take the value of a TLV we sent"),
    StatusRow(0xFE, "RDELIVERYFAILURE", StatusClass.PERM, "the message could not be delivered"),
    StatusRow(0xFF, "RUNKNOWNERR", StatusClass.RETRY, "the carrier does not say what went wrong"),
    StatusRow(0x100, "RSERTYPUNAUTH", StatusClass.PERM, "this account may not use this service_type"),
    StatusRow(0x101, "RPROHIBITED", StatusClass.PERM, "this account may not do this"),
    StatusRow(0x102, "RSERTYPUNAVAIL", StatusClass.RETRY, "this service_type is unavailable for now"),
    StatusRow(0x103, "RSERTYPDENIED", StatusClass.PERM, "this service_type is denied"),
    StatusRow(0x104, "RINVDCS", StatusClass.PERM, "the carrier does not take this data_coding"),
    StatusRow(0x105, "RINVSRCADDRSUBUNIT", StatusClass.PERM, "the source address subunit is wrong"),
    StatusRow(0x106, "RINVDSTADDRSUBUNIT", StatusClass.PERM, "the destination address subunit is wrong"),
    StatusRow(0x107, "RINVBCASTFREQINT", StatusClass.PERM, "the broadcast's frequency interval is wrong"),
    StatusRow(0x108, "RINVBCASTALIAS_NAME", StatusClass.PERM, "the broadcast's alias name is wrong"),
    StatusRow(0x109, "RINVBCASTAREAFMT", StatusClass.PERM, "the broadcast's area format is wrong"),
    StatusRow(0x10A, "RINVNUMBCAST_AREAS", StatusClass.PERM, "the number of broadcast areas is wrong"),
    StatusRow(0x10B, "RINVBCASTCNTTYPE", StatusClass.PERM, "the broadcast's content type is wrong"),
    StatusRow(0x10C, "RINVBCASTMSGCLASS", StatusClass.PERM, "the broadcast's message class is wrong"),
    StatusRow(0x10D, "RBCASTFAIL", StatusClass.PERM, "the broadcast failed"),
    StatusRow(0x10E, "RBCASTQUERYFAIL", StatusClass.PERM, "the broadcast could not be queried"),
    StatusRow(0x10F, "RBCASTCANCELFAIL", StatusClass.PERM, "the broadcast could not be cancelled"),
    StatusRow(0x110, "RINVBCAST_REP", StatusClass.PERM, "the broadcast's number of repetitions is wrong"),
    StatusRow(0x111, "RINVBCASTSRVGRP", StatusClass.PERM, "the broadcast's service group is wrong"),
    StatusRow(0x112, "RINVBCASTCHANIND", StatusClass.PERM, "the broadcast's channel indicator is wrong"),
)

STATUSES: Mapping[int, StatusRow] = MappingProxyType({row.code: row for row in _ROWS})


def describe(code: int, overrides: Mapping[int, StatusClass] | None = None) -> StatusRow:
    """The row of a command_status; never raises.

    A code without a row, such as the vendors' own 0x400-0x4FF, is worth another try and keeps its number in its name.

    Args:
        code: Any number.
        overrides: The classes one connector gives to codes, with or without a row.
    """
    row = STATUSES.get(code)
    if row is None:
        row = StatusRow(code, f"vendor 0x{code:08X}", StatusClass.RETRY, "a code of the carrier's own; ask the carrier")
    klass = (overrides or {}).get(code)
    if klass is StatusClass.OPTED_OUT:
        return replace(row, klass=klass, sentence="the person has opted out at the carrier")
    return row if klass is None else replace(row, klass=klass)
