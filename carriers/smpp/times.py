"""The time format of schedule_delivery_time and validity_period (SMPP 3.4 section 7.1.1).

``YYMMDDhhmmsstnnp``: with ``p`` = ``+`` or ``-`` an absolute time, ``t`` tenths of a second, ``nn`` quarter hours ahead
of or behind UTC; with ``000R`` at the end a span of time. Empty means the SMSC's default. We send spans of time, since
they mean the same to an SMSC whose clock is wrong.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

# A month or a year has no fixed length, so days are the largest unit we write; two digits hold 99 of them.
LONGEST = timedelta(days=99, hours=23, minutes=59, seconds=59)
_FORM = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([-+R])", re.ASCII)
_NOTHING = timedelta(0)
_QUARTER = timedelta(minutes=15)
_DAYS_IN_YEAR = 365
_DAYS_IN_MONTH = 30


def relative(validity: timedelta) -> bytes:
    """A span of time from when the SMSC takes the message: ``b"000002030405000R"`` is 2 days 3:04:05.

    Cut to whole seconds, at least one, at most ``LONGEST``: the message may die sooner than asked, never later.

    Raises:
        ValueError: The span is not positive; the message should have expired already.
    """
    if validity <= _NOTHING:
        raise ValueError("validity_period: must lie in the future")
    cut = min(validity, LONGEST)
    return _span(cut.days, cut.seconds)


@lru_cache(maxsize=1024)  # what leaves at the same time mostly lives as long, to the second
def _span(days: int, seconds: int) -> bytes:
    minutes, seconds = divmod(seconds if days else max(1, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R".encode()


def absolute(moment: datetime) -> bytes:
    """A moment, written in UTC: ``b"261130235959000+"``.

    Raises:
        ValueError: ``moment`` has no time zone, or lies outside the century that two digits of a year can say.
    """
    if moment.tzinfo is None:
        raise ValueError("moment: must be aware of its time zone")
    utc = moment.astimezone(UTC)
    if not 2000 <= utc.year < 2100:  # noqa: PLR2004 -- the century that "YY" means
        raise ValueError("moment: must lie within 2000 to 2099")
    return f"{utc:%y%m%d%H%M%S}{utc.microsecond // 100_000}00+".encode()


def parse(octets: bytes, now: datetime) -> datetime | None:
    """The moment that a time means, aware; a span counts from ``now``. None for an empty one.

    Years and months in a span count as 365 and 30 days.

    Raises:
        ValueError: It has none of the two forms, or says a day, hour or zone that does not exist.
    """
    if not octets:
        return None
    found = _FORM.fullmatch(octets)
    if found is None:
        raise ValueError("time: must be empty or YYMMDDhhmmsstnn followed by +, - or R")
    year, month, day, hour, minute, second, tenth, quarters = map(int, found.groups()[:8])
    if found[9] == b"R":
        days = year * _DAYS_IN_YEAR + month * _DAYS_IN_MONTH + day
        return now + timedelta(days=days, hours=hour, minutes=minute, seconds=second)
    ahead = quarters * _QUARTER * (1 if found[9] == b"+" else -1)
    return datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, tzinfo=timezone(ahead))
