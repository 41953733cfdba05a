"""Phone numbers: leased from the operator's inventory, and given back to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.api.aws import identities, tagging
from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import about
from gateway.api.aws.lists import asked, filtered, owned, page, yes
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import inventory, phone_numbers, registration_associations, registrations
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.model import OriginationIdentity

_MOST_SHOWN = 10  # of the numbers that may be requested, on a page (model: ListAvailablePhoneNumbers)
_FILTERS = {
    "status": lambda one: (_status(one),),
    "iso-country-code": lambda one: (one.country,),
    "message-type": lambda one: (one.message_type,),
    "number-capability": lambda one: one.capabilities,
    "number-type": lambda one: (one.kind,),
    "two-way-enabled": lambda one: yes(one.two_way),
    "self-managed-opt-outs-enabled": lambda one: yes(one.self_managed_opt_outs),
    "opt-out-list-name": lambda one: (one.opt_out_list,),
    "deletion-protection-enabled": lambda one: yes(one.deletion_protection),
    "two-way-channel-arn": lambda one: (one.two_way_channel,),
}


async def request_phone_number(call: Call) -> dict[str, Any]:
    given, tags = call.input, tagging.tags_of(call)
    list_name = identities.named_list(call) or DEFAULT_OPT_OUT_LIST
    pool_id = id_of(given.get("PoolId", ""), "pool", "PoolId")
    registration_id = id_of(given.get("RegistrationId", ""), "registration", "RegistrationId")
    with about("registration", registration_id), about("opt-out-list", list_name), about("pool", pool_id):
        made = await inventory.request(
            call.desk, account_id=call.account_id, wanted=_wanted(call), message_type=given["MessageType"],
            opt_out_list=list_name, pool_id=pool_id, registration_id=registration_id,
            international=given.get("InternationalSendingEnabled", False),
            deletion_protection=given.get("DeletionProtectionEnabled", False), tagged=tags, now=call.now(),
        )  # fmt: skip
    linked = {"PoolId": pool_id or None, "RegistrationId": registration_id or None}
    return _settings(call, made) | linked | {"Tags": tagging.shown(tags)}


async def describe_phone_numbers(call: Call) -> dict[str, Any]:
    mine = owned(call, "PhoneNumberIds", await everything(phone_numbers.find, call.desk, account_id=call.account_id))
    chosen = asked(call, "PhoneNumberIds", "phone-number", {one.id: one for one in mine})
    registered = await registration_associations.of_numbers(call.desk, account_id=call.account_id)
    found = filtered(call, chosen, _FILTERS)
    return page(call, "PhoneNumbers", found, lambda one: one.id, partial(_described, call, registered))


async def update_phone_number(call: Call) -> dict[str, Any]:
    known = await identities.phone_number(call, call.input["PhoneNumberId"])
    changes = identities.changes_of(call, known.two_way_channel)
    with about("opt-out-list", changes.get("opt_out_list", "")), about("phone-number", known.id):
        changed = await phone_numbers.update(
            call.desk, account_id=call.account_id, phone_number_id=known.id, **changes
        )  # fmt: skip
    registered = await registration_associations.of_numbers(call.desk, account_id=call.account_id)
    return _settings(call, changed) | {"RegistrationId": registered.get(changed.id)}


async def release_phone_number(call: Call) -> dict[str, Any]:
    phone_number_id = id_of(call.input["PhoneNumberId"], "phone-number", "PhoneNumberId")
    with about("phone-number", phone_number_id):
        gone = await inventory.release(
            call.desk, account_id=call.account_id, phone_number_id=phone_number_id, now=call.now()
        )
    return _shown(call, gone) | {"Status": "DELETED"}


async def list_available_phone_numbers(call: Call) -> dict[str, Any]:
    if "RegistrationId" in call.input:
        registration_id = id_of(call.input["RegistrationId"], "registration", "RegistrationId")
        with about("registration", registration_id):
            await registrations.get(call.desk, account_id=call.account_id, registration_id=registration_id)
    found = await inventory.available(call.desk, _wanted(call))
    return page(call, "AvailablePhoneNumbers", found, str, str, most=_MOST_SHOWN)


def _wanted(call: Call) -> inventory.Wanted:
    given = call.input
    (preference,) = given.get("NumberPreference") or ({"PreferenceType": [""], "Filter": []},)
    return inventory.Wanted(
        country=given["IsoCountryCode"], kind=given["NumberType"], capabilities=frozenset(given["NumberCapabilities"]),
        preference=preference["PreferenceType"][0], patterns=tuple(preference["Filter"]),
    )  # fmt: skip


def _described(call: Call, registered: Mapping[str, str], one: OriginationIdentity) -> dict[str, Any]:
    limits = {"RateLimits": dict.fromkeys(one.capabilities, int(one.rate))} if one.rate else None
    linked = {"PoolId": next(iter(one.pool_ids), None), "RegistrationId": registered.get(one.id)}
    return _settings(call, one) | linked | {"MessagingLimits": limits}


def _settings(call: Call, one: OriginationIdentity) -> dict[str, Any]:
    return _shown(call, one) | {
        "InternationalSendingEnabled": one.international,
        "DeletionProtectionEnabled": one.deletion_protection,
    }


def _shown(call: Call, one: OriginationIdentity) -> dict[str, Any]:
    return identities.two_way_shown(one) | {
        "PhoneNumberArn": call.arn(f"phone-number/{one.id}"),
        "PhoneNumberId": one.id,
        "PhoneNumber": one.sender,
        "Status": _status(one),
        "IsoCountryCode": one.country,
        "NumberCapabilities": one.capabilities,
        "NumberType": one.kind,
        "MonthlyLeasingPrice": f"{one.monthly_price:.2f}",
    }


def _status(one: OriginationIdentity) -> str:
    return "ACTIVE" if one.active else "PENDING"
