"""What waits in memory: each connector's line of messages, and those that wait for a rate. No IO, no clock."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carriers.types import Submission
    from gateway.model import Dispatch

PARKED = 1000  # messages of one slow sender kept in memory; the rest wait in the database


@dataclass(slots=True)
class Line:
    """One connector's own line: first what was held back, then what the queue announces."""

    connector_id: str
    overflow: deque[Submission] = field(default_factory=deque)  # parts that found no room in the window
    held: deque[Dispatch] = field(default_factory=deque)  # throttled or not sent: keeps its place in front
    parked: dict[str, deque[Dispatch]] = field(default_factory=dict)  # by identity, waiting for its rate
    parked_until: dict[str, int] = field(default_factory=dict)
    paused_until: int = 0  # the connector's own rate
    _tried: set[str] = field(default_factory=set)  # ids that ``due`` took from those parked
    _again: Counter[str] = field(default_factory=Counter)  # by identity: of those, how many were parked again

    def hold(self, messages: Iterable[Dispatch]) -> None:
        """Put back in front, in their order."""
        self.held.extendleft(reversed(list(messages)))

    def put_back(self, message: Dispatch) -> None:
        """Give a message that came back its old place among those held: ids sort by the time they were made."""
        newer = 0
        while newer < len(self.held) and self.held[-1 - newer].id > message.id:
            newer += 1
        self.held.insert(len(self.held) - newer, message)

    def park(self, message: Dispatch, until: int) -> bool:
        """Wait for the identity's rate, those that were tried in vain in front; False when too many do already."""
        identity_id = message.identity_id
        waiting = self.parked.setdefault(identity_id, deque())
        if message.id in self._tried:
            waiting.insert(self._again[identity_id], message)
            if not self._again[identity_id]:
                self.parked_until[identity_id] = until
            self._again[identity_id] += 1
            return True
        if len(waiting) >= PARKED:
            return False
        waiting.append(message)
        self.parked_until.setdefault(identity_id, until)
        return True

    def must_wait(self, message: Dispatch) -> bool:
        """Whether earlier messages of the same sender wait for its rate."""
        if message.id in self._tried:
            return self._again[message.identity_id] > 0
        return message.identity_id in self.parked

    def due(self, now: int, count: int) -> list[Dispatch]:
        """Up to ``count`` messages that may be tried now."""
        found: list[Dispatch] = []
        self._tried.clear()
        self._again.clear()
        while self.held and len(found) < count:
            found.append(self.held.popleft())
        for identity_id in [key for key, until in self.parked_until.items() if until <= now]:
            waiting = self.parked[identity_id]
            while waiting and len(found) < count:
                found.append(waiting.popleft())
                self._tried.add(found[-1].id)
            del self.parked_until[identity_id]
            if waiting:
                self.parked_until[identity_id] = now
            else:
                del self.parked[identity_id]
        return found

    def wake_at(self) -> int | None:
        """When something held back becomes due; None when nothing waits for time."""
        times = [*self.parked_until.values(), *([self.paused_until] if self.paused_until else [])]
        return min(times, default=None)

    def waiting(self) -> Iterator[Dispatch]:
        yield from self.held
        yield from chain.from_iterable(self.parked.values())

    def drain(self) -> list[Dispatch]:
        """Everything that waits here, to be led elsewhere."""
        found = list(self.waiting())
        self.held.clear()
        self.parked.clear()
        self.parked_until.clear()
        return found
