"""What an event destination of a configuration set gives records to, as both versions of the API write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.errors import invalid
from gateway.events.destinations import CLOUDWATCH_LOGS, FIREHOSE, SNS
from gateway.resources.set_destinations import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.resources.event_destinations import EventDestination

# The member of an event destination for each kind, and within it those of what receives and of the role.
_TARGETS = {
    CLOUDWATCH_LOGS: ("CloudWatchLogsDestination", "LogGroupArn", "IamRoleArn"),
    FIREHOSE: ("KinesisFirehoseDestination", "DeliveryStreamArn", "IamRoleArn"),
    SNS: ("SnsDestination", "TopicArn", ""),
}


def target_of(given: Mapping[str, Any]) -> Target | None:
    """The one destination that the input has. Raises AwsError for more than one, and for one without its role."""
    found = [(kind, members) for kind, members in _TARGETS.items() if members[0] in given]
    if len(found) > 1:
        raise invalid("PARAMETERS_CANNOT_BE_USED_TOGETHER", found[1][1][0], "Give one destination only.")
    for kind, (member, arn, role) in found:
        if role and role not in given[member]:
            raise invalid("MISSING_PARAMETER", f"{member}.{role}", "Is missing.")
        return Target(kind, given[member].get(arn, ""), given[member].get(role, ""))
    return None


def target_shown(one: EventDestination) -> dict[str, Any]:
    """The member that ``target_of`` has read."""
    member, arn, role = _TARGETS[one.kind]
    return {member: {arn: one.target} | ({role: one.role_arn} if role else {})}
