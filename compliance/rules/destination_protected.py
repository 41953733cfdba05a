"""A protect configuration says where texts may go: by country, and by number, which counts for more.

Allowed: a text to a country that is not blocked; a text to a blocked country whose number has an override ALLOW.
Refused: a text to a country with BLOCK; a text to a number with an override BLOCK; where the country has FILTER, a text
that looks like artificially inflated traffic. With MONITOR such a text leaves, and the suspicion is on record.

Artificially inflated traffic is texts that somebody sets off, with a script at a sign-up form, to numbers that earn by
it. Such numbers are had in blocks, so the sign of it is many numbers of one block within a short time: Twilio shuts out
the number's prefix (https://www.twilio.com/docs/api/errors/60410) and counts a block as a thousand, the number without
its last three digits (https://www.twilio.com/docs/usage/global-safe-list). Ours is the plain form of that: a
transactional text is suspected when the account texted 20 other numbers of the same thousand within the hour before.
Texts that are spread evenly over a country, two an hour to each thousand numbers, bring a block to that once in 10^13
hours, and five an hour once in three million (Poisson). Promotions are neither suspected nor counted: a stranger cannot
set them off.

An opt-out is a rule of its own: an override ALLOW does not outweigh it. What protects is decided when a message is
accepted, as AWS does, and not asked again.

Source: https://docs.aws.amazon.com/sms-voice/latest/userguide/protect-configuration.html
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from compliance.countries import label
from compliance.types import ACCOUNT_SETTING, Effect, Purpose, Verdict

if TYPE_CHECKING:
    from compliance.types import SendFacts

BLOCK_DIGITS = 3  # of a number's end, which a block leaves open
NEIGHBOURS = 20  # other numbers of a block, within WINDOW, that make the next one suspect
WINDOW = timedelta(hours=1)

NOT_PROTECTED = Verdict(
    rule="destination_protected",
    effect=Effect.ALLOW,
    code="not_protected",
    reason="No protect configuration counts for this message.",
    source=ACCOUNT_SETTING,
    remedy="A protect configuration that blocks the country or the number would refuse the message.",
)
COUNTRY_ALLOWED = Verdict(
    rule="destination_protected",
    effect=Effect.ALLOW,
    code="country_allowed",
    reason="The protect configuration allows the destination's country.",
    source=ACCOUNT_SETTING,
    remedy="BLOCK for the country, or an override BLOCK for the number, would refuse the message.",
)
NUMBER_ALLOWED = Verdict(
    rule="destination_protected",
    effect=Effect.ALLOW,
    code="number_allowed",
    reason="The protect configuration has an override that allows this number, whatever its country.",
    source=ACCOUNT_SETTING,
    remedy="Without the override the rule of the country would count.",
)
NUMBER_BLOCKED = Verdict(
    rule="destination_protected",
    effect=Effect.REFUSE,
    code="number_blocked",
    reason="The protect configuration has an override that blocks this number.",
    source=ACCOUNT_SETTING,
    remedy="Delete the override, or let it expire.",
)
NOTHING_SUSPECTED = Verdict(
    rule="destination_protected",
    effect=Effect.ALLOW,
    code="nothing_suspected",
    reason="The destination's country is watched, and the message does not look like artificially inflated traffic.",
    source=ACCOUNT_SETTING,
    remedy="Many texts to neighbouring numbers within an hour would make it suspect.",
)
SUSPECTED = Verdict(
    rule="destination_protected",
    effect=Effect.ALLOW,
    code="inflated_traffic_monitored",
    reason=f"The account texted {NEIGHBOURS} or more neighbouring numbers within an hour, which looks like "
    "artificially inflated traffic; the country is only monitored, so the message leaves.",
    source=ACCOUNT_SETTING,
    remedy="FILTER for the country would refuse such messages.",
)
FILTERED = Verdict(
    rule="destination_protected",
    effect=Effect.REFUSE,
    code="inflated_traffic_filtered",
    reason=f"The account texted {NEIGHBOURS} or more neighbouring numbers within an hour, and the protect "
    "configuration filters what looks like artificially inflated traffic.",
    source=ACCOUNT_SETTING,
    remedy="Look who sets off these texts. An override ALLOW lets a number through that you know.",
)


def check(facts: SendFacts) -> Verdict:
    found = facts.protection
    if found is None:
        return NOT_PROTECTED
    if found.override:
        return NUMBER_ALLOWED if found.override == "ALLOW" else NUMBER_BLOCKED
    if found.status == "BLOCK":
        return _blocked(facts.country)
    if found.status == "ALLOW":
        return COUNTRY_ALLOWED
    if not _is_suspect(facts, found.neighbours):
        return NOTHING_SUSPECTED
    return FILTERED if found.status == "FILTER" else SUSPECTED


def _is_suspect(facts: SendFacts, neighbours: int) -> bool:
    by_strangers = facts.message_type == "TRANSACTIONAL" and facts.purpose is Purpose.MESSAGE
    return by_strangers and neighbours >= NEIGHBOURS


@lru_cache(maxsize=256)
def _blocked(country: str) -> Verdict:
    return Verdict(
        rule="destination_protected",
        effect=Effect.REFUSE,
        code="country_blocked",
        reason=f"The protect configuration blocks {label(country)}.",
        source=ACCOUNT_SETTING,
        remedy=f"Change the rule for {country}, or add an override ALLOW for the number.",
    )
