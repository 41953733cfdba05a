"""The messages that a worker keeps in memory: each at most once, and no more than there is room for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from gateway.model import MessageType
from gateway.worker.turns import crowd, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from gateway.model import Dispatch
    from gateway.worker.turns import Kind

HUNGRY = 4  # a quarter of the memory is free


class Memory:
    """Messages by their ids.

    Args:
        size: how many it may hold; transactional ones have a reserve of the same size.
        under_way: gives the ids of those that the queue announces no more, or not yet: they are not let go of.
    """

    def __init__(self, size: int, under_way: Callable[[], Collection[str]]) -> None:
        self.crowd: frozenset[Kind] = frozenset()  # what gets none of the last quarter
        self.size, self._under_way = size, under_way
        self._kept: dict[str, Dispatch] = {}

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def messages(self) -> Collection[Dispatch]:
        """All, in the order in which they came."""
        return self._kept.values()

    def find(self, message_ids: Iterable[str]) -> list[Dispatch]:
        """Those of these that are kept."""
        return [self._kept[message_id] for message_id in message_ids if message_id in self._kept]

    def take(self, message: Dispatch) -> bool:
        """Keep a message, if there is room for it."""
        if not self._has_room(message):
            return False
        self._kept[message.id] = message
        return True

    def keep(self, messages: Iterable[Dispatch]) -> None:
        """These, whatever room there is: it is their turn to leave."""
        self._kept |= {message.id: message for message in messages}

    def forget(self, message_ids: Iterable[str]) -> None:
        for message_id in message_ids:
            self._kept.pop(message_id, None)

    @property
    def room(self) -> int:
        """How many more it may hold."""
        return self.size - len(self._kept)

    @property
    def spare(self) -> int:
        """How much of it the crowd does not get."""
        return self.size // HUNGRY

    @property
    def hungry(self) -> bool:
        """Whether there is room for enough messages to make a look into the database worth while."""
        return self.room * HUNGRY >= self.size

    @property
    def roomy(self) -> bool:
        """Whether half of it is free, so that nobody is too many."""
        return 2 * self.room >= self.size

    def look_around(self) -> None:
        """See who is too many, and let go of those that came before it was seen."""
        self.crowd = frozenset() if self.roomy else crowd(self._kept.values(), self.size)
        if self.crowd and self.room < self.spare:
            self._let_go(self.spare - self.room)

    def _has_room(self, message: Dispatch) -> bool:
        """An OTP still finds room when it is full of promotions, and so does what is not of the crowd."""
        room = self.room
        if room > self.spare:
            return True
        if message.message_type == MessageType.TRANSACTIONAL:
            return room + self.size > 0
        return room > 0 and kind_of(message) not in self.crowd

    def _let_go(self, count: int) -> None:
        """Forget the newest of the crowd. The queue announces them still: they are read back when it is their turn."""
        under_way = self._under_way()
        newest = (
            message.id
            for message in reversed(self._kept.values())
            if kind_of(message) in self.crowd and message.id not in under_way
        )
        self.forget(list(islice(newest, count)))
