"""Tags of any resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.errors import about
from gateway.resources import tags

if TYPE_CHECKING:
    from gateway.api.aws.call import Call


async def tag_resource(call: Call) -> dict[str, Any]:
    kind, name = tagging.named(call)
    wanted = tagging.tags_of(call)
    with about(kind, name):
        await tags.add(call.desk, account_id=call.account_id, resource=f"{kind}/{name}", tags=wanted)
    return {}


async def untag_resource(call: Call) -> dict[str, Any]:
    kind, name = tagging.named(call)
    keys = call.input["TagKeys"]
    with about(kind, name):
        await tags.remove(call.desk, account_id=call.account_id, resource=f"{kind}/{name}", keys=keys)
    return {}


async def list_tags_for_resource(call: Call) -> dict[str, Any]:
    kind, name = tagging.named(call)
    with about(kind, name):
        found = await tags.find(call.desk, account_id=call.account_id, resource=f"{kind}/{name}")
    return {"ResourceArn": call.input["ResourceArn"], "Tags": tagging.shown(found)}
