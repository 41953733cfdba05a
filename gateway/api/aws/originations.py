"""OriginationIdentity: what a message leaves from, in the forms that AWS takes.

The id or ARN of a phone number or pool, the number itself, a sender ID or its ARN (model: SendTextMessage).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.arns import parse
from gateway.api.aws.errors import AwsError, invalid, not_found

if TYPE_CHECKING:
    from gateway.api.aws.call import Call

FIELD = "OriginationIdentity"


def origination_of(call: Call, written: str) -> str:
    """What ``SendRequest.origination`` takes.

    Raises:
        AwsError: ValidationException INVALID_ARN, or ResourceNotFoundException for a sender ID of no such country.
    """
    if not written.startswith("arn:"):
        return written
    kind, name = parse(written, FIELD)
    if kind in {"phone-number", "pool"}:
        return name
    if kind != "sender-id":
        raise invalid("INVALID_ARN", FIELD, "Is no ARN of a phone number, a pool or a sender ID.")
    sender, _, country = name.partition("/")
    namesakes = call.desk.catalog.directory(call.account_id).identities_by_sender.get(sender.upper(), ())
    for one in namesakes:
        if one.country in {country, ""}:
            return one.id
    raise not_found("sender-id", name)


def unknown(written: str) -> AwsError:
    """The error for an identity that the account does not have, named by what it looks like."""
    name = parse(written, FIELD)[1] if written.startswith("arn:") else written
    if name.startswith("pool-"):
        return not_found("pool", name)
    is_number = name.startswith(("phone-", "+")) or name.isdigit()
    return not_found("phone-number" if is_number else "sender-id", name)
