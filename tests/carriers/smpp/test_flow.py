"""How fast a link may go, when it may try again, and where."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp.backoff import Backoff
from carriers.smpp.events import Answered
from carriers.smpp.fields import Command
from carriers.smpp.flow import Flow
from carriers.smpp.hosts import BindGate, Hosts
from carriers.smpp.pace import UNLIMITED, Breaker, Bucket, LatencyGuard, Pace
from carriers.smpp.pdu import Pdu
from carriers.smpp.settings import Host, SmppSettings
from carriers.types import Outcome
from tests.support.scripted_smsc import submission

# --- bucket ---


def test_a_bucket_holds_one_second_and_refills_evenly():
    bucket = Bucket(10, 0.0)
    assert bucket.available(0.0) == 10
    bucket.spend(10)
    assert bucket.available(0.0) == 0
    assert bucket.available(0.55) == 5
    assert bucket.available(99.0) == 10


def test_a_bucket_without_a_rate_never_limits():
    bucket = Bucket(None, 0.0)
    bucket.spend(10**6)
    assert bucket.available(0.0) == UNLIMITED


def test_a_bucket_of_less_than_one_a_second_still_gives_whole_tokens():
    bucket = Bucket(0.5, 0.0)
    bucket.spend(1)
    assert bucket.available(1.9) == 0
    assert bucket.opens_at(1.9) == pytest.approx(2.0)
    assert bucket.available(2.0) == 1


def test_it_opens_when_a_worthwhile_number_is_back():
    bucket = Bucket(100, 0.0)
    bucket.spend(100)
    assert bucket.opens_at(0.0) == pytest.approx(0.05)


# --- adaptive rate ---


def test_throttling_pauses_halves_the_rate_and_lets_it_grow_by_a_tenth_every_5_seconds():
    pace = Pace(100, 1.0, 0.0)
    assert (pace.available(0.0), pace.rate) == (UNLIMITED, None)
    pace.throttled(10.0)
    assert (pace.available(10.9), pace.rate) == (0, 50)
    assert pace.available(11.0) > 0
    pace.available(15.0)
    assert pace.rate == pytest.approx(55)
    pace.available(20.0)
    assert pace.rate == pytest.approx(60.5)


def test_a_burst_of_throttling_is_one_event():
    pace = Pace(100, 1.0, 0.0)
    for _ in range(10):
        pace.throttled(10.0)
    assert pace.rate == 50
    pace.throttled(11.5)
    assert pace.rate == 25


def test_the_rate_never_grows_beyond_what_was_configured():
    pace = Pace(100, 1.0, 0.0)
    pace.throttled(10.0)
    pace.available(10_000.0)
    assert pace.rate == 100


def test_without_a_configured_rate_the_first_decrease_is_half_of_what_was_sent():
    pace = Pace(None, 1.0, 0.0)
    pace.spend(80, 0.5)
    pace.throttled(0.9)
    assert pace.rate == 40


def test_three_destinations_with_full_queues_within_10_seconds_are_the_links_affair():
    pace = Pace(None, 1.0, 0.0)
    assert [pace.queue_full(number, at) for number, at in [("a", 0), ("a", 1), ("b", 2), ("c", 3)]] == [
        False,
        False,
        False,
        True,
    ]
    assert not pace.queue_full("d", 20.0)


CONGESTION = [(50, 52.5), (85, 50), (95, 45), (100, 25)]


@pytest.mark.parametrize(("state", "rate"), CONGESTION)
def test_congestion_state_steers_the_rate(state, rate):
    pace = Pace(100, 1.0, 0.0)
    pace.throttled(0.0)
    pace.congestion(state, 2.0)
    assert pace.rate == pytest.approx(rate)
    pace.congestion(state, 2.5)  # looked at once a second
    assert pace.rate == pytest.approx(rate)
    assert (pace.paused_for(2.5) > 0) == (state == 100)


# --- breaker ---


def test_the_breaker_opens_at_half_of_twenty_and_lets_one_through_after_10_seconds():
    breaker = Breaker()
    breaker.record(19, 19, 0.0)
    assert breaker.room(0.0) == UNLIMITED
    breaker.record(1, 0, 1.0)
    breaker.record(1, 1, 1.0)
    assert [breaker.room(at) for at in (1.0, 10.9, 11.0)] == [0, 0, 1]
    breaker.record(1, 1, 11.5)
    assert [breaker.room(at) for at in (12.0, 21.5)] == [0, 1]
    breaker.record(1, 0, 22.0)
    assert breaker.room(22.0) == UNLIMITED


def test_errors_older_than_30_seconds_do_not_open_the_breaker():
    breaker = Breaker()
    breaker.record(15, 15, 0.0)
    breaker.record(15, 5, 31.0)
    assert breaker.room(31.0) == UNLIMITED


# --- latency ---


def test_the_window_halves_when_answers_take_five_times_as_long_and_comes_back():
    guard = LatencyGuard(16)
    answers(guard, 0.1, 0.0)
    answers(guard, 0.6, 10.0)
    assert guard.window == 8
    answers(guard, 0.6, 20.0)
    assert guard.window == 4
    answers(guard, 0.1, 30.0)
    answers(guard, 0.1, 40.0)
    assert guard.window == 16


def test_a_near_carrier_is_never_too_slow():
    guard = LatencyGuard(16)
    answers(guard, 0.001, 0.0)
    answers(guard, 0.2, 10.0)
    assert guard.window == 16


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0.1, 0.2, 0.3, 0.9, 1.6, 3.1, 9.0])), max_size=40))
def test_the_window_follows_the_best_median_of_the_last_10_minutes(steps):
    guard, now, medians, window = LatencyGuard(64), 0, [], 64
    for later, elapsed in steps:
        now += later
        answers(guard, elapsed, now)
        medians.append((now, elapsed))
        best = min(value for at, value in medians if now - at <= 600)
        if elapsed > max(0.25, 5 * best):
            window = max(1, window // 2)
        elif elapsed <= max(0.25, 2 * best):
            window = min(64, window * 2)
        assert guard.window == window


def test_what_the_guard_and_the_breaker_remember_does_not_grow():
    guard, breaker = LatencyGuard(16), Breaker()
    for second in range(5000):
        answers(guard, 0.1, second / 10)
        breaker.record(100, 0, second)
    assert (len(guard._medians), len(breaker._seconds)) == (1, 30)


def test_the_median_counts_and_not_the_odd_slow_answer():
    guard = LatencyGuard(16)
    answers(guard, 0.1, 0.0)
    for number in range(LatencyGuard.SAMPLES):
        guard.answered(9.0 if number % 3 == 0 else 0.1, 10.0)
    assert guard.window == 16


def answers(guard, elapsed, now):
    for _ in range(LatencyGuard.SAMPLES):
        guard.answered(elapsed, now)


# --- verdicts ---


def test_a_carrier_that_throttles_leaves_no_room_and_one_that_fails_mostly_leaves_one():
    flow = Flow(SmppSettings(host="h", system_id="a", window=50), 0.0)
    assert flow.room(10, 0.0) == 40
    for _ in range(20):
        result = flow.answered(Answered(submission("a"), Pdu(Command.SUBMIT_SM_RESP, 0x08), False, 0.1), 0.0)
        assert result.outcome is Outcome.RETRY
    flow.batch_done(0.0)
    assert (flow.room(0, 0.0), flow.room(0, 10.0), flow.room(1, 10.0)) == (0, 1, 0)
    assert flow.paused_for(4.0) == pytest.approx(6.0)


def test_a_generic_nack_without_a_status_does_not_accept():
    flow = Flow(SmppSettings(host="h", system_id="a"), 0.0)
    result = flow.answered(Answered(submission("a"), Pdu(Command.GENERIC_NACK, 0), False, 0.1), 0.0)
    assert result.outcome is Outcome.RETRY


# --- back-off ---


class Most(random.Random):
    """Always the longest wait."""

    def uniform(self, _least, most):
        return most


def test_back_off_doubles_to_its_cap_and_the_first_retry_comes_within_a_second():
    backoff = Backoff(Most())
    assert [backoff.lost(0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_back_off_is_spread_over_the_whole_time():
    backoff = Backoff(random.Random(1))
    waits = [backoff.lost(0.0) for _ in range(200)][10:]
    assert min(waits) < 6
    assert max(waits) > 54


@pytest.mark.parametrize(("bound_for", "wait"), [(59, 8), (60, 1)])
def test_back_off_begins_again_only_after_60_seconds_bound(bound_for, wait):
    backoff = Backoff(Most())
    for _ in range(3):
        backoff.lost(0.0)
    backoff.bound(100.0)
    assert backoff.lost(100.0 + bound_for) == wait


@pytest.mark.parametrize("status", [0x05, 0x0D])
def test_a_session_the_smsc_still_holds_is_asked_for_at_5_10_20_30_seconds(status):
    backoff = Backoff(Most())
    assert [backoff.refused(status, 0.0) for _ in range(6)] == [5, 10, 20, 30, 30, 30]
    assert not backoff.quarantined


def test_rbindfail_ten_times_is_borne_and_then_taken_for_fatal():
    backoff = Backoff(Most())
    waits = [backoff.refused(0x0D, 0.0) for _ in range(11)]
    assert waits[9:] == [30, 300]
    assert backoff.quarantined


@pytest.mark.parametrize("status", [0x0E, 0x0F, 0x53])
def test_what_a_person_must_mend_is_tried_once_in_five_minutes(status):
    backoff = Backoff(Most())
    assert backoff.refused(status, 0.0) == 300
    assert backoff.quarantined
    backoff.bound(300.0)
    assert not backoff.quarantined


def test_other_refusals_back_off_as_losses_do():
    backoff = Backoff(Most())
    assert [backoff.refused(0x08, 0.0) for _ in range(3)] == [1, 2, 4]


# --- hosts ---


def test_hosts_come_by_priority_and_each_before_any_comes_again():
    hosts = Hosts([Host(host="b", priority=1), Host(host="a"), Host(host="c", priority=2)], random.Random(1))
    assert [hosts.next(0.0).host for _ in range(4)] == ["a", "b", "c", "a"]


def test_hosts_of_one_priority_share_by_weight():
    rng = random.Random(1)
    both = [Host(host="heavy", weight=3), Host(host="light")]
    first = Counter(Hosts(both, rng).next(0.0).host for _ in range(2000))
    assert 1400 < first["heavy"] < 1600


def test_the_last_good_host_comes_first_for_5_minutes_unless_it_turns_bad():
    first, second = Host(host="a"), Host(host="b", priority=1)
    hosts = Hosts([first, second], random.Random(1))
    hosts.good(second, 0.0)
    assert hosts.next(299.0) == second
    assert hosts.next(301.0) == first
    hosts.good(second, 400.0)
    hosts.bad(second)
    assert hosts.next(401.0) == second  # its turn in the round that "first" began
    assert hosts.next(402.0) == first


def test_bind_attempts_of_an_account_take_turns():
    gate = BindGate(2.0)
    assert [gate.reserve(0.0), gate.reserve(0.0), gate.reserve(3.0)] == [0, 2, 1]
    gate.give_back(4.0)
    assert gate.reserve(4.0) == 0
    assert gate.reserve(100.0) == 0
