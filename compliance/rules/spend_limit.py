"""A month's messages never cost more than the account's limit.

Allowed: a message of 0.50 that brings the month to exactly its limit of 100; any message where there is no limit.
Refused: a message of 0.51 after 99.50 of a limit of 100.

The limit counts everything that costs money, automatic replies too. AWS enforces its own within minutes and may
overspend; this one is asked before each message.

Source: account setting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import ACCOUNT_SETTING, Effect, Verdict

if TYPE_CHECKING:
    from decimal import Decimal

    from compliance.types import SendFacts

NO_LIMIT = Verdict(
    rule="spend_limit",
    effect=Effect.ALLOW,
    code="no_spend_limit",
    reason="The account set no monthly spend limit.",
    source=ACCOUNT_SETTING,
    remedy="A monthly spend limit below what the month has cost would refuse the message.",
)
WITHIN = Verdict(
    rule="spend_limit",
    effect=Effect.ALLOW,
    code="within_spend_limit",
    reason="With this message the month stays within the account's spend limit.",
    source=ACCOUNT_SETTING,
    remedy="A lower limit, or enough other messages this month, would refuse it.",
)


def check(facts: SendFacts) -> Verdict:
    limit = facts.limits.monthly_spend_limit
    if limit is None:
        return NO_LIMIT
    return WITHIN if facts.month_spend + facts.price <= limit else _refused(facts, limit)


def _refused(facts: SendFacts, limit: Decimal) -> Verdict:
    return Verdict(
        rule="spend_limit",
        effect=Effect.REFUSE,
        code="monthly_spend_limit_reached",
        reason=f"This month has cost {facts.month_spend}; {facts.price} more would pass the limit of {limit}.",
        source=ACCOUNT_SETTING,
        remedy="Raise the account's monthly spend limit, or wait for the next month.",
    )
