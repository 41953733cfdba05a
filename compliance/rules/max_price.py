"""A message that would cost more than its request allows is not sent.

Allowed: a message of 0.04 whose request says max_price 0.04, or says nothing.
Refused: a message of 0.0401 whose request says max_price 0.04.

As MaxPrice of AWS's SendTextMessage: it is about the whole message, all parts together.

Source: https://docs.aws.amazon.com/sdk-for-kotlin/api/latest/pinpointsmsvoicev2/aws.sdk.kotlin.services.pinpointsmsvoicev2.model/-send-text-message-request/max-price.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import REQUEST_FIELD, Effect, Verdict

if TYPE_CHECKING:
    from decimal import Decimal

    from compliance.types import SendFacts

NO_MAXIMUM = Verdict(
    rule="max_price",
    effect=Effect.ALLOW,
    code="no_max_price",
    reason="The request set no highest price.",
    source=REQUEST_FIELD,
    remedy="A max_price below the message's price would refuse it.",
)
WITHIN = Verdict(
    rule="max_price",
    effect=Effect.ALLOW,
    code="within_max_price",
    reason="The message costs no more than the request allows.",
    source=REQUEST_FIELD,
    remedy="A max_price below the message's price would refuse it.",
)


def check(facts: SendFacts) -> Verdict:
    if facts.max_price is None:
        return NO_MAXIMUM
    return WITHIN if facts.price <= facts.max_price else _refused(facts.price, facts.max_price)


def _refused(price: Decimal, maximum: Decimal) -> Verdict:
    return Verdict(
        rule="max_price",
        effect=Effect.REFUSE,
        code="price_over_max_price",
        reason=f"The message costs {price}, and the request allows {maximum}.",
        source=REQUEST_FIELD,
        remedy=f"Raise max_price to {price}, or shorten the text to fewer parts.",
    )
