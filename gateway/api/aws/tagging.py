"""Tags as operations take and show them, and the resource that an ARN names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.arns import parse
from gateway.api.aws.errors import invalid
from gateway.resources import existence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call


def tags_of(call: Call) -> dict[str, str]:
    """The operation's Tags, by key; none where it gives none.

    Raises:
        AwsError: ValidationException INVALID_PARAMETER for a key that is given twice.
    """
    given = call.input.get("Tags", ())
    tags = {one["Key"]: one["Value"] for one in given}
    if len(tags) < len(given):
        raise invalid("INVALID_PARAMETER", "Tags", "Has a key more than once.")
    return tags


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the model's TagList."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def named(call: Call) -> tuple[str, str]:
    """Kind and id of the resource that ResourceArn names. Raises AwsError (INVALID_ARN)."""
    kind, name = parse(call.input["ResourceArn"], "ResourceArn")
    if kind not in existence.KINDS:
        raise invalid("INVALID_ARN", "ResourceArn", "Is of a kind that this service does not have.")
    return kind, name
