"""Who may take up memory: a flood of one kind leaves room for what others send. No IO, no clock.

Rule 1: memory is looked at by connector, account and message type. What holds more than half of an equal share of it
is the crowd, and gets none of the last quarter: ten messages of another account, or for another connector, find room.
Rule 2: what finds no room waits in the database, and comes from there in turns (``in_turns``).
"""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.model import Dispatch

#: First connector of the route, account, message type.
Kind: TypeAlias = tuple[str, str, str]


def kind_of(message: Dispatch) -> Kind:
    return message.connectors[0], message.account_id, message.message_type


def crowd(messages: Iterable[Dispatch], memory: int) -> frozenset[Kind]:
    """The kinds of which these messages are too many for a memory of this size."""
    held = Counter(map(kind_of, messages))
    return frozenset(kind for kind, count in held.items() if 2 * count * len(held) > memory)


def in_turns(lines: Iterable[list[str]]) -> list[str]:
    """The first of each, then the second of each, and so on."""
    return [one for turn in zip_longest(*lines) for one in turn if one is not None]
