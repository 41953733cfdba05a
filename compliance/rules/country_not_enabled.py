"""An account that lists its countries sends to no others.

Allowed: a message to France from an account that enabled France, or that lists no countries at all.
Refused: a message to Latvia from an account that enabled only France; a message whose country nobody can tell.

The list guards against traffic pumped to expensive countries, so automatic replies keep to it too. Simulated handsets
cost nothing and reach nobody: they are exempt.

Source: account setting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.countries import label
from compliance.types import ACCOUNT_SETTING, Effect, Verdict

if TYPE_CHECKING:
    from compliance.types import SendFacts

EVERY_COUNTRY = Verdict(
    rule="country_not_enabled",
    effect=Effect.ALLOW,
    code="every_country_enabled",
    reason="The account sends to every country.",
    source=ACCOUNT_SETTING,
    remedy="A list of enabled countries without this one would refuse the message.",
)
ENABLED = Verdict(
    rule="country_not_enabled",
    effect=Effect.ALLOW,
    code="country_enabled",
    reason="The destination's country is one of those that the account enabled.",
    source=ACCOUNT_SETTING,
    remedy="Taking the country off the account's list would refuse the message.",
)
SIMULATED = Verdict(
    rule="country_not_enabled",
    effect=Effect.ALLOW,
    code="simulated_destination",
    reason="The destination is a simulated handset, which is in no country.",
    source=ACCOUNT_SETTING,
    remedy="A real number in a country that is not enabled would be refused.",
)
COUNTRY_UNKNOWN = Verdict(
    rule="country_not_enabled",
    effect=Effect.REFUSE,
    code="destination_country_unknown",
    reason="The account sends to listed countries only, and the destination's country could not be told.",
    source=ACCOUNT_SETTING,
    remedy="Check the number, or let the account send to every country.",
)


def check(facts: SendFacts) -> Verdict:
    enabled = facts.limits.enabled_countries
    if enabled is None:
        return EVERY_COUNTRY
    if facts.simulator:
        return SIMULATED
    if facts.country in enabled:
        return ENABLED
    return _refused(facts.country) if facts.country else COUNTRY_UNKNOWN


def _refused(country: str) -> Verdict:
    return Verdict(
        rule="country_not_enabled",
        effect=Effect.REFUSE,
        code="country_not_enabled",
        reason=f"The account does not send to {label(country)}.",
        source=ACCOUNT_SETTING,
        remedy=f"Add {country} to the account's enabled countries.",
    )
