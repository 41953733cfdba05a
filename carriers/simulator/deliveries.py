"""What goes to the ESMEs: one queue for each account, over whichever of its links may receive. No IO.

Rule 1. A delivery leaves the queue when it is acknowledged, or refused for good. A link that is lost, a timer that
        runs out or an answer that asks for it brings the delivery back, in front of what never left.
Rule 2. While no link may receive, everything waits; the oldest is dropped when too much does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from carriers.smpp.fields import Command
from carriers.smpp.outgoing import is_accepted
from carriers.smpp.status import StatusClass, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from carriers.smpp.pdu import Pdu
    from carriers.smpp.transport import ServerLink

MOST_WAITING: Final = 200_000


@dataclass(slots=True, eq=False)
class Delivery:
    """One deliver_sm until it is settled: its octets behind the header. ``told`` hears whether the ESME took it."""

    body: bytes
    told: Callable[[bool], None] | None = None
    settled: bool = False

    def settle(self, taken: bool) -> None:
        if not self.settled:
            self.settled = True
            if self.told is not None:
                self.told(taken)


class Account:
    """One system_id: its links that may receive, and what waits for them."""

    def __init__(self, system_id: str, clock: Callable[[], float], most: int = MOST_WAITING) -> None:
        """``most``: how many deliveries may wait."""
        self.system_id = system_id
        self._most = most
        self._clock = clock
        self.dropped = 0  # deliveries lost because too many waited
        self._links: list[ServerLink] = []
        self._waiting: deque[Delivery] = deque()
        self._returned: deque[Delivery] = deque()

    @property
    def receives(self) -> bool:
        return bool(self._links)

    @property
    def waiting(self) -> int:
        """Deliveries that no link has been given, or that came back."""
        return len(self._waiting) + len(self._returned)

    def add(self, link: ServerLink) -> None:
        self._links.append(link)

    def remove(self, link: ServerLink) -> None:
        if link in self._links:
            self._links.remove(link)

    def queue(self, deliveries: Iterable[Delivery]) -> None:
        self._waiting.extend(deliveries)
        while len(self._waiting) > self._most:
            self._waiting.popleft().settle(taken=False)
            self.dropped += 1

    def bring_back(self, delivery: Delivery) -> None:
        """It was sent and nobody knows whether it was taken, or it was not: send it again."""
        if not delivery.settled:
            self._returned.append(delivery)

    def pump(self) -> None:
        """Send what waits, as far as the windows reach: a share to each link, what one cannot take to the next."""
        if not self._returned and not self._waiting:
            return
        links = sorted(self._links, key=_room) if len(self._links) > 1 else self._links
        for index, link in enumerate(links):
            share = -(-self.waiting // (len(links) - index))
            self._send(link, min(share, _room(link)))

    def _send(self, link: ServerLink, most: int) -> None:
        taken = [(self._returned or self._waiting).popleft() for _ in range(most)]
        # A late answer may have come while one waited to be sent again.
        open_ones = [(delivery.body, delivery) for delivery in taken if not delivery.settled]
        if open_ones:
            link.session.request_all(Command.DELIVER_SM, open_ones, self._clock())
            link.wire.flush_soon()

    def answered(self, delivery: Delivery, answer: Pdu) -> bool:
        """Take the answer to a delivery. Returns whether it is to be brought back, after a pause."""
        if is_accepted(answer):
            delivery.settle(taken=True)
        elif describe(answer.status).klass in {StatusClass.PERM, StatusClass.PROTO}:
            delivery.settle(taken=False)
        return not delivery.settled


def _room(link: ServerLink) -> int:
    return link.session.free
