"""Sender IDs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from compliance.countries import countries
from compliance.types import SenderKind
from gateway.api.aws import identities, tagging
from gateway.api.aws.errors import about, invalid
from gateway.api.aws.lists import filtered, owned, page, yes
from gateway.model import MessageType
from gateway.resources import sender_ids
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.api.aws.call import Call
    from gateway.model import OriginationIdentity


def _types(one: OriginationIdentity) -> Sequence[str]:
    return list(MessageType) if one.both_types else [one.message_type]


_FILTERS = {
    "sender-id": lambda one: (one.sender,),
    "iso-country-code": lambda one: (identities.country_of(one),),
    "message-type": _types,
    "deletion-protection-enabled": lambda one: yes(one.deletion_protection),
    "registered": lambda _: yes(value=False),
}


async def request_sender_id(call: Call) -> dict[str, Any]:
    given, tags = call.input, tagging.tags_of(call)
    name, country = given["SenderId"], given["IsoCountryCode"]
    types = given.get("MessageTypes") or list(MessageType)
    _check(name, country)
    with about("sender-id", f"{name}/{country}"):
        made = await sender_ids.create(
            call.desk, account_id=call.account_id, sender=name, country=country, message_type=types[0],
            both_types=set(types) == set(MessageType), tagged=tags, now=call.now(),
            deletion_protection=given.get("DeletionProtectionEnabled", False),
        )  # fmt: skip
    return _shown(call, made) | {"Tags": tagging.shown(tags)}


async def describe_sender_ids(call: Call) -> dict[str, Any]:
    mine = owned(call, "SenderIds", await everything(sender_ids.find, call.desk, account_id=call.account_id))
    if wanted := call.input.get("SenderIds"):
        mine = [await identities.sender(call, one["SenderId"], one["IsoCountryCode"]) for one in wanted]
    return page(call, "SenderIds", filtered(call, mine, _FILTERS), identities.resource_of, partial(_shown, call))


async def update_sender_id(call: Call) -> dict[str, Any]:
    known = await identities.sender(call, call.input["SenderId"], call.input["IsoCountryCode"])
    protect = call.input.get("DeletionProtectionEnabled", known.deletion_protection)
    changed = await sender_ids.update(
        call.desk, account_id=call.account_id, sender_id=known.id, deletion_protection=protect
    )
    return _shown(call, changed)


async def release_sender_id(call: Call) -> dict[str, Any]:
    known = await identities.sender(call, call.input["SenderId"], call.input["IsoCountryCode"])
    with about("sender-id", f"{known.sender}/{identities.country_of(known)}"):
        await sender_ids.delete(call.desk, account_id=call.account_id, sender_id=known.id)
    shown = _shown(call, known)
    del shown["DeletionProtectionEnabled"]
    return shown


def _check(name: str, country: str) -> None:
    """What the model says of names in words, and where the carriers take no sender IDs at all."""
    if name.startswith("-") or name.endswith("-"):
        raise invalid("INVALID_PARAMETER", "SenderId", "Cannot start or end with a hyphen.")
    rules = countries().get(country)
    if rules and rules.sender_kinds[SenderKind.SENDER_ID] == "no":
        raise invalid("SENDER_ID_NOT_SUPPORTED", "IsoCountryCode", f"{rules.name} has no sender IDs.")


def _shown(call: Call, one: OriginationIdentity) -> dict[str, Any]:
    return {
        "SenderIdArn": call.arn(identities.resource_of(one)),
        "SenderId": one.sender,
        "IsoCountryCode": identities.country_of(one),
        "MessageTypes": _types(one),
        "MonthlyLeasingPrice": "0.00",
        "DeletionProtectionEnabled": one.deletion_protection,
        "Registered": False,
    }
