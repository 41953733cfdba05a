from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from carriers.errors import SettingsError
from carriers.simulator.faults import RMSGQFUL, RTHROTTLED, Faults, FaultScript, read_faults


@pytest.mark.parametrize(
    ("script", "faults"),
    [
        ("", Faults()),
        ({}, Faults()),
        ("receipt_delay: 2\nduplicate: 0.5", Faults(receipt_delay=2, duplicate=0.5)),
        ({"throttle_rate": 20, "seed": 7}, Faults(throttle_rate=20, seed=7)),
        ("refuse_binds: RALYBND", Faults(refuse_binds=0x05)),
        ("refuse_binds: ESME_RINVPASWD", Faults(refuse_binds=0x0E)),
        ("status: 0x45", Faults(status=0x45)),
        ("status: '0x401'", Faults(status=0x401)),
        ("{hex_receipt_ids: true, unknown_tlvs: yes}", Faults(hex_receipt_ids=True, unknown_tlvs=True)),
    ],
)
def test_a_script_is_read(script, faults):
    assert read_faults(script) == faults


@pytest.mark.parametrize(
    ("script", "field"),
    [
        ("duplicate: 1.5", "faults.duplicate"),
        ("silent: -0.1", "faults.silent"),
        ("receipt_delay: soon", "faults.receipt_delay"),
        ("receipt_delay: .nan", "faults.receipt_delay"),
        ("drop_after: 0", "faults.drop_after"),
        ("throttle_rate: 0", "faults.throttle_rate"),
        ("refuse_binds: RNONSENSE", "faults.refuse_binds"),
        ("dupplicate: 1", "faults.dupplicate"),
        ("- duplicate", "faults"),
        ("a: b: c", "faults"),
        ("just words", "faults"),
    ],
)
def test_a_wrong_script_names_the_field(script, field):
    with pytest.raises(SettingsError) as caught:
        read_faults(script)
    assert caught.value.field == field


def test_values_are_checked_wherever_a_script_is_made():
    with pytest.raises(ValidationError):
        Faults(duplicate=2)
    with pytest.raises(ValidationError):
        dataclasses.replace(Faults(), silent=-1)


def test_the_same_seed_gives_the_same_faults():
    def rolls(seed):
        script = FaultScript(Faults(silent=0.5, duplicate=0.5, reorder=1, seed=seed))
        return [(script.is_silent(1), script.receipt_delays()) for _ in range(50)]

    assert rolls(1) == rolls(1)
    assert rolls(1) != rolls(2)


def test_a_share_falls_about_as_often_as_it_says():
    script = FaultScript(Faults(status=0x45, status_share=0.3, seed=1))
    refused = sum(script.status("esme", b"1", 0) == 0x45 for _ in range(1000))
    assert 250 < refused < 350


def test_throttling_lets_a_seconds_worth_through_and_then_the_rate_of_each_account():
    script = FaultScript(Faults(throttle_rate=10))
    assert [script.status("a", b"1", 0.0) for _ in range(12)] == [0] * 10 + [RTHROTTLED] * 2
    assert script.status("b", b"1", 0.0) == 0
    assert [script.status("a", b"1", 0.5) for _ in range(7)] == [0] * 5 + [RTHROTTLED] * 2


def test_a_full_queue_is_one_destinations_alone():
    script = FaultScript(Faults(queue_full_rate=2))
    assert [script.status("a", b"1", 0.0) for _ in range(4)] == [0, 0, RMSGQFUL, RMSGQFUL]
    assert script.status("a", b"2", 0.0) == 0
    assert script.status("a", b"1", 0.5) == 0


def test_silence_begins_behind_the_nth_submit():
    script = FaultScript(Faults(silent_after=2))
    assert [script.is_silent(number) for number in (1, 2, 3, 4)] == [False, False, True, True]


def test_a_doubled_receipt_has_two_delays_within_the_span_of_reordering():
    script = FaultScript(Faults(duplicate=1, reorder=3, seed=1))
    first, second = script.receipt_delays()
    assert 0 < first < 3
    assert 0 < second < 3
    assert script.receipt_delays(at_once=True)[0] == 0.0
    assert FaultScript(Faults()).receipt_delays() == (0.0,)
