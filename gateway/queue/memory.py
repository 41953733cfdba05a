"""A queue in memory, for one process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.queue.base import nothing, shares
from gateway.queue.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.queue.base import Contents


class _Lane:
    __slots__ = ("filled", "others", "streak", "urgent", "waiting")

    def __init__(self) -> None:
        self.urgent = Turns()
        self.others = Turns()
        self.waiting: set[str] = set()
        self.streak = 0
        self.filled = asyncio.Event()

    def put(self, ids: Sequence[str], *, urgent: bool, account: str) -> None:
        fresh = [one for one in dict.fromkeys(ids) if one not in self.waiting]
        if fresh:
            self.waiting.update(fresh)
            (self.urgent if urgent else self.others).put(account, fresh)
            self.filled.set()

    def take(self, count: int) -> list[str]:
        due, streak = shares(count, self.streak)
        others = min(len(self.others), max(due, count - len(self.urgent)))
        self.streak = streak if others == due else 0
        taken = self.urgent.take(count - others) + self.others.take(others)
        self.waiting.difference_update(taken)
        if not self.waiting:
            self.filled.clear()
        return taken


class MemoryQueue:
    """A ``Queue`` that lives and dies with its process."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def serve(self, lanes: Collection[str]) -> None:
        """Nothing to do: there is no other process."""

    async def put(
        self,
        lane: str,
        ids: Sequence[str],
        *,
        urgent: bool,
        account: str = "",
        contents: Contents = nothing,  # noqa: ARG002 -- a process knows what it announces to itself
    ) -> None:
        self._lane(lane).put(ids, urgent=urgent, account=account)

    async def take(self, lane: str, count: int) -> list[str]:
        return self._lane(lane).take(count) if count > 0 else []

    async def size(self, lane: str) -> int:
        return len(self._lane(lane).waiting)

    async def wait(self, lane: str, timeout: float) -> None:  # noqa: ASYNC109 -- running out of time is an answer here
        try:
            async with asyncio.timeout(timeout):
                await self._lane(lane).filled.wait()
        except TimeoutError:
            return

    async def clear(self) -> None:
        for lane in self._lanes.values():
            lane.take(len(lane.waiting))

    async def close(self) -> None:
        await self.clear()

    def _lane(self, name: str) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane()
        return lane
