"""Whether there is room for one more message: with a connector of its route, and of its account.

Rule 1: what is QUEUED counts, by the lane it is filed under; what waits for another try is part of it. What is
scheduled for later is not, until it is due.
Rule 2: nothing is counted for a message. Each process knows what it accepts itself, and what all have waiting it
learns in the background (``gateway.outbound.census``).
Rule 3: promotions may fill nine tenths of a limit: a flood of them leaves room for what people wait for.
Rule 4: only what an app sends is turned away. A reply, such as the confirmation of a STOP, is owed to a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import TooMany
from gateway.model import MessageType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.config import Settings
    from gateway.metrics import Metrics
    from gateway.resources.catalog import Catalog

LONGEST_WAIT = 60.0  # seconds: what Retry-After says at most, and while nothing leaves
_URGENT = MessageType.TRANSACTIONAL.value


@dataclass(slots=True)
class Level:
    """How much waits with one connector, or of one account."""

    limit: int
    waiting: int = 0
    accepted: int = 0  # by this process since it started
    turned_away: int = 0  # since the last census: they come again
    rate: float = 0.0  # messages a second that leave
    _begun: int = 0  # what ``accepted`` was when the census under way began
    _counted: int = 0  # by the last census
    _before: int = 0  # what ``accepted`` was when that one began

    def bound(self, message_type: str) -> int:
        """How many may wait before one more of this type is turned away."""
        return self.limit if message_type == _URGENT else self.limit * 9 // 10

    def begin(self) -> None:
        """A census begins: what is accepted from now on it may miss."""
        self._begun = self.accepted

    def end(self, counted: int, seconds: float) -> None:
        """It found so many. ``seconds`` have passed since the last one ended; 0: there was none."""
        left = self._counted + self._begun - self._before - counted
        if seconds > 0:
            self.rate = (self.rate + max(0, left) / seconds) / 2
        self._counted, self._before = counted, self._begun
        self.waiting = counted + self.accepted - self._begun
        self.turned_away = 0

    def retry_after(self, message_type: str) -> float:
        """Seconds until there is room for one more, after those that were turned away before it."""
        ahead = self.waiting - self.bound(message_type) + 1 + self.turned_away
        return min(LONGEST_WAIT, max(1.0, math.ceil(ahead / self.rate))) if self.rate else LONGEST_WAIT


class _Levels(dict[str, Level]):
    """By name; made when one is first asked for."""

    def __init__(self, limit_of: Callable[[str], int]) -> None:
        super().__init__()
        self._limit_of = limit_of

    def __missing__(self, name: str) -> Level:
        level = self[name] = Level(self._limit_of(name))
        return level

    def follow(self) -> None:
        for name, level in self.items():
            level.limit = self._limit_of(name)

    def begin(self) -> None:
        for level in self.values():
            level.begin()

    def end(self, counted: Mapping[str, int], seconds: float) -> None:
        for name in self.keys() | counted.keys():
            self[name].end(counted.get(name, 0), seconds)


@dataclass(slots=True)
class Counted:
    """What a census found."""

    lanes: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)

    def add(self, lane: str, account_id: str, count: int) -> None:
        self.lanes[lane] = self.lanes.get(lane, 0) + count
        self.accounts[account_id] = self.accounts.get(account_id, 0) + count


class Admission:
    """Keeps count, and turns away what is too much."""

    def __init__(self, catalog: Catalog, settings: Settings, metrics: Metrics) -> None:
        self._catalog, self._metrics = catalog, metrics
        self._version = catalog.version
        default = settings.connector_backlog
        self._lanes = _Levels(lambda name: catalog.backlog_limits.get(name) or default)
        self._accounts = _Levels(lambda _name: settings.account_backlog)

    def follow(self) -> None:
        """Take up limits that were changed; asked once for many messages."""
        if self._catalog.version != self._version:
            self._version = self._catalog.version
            self._lanes.follow()

    def ways(self, account_id: str, message_type: str, connectors: tuple[str, ...]) -> tuple[str, ...]:
        """The connectors, one that has room first.

        Raises:
            TooMany: none has, or the account has too much waiting (``connector_backlog_full``,
                ``account_backlog_full``).
        """
        account, lane = self._accounts[account_id], self._lanes[connectors[0]]
        if account.waiting >= account.bound(message_type):
            raise self._full("account", (account_id,), (account,), message_type)
        if lane.waiting < lane.bound(message_type):
            return connectors
        return self._around(message_type, connectors)

    def _around(self, message_type: str, connectors: tuple[str, ...]) -> tuple[str, ...]:
        """The first is full: as if it were down, the next takes the message."""
        lanes = [self._lanes[one] for one in connectors]
        for at, lane in enumerate(lanes):
            if lane.waiting < lane.bound(message_type):
                return (connectors[at], *connectors[:at], *connectors[at + 1 :])
        raise self._full("connector", connectors, lanes, message_type)

    def _full(self, what: str, names: Sequence[str], levels: Sequence[Level], message_type: str) -> TooMany:
        seconds = min(level.retry_after(message_type) for level in levels)
        for level in levels:
            level.turned_away += 1
        code = f"{what}_backlog_full"
        self._metrics.turned_away.labels(code).inc()
        each = " and ".join(
            f"{what} {name} ({level.bound(message_type)} of this type, {level.limit} in all)"
            for name, level in zip(names, levels, strict=True)
        )
        return TooMany(
            code, f"Too many messages wait to leave: the limit of {each} is reached.", retry_after=seconds,
            remedy="Nothing was stored. Send it again after retry_after seconds.", extra={"retry_after": int(seconds)},
        )  # fmt: skip

    def count(self, account_id: str, lane: str) -> None:
        """One more waits."""
        for level in (self._accounts[account_id], self._lanes[lane]):
            level.waiting += 1
            level.accepted += 1

    def begin(self) -> None:
        """A census begins."""
        self._lanes.begin()
        self._accounts.begin()

    def end(self, counted: Counted, seconds: float) -> None:
        """It is done, ``seconds`` after the one before."""
        self._lanes.end(counted.lanes, seconds)
        self._accounts.end(counted.accounts, seconds)
        self._metrics.backlog.clear()  # a connector that is gone shall not be shown as it was
        for name, level in self._lanes.items():
            self._metrics.backlog.labels(name).set(level.waiting)
