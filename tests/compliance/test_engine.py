from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from compliance.engine import RECHECKED, RULES, Decision, check, recheck
from compliance.types import Effect, SendFacts, Verdict
from tests.support.compliance import NOW, send_facts

SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=9)


def verdict(effect: Effect, code: str = "code", until: datetime | None = None) -> Verdict:
    return Verdict("rule", effect, code, "A reason.", "account setting", "A remedy.", until)


def decide(*verdicts: Verdict) -> Decision:
    return check(send_facts(), [lambda _facts, one=one: one for one in verdicts])


ALLOW = verdict(Effect.ALLOW)


def test_ordinary_message_is_allowed_with_every_verdict_in_order() -> None:
    decision = check(send_facts())
    assert decision.effect is Effect.ALLOW
    assert [one.rule for one in decision.verdicts] == [
        "destination_not_verified",
        "opted_out",
        "under_review",
        "country_not_enabled",
        "destination_protected",
        "sender_kind_not_allowed",
        "max_price",
        "spend_limit",
        "recipient_rate",
        "duplicate_content",
    ]
    assert (decision.refusal, decision.deferral, decision.until) == (None, None, None)


def test_all_rules_answer_even_after_a_refusal() -> None:
    facts = send_facts(
        opted={"ago": 5}, in_review=True, message_type="PROMOTIONAL", max_price="0", sender_kind="SENDER_ID",
        recent=[{"ago": 1, "body": "body"}], protection={"status": "BLOCK"},
        limits={
            "enabled_countries": ["FR"], "monthly_spend_limit": "0", "recipient_limits": [(1, 60)],
            "duplicate_window": 60, "sandbox": True,
        },
    )  # fmt: skip
    decision = check(facts)
    assert decision.effect is Effect.REFUSE
    assert [one.code for one in decision.verdicts] == [
        "destination_not_verified",
        "destination_opted_out",
        "possible_opt_out_under_review",
        "country_not_enabled",
        "country_blocked",
        "sender_kind_not_allowed",
        "price_over_max_price",
        "monthly_spend_limit_reached",
        "recipient_rate_exceeded",
        "duplicate_content",
    ]
    assert decision.refusal is decision.verdicts[0]


def test_an_opt_out_beats_an_override_that_allows() -> None:
    decision = check(send_facts(opted={"ago": 5}, protection={"status": "BLOCK", "override": "ALLOW"}))
    assert [one.code for one in decision.verdicts if one.effect is not Effect.ALLOW] == ["destination_opted_out"]


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ([], Effect.ALLOW),
        ([Effect.ALLOW], Effect.ALLOW),
        ([Effect.ALLOW, Effect.DEFER], Effect.DEFER),
        ([Effect.DEFER, Effect.REFUSE], Effect.REFUSE),
        ([Effect.REFUSE, Effect.DEFER, Effect.ALLOW], Effect.REFUSE),
    ],
)
def test_refusal_outweighs_deferral_and_both_outweigh_allowance(effects: list[Effect], expected: Effect) -> None:
    assert decide(*map(verdict, effects)).effect is expected


def test_refusal_and_deferral_are_the_first_of_their_kind() -> None:
    hold, no = verdict(Effect.DEFER, "hold"), verdict(Effect.REFUSE, "no")
    decision = decide(ALLOW, hold, no, verdict(Effect.REFUSE, "no too"), verdict(Effect.DEFER, "hold too"))
    assert decision.refusal is no
    assert decision.deferral is hold


@pytest.mark.parametrize(
    ("holds", "until"),
    [([SOON], SOON), ([SOON, LATER], LATER), ([LATER, SOON], LATER), ([None], None), ([LATER, None], None)],
)
def test_deferred_message_waits_for_its_latest_hold_and_for_people(
    holds: list[datetime | None], until: datetime | None
) -> None:
    assert decide(ALLOW, *(verdict(Effect.DEFER, until=hold) for hold in holds)).until == until


def test_refused_message_waits_for_nothing() -> None:
    assert decide(verdict(Effect.DEFER, until=SOON), verdict(Effect.REFUSE)).until is None


@pytest.mark.parametrize(
    ("facts", "effect"),
    [
        (send_facts(), Effect.ALLOW),
        (send_facts(opted={"ago": 1}), Effect.REFUSE),
        (send_facts(in_review=True, message_type="PROMOTIONAL"), Effect.DEFER),
        (send_facts(limits={"enabled_countries": ["FR"]}), Effect.REFUSE),
        (send_facts(opted={"ago": 1}, purpose="opt_out_confirmation"), Effect.ALLOW),
    ],
)
def test_recheck_sees_what_changed_since_acceptance(facts: SendFacts, effect: Effect) -> None:
    assert recheck(facts).effect is effect


def test_recheck_does_not_count_the_message_against_itself() -> None:
    counted = send_facts(
        month_spend="1", recent=[{"ago": 0, "body": "body"}],
        limits={"monthly_spend_limit": "1", "recipient_limits": [(1, 60)], "duplicate_window": 60},
    )  # fmt: skip
    assert check(counted).effect is Effect.REFUSE
    assert recheck(counted).effect is Effect.ALLOW


def test_rechecked_rules_are_rules_in_the_same_order() -> None:
    assert list(RECHECKED) == [rule for rule in RULES if rule in RECHECKED]
