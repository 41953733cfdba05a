"""Configuration sets and their event destinations: those of ``pinpoint-sms-voice-v2``, as version 1 names their parts.

Version 1 knows events of calls only. A destination that version 2 made shows those of its types that version 1 has a
word for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.api.aws.lists import PAGE, page
from gateway.api.aws.targets import target_of, target_shown
from gateway.api.aws.v1.errors import bad_request, not_found
from gateway.resources import configuration_sets, set_destinations
from gateway.resources.set_destinations import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.event_destinations import EventDestination

_SET = "ConfigurationSetName"
_DESTINATION = "EventDestinationName"
# EventType of version 1 -> that of version 2.
_TYPES = {
    "INITIATED_CALL": "VOICE_INITIATED",
    "RINGING": "VOICE_RINGING",
    "ANSWERED": "VOICE_ANSWERED",
    "COMPLETED_CALL": "VOICE_COMPLETED",
    "BUSY": "VOICE_BUSY",
    "FAILED": "VOICE_FAILED",
    "NO_ANSWER": "VOICE_NO_ANSWER",
}
_EVERY_CALL = {ALL, "VOICE_ALL"}


async def create_configuration_set(call: Call) -> Mapping[str, Any]:
    name = _given(call.input, _SET)
    await configuration_sets.create(call.desk, account_id=call.account_id, name=name, now=call.now())
    return {}


async def list_configuration_sets(call: Call) -> Mapping[str, Any]:
    found = await configuration_sets.all_of(call.desk, account_id=call.account_id)
    return page(
        call, "ConfigurationSets", list(found), str, str, most=_page_size(call.input.get("PageSize", str(PAGE)))
    )


async def delete_configuration_set(call: Call) -> Mapping[str, Any]:
    await configuration_sets.delete(call.desk, account_id=call.account_id, name=call.input[_SET])
    await call.services.post.refresh()
    return {}


async def get_configuration_set_event_destinations(call: Call) -> Mapping[str, Any]:
    known = await configuration_sets.all_of(call.desk, account_id=call.account_id)
    if (found := known.get(call.input[_SET])) is None:
        raise not_found("There is no configuration set of that name.")
    return {"EventDestinations": [_shown(one) for one in found[1]]}


async def create_configuration_set_event_destination(call: Call) -> Mapping[str, Any]:
    given = _given(call.input, "EventDestination")
    if (target := target_of(given)) is None:
        raise bad_request("EventDestination: Give one of CloudWatch Logs, Firehose or SNS.")
    await set_destinations.create(
        call.desk, account_id=call.account_id, configuration_set=call.input[_SET],
        name=_given(call.input, _DESTINATION), target=target, types=_types(given.get("MatchingEventTypes", [])),
        now=call.now(), enabled=given.get("Enabled", True),
    )  # fmt: skip
    await call.services.post.refresh()
    return {}


async def update_configuration_set_event_destination(call: Call) -> Mapping[str, Any]:
    given = _given(call.input, "EventDestination")
    types = _types(given["MatchingEventTypes"]) if "MatchingEventTypes" in given else None
    await set_destinations.update(
        call.desk, account_id=call.account_id, configuration_set=call.input[_SET], name=call.input[_DESTINATION],
        enabled=given.get("Enabled"), types=types, target=target_of(given),
    )  # fmt: skip
    await call.services.post.refresh()
    return {}


async def delete_configuration_set_event_destination(call: Call) -> Mapping[str, Any]:
    await set_destinations.delete(
        call.desk, account_id=call.account_id, configuration_set=call.input[_SET], name=call.input[_DESTINATION]
    )
    await call.services.post.refresh()
    return {}


def _given(given: Mapping[str, Any], member: str) -> Any:  # noqa: ANN401 -- JSON
    """A member that the model does not require, and that is needed. Raises AwsError (BadRequestException)."""
    if member not in given:
        raise bad_request(f"{member}: Is missing.")
    return given[member]


def _page_size(written: str) -> int:
    """PageSize is a text in the model. Raises AwsError (BadRequestException)."""
    if not re.fullmatch(r"[1-9][0-9]{0,2}", written):
        raise bad_request("PageSize: Must be a whole number from 1 to 999.")
    return int(written)


def _types(wanted: list[str]) -> list[str]:
    return [_TYPES[one] for one in wanted]


def _shown(one: EventDestination) -> dict[str, Any]:
    every = bool(_EVERY_CALL & set(one.types))
    return {
        "Name": one.name,
        "Enabled": one.enabled,
        "MatchingEventTypes": [ours for ours, theirs in _TYPES.items() if every or theirs in one.types],
        **target_shown(one),
    }
