"""What can go wrong with a carrier.

CarrierError
├── SettingsError      a connector's settings cannot work
├── ProtocolError      what the other side sent cannot be understood; see carriers.smpp.pdu for its two kinds
└── NotAcknowledged    our side could not store what the carrier sent; the carrier is asked to send it again
"""

from __future__ import annotations


class CarrierError(Exception):
    """A carrier, or the link to it, cannot do what was asked."""


class SettingsError(CarrierError):
    """A connector's settings cannot work; names the field."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field


class ProtocolError(CarrierError):
    """What the other side sent cannot be understood."""


class NotAcknowledged(CarrierError):  # noqa: N818 -- it is an answer, "not yet", more than a fault
    """What the carrier sent could not be stored; it must send it again."""
