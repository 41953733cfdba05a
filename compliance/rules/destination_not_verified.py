"""An account in the sandbox texts numbers that were verified, and simulator numbers, and nobody else.

Allowed: anything from an account in production; a text to a verified number; a reply to who texted first; the
verification code itself.
Refused: a text from an account in the sandbox to a number that never proved to be the account's own.

Source: https://docs.aws.amazon.com/sms-voice/latest/userguide/sandbox.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import ACCOUNT_SETTING, Effect, Purpose, Verdict

if TYPE_CHECKING:
    from compliance.types import SendFacts

IN_PRODUCTION = Verdict(
    rule="destination_not_verified",
    effect=Effect.ALLOW,
    code="account_in_production",
    reason="The account is in production and may text any number.",
    source=ACCOUNT_SETTING,
    remedy="In the sandbox it could text verified numbers only.",
)
VERIFIED = Verdict(
    rule="destination_not_verified",
    effect=Effect.ALLOW,
    code="destination_verified",
    reason="The account is in the sandbox, and the number was verified or is a simulator's.",
    source=ACCOUNT_SETTING,
    remedy="Deleting the verified number would refuse the next message.",
)
OWED = Verdict(
    rule="destination_not_verified",
    effect=Effect.ALLOW,
    code="owed_in_sandbox",
    reason="The account is in the sandbox; this answers the person's own text, or carries a verification code.",
    source=ACCOUNT_SETTING,
    remedy="Any other message to a number that is not verified is refused.",
)
NOT_VERIFIED = Verdict(
    rule="destination_not_verified",
    effect=Effect.REFUSE,
    code="destination_not_verified",
    reason="The account is in the sandbox, and the number was not verified.",
    source=ACCOUNT_SETTING,
    remedy="Verify the number with a code, or let the operator move the account to production.",
)


def check(facts: SendFacts) -> Verdict:
    if not facts.limits.sandbox:
        return IN_PRODUCTION
    if facts.verified:
        return VERIFIED
    return NOT_VERIFIED if facts.purpose is Purpose.MESSAGE else OWED
