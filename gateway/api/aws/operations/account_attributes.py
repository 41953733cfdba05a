"""What the account is: in the sandbox or in production, and by which protect configuration it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.lists import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call


async def describe_account_attributes(call: Call) -> Mapping[str, Any]:
    catalog = call.desk.catalog
    attributes = {"ACCOUNT_TIER": "SANDBOX" if catalog.limits(call.account_id).sandbox else "PRODUCTION"}
    if default := catalog.guard(call.account_id, "", ""):
        attributes["DEFAULT_PROTECT_CONFIGURATION_ID"] = default.id
    found = [{"Name": name, "Value": value} for name, value in attributes.items()]
    return page(call, "AccountAttributes", found, lambda one: one["Name"], lambda one: one)
