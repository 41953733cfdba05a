"""A kind of sender that a country's networks do not carry is not tried there.

Allowed: a short code to the United States; a sender ID to the United Kingdom, where the sources disagree.
Refused: an alphanumeric sender ID to the United States.

Refuses only where every source read says no. Where they disagree, or nothing was read, the message goes, and where a
registration is asked for it goes with that said. Simulated handsets and simulator numbers meet no network.

Source: https://www.twilio.com/en-us/guidelines/us/sms (and, for each country and kind, those in data/countries.json)
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from compliance.countries import countries, label
from compliance.types import ACCOUNT_SETTING, Effect, SenderKind, Verdict

if TYPE_CHECKING:
    from compliance.countries import CountryRules
    from compliance.types import SendFacts

NAMES = {
    SenderKind.SHORT_CODE: "short code",
    SenderKind.LONG_CODE: "long code",
    SenderKind.TEN_DLC: "10DLC number",
    SenderKind.TOLL_FREE: "toll-free number",
    SenderKind.SENDER_ID: "alphanumeric sender ID",
    SenderKind.SIMULATOR: "simulator number",
}

SIMULATED = Verdict(
    rule="sender_kind_not_allowed",
    effect=Effect.ALLOW,
    code="simulated",
    reason="A simulated handset or simulator number meets no network.",
    source=ACCOUNT_SETTING,
    remedy="A real number and sender are held to the rules of the destination's country.",
)
UNDECIDED = Verdict(
    rule="sender_kind_not_allowed",
    effect=Effect.ALLOW,
    code="sender_kind_undecided",
    reason="The published sources say nothing certain about this kind of sender in the destination's country.",
    source="https://docs.aws.amazon.com/sms-voice/latest/userguide/phone-numbers-sms-by-country.html",
    remedy="Ask the carrier whether it takes this kind of sender there.",
)


def check(facts: SendFacts) -> Verdict:
    if facts.simulator or facts.sender_kind is SenderKind.SIMULATOR:
        return SIMULATED
    return _judge(facts.country, facts.sender_kind)


@lru_cache(maxsize=4096)  # about 250 countries by 5 kinds: built once each
def _judge(iso2: str, kind: SenderKind) -> Verdict:
    country = countries().get(iso2)
    if country is None or country.sender_kinds[kind] == "unknown":
        return UNDECIDED
    if country.sender_kinds[kind] == "no":
        return _refused(country, kind)
    return _allowed(country, kind)


def _refused(country: CountryRules, kind: SenderKind) -> Verdict:
    sources = country.sources[kind]
    others = [NAMES[other] for other, standing in country.sender_kinds.items() if standing not in {"no", "unknown"}]
    return Verdict(
        rule="sender_kind_not_allowed",
        effect=Effect.REFUSE,
        code="sender_kind_not_allowed",
        reason=f"Networks in {label(country.iso2)} take no {NAMES[kind]}: all {len(sources)} pages read agree.",
        source=sources[0],
        remedy=f"Send from another kind of sender: {', '.join(others) or 'ask the carrier which'}.",
    )


def _allowed(country: CountryRules, kind: SenderKind) -> Verdict:
    needs_registration = country.sender_kinds[kind] == "registration_required"
    place, name = label(country.iso2), NAMES[kind]
    return Verdict(
        rule="sender_kind_not_allowed",
        effect=Effect.ALLOW,
        code="sender_registration_required" if needs_registration else "sender_kind_allowed",
        reason=f"Networks in {place} take a {name} only once it is registered."
        if needs_registration
        else f"Networks in {place} take a {name}.",
        source=country.sources[kind][0],
        remedy="Register the sender with the carrier: unregistered, the networks may drop the message."
        if needs_registration
        else "Nothing but a change of the country's rules.",
    )
