"""Policies on resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.errors import about
from gateway.resources import resource_policies

if TYPE_CHECKING:
    from gateway.api.aws.call import Call
    from gateway.resources.resource_policies import ResourcePolicy


async def put_resource_policy(call: Call) -> dict[str, Any]:
    kind, name = tagging.named(call)
    with about(kind, name):
        put = await resource_policies.put(
            call.desk, account_id=call.account_id, resource=f"{kind}/{name}", policy=call.input["Policy"],
            now=call.now(),
        )  # fmt: skip
    return _shown(call, put)


async def get_resource_policy(call: Call) -> dict[str, Any]:
    kind, name = tagging.named(call)
    with about(kind, name), about("policy", name):
        found = await resource_policies.get(call.desk, account_id=call.account_id, resource=f"{kind}/{name}")
    return _shown(call, found)


async def delete_resource_policy(call: Call) -> dict[str, Any]:
    kind, name = tagging.named(call)
    with about(kind, name), about("policy", name):
        gone = await resource_policies.delete(call.desk, account_id=call.account_id, resource=f"{kind}/{name}")
    return _shown(call, gone)


def _shown(call: Call, one: ResourcePolicy) -> dict[str, Any]:
    return {"ResourceArn": call.input["ResourceArn"], "Policy": one.policy, "CreatedTimestamp": one.created_at}
