"""Times as the store keeps them: microseconds since 1970-01-01 UTC. Ids that sort by time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from uuid_utils import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLIONTH = Decimal("0.000001")

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
_AHEAD = 3 * HOUR  # a clock that was set back may have been ahead so far


def to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def elapsed(then: int, now: int) -> timedelta:
    return timedelta(microseconds=now - then)


def span(length: timedelta) -> int:
    return length // _MICROSECOND


def iso(micros: int) -> str:
    """RFC 3339 with microseconds and Z."""
    return from_micros(micros).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_millionths(amount: Decimal) -> int:
    return int((amount / _MILLIONTH).to_integral_value())


def from_millionths(amount: int) -> Decimal:
    return Decimal(amount) * _MILLIONTH


def new_id() -> str:
    """A UUIDv7 (RFC 9562): sorts by the time it was made."""
    return str(uuid7())


LAST_ID = "g"  # sorts behind every id, in whatever order a database has letters: the digits of ids end with f


def first_id(at: int) -> str:
    """The smallest id of that millisecond: ids made since then are not below it, ids made before are."""
    version, variant = 7 << 76, 2 << 62  # RFC 9562, 5.7
    return str(UUID(int=(at // 1000) << 80 | version | variant))


def next_id() -> str:
    """Above the ids made so far, and not by a day: PostgreSQL need not look into the days to come, each for a price."""
    return first_id(time.time_ns() // 1000 + _AHEAD)
