"""While staff decide whether a text was an opt-out, promotional messages to that person wait.

Allowed: a one-time code, or the reply to HELP, to a person whose "can you cancel this" waits for staff.
Deferred: an offer to the same person, until staff decide.

47 CFR 64.1200(a)(10) counts any wording as a revocation that a reasonable person would read as one, and gives at most
ten business days; the matcher does not guess, so marketing is held meanwhile. Replies that the person asked for go out.

Source: https://www.ecfr.gov/current/title-47/chapter-I/subchapter-B/part-64/subpart-L/section-64.1200
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import Effect, Purpose, Verdict

if TYPE_CHECKING:
    from compliance.types import SendFacts

REVOCATION = "https://www.ecfr.gov/current/title-47/chapter-I/subchapter-B/part-64/subpart-L/section-64.1200"

NOTHING_WAITS = Verdict(
    rule="under_review",
    effect=Effect.ALLOW,
    code="no_review_open",
    reason="No text of this person waits for staff to decide whether it was an opt-out.",
    source=REVOCATION,
    remedy="A text from the person that may be an opt-out would hold promotional messages until staff decide.",
)
NOT_PROMOTIONAL = Verdict(
    rule="under_review",
    effect=Effect.ALLOW,
    code="not_held_by_review",
    reason="A possible opt-out waits for staff, which holds promotional messages only.",
    source=REVOCATION,
    remedy="If staff decide that it was an opt-out, further messages are refused.",
)
HELD = Verdict(
    rule="under_review",
    effect=Effect.DEFER,
    code="possible_opt_out_under_review",
    reason="The person sent what may be an opt-out, so promotional messages wait until staff decide.",
    source=REVOCATION,
    remedy="Staff decide the review item: not an opt-out sends this message, an opt-out refuses it.",
)


def check(facts: SendFacts) -> Verdict:
    if not facts.in_review:
        return NOTHING_WAITS
    if facts.message_type == "PROMOTIONAL" and facts.purpose is Purpose.MESSAGE:
        return HELD
    return NOT_PROMOTIONAL
