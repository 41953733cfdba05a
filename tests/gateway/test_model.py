"""Where a status may go: the whole table, both ways."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import IllegalMove
from gateway.model import CORRECTION_WINDOW, FINAL, MOVES, Status, can_move, move, slowest

# From the plan of the house, written out a second time on purpose.
LEGAL = {
    "SCHEDULED": "QUEUED REFUSED CANCELLED EXPIRED",
    "QUEUED": "SCHEDULED SUBMITTING REFUSED CANCELLED EXPIRED FAILED",
    "SUBMITTING": "QUEUED SUBMITTED REJECTED FAILED EXPIRED UNKNOWN",
    "SUBMITTED": "DELIVERED UNDELIVERED EXPIRED REJECTED UNKNOWN",
    "UNKNOWN": "SUBMITTED QUEUED DELIVERED UNDELIVERED EXPIRED REJECTED",
    "EXPIRED": "DELIVERED",
}
PAIRS = list(itertools.product(Status, Status))


@pytest.mark.parametrize(("current", "to"), PAIRS)
def test_every_pair_is_legal_or_raises(current: Status, to: Status) -> None:
    legal = to in LEGAL.get(current, "").split()
    assert can_move(current, to) is legal
    if legal:
        assert move(current, to) is to
    else:
        with pytest.raises(IllegalMove, match=f"{current} cannot become {to}"):
            move(current, to)


@pytest.mark.parametrize("current", [Status.EXPIRED, Status.UNKNOWN])
def test_a_final_status_is_corrected_within_72_hours_only(current: Status) -> None:
    late = CORRECTION_WINDOW + timedelta(microseconds=1)
    assert move(current, Status.DELIVERED, since=CORRECTION_WINDOW) is Status.DELIVERED
    assert not can_move(current, Status.DELIVERED, since=late)
    with pytest.raises(IllegalMove, match="corrections"):
        move(current, Status.DELIVERED, since=late)


def test_a_status_that_is_not_final_may_stand_for_ever() -> None:
    assert can_move(Status.SUBMITTED, Status.DELIVERED, since=timedelta(days=30))


def test_the_table_has_a_row_for_each_status() -> None:
    assert set(MOVES) == set(Status)


@given(st.lists(st.sampled_from(list(Status)), min_size=1, max_size=8))
def test_a_message_is_delivered_only_when_all_its_parts_are(parts: list[Status]) -> None:
    assert (slowest(parts) is Status.DELIVERED) is (set(parts) == {Status.DELIVERED})


@given(st.lists(st.sampled_from(list(Status)), min_size=1, max_size=8))
def test_one_part_under_way_keeps_the_message_under_way(parts: list[Status]) -> None:
    certain = [part for part in parts if part is not Status.UNKNOWN] or [Status.QUEUED]
    assert (slowest(certain) not in FINAL) is bool(set(certain) - FINAL)


def test_an_unknown_part_is_told_before_what_others_will_become() -> None:
    assert slowest([Status.DELIVERED, Status.UNKNOWN, Status.SUBMITTED]) is Status.UNKNOWN


def test_no_parts_have_no_status() -> None:
    with pytest.raises(ValueError, match="empty"):
        slowest([])
