"""What a queue does, and how the urgent and the others share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

URGENT_SHARE = 8  # urgent ids for each other one, while both wait: an OTP overtakes a campaign, and does not stop it


#: Called by a queue that hands contents on, and by no other: making them costs time.
Contents: TypeAlias = "Callable[[int, int], list[Any]]"  # those of the ids from one place up to another


def nothing(_start: int, _end: int) -> list[Any]:
    """The contents of ids that go without."""
    return []


class QueueError(Exception):
    """The queue cannot be reached. No work is lost: what was not announced is found in the database later."""


class Queue(Protocol):
    """Announces the ids of messages that are ready to leave. A lane is a connector's id.

    Every method but ``serve`` and ``close`` raises QueueError when the queue cannot be reached. An id may come twice
    (after a crash, or when it was put again while under way): whoever takes it claims the message in the database.
    """

    def serve(self, lanes: Collection[str]) -> None:
        """This process takes from these lanes, and from no others."""

    async def put(
        self, lane: str, ids: Sequence[str], *, urgent: bool, account: str = "", contents: Contents = nothing
    ) -> None:
        """Announce what is one account's; an id that waits already is not announced again.

        Urgent ids overtake the others. Among the urgent, and among the others, accounts take turns. ``contents`` gives
        what each id stands for, in their order, as JSON: a queue may hand it to another process, which then need not
        read it from the database.
        """

    async def take(self, lane: str, count: int) -> list[str]:
        """Up to ``count`` ids, at once; they wait no more. Of nine taken while both kinds wait, eight are urgent."""

    async def size(self, lane: str) -> int:
        """How many wait."""

    async def wait(self, lane: str, timeout: float) -> None:  # noqa: ASYNC109 -- running out of time is an answer here
        """Return when something may wait in the lane, or after ``timeout`` seconds at the latest."""

    async def clear(self) -> None:
        """Forget everything in every lane."""

    async def close(self) -> None: ...


def shares(count: int, streak: int) -> tuple[int, int]:
    """How many of the next ``count`` ids should be others, and the streak after them.

    The streak, 0 to 8, is how many urgent ids have gone since the last other one. It starts afresh whenever the others
    get more than their share, because no urgent ones wait, or less, because they do not wait themselves.
    """
    return divmod(count + streak, URGENT_SHARE + 1)
