"""Pools and what is in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.api.aws import identities, tagging
from gateway.api.aws.errors import about, conflict, not_found
from gateway.api.aws.lists import asked, filtered, owned, page, yes
from gateway.model import IdentityKind
from gateway.resources import pools
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from gateway.api.aws.call import Call
    from gateway.api.aws.errors import AwsError
    from gateway.model import OriginationIdentity, Pool

_FILTERS = {
    "status": lambda _: ("ACTIVE",),
    "message-type": lambda one: (one.message_type,),
    "two-way-enabled": lambda one: yes(one.two_way),
    "self-managed-opt-outs-enabled": lambda one: yes(one.self_managed_opt_outs),
    "opt-out-list-name": lambda one: (one.opt_out_list,),
    "shared-routes-enabled": lambda one: yes(one.shared_routes),
    "deletion-protection-enabled": lambda one: yes(one.deletion_protection),
    "two-way-channel-arn": lambda one: (one.two_way_channel,),
}
_MEMBER_FILTERS = {
    "iso-country-code": lambda one: (identities.country_of(one),),
    "number-capability": lambda one: one.capabilities,
}


async def create_pool(call: Call) -> dict[str, Any]:
    tags = tagging.tags_of(call)
    first = await identities.origination(call)
    with _about(first):
        made = await pools.create(
            call.desk, account_id=call.account_id, identity_id=first.id, message_type=call.input["MessageType"],
            deletion_protection=call.input.get("DeletionProtectionEnabled", False), tagged=tags, now=call.now(),
        )  # fmt: skip
    return _described(call, made) | {"Tags": tagging.shown(tags)}


async def describe_pools(call: Call) -> dict[str, Any]:
    mine = owned(call, "PoolIds", await everything(pools.find, call.desk, account_id=call.account_id))
    chosen = asked(call, "PoolIds", "pool", {one.id: one for one in mine})
    return page(call, "Pools", filtered(call, chosen, _FILTERS), lambda one: one.id, partial(_described, call))


async def update_pool(call: Call) -> dict[str, Any]:
    known = await identities.pool(call, call.input["PoolId"])
    changes = identities.changes_of(call, known.two_way_channel)
    with about("opt-out-list", changes.get("opt_out_list", "")), about("pool", known.id):
        changed = await pools.update(call.desk, account_id=call.account_id, pool_id=known.id, **changes)
    return _described(call, changed)


async def delete_pool(call: Call) -> dict[str, Any]:
    known = await identities.pool(call, call.input["PoolId"])
    with about("pool", known.id):
        await pools.delete(call.desk, account_id=call.account_id, pool_id=known.id)
    return _shown(call, known) | {"Status": "DELETING"}


async def associate_origination_identity(call: Call) -> dict[str, Any]:
    known = await identities.pool(call, call.input["PoolId"])
    one = await identities.origination(call)
    if known.id in one.pool_ids:
        raise conflict("RESOURCE_ALREADY_ASSOCIATED", _type_of(one), identities.id_shown(one))
    with _about(one):
        await pools.join(call.desk, account_id=call.account_id, pool_id=known.id, identity_id=one.id)
    return _link(call, known, one)


async def disassociate_origination_identity(call: Call) -> dict[str, Any]:
    known = await identities.pool(call, call.input["PoolId"])
    one = await identities.origination(call)
    if known.id not in one.pool_ids:
        raise _not_in_pool(one)
    with _about(one):
        await pools.leave(call.desk, account_id=call.account_id, pool_id=known.id, identity_id=one.id)
    return _link(call, known, one)


async def list_pool_origination_identities(call: Call) -> dict[str, Any]:
    known = await identities.pool(call, call.input["PoolId"])
    members = await pools.members(call.desk, account_id=call.account_id, pool_id=known.id)
    shown = page(
        call, "OriginationIdentities", filtered(call, members, _MEMBER_FILTERS), lambda one: one.id,
        partial(_member, call),
    )  # fmt: skip
    return _pool(call, known) | shown


def _type_of(one: OriginationIdentity) -> str:
    return "sender-id" if one.kind is IdentityKind.SENDER_ID else "phone-number"


def _about(one: OriginationIdentity) -> AbstractContextManager[None]:
    return about(_type_of(one), identities.id_shown(one))


def _not_in_pool(one: OriginationIdentity) -> AwsError:
    """AWS has a Reason for numbers only."""
    if one.kind is IdentityKind.SENDER_ID:
        return not_found("sender-id", one.sender)
    return conflict("PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL", "phone-number", one.id)


def _pool(call: Call, one: Pool) -> dict[str, Any]:
    return {"PoolArn": call.arn(f"pool/{one.id}"), "PoolId": one.id}


def _link(call: Call, known: Pool, one: OriginationIdentity) -> dict[str, Any]:
    return _pool(call, known) | _identity(call, one)


def _identity(call: Call, one: OriginationIdentity) -> dict[str, Any]:
    return {
        "OriginationIdentityArn": call.arn(identities.resource_of(one)),
        "OriginationIdentity": identities.id_shown(one),
        "IsoCountryCode": identities.country_of(one),
    }


def _member(call: Call, one: OriginationIdentity) -> dict[str, Any]:
    number = None if one.kind is IdentityKind.SENDER_ID else one.sender
    return _identity(call, one) | {"NumberCapabilities": one.capabilities, "PhoneNumber": number}


def _described(call: Call, one: Pool) -> dict[str, Any]:
    return _shown(call, one) | {"DeletionProtectionEnabled": one.deletion_protection}


def _shown(call: Call, one: Pool) -> dict[str, Any]:
    shared = {"Status": "ACTIVE", "SharedRoutesEnabled": one.shared_routes}
    return _pool(call, one) | identities.two_way_shown(one) | shared
