"""Asks every rule about one message and keeps every answer.

The rules run in a fixed order: whether the account may text at all, what binds by law, what the account set for itself.
The first refusal in that order is the one shown to the sender, and the record keeps all verdicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from compliance.rules import (
    country_not_enabled,
    destination_not_verified,
    destination_protected,
    duplicate_content,
    max_price,
    opted_out,
    recipient_rate,
    sender_kind_not_allowed,
    spend_limit,
    under_review,
)
from compliance.types import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from compliance.types import Rule, SendFacts, Verdict

#: Every rule, in the order in which their verdicts are kept. A new rule is a file in rules/ and a line here.
RULES: tuple[Rule, ...] = (
    destination_not_verified.check,
    opted_out.check,
    under_review.check,
    country_not_enabled.check,
    destination_protected.check,
    sender_kind_not_allowed.check,
    max_price.check,
    spend_limit.check,
    recipient_rate.check,
    duplicate_content.check,
)

#: What may have changed between acceptance and dispatch: a STOP, a review, a country switched off. Money and rate
#: were counted at acceptance and would count the message itself a second time.
RECHECKED: tuple[Rule, ...] = (opted_out.check, under_review.check, country_not_enabled.check)


_ALLOW = Effect.ALLOW  # looked up once: in Python 3.11 an Enum takes as long to find a member as a call takes


class Decision(NamedTuple):
    """The outcome and every rule's verdict, in the order of the rules."""

    effect: Effect
    verdicts: tuple[Verdict, ...]

    @property
    def refusal(self) -> Verdict | None:
        """The first verdict that refuses."""
        return self._first(Effect.REFUSE)

    @property
    def deferral(self) -> Verdict | None:
        """The first verdict that holds the message; it decides only where nothing refuses."""
        return self._first(Effect.DEFER)

    @property
    def until(self) -> datetime | None:
        """When a deferred message may be asked about again: the latest of its holds.

        None for a message that is not deferred, and for one with a hold that only a person can end.
        """
        if self.effect is not Effect.DEFER:
            return None
        holds = [verdict.until for verdict in self.verdicts if verdict.effect is Effect.DEFER]
        known = [until for until in holds if until is not None]
        return max(known) if len(known) == len(holds) else None

    def _first(self, effect: Effect) -> Verdict | None:
        return next((verdict for verdict in self.verdicts if verdict.effect is effect), None)


def check(facts: SendFacts, rules: Sequence[Rule] = RULES) -> Decision:
    """Ask every rule. One refusal refuses; without one, a single hold defers. Runs once for each message."""
    verdicts = tuple([rule(facts) for rule in rules])
    effects = [verdict.effect for verdict in verdicts]
    if effects.count(_ALLOW) == len(effects):
        return Decision(_ALLOW, verdicts)
    if Effect.REFUSE in effects:
        return Decision(Effect.REFUSE, verdicts)
    return Decision(Effect.DEFER, verdicts)


def recheck(facts: SendFacts) -> Decision:
    """Ask again, just before the message leaves, the rules whose answer may have changed since acceptance."""
    return check(facts, RECHECKED)
