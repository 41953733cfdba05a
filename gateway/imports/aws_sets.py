"""Steps for protect configurations and configuration sets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.events.destinations import CLOUDWATCH_LOGS, FIREHOSE, SNS
from gateway.imports.aws_account import CAPABILITIES
from gateway.imports.steps import Fate, Step
from gateway.resources import configuration_sets, protect_configurations, set_destinations
from gateway.resources.set_destinations import Target
from gateway.store.times import to_micros

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.imports.aws_account import AwsAccount, Entry
    from gateway.imports.here import Here
    from gateway.resources.configuration_sets import ConfigurationSet, ConfigurationSetChanges
    from gateway.resources.event_destinations import EventDestination

# Member of an event destination -> its kind here, and the member with its ARN.
_TARGETS = {
    "SnsDestination": (SNS, "TopicArn"),
    "KinesisFirehoseDestination": (FIREHOSE, "DeliveryStreamArn"),
    "CloudWatchLogsDestination": (CLOUDWATCH_LOGS, "LogGroupArn"),
}


async def protection(here: Here, aws: AwsAccount) -> AsyncIterator[Step]:
    for one in aws.protect_configurations:
        known_as = one["ProtectConfigurationId"]
        there = known_as in here.protect_ids
        make = partial(
            protect_configurations.create, here.desk, account_id=here.account_id, known_as=known_as,
            deletion_protection=one["DeletionProtectionEnabled"], now=to_micros(one["CreatedTimestamp"]),
        )  # fmt: skip
        yield (
            Step("protect configuration", known_as, Fate.SAME)
            if there
            else Step("protect configuration", known_as, Fate.ADD, do=make)
        )
        async for step in _rules(here, known_as, aws.country_rules[known_as], there=there):
            yield step
        async for step in _overrides(here, known_as, aws.overrides[known_as], there=there):
            yield step
        if one["AccountDefault"] and here.default_protect_id != known_as:
            become = partial(
                protect_configurations.set_default, here.desk, account_id=here.account_id, configuration_id=known_as
            )
            yield Step("account's default", known_as, Fate.CHANGE, do=become)


async def _rules(here: Here, known_as: str, rules: dict[str, dict[str, str]], *, there: bool) -> AsyncIterator[Step]:
    for capability in CAPABILITIES:
        known = await _known_rules(here, known_as, capability) if there else {}
        changes = {
            country: status for country, status in rules[capability].items() if known.get(country, "ALLOW") != status
        }
        change = partial(
            protect_configurations.change_country_rules, here.desk, account_id=here.account_id,
            configuration_id=known_as, capability=capability, changes=changes,
        )  # fmt: skip
        if changes:
            yield Step("country rules", f"{capability} of {known_as}", Fate.CHANGE, f"{len(changes)} countries", change)


async def _known_rules(here: Here, known_as: str, capability: str) -> dict[str, str]:
    found = await protect_configurations.country_rules(
        here.desk, account_id=here.account_id, configuration_id=known_as, capability=capability
    )
    return dict(found)


async def _overrides(here: Here, known_as: str, entries: list[Entry], *, there: bool) -> AsyncIterator[Step]:
    known = {
        one.phone: (one.action, one.expires_at)
        for one in (
            await protect_configurations.overrides(here.desk, account_id=here.account_id, configuration_id=known_as)
            if there
            else ()
        )
    }
    fresh = [one for one in entries if known.get(one["DestinationPhoneNumber"]) != (one["Action"], _expiry(one))]
    if fresh:
        put = partial(_put_overrides, here, known_as, fresh)
        yield Step("number overrides", f"{len(fresh)} of {known_as}", Fate.ADD, do=put)


async def _put_overrides(here: Here, known_as: str, entries: list[Entry]) -> None:
    for one in entries:
        await protect_configurations.put_override(
            here.desk, account_id=here.account_id, configuration_id=known_as, phone=one["DestinationPhoneNumber"],
            action=one["Action"], expires_at=_expiry(one), now=here.now,
        )  # fmt: skip


def _expiry(one: Entry) -> int | None:
    return to_micros(one["ExpirationTimestamp"]) if "ExpirationTimestamp" in one else None


def sets(here: Here, aws: AwsAccount) -> Iterator[Step]:
    for one in aws.configuration_sets:
        name = one["ConfigurationSetName"]
        known, destinations = here.sets.get(name, (None, ()))
        make = partial(
            configuration_sets.create, here.desk, account_id=here.account_id, name=name,
            now=to_micros(one["CreatedTimestamp"]),
        )  # fmt: skip
        yield (
            Step("configuration set", name, Fate.ADD, do=make)
            if known is None
            else Step("configuration set", name, Fate.SAME)
        )
        yield from _defaults(here, one, known)
        yield from _destinations(here, one, destinations)


def _defaults(here: Here, one: Entry, known: ConfigurationSet | None) -> Iterator[Step]:
    name, known = one["ConfigurationSetName"], known or configuration_sets.ConfigurationSet("", "")
    changes: ConfigurationSetChanges = {
        "message_type": one.get("DefaultMessageType", ""),
        "sender_id": one.get("DefaultSenderId", ""),
        "message_feedback": one.get("DefaultMessageFeedbackEnabled", False),
    }
    if any(getattr(known, field) != value for field, value in changes.items()):
        change = partial(configuration_sets.update, here.desk, account_id=here.account_id, name=name, **changes)
        yield Step("defaults", f"of {name}", Fate.CHANGE, do=change)
    protect_id = one.get("ProtectConfigurationId", "")
    if protect_id and known.protect_id != protect_id:
        associate = partial(
            protect_configurations.associate, here.desk, account_id=here.account_id, configuration_id=protect_id,
            set_name=name,
        )  # fmt: skip
        yield Step("protect configuration", f"{protect_id} for {name}", Fate.CHANGE, do=associate)


def _destinations(here: Here, one: Entry, known: tuple[EventDestination, ...]) -> Iterator[Step]:
    names = {destination.name for destination in known}
    for entry in one["EventDestinations"]:
        name = f"{entry['EventDestinationName']} of {one['ConfigurationSetName']}"
        if entry["EventDestinationName"] in names:
            yield Step("event destination", name, Fate.SAME)
        else:
            add = partial(_add_destination, here, one["ConfigurationSetName"], entry)
            yield Step("event destination", name, Fate.ADD, do=add)


async def _add_destination(here: Here, set_name: str, entry: Entry) -> None:
    which = {
        "account_id": here.account_id, "configuration_set": set_name, "name": entry["EventDestinationName"],
    }  # fmt: skip
    await set_destinations.create(
        here.desk, **which, target=_target(entry), types=entry["MatchingEventTypes"], now=here.now
    )
    if not entry["Enabled"]:
        await set_destinations.update(here.desk, **which, enabled=False)


def _target(entry: Entry) -> Target:
    member, (kind, arn) = next(one for one in _TARGETS.items() if one[0] in entry)
    return Target(kind, entry[member][arn], entry[member].get("IamRoleArn", ""))
