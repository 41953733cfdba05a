"""What a session tells its caller. What comes once for every message is a NamedTuple, for it is cheaper to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.states import State


@dataclass(frozen=True, slots=True)
class Bound:
    """The bind stands. ``pdu`` is the bind response: system_id of the SMSC, sc_interface_version (TLV 0x0210)."""

    state: State
    pdu: Pdu


@dataclass(frozen=True, slots=True)
class BindRefused:
    """The bind was answered with a status other than 0. A LinkClosed follows."""

    status: int


class Answered(NamedTuple):
    """An answer to one of our requests: its own response, or a generic_nack that carries its number."""

    token: Any
    pdu: Pdu
    late: bool  # TimedOut had been told before
    elapsed: float  # seconds from request to answer


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer in time. The request may have been taken; an Answered with ``late`` may yet follow."""

    token: object


@dataclass(frozen=True, slots=True)
class Unknown:
    """The connection went away with this request on it: it may have been taken."""

    token: object


@dataclass(frozen=True, slots=True)
class NotSent:
    """The connection went away before this request had wholly left: it cannot have been taken."""

    token: object


class Requested(NamedTuple):
    """A request of the peer. The caller answers it through ``Session.respond`` unless it has no response."""

    pdu: Pdu


@dataclass(frozen=True, slots=True)
class Problem:
    """Something was wrong with what the peer sent; it is dealt with and the session stays. For the log."""

    sentence: str
    command_id: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """The session is over. Write what ``data_to_send`` still gives, close the connection, then call ``lost``."""

    reason: str


Event: TypeAlias = "Bound | BindRefused | Answered | TimedOut | Unknown | NotSent | Requested | Problem | LinkClosed"
