"""The requests that are out: their numbers, their timers, and the graveyard in which late answers still find them.

Every request waits equally long, so the order in which they were added is the order in which they expire, and the
first entry of a dict is always the next to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from carriers.smpp.config import NEVER

if TYPE_CHECKING:
    from collections.abc import Container

MAX_SEQUENCE = 0x7FFFFFFF  # SMPP 3.4 section 3.2


class Pending(NamedTuple):
    """One request without an answer yet. A NamedTuple, for it is made once per message."""

    token: Any  # the caller's own; comes back with the answer
    command_id: int
    sent_at: float
    end: int  # offset in the stream of everything written, just behind its last octet
    late: bool = False  # given up: only a late answer can come


class Window:
    """At most ``size`` requests without an answer; each has ``timeout`` seconds, and ``grace`` more as a late one."""

    def __init__(self, size: int, timeout: float, grace: float) -> None:
        self.size = size
        self._timeout = timeout
        self._grace = grace
        self._open: dict[int, Pending] = {}
        self._late: dict[int, Pending] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def free(self) -> int:
        return self.size - len(self._open)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._open or sequence in self._late

    def add(self, sequence: int, pending: Pending) -> None:
        self._open[sequence] = pending

    def find(self, sequence: int, now: float) -> Pending | None:
        """The request of that number; None too long after it was given up."""
        pending = self._open.get(sequence)
        if pending is not None:
            return pending
        late = self._late.get(sequence)
        return None if late is None or late.sent_at + self._timeout + self._grace < now else late

    def remove(self, sequence: int) -> None:
        if self._open.pop(sequence, None) is None:
            self._late.pop(sequence, None)

    def expire(self, now: float) -> list[Pending]:
        """Move what waited too long into the graveyard, and bury what lay there too long. Returns the former."""
        given_up: list[Pending] = []
        while self._open:
            sequence = next(iter(self._open))
            pending = self._open[sequence]
            if pending.sent_at + self._timeout > now:
                break
            self._late[sequence] = self._open.pop(sequence)._replace(late=True)
            given_up.append(pending)
        self._bury(now - self._timeout - self._grace)
        return given_up

    def _bury(self, before: float) -> None:
        while self._late:
            sequence = next(iter(self._late))
            if self._late[sequence].sent_at > before:
                return
            del self._late[sequence]

    def deadline(self) -> float:
        """When the oldest request runs out of time."""
        for pending in self._open.values():
            return pending.sent_at + self._timeout
        return NEVER

    def clear(self) -> list[Pending]:
        """Forget everything. Returns what was still waiting (not what had been given up before)."""
        waiting = list(self._open.values())
        self._open.clear()
        self._late.clear()
        return waiting


class Numbers:
    """Sequence numbers 1 .. 0x7FFFFFFF, and round again, never one that is still in use."""

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def take(self, window: Window, own: Container[int] = ()) -> int:
        """The next number that neither the window nor ``own`` holds."""
        number = self._last % MAX_SEQUENCE + 1
        while number in own or number in window:
            number = number % MAX_SEQUENCE + 1
        self._last = number
        return number
