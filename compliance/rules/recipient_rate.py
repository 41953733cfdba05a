"""One person gets no more messages in a stretch of time than the account allows.

Allowed: the fifth message within ten minutes under a limit of five; a sixth once the first is ten minutes old.
Refused: the sixth message within ten minutes under a limit of five.

Stops runaway loops and codes pumped at one number. Automatic replies are neither held to it nor counted: they have a
loop breaker of their own, at the door where texts come in, and a person who asks for HELP must get it.

Source: account setting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import ACCOUNT_SETTING, Effect, Purpose, Verdict

if TYPE_CHECKING:
    from compliance.types import RecipientLimit, SendFacts

WITHIN = Verdict(
    rule="recipient_rate",
    effect=Effect.ALLOW,
    code="within_recipient_rate",
    reason="The person has had fewer messages than the account allows.",
    source=ACCOUNT_SETTING,
    remedy="More messages to this person in a short time would refuse the next one.",
)
AUTOMATIC_REPLY = Verdict(
    rule="recipient_rate",
    effect=Effect.ALLOW,
    code="automatic_reply",
    reason="An automatic reply answers the person's own text and is not counted.",
    source=ACCOUNT_SETTING,
    remedy="A message that the account starts itself is held to the limits.",
)


def check(facts: SendFacts) -> Verdict:
    if facts.purpose is not Purpose.MESSAGE:
        return AUTOMATIC_REPLY
    if facts.recent:
        for limit in facts.limits.recipient_limits:
            if _reached(facts, limit):
                return _refused(facts, limit)
    return WITHIN


def _reached(facts: SendFacts, limit: RecipientLimit) -> bool:
    if len(facts.recent) < limit.count:
        return False
    start = facts.now - limit.per
    return sum(earlier.sent_at > start for earlier in facts.recent) >= limit.count


def _refused(facts: SendFacts, limit: RecipientLimit) -> Verdict:
    newest_first = sorted((earlier.sent_at for earlier in facts.recent), reverse=True)
    free_at = newest_first[limit.count - 1] + limit.per
    return Verdict(
        rule="recipient_rate",
        effect=Effect.REFUSE,
        code="recipient_rate_exceeded",
        reason=f"The person has had {limit.count} messages within {limit.per}, as many as the account allows.",
        source=ACCOUNT_SETTING,
        remedy=f"Send again from {free_at:%Y-%m-%d %H:%M:%S %Z} on, or raise the account's recipient limits.",
    )
