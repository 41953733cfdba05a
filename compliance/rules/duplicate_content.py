"""The same text is not sent to the same person twice within the account's window.

Allowed: the same reminder a day later under a window of an hour; any text where the window is zero, the default.
Refused: the same reminder again after ten minutes under a window of an hour.

Guards against a job that runs twice. Automatic replies are exempt: a person who asks for HELP twice gets it twice.

Source: account setting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import ACCOUNT_SETTING, Effect, Purpose, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from compliance.types import SendFacts

OFF = Verdict(
    rule="duplicate_content",
    effect=Effect.ALLOW,
    code="duplicates_allowed",
    reason="The account lets the same text be sent again at once.",
    source=ACCOUNT_SETTING,
    remedy="A duplicate window would refuse the same text to the same person within it.",
)
AUTOMATIC_REPLY = Verdict(
    rule="duplicate_content",
    effect=Effect.ALLOW,
    code="automatic_reply",
    reason="An automatic reply answers the person's own text and may repeat itself.",
    source=ACCOUNT_SETTING,
    remedy="A message that the account starts itself is compared with the earlier ones.",
)
NEW = Verdict(
    rule="duplicate_content",
    effect=Effect.ALLOW,
    code="not_a_duplicate",
    reason="The person has not had this text within the account's duplicate window.",
    source=ACCOUNT_SETTING,
    remedy="The same text again within the window would be refused.",
)


def check(facts: SendFacts) -> Verdict:
    window = facts.limits.duplicate_window
    if not window:
        return OFF
    if facts.purpose is not Purpose.MESSAGE:
        return AUTOMATIC_REPLY
    start = facts.now - window
    same = [text.sent_at for text in facts.recent if text.body_hash == facts.body_hash and text.sent_at > start]
    return _refused(facts, max(same)) if same else NEW


def _refused(facts: SendFacts, last: datetime) -> Verdict:
    free_at = last + facts.limits.duplicate_window
    return Verdict(
        rule="duplicate_content",
        effect=Effect.REFUSE,
        code="duplicate_content",
        reason=f"The same text went to the person {last:%Y-%m-%d %H:%M:%S %Z}.",
        source=ACCOUNT_SETTING,
        remedy=f"Change the text, send from {free_at:%Y-%m-%d %H:%M:%S %Z} on, or shorten the duplicate window.",
    )
