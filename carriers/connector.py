"""The one shape of every way out: what the gateway asks of a connector, and what a connector tells back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carriers.types import CarrierEvent, ConnectorStatus, Submission, SubmissionResult


class Sink(Protocol):
    """Where a connector tells what happened. Implemented by the gateway."""

    def settled(self, connector_id: str, results: Sequence[SubmissionResult]) -> None:
        """Answers to submissions, in the order they came. Returns at once."""

    async def received(self, connector_id: str, events: Sequence[CarrierEvent]) -> None:
        """Receipts and texts. Returns when they are durable; only then does the connector acknowledge.

        Raises:
            NotAcknowledged: they could not be stored; the connector answers so that the carrier sends them again.
        """

    def changed(self, connector_id: str) -> None:
        """The window opened or the link went up or down: ``free()`` may answer otherwise than before."""


class Connector(Protocol):
    """A way to one carrier, over one or more links."""

    connector_id: str

    async def start(self) -> None:
        """Begin to connect, and keep connecting until stopped. Returns before the first link is up."""

    async def stop(self, grace: float) -> None:
        """Take no more, finish what is outstanding within ``grace`` seconds, unbind and close."""

    def free(self) -> int:
        """How many more submissions it would take now: 0 while every link is down, full or paused."""

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Hand over up to ``free()`` submissions. Each is answered once through ``Sink.settled``."""

    def status(self) -> ConnectorStatus: ...
