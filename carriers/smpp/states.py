"""Which side may send what, and when: SMPP 3.4 sections 2.2 and 2.3, SMPP 5.0 section 2.4, as one table.

The states are those of the specification and one more: DRAINING, in which we send no new requests and wait for the
answers to those that are out, before ``unbind``. A session begins in OPEN, when the TCP connection stands.

Rule 1. ``enquire_link`` and ``generic_nack`` may come in every state: a peer that asks whether we live gets its
        answer even before its bind is answered.
Rule 2. What the peer sends is judged by the column of its own side. A second table widens it where SMSCs are known to
        send early (a deliver_sm before bind_resp) or late (a deliver_sm that crosses our unbind): refusing those would
        only make the SMSC send them again.
Rule 3. A request outside its states gets its own response with RINVBNDSTS, never silence.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from carriers.errors import CarrierError
from carriers.smpp.fields import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

RINVBNDSTS = 0x04
RALYBND = 0x05


class Role(StrEnum):
    """The two sides of a session: the External Short Message Entity connects and binds, the SMSC serves."""

    ESME = "ESME"
    SMSC = "SMSC"

    @property
    def peer(self) -> Role:
        return Role.SMSC if self is Role.ESME else Role.ESME


class State(StrEnum):
    """Where a session is. CLOSED is the end: nothing more is read, written or timed."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and states are looked up several times per PDU

    OPEN = "OPEN"
    OUTBOUND = "OUTBOUND"  # SMPP 5.0: the SMSC connected to us and sent outbind
    BIND_PENDING = "BIND_PENDING"
    BOUND_TX = "BOUND_TX"
    BOUND_RX = "BOUND_RX"
    BOUND_TRX = "BOUND_TRX"
    DRAINING = "DRAINING"
    UNBINDING = "UNBINDING"  # our unbind is out
    UNBOUND = "UNBOUND"  # either unbind was answered or theirs came; what we still owe is answered, then we close
    CLOSED = "CLOSED"


BOUND = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})
_UP = frozenset({State.BOUND_TX, State.BOUND_TRX})  # towards the SMSC
_DOWN = frozenset({State.BOUND_RX, State.BOUND_TRX})  # towards the ESME
_FRESH = frozenset({State.OPEN, State.OUTBOUND})
_NEVER: frozenset[State] = frozenset()
_ALWAYS = frozenset(State) - {State.CLOSED}
_LATE_DOWN = frozenset({State.BIND_PENDING, State.DRAINING, State.UNBINDING})
_LATE_UP = frozenset({State.DRAINING})

_FOR_THE_SMSC = (
    Command.SUBMIT_SM,
    Command.SUBMIT_MULTI,
    Command.QUERY_SM,
    Command.CANCEL_SM,
    Command.REPLACE_SM,  # TX alone in 3.4's table 2-1; TRX as well since 5.0
    Command.BROADCAST_SM,
    Command.QUERY_BROADCAST_SM,
    Command.CANCEL_BROADCAST_SM,
)

_TABLE: Mapping[int, tuple[frozenset[State], frozenset[State]]] = MappingProxyType(
    {  #                              the ESME may send in    the SMSC may send in
        Command.BIND_TRANSMITTER: (_FRESH, _NEVER),
        Command.BIND_RECEIVER: (_FRESH, _NEVER),
        Command.BIND_TRANSCEIVER: (_FRESH, _NEVER),
        Command.OUTBIND: (_NEVER, frozenset({State.OPEN})),
        **dict.fromkeys(_FOR_THE_SMSC, (_UP, _NEVER)),
        Command.DATA_SM: (_UP, _DOWN),
        Command.DELIVER_SM: (_NEVER, _DOWN),
        Command.ALERT_NOTIFICATION: (_NEVER, _DOWN),
        Command.UNBIND: (BOUND, BOUND),
        Command.ENQUIRE_LINK: (_ALWAYS, _ALWAYS),
        Command.GENERIC_NACK: (_ALWAYS, _ALWAYS),
    }
)

_LENIENT: Mapping[int, tuple[frozenset[State], frozenset[State]]] = MappingProxyType(
    {
        Command.DATA_SM: (_LATE_UP, _LATE_DOWN),
        Command.DELIVER_SM: (_NEVER, _LATE_DOWN),
        Command.ALERT_NOTIFICATION: (_NEVER, _LATE_DOWN),
        Command.UNBIND: (_ALWAYS, _ALWAYS),  # a peer that wants to go may go
        **dict.fromkeys(_FOR_THE_SMSC, (_LATE_UP, _NEVER)),
    }
)

_NONE = (_NEVER, _NEVER)
_MAY_SEND: Mapping[Role, Mapping[int, frozenset[State]]] = MappingProxyType(
    {role: {command: row[column] for command, row in _TABLE.items()} for column, role in enumerate(Role)}
)
_MAY_COME: Mapping[Role, Mapping[int, frozenset[State]]] = MappingProxyType(
    {
        role: {command: _TABLE[command][column] | _LENIENT.get(command, _NONE)[column] for command in _TABLE}
        for column, role in enumerate(Role)
    }
)

#: The state that a bind leads to.
BIND_STATES: Mapping[int, State] = MappingProxyType(
    {
        Command.BIND_TRANSMITTER: State.BOUND_TX,
        Command.BIND_RECEIVER: State.BOUND_RX,
        Command.BIND_TRANSCEIVER: State.BOUND_TRX,
    }
)


#: Where we ask whether the peer lives: never before it is bound.
LIVING = BOUND | {State.DRAINING}

#: What to say when a state with a time limit has lasted too long.
OVERDUE: Mapping[State, str] = MappingProxyType(
    {
        State.OPEN: "no bind in time",
        State.OUTBOUND: "no bind in time",
        State.BIND_PENDING: "no answer to the bind in time",
        State.UNBINDING: "no answer to unbind in time",
    }
)


class IllegalRequest(CarrierError):  # noqa: N818 -- the caller's mistake, named after what it asked for
    """The caller asked for something that this side may not do in this state; nothing has changed."""


def may_send(role: Role, command_id: int, state: State) -> bool:
    """Whether ``role`` may send this request in ``state``, by the letter of the specification."""
    return state in _MAY_SEND[role].get(command_id, _NEVER)


def may_come(sender: Role, command_id: int, state: State) -> bool:
    """Whether we take this request from the peer, who is ``sender``, in ``state``."""
    return state in _MAY_COME[sender].get(command_id, _NEVER)


def refusal(role: Role, command_id: int, state: State) -> int:
    """The command_status for what the peer may not ask of ``role`` in ``state`` (SMPP 3.4 section 5.1.3)."""
    again = command_id in BIND_STATES and role is Role.SMSC and state is not State.UNBOUND
    return RALYBND if again else RINVBNDSTS


def check(role: Role, command_id: int, state: State) -> None:
    """Let pass what ``may_send`` allows.

    Raises:
        IllegalRequest: It does not.
    """
    if not may_send(role, command_id, state):
        raise IllegalRequest(f"command 0x{command_id:08X}: the {role} may not send it in state {state}")
