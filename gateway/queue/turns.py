"""Accounts take turns: what one has waiting, however much, puts each of another's behind one of its own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Turns:
    """Ids by account. Each account's come in the order they were put, and one at a time while others wait too."""

    __slots__ = ("_lines", "_size", "_turns")

    def __init__(self) -> None:
        self._lines: dict[str, deque[str]] = {}  # only of accounts that have something waiting
        self._turns: deque[str] = deque()  # the same accounts, the next first
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, account: str, ids: Sequence[str]) -> None:
        """One at least."""
        if account not in self._lines:
            self._lines[account] = deque()
            self._turns.append(account)
        self._lines[account].extend(ids)
        self._size += len(ids)

    def take(self, count: int) -> list[str]:
        """The next ``count``, or all there are."""
        taken: list[str] = []
        while len(taken) < count and self._turns:
            account = self._turns.popleft()
            line = self._lines[account]
            share = 1 if self._turns else min(count - len(taken), len(line))
            taken += [line.popleft() for _ in range(share)]
            if line:
                self._turns.append(account)
            else:
                del self._lines[account]
        self._size -= len(taken)
        return taken
