from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events.rounds import MAX_BODY, batches, lanes
from gateway.events.schedule import (
    DELAYS,
    FAILURES,
    FIRST_REST,
    GIVE_UP,
    LONGEST_REST,
    LONGEST_WAIT,
    Circuit,
    delay_after,
    given_up,
)
from gateway.store.times import HOUR, SECOND

NOW = 1_795_000_000 * SECOND


class Row(NamedTuple):
    seq: int
    subject_id: str
    data: str = "{}"


@pytest.mark.parametrize(("attempts", "delay"), [*enumerate(DELAYS, start=1), (11, DELAYS[-1]), (99, DELAYS[-1])])
def test_each_failure_waits_longer_give_or_take_a_fifth(attempts, delay):
    random = Random(attempts)
    waits = [delay_after(attempts, random) for _ in range(200)]
    assert min(waits) >= delay * 0.8
    assert max(waits) <= delay * 1.2
    assert max(waits) - min(waits) > delay * 0.3


def test_an_event_is_tried_for_at_least_three_days():
    for seed in range(50):
        random, first, now, tries = Random(seed), NOW, NOW, 1
        while not given_up(first, now):
            now += delay_after(tries, random)
            tries += 1
        assert 10 <= tries <= 13
        assert now - first >= GIVE_UP == 72 * HOUR


def test_the_circuit_opens_after_three_failures_in_a_row():
    circuit = Circuit(Random(1))
    for _ in range(FAILURES - 1):
        circuit.failed(NOW)
        assert circuit.rest(NOW) == 0
    circuit.failed(NOW)
    assert FIRST_REST * 0.8 <= circuit.rest(NOW) <= FIRST_REST * 1.2
    assert circuit.probing


def test_a_success_between_failures_keeps_the_circuit_closed():
    circuit = Circuit(Random(1))
    for _ in range(10):
        circuit.failed(NOW)
        circuit.failed(NOW)
        circuit.passed()
    assert circuit.rest(NOW) == 0
    assert not circuit.probing


def test_each_failed_probe_doubles_the_rest_up_to_five_minutes():
    circuit, now, rests = Circuit(Random(1)), NOW, []
    for _ in range(40):
        circuit.failed(now)
        rests.append(circuit.rest(now))
        now += rests[-1]
    assert rests[:2] == [0, 0]
    assert all(FIRST_REST * 2**n * 0.8 <= rest <= FIRST_REST * 2**n * 1.2 for n, rest in enumerate(rests[2:8]))
    assert all(LONGEST_REST * 0.8 <= rest <= LONGEST_REST * 1.2 for rest in rests[9:])


def test_requests_under_way_when_the_circuit_opened_do_not_lengthen_the_rest():
    circuit = Circuit(Random(1))
    for _ in range(10):
        circuit.failed(NOW)
    assert circuit.rest(NOW) <= FIRST_REST * 1.2


@pytest.mark.parametrize(("asked", "rest"), [(30 * SECOND, 30 * SECOND), (50 * HOUR, LONGEST_WAIT)])
def test_a_destination_rests_as_long_as_it_asks_but_not_for_ever(asked, rest):
    circuit = Circuit(Random(1))
    circuit.failed(NOW, asked)
    assert circuit.rest(NOW) == rest
    assert not circuit.probing


def test_a_clock_set_back_does_not_silence_a_destination():
    circuit = Circuit(Random(1))
    for _ in range(FAILURES):
        circuit.failed(NOW)
    assert circuit.rest(NOW - 5 * HOUR) == 0


ROWS = st.lists(st.sampled_from("abcdefgh"), max_size=60).map(
    lambda subjects: [Row(seq, subject) for seq, subject in enumerate(subjects, start=1)]
)


@given(ROWS, st.integers(1, 10))
def test_lanes_share_out_every_event_once_and_never_split_a_subject(rows, most):
    found = lanes(rows, most)
    assert sorted(row.seq for lane in found for row in lane) == [row.seq for row in rows]
    assert all([row.seq for row in lane] == sorted(row.seq for row in lane) for lane in found)
    subjects = [{row.subject_id for row in lane} for lane in found]
    assert sum(len(mine) for mine in subjects) == len({row.subject_id for row in rows})
    assert len(found) <= most


@given(ROWS, st.integers(1, 10), st.sets(st.integers(1, 60)))
def test_batches_keep_order_and_size_and_leave_the_suspect_alone(rows, most, alone):
    found = list(batches(rows, most, alone))
    assert [row for batch in found for row in batch] == rows
    assert all(1 <= len(batch) <= most for batch in found)
    assert all(len(batch) == 1 for batch in found for row in batch if row.seq in alone)


def test_a_request_does_not_grow_beyond_its_limit_in_characters():
    rows = [Row(seq, "m", "x" * (MAX_BODY // 3)) for seq in range(1, 8)] + [Row(8, "m", "x" * (MAX_BODY + 1))]
    found = list(batches(rows, 100))
    assert [len(batch) for batch in found] == [3, 3, 1, 1]
