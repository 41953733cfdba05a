from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp import times

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "octets"),
    [
        (timedelta(days=2, hours=3, minutes=4, seconds=5), b"000002030405000R"),
        (timedelta(minutes=5), b"000000000500000R"),
        (timedelta(seconds=1.9), b"000000000001000R"),
        (timedelta(seconds=0.2), b"000000000001000R"),
        (timedelta(days=1, seconds=0.2), b"000001000000000R"),
        (timedelta(days=400), b"000099235959000R"),
    ],
)
def test_a_span_is_written_and_never_longer_than_asked(span, octets):
    assert times.relative(span) == octets


@pytest.mark.parametrize("span", [timedelta(0), timedelta(seconds=-1)])
def test_a_span_that_is_over_is_refused(span):
    with pytest.raises(ValueError, match=r"^validity_period: "):
        times.relative(span)


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        (b"", None),
        (b"261130235959000+", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)),
        (b"180711070003912+", datetime(2018, 7, 11, 4, 0, 3, 900_000, tzinfo=UTC)),
        (b"261130120000020-", datetime(2026, 11, 30, 17, 0, tzinfo=UTC)),
        (b"000002030405000R", NOW + timedelta(days=2, hours=3, minutes=4, seconds=5)),
        (b"010100000000000R", NOW + timedelta(days=395)),
    ],
)
def test_times_are_read(octets, moment):
    assert times.parse(octets, NOW) == moment


@pytest.mark.parametrize(
    "octets", [b"2611302359590", b"261330235959000+", b"261130235959000*", b"261130235959099+", b"x" * 16]
)
def test_what_is_no_time_is_refused(octets):
    with pytest.raises(ValueError, match=r"."):
        times.parse(octets, NOW)


@pytest.mark.parametrize(
    "moment", [NOW.replace(tzinfo=None), datetime(1999, 12, 31, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)]
)
def test_a_moment_without_a_zone_or_a_century_is_refused(moment):
    with pytest.raises(ValueError, match=r"^moment: "):
        times.absolute(moment)


@settings(max_examples=100, deadline=None)
@given(st.timedeltas(timedelta(seconds=1), times.LONGEST))
def test_spans_make_the_trip(span):
    assert times.parse(times.relative(span), NOW) == NOW + timedelta(seconds=int(span.total_seconds()))


@settings(max_examples=100, deadline=None)
@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.timezones()))  # noqa: DTZ001 -- hypothesis wants them so
def test_moments_make_the_trip_to_a_tenth_of_a_second(moment):
    found = times.parse(times.absolute(moment), NOW)
    assert found is not None
    assert timedelta(0) <= moment - found < timedelta(seconds=0.1)
