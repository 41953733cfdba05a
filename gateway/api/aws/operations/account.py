"""What the account is and may do: its tier, spend limits and quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.errors import invalid
from gateway.api.aws.lists import page
from gateway.errors import Invalid
from gateway.resources import quotas, spend_limits
from gateway.resources.spend_limits import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.api.aws.handlers import Handler
    from gateway.resources.spend_limits import SpendLimit


async def describe_spend_limits(call: Call) -> Mapping[str, Any]:
    found = await spend_limits.all_of(call.desk, account_id=call.account_id)
    return page(call, "SpendLimits", found, lambda one: one.channel, _spend_limit)


def _spend_limit(one: SpendLimit) -> dict[str, Any]:
    return {
        "Name": f"{one.channel}_MESSAGE_MONTHLY_SPEND_LIMIT",
        "EnforcedLimit": one.enforced,
        "MaxLimit": one.most,
        "Overridden": one.override is not None,
    }


def _setting(channel: Channel) -> Handler:
    async def set_override(call: Call) -> Mapping[str, Any]:
        limit = call.input["MonthlyLimit"]
        try:
            await spend_limits.set_override(call.desk, account_id=call.account_id, channel=channel, monthly_limit=limit)
        except Invalid as error:
            raise invalid("REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT", "MonthlyLimit", error.detail) from error
        return {"MonthlyLimit": limit}

    return set_override


def _deleting(channel: Channel) -> Handler:
    async def delete_override(call: Call) -> Mapping[str, Any]:
        most = await spend_limits.delete_override(call.desk, account_id=call.account_id, channel=channel)
        return {"MonthlyLimit": most}

    return delete_override


set_text_message_spend_limit_override = _setting(Channel.TEXT)
set_voice_message_spend_limit_override = _setting(Channel.VOICE)
set_media_message_spend_limit_override = _setting(Channel.MEDIA)
set_notify_message_spend_limit_override = _setting(Channel.NOTIFY)
set_rcs_message_spend_limit_override = _setting(Channel.RCS)
delete_text_message_spend_limit_override = _deleting(Channel.TEXT)
delete_voice_message_spend_limit_override = _deleting(Channel.VOICE)
delete_media_message_spend_limit_override = _deleting(Channel.MEDIA)
delete_notify_message_spend_limit_override = _deleting(Channel.NOTIFY)
delete_rcs_message_spend_limit_override = _deleting(Channel.RCS)


async def describe_account_attributes(call: Call) -> Mapping[str, Any]:
    catalog = call.desk.catalog
    found = {"ACCOUNT_TIER": "SANDBOX" if catalog.limits(call.account_id).sandbox else "PRODUCTION"}
    if guard := catalog.guard(call.account_id, "", ""):
        found["DEFAULT_PROTECT_CONFIGURATION_ID"] = guard.id
    return page(call, "AccountAttributes", list(found), str, lambda name: {"Name": name, "Value": found[name]})


async def describe_account_limits(call: Call) -> Mapping[str, Any]:
    async with call.desk.store.reading() as conn:
        used = await quotas.used(conn, call.account_id)

    def show(name: str) -> dict[str, Any]:
        _table, quota = quotas.COUNTED[name]
        return {"Name": name, "Used": used[name], "Max": call.desk.quotas.most(quota)}

    return page(call, "AccountLimits", list(used), str, show)
