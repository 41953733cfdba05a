from __future__ import annotations

import importlib
import pkgutil
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import compliance.rules
from compliance.engine import RULES
from compliance.types import AccountLimits, Effect, Purpose, RecipientLimit, SenderKind, Verdict
from tests.support.compliance import NOW, send_facts

TABLES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(Path(__file__).parent.glob("rules/*.yaml"))}
NAMES = sorted(module.name for module in pkgutil.iter_modules(compliance.rules.__path__))
MODULES = {name: importlib.import_module(f"compliance.rules.{name}") for name in NAMES}

ROWS = [
    pytest.param(name, Effect(effect), row, id=f"{name}: {effect}: {row['when']}")
    for name, table in TABLES.items()
    for effect, rows in table.items()
    for row in rows
]


@pytest.mark.parametrize(("name", "effect", "row"), ROWS)
def test_rule_answers_as_its_table_says(name: str, effect: Effect, row: dict[str, Any]) -> None:
    verdict = MODULES[name].check(send_facts(**row["facts"]))
    assert (verdict.effect, verdict.code) == (effect, row["code"])
    for words in row.get("says", []):
        assert words in f"{verdict.reason} {verdict.remedy}"
    assert verdict.source == row.get("source", verdict.source)


def test_every_rule_is_in_the_engine_and_has_a_table() -> None:
    assert sorted(rule.__module__.removeprefix("compliance.rules.") for rule in RULES) == NAMES == sorted(TABLES)


@pytest.mark.parametrize("name", NAMES)
def test_table_has_messages_that_pass_and_messages_that_do_not(name: str) -> None:
    assert TABLES[name]["allow"]
    assert TABLES[name].get("refuse") or TABLES[name].get("defer")


@pytest.mark.parametrize("name", NAMES)
def test_table_reaches_every_constant_verdict(name: str) -> None:
    constants = {value.code for value in vars(MODULES[name]).values() if isinstance(value, Verdict)}
    assert constants <= {row["code"] for rows in TABLES[name].values() for row in rows}


@pytest.mark.parametrize("name", NAMES)
def test_docstring_shows_both_ways_and_the_source(name: str) -> None:
    words = MODULES[name].__doc__ or ""
    assert re.search(r"^Allowed: \w", words, re.MULTILINE)
    assert re.search(r"^(Refused|Deferred): \w", words, re.MULTILINE)
    assert re.search(r"^Source: (https://|account setting)", words, re.MULTILINE)


facts_of_any_message = st.builds(
    send_facts,
    country=st.sampled_from(["", "US", "GB", "KE", "SA", "CN", "IR", "ZZ"]),
    sender_kind=st.sampled_from(SenderKind),
    message_type=st.sampled_from(["TRANSACTIONAL", "PROMOTIONAL"]),
    purpose=st.sampled_from(Purpose),
    price=st.sampled_from(["0", "0.5", "2"]),
    max_price=st.sampled_from([None, "0", "1"]),
    opted=st.sampled_from([None, {"ago": 5}]),
    in_review=st.booleans(),
    recent=st.lists(st.sampled_from([{"ago": 1, "body": "body"}, {"ago": 900}]), max_size=3),
    confirmations_since_opt_out=st.integers(0, 2),
    limits=st.fixed_dictionaries({
        "enabled_countries": st.sampled_from([None, [], ["US"]]),
        "recipient_limits": st.sampled_from([[], [(1, 60)], [(3, 600), (2, 1000)]]),
        "monthly_spend_limit": st.sampled_from([None, "0", "1"]),
        "duplicate_window": st.sampled_from([0, 60]),
        "sandbox": st.booleans(),
    }),
    self_managed_opt_outs=st.booleans(),
    simulator=st.booleans(),
    protection=st.none()
    | st.fixed_dictionaries({
        "status": st.sampled_from(["ALLOW", "BLOCK", "MONITOR", "FILTER"]),
        "override": st.sampled_from(["", "ALLOW", "BLOCK"]),
        "neighbours": st.sampled_from([0, 1000]),
    }),
    verified=st.booleans(),
)  # fmt: skip


@settings(max_examples=100)
@given(facts=facts_of_any_message)
def test_every_verdict_names_its_rule_source_and_remedy_and_hides_the_number(facts: Any) -> None:
    for rule in RULES:
        verdict = rule(facts)
        assert f"compliance.rules.{verdict.rule}" == rule.__module__
        assert re.fullmatch(r"[a-z][a-z_]+", verdict.code)
        assert verdict.source in {"account setting", "request field"} or verdict.source.startswith("https://")
        assert verdict.reason.endswith(".")
        assert verdict.remedy.endswith(".")
        assert facts.destination not in verdict.reason + verdict.remedy
        assert verdict.until is None or verdict.effect is Effect.DEFER
        assert verdict == rule(facts)


def test_allowed_messages_share_constant_verdicts() -> None:
    facts = send_facts()
    assert all(rule(facts) is rule(facts) for rule in RULES)


def test_default_limits_pass_a_hundred_messages_in_ten_minutes_and_stop_the_next() -> None:
    check = MODULES["recipient_rate"].check
    assert check(send_facts(limits={}, recent=[{"ago": 1}] * 99)).effect is Effect.ALLOW
    assert check(send_facts(limits={}, recent=[{"ago": 599}] * 100)).effect is Effect.REFUSE
    assert check(send_facts(limits={}, recent=[{"ago": 600}] * 100)).effect is Effect.ALLOW


@pytest.mark.parametrize("count", [0, -1])
def test_recipient_limit_needs_a_count_of_one_or_more(count: int) -> None:
    with pytest.raises(ValueError, match=f"count is {count}: give 1 or more"):
        RecipientLimit(count, timedelta(minutes=1))


@pytest.mark.parametrize("per", [timedelta(0), timedelta(seconds=-1)])
def test_recipient_limit_needs_a_time_above_zero(per: timedelta) -> None:
    with pytest.raises(ValueError, match="give a time above zero"):
        RecipientLimit(1, per)


@pytest.mark.parametrize(
    ("limits", "lookback"),
    [
        (AccountLimits(), timedelta(minutes=10)),
        (AccountLimits(recipient_limits=()), timedelta(0)),
        (AccountLimits(recipient_limits=(), duplicate_window=timedelta(hours=1)), timedelta(hours=1)),
        (
            AccountLimits(recipient_limits=(RecipientLimit(1, timedelta(5)), RecipientLimit(1, timedelta(2)))),
            timedelta(5),
        ),
    ],
)
def test_lookback_is_the_longest_window(limits: AccountLimits, lookback: timedelta) -> None:
    assert limits.lookback == lookback


def test_an_opt_out_is_told_by_the_day_it_was_made() -> None:
    assert NOW.strftime("%Y-%m-%d") in MODULES["opted_out"].check(send_facts(opted={"ago": 0})).reason
