"""Nothing is sent to a person who opted out, but for one confirmation and what they ask for.

Allowed: the confirmation that answers STOP, once; a HELP reply; anything to a person on no opt-out list.
Refused: a delivery notice, or a second confirmation, to a person who texted STOP.

The strictest rule read holds in every country: 47 CFR 64.1200(a)(10) ends consent with any reasonable revocation,
(a)(12) lets one confirming text through, and CTIA's Messaging Principles 5.1.3 want nothing after it. HELP is answered
for anyone, subscribed or not. An account that manages opt-outs itself answers for its own list, which is not checked.

Source: https://www.ecfr.gov/current/title-47/chapter-I/subchapter-B/part-64/subpart-L/section-64.1200
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import ACCOUNT_SETTING, Effect, Purpose, Verdict

if TYPE_CHECKING:
    from compliance.types import Opted, SendFacts

REVOCATION = "https://www.ecfr.gov/current/title-47/chapter-I/subchapter-B/part-64/subpart-L/section-64.1200"
HELP_FOR_ANYONE = "https://support.telnyx.com/en/articles/9311492-standards-for-us-short-code-keywords-help-stop-and-opt-in-confirmation"

NOT_OPTED_OUT = Verdict(
    rule="opted_out",
    effect=Effect.ALLOW,
    code="not_opted_out",
    reason="The person is not on the opt-out list of this sender.",
    source=REVOCATION,
    remedy="A STOP from the person, or staff adding the number to the list, would refuse the next message.",
)
SELF_MANAGED = Verdict(
    rule="opted_out",
    effect=Effect.ALLOW,
    code="self_managed_opt_outs",
    reason="This sender's opt-outs are managed by the account itself, so its list was not checked.",
    source=ACCOUNT_SETTING,
    remedy="Switch self-managed opt-outs off for this sender to have its list checked.",
)
KEYWORD_RESPONSE = Verdict(
    rule="opted_out",
    effect=Effect.ALLOW,
    code="keyword_response_to_opted_out",
    reason="The person opted out, and then asked for this reply with a keyword.",
    source=HELP_FOR_ANYONE,
    remedy="Only a reply to the person's own keyword passes; any other message is refused while the opt-out stands.",
)
FIRST_CONFIRMATION = Verdict(
    rule="opted_out",
    effect=Effect.ALLOW,
    code="opt_out_confirmation",
    reason="This is the one confirmation that may follow an opt-out.",
    source=REVOCATION,
    remedy="A second confirmation of the same opt-out would be refused.",
)
SECOND_CONFIRMATION = Verdict(
    rule="opted_out",
    effect=Effect.REFUSE,
    code="opt_out_already_confirmed",
    reason="The opt-out has been confirmed already, and only one confirmation may follow it.",
    source=REVOCATION,
    remedy="Nothing needs to be sent: the opt-out stands and was confirmed.",
)


def check(facts: SendFacts) -> Verdict:
    if facts.opted is None:
        return NOT_OPTED_OUT
    if facts.self_managed_opt_outs:
        return SELF_MANAGED
    if facts.purpose is Purpose.KEYWORD_RESPONSE:
        return KEYWORD_RESPONSE
    if facts.purpose is Purpose.OPT_OUT_CONFIRMATION:
        return SECOND_CONFIRMATION if facts.confirmations_since_opt_out else FIRST_CONFIRMATION
    return _refused(facts.opted)


def _refused(opted: Opted) -> Verdict:
    return Verdict(
        rule="opted_out",
        effect=Effect.REFUSE,
        code="destination_opted_out",
        reason=f"The person opted out on {opted.since:%Y-%m-%d} ({opted.how}, list {opted.list_name}).",
        source=REVOCATION,
        remedy="The person texts START, or staff lift the opt-out with a reason on record.",
    )
