"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    """Call it for seconds since 1970; ``utc`` gives the same moment as an aware datetime, ``micros`` as the store has it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def __call__(self) -> float:
        return self._now.timestamp()

    @property
    def utc(self) -> datetime:
        return self._now

    @property
    def micros(self) -> int:
        return (self._now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        self._now = moment
