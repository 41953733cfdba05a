"""The two streams of octets of a session: what has come and is not yet whole, what is to leave and has not left."""

from __future__ import annotations

from carriers.smpp.config import NEVER
from carriers.smpp.pdu import split_stream


class Inbox:
    """Octets in, whole PDUs out; and since when the beginning of one waits for its rest."""

    def __init__(self, timeout: float) -> None:
        self._octets = bytearray()
        self._timeout = timeout
        self._since = NEVER

    def __len__(self) -> int:
        return len(self._octets)

    def put(self, data: bytes) -> None:
        self._octets += data

    def take(self, now: float) -> list[bytes]:
        """The PDUs that are whole.

        Raises:
            FramingError: The next octets are no beginning of a PDU; those before them were taken earlier.
        """
        pdus = split_stream(self._octets)
        if not self._octets:
            self._since = NEVER
        elif pdus or self._since == NEVER:
            self._since = now
        return pdus

    def overdue_at(self) -> float:
        """When the rest of a PDU must have come: one that drips octet by octet would hold a link for ever."""
        return self._since + self._timeout


class Outbox:
    """Octets to leave, and how many were ever put here: the measure of what a lost connection took with it."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self.queued = 0

    @property
    def left(self) -> int:
        """How many octets were taken."""
        return self.queued - len(self._octets)

    def put(self, octets: bytes) -> None:
        self._octets += octets
        self.queued += len(octets)

    def take(self, most: int | None) -> bytes:
        data = bytes(self._octets if most is None else self._octets[:most])
        del self._octets[: len(data)]
        return data
