"""Configuration sets, their defaults and their event destinations."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import about, invalid
from gateway.api.aws.lists import asked, filtered, page, yes
from gateway.api.aws.targets import target_of, target_shown
from gateway.resources import configuration_sets, set_destinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from gateway.api.aws.call import Call
    from gateway.resources.configuration_sets import ConfigurationSet
    from gateway.resources.event_destinations import EventDestination

    _Whole: TypeAlias = tuple[ConfigurationSet, tuple[EventDestination, ...]]

_KIND = "configuration-set"
_FIELD = "ConfigurationSetName"
_FILTERS: Mapping[str, Callable[[_Whole], Iterable[str]]] = {
    "event-destination-name": lambda whole: [one.name for one in whole[1]],
    "matching-event-types": lambda whole: [type_ for one in whole[1] for type_ in one.types],
    "default-message-type": lambda whole: [whole[0].message_type],
    "default-sender-id": lambda whole: [whole[0].sender_id],
    "default-message-feedback-enabled": lambda whole: yes(whole[0].message_feedback),
    "protect-configuration-id": lambda whole: [whole[0].protect_id],
}


async def create_configuration_set(call: Call) -> Mapping[str, Any]:
    name, tags = call.input[_FIELD], tagging.tags_of(call)
    with about(_KIND, name):
        made = await configuration_sets.create(
            call.desk, account_id=call.account_id, name=name, tagged=tags, now=call.now()
        )
    return {**_names(call, name), "CreatedTimestamp": made.created_at, "Tags": tagging.shown(tags)}


async def describe_configuration_sets(call: Call) -> Mapping[str, Any]:
    known = await configuration_sets.all_of(call.desk, account_id=call.account_id)
    found = filtered(call, asked(call, "ConfigurationSetNames", _KIND, known), _FILTERS)
    return page(call, "ConfigurationSets", found, lambda whole: whole[0].name, lambda whole: _shown(call, *whole))


async def delete_configuration_set(call: Call) -> Mapping[str, Any]:
    name = _set(call)
    with about(_KIND, name):
        gone = await configuration_sets.delete(call.desk, account_id=call.account_id, name=name)
    await call.services.post.refresh()
    shown = _shown(call, *gone)
    del shown["ProtectConfigurationId"]
    return shown


async def set_default_message_type(call: Call) -> Mapping[str, Any]:
    message_type = call.input["MessageType"]
    await _change(call, message_type=message_type)
    return {**_names(call, _set(call)), "MessageType": message_type}


async def delete_default_message_type(call: Call) -> Mapping[str, Any]:
    before = await _change(call, message_type="")
    return {**_names(call, before.name), "MessageType": before.message_type or None}


async def set_default_sender_id(call: Call) -> Mapping[str, Any]:
    sender_id = call.input["SenderId"]
    await _change(call, sender_id=sender_id)
    return {**_names(call, _set(call)), "SenderId": sender_id}


async def delete_default_sender_id(call: Call) -> Mapping[str, Any]:
    before = await _change(call, sender_id="")
    return {**_names(call, before.name), "SenderId": before.sender_id or None}


async def set_default_message_feedback_enabled(call: Call) -> Mapping[str, Any]:
    enabled = call.input["MessageFeedbackEnabled"]
    await _change(call, message_feedback=enabled)
    return {**_names(call, _set(call)), "MessageFeedbackEnabled": enabled}


async def create_event_destination(call: Call) -> Mapping[str, Any]:
    target = target_of(call.input)
    if target is None:
        raise invalid("MISSING_PARAMETER", "SnsDestination", "Give one destination: CloudWatch Logs, Firehose or SNS.")
    name = call.input["EventDestinationName"]
    with _about_destination(call):
        made = await set_destinations.create(
            call.desk, account_id=call.account_id, configuration_set=_set(call), name=name, target=target,
            types=call.input["MatchingEventTypes"], now=call.now(),
        )  # fmt: skip
    await call.services.post.refresh()
    return _changed(call, made)


async def update_event_destination(call: Call) -> Mapping[str, Any]:
    name = call.input["EventDestinationName"]
    with _about_destination(call):
        changed = await set_destinations.update(
            call.desk, account_id=call.account_id, configuration_set=_set(call), name=name,
            target=target_of(call.input), enabled=call.input.get("Enabled"), types=call.input.get("MatchingEventTypes"),
        )  # fmt: skip
    await call.services.post.refresh()
    return _changed(call, changed)


async def delete_event_destination(call: Call) -> Mapping[str, Any]:
    name = call.input["EventDestinationName"]
    with _about_destination(call):
        gone = await set_destinations.delete(
            call.desk, account_id=call.account_id, configuration_set=_set(call), name=name
        )
    await call.services.post.refresh()
    return _changed(call, gone)


async def _change(call: Call, **changes: Any) -> ConfigurationSet:  # noqa: ANN401 -- ConfigurationSetChanges
    """Change the set that the call names; gives it as it was."""
    name = _set(call)
    with about(_KIND, name):
        before, _ = await configuration_sets.update(call.desk, account_id=call.account_id, name=name, **changes)
    return before


def _set(call: Call) -> str:
    return id_of(call.input[_FIELD], _KIND, _FIELD)


@contextlib.contextmanager
def _about_destination(call: Call) -> Iterator[None]:
    """What is not there is the set, or the destination in it."""
    with about(_KIND, _set(call)), about("event-destination", call.input["EventDestinationName"]):
        yield


def _names(call: Call, name: str) -> dict[str, Any]:
    return {"ConfigurationSetArn": call.arn(f"{_KIND}/{name}"), _FIELD: name}


def _shown(call: Call, one: ConfigurationSet, destinations: Sequence[EventDestination]) -> dict[str, Any]:
    return {
        **_names(call, one.name),
        "EventDestinations": [_destination(each) for each in destinations],
        "DefaultMessageType": one.message_type or None,
        "DefaultSenderId": one.sender_id or None,
        "DefaultMessageFeedbackEnabled": one.message_feedback,
        "CreatedTimestamp": one.created_at,
        "ProtectConfigurationId": one.protect_id or None,
    }


def _changed(call: Call, one: EventDestination) -> dict[str, Any]:
    return {**_names(call, one.configuration_set), "EventDestination": _destination(one)}


def _destination(one: EventDestination) -> dict[str, Any]:
    return {
        "EventDestinationName": one.name,
        "Enabled": one.enabled,
        "MatchingEventTypes": list(one.types),
        **target_shown(one),
    }
