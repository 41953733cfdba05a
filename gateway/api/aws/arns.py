"""Amazon Resource Names: ``arn:aws:sms-voice:REGION:ACCOUNT:KIND/ID``.

Almost every id that an operation takes may be given as the ARN as well
(https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api.aws.errors import invalid
from gateway.model import account_number

_PARTS = 6


@dataclass(frozen=True, slots=True)
class Region:
    """Where this server says it is."""

    name: str

    def arn(self, account_id: str, resource: str) -> str:
        return f"arn:aws:sms-voice:{self.name}:{account_number(account_id)}:{resource}"


def id_of(written: str, kind: str, field: str) -> str:
    """The id in an id or an ARN of that kind: "pool-…", "NAME/CC" of a sender ID, the name of a list.

    Raises:
        AwsError: ValidationException INVALID_ARN for an ARN of something else.
    """
    if not written.startswith("arn:"):
        return written
    resource = written.split(":", _PARTS - 1)[-1]
    found, _, name = resource.partition("/")
    if written.count(":") < _PARTS - 1 or found != kind or not name:
        raise invalid("INVALID_ARN", field, f"Is no ARN of a {kind}.")
    return name


def parse(arn: str, field: str) -> tuple[str, str]:
    """An ARN's kind of resource and id: ("pool", "pool-…"). Raises AwsError (INVALID_ARN)."""
    kind, _, name = arn.split(":", _PARTS - 1)[-1].partition("/")
    if arn.count(":") < _PARTS - 1 or not arn.startswith("arn:") or not name:
        raise invalid("INVALID_ARN", field, "Is no ARN of this service.")
    return kind, name
