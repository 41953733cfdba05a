"""What a session is told once, and the bind that says so to the SMSC."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu

if TYPE_CHECKING:
    from collections.abc import Mapping

NEVER = math.inf  # a time that does not come

BIND_COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "trx": Command.BIND_TRANSCEIVER,
        "tx": Command.BIND_TRANSMITTER,
        "rx": Command.BIND_RECEIVER,
    }
)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Whom to bind as, how much may be under way, and how long to wait. Times are seconds.

    The SMSC's side uses the limits and timers alone; its ``bind_timeout`` is how long it waits for a bind.
    """

    bind: Literal["trx", "tx", "rx"] = "trx"
    system_id: str = ""
    password: str = field(default="", repr=False)
    system_type: str = ""
    interface_version: int = 0x34
    address_range: str = ""
    address_ton: int = 0
    address_npi: int = 0
    window: int = 10  # unanswered requests of ours
    inbound_window: int = 100  # unanswered requests of theirs
    bind_timeout: float = 10.0
    enquire_link_interval: float = 20.0  # carriers cut a silent link at 30
    enquire_link_timeout: float = 10.0
    response_timeout: float = 30.0
    late_grace: float = 120.0  # an answer that comes within this much longer still counts
    unbind_timeout: float = 5.0
    partial_pdu_timeout: float = 10.0
    silent_answers_before_probe: int = 3


def bind_pdu(config: SessionConfig) -> Pdu:
    """The bind request of these settings, without its number (SMPP 3.4 section 4.1)."""
    body = {
        "system_id": config.system_id.encode(),
        "password": config.password.encode(),
        "system_type": config.system_type.encode(),
        "interface_version": config.interface_version,
        "addr_ton": config.address_ton,
        "addr_npi": config.address_npi,
        "address_range": config.address_range.encode(),
    }
    return Pdu(BIND_COMMANDS[config.bind], body=body)
