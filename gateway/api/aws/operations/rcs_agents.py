"""RCS agents. They are kept; a send through one is refused until a connector offers RCS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of, parse
from gateway.api.aws.errors import about, conflict
from gateway.api.aws.identities import named_list
from gateway.api.aws.lists import asked, filtered, owned, page, yes
from gateway.resources import rcs_agents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.rcs_agents import RcsAgent

_KIND = rcs_agents.KIND
_FIELD = "RcsAgentId"
_UNSET = "UNSET_RCS_MEDIA_CONFIGURATION"
_SAME = {
    "DeletionProtectionEnabled": "deletion_protection", "SelfManagedOptOutsEnabled": "self_managed_opt_outs",
    "TwoWayEnabled": "two_way", "TwoWayChannelArn": "two_way_channel", "TwoWayChannelRole": "two_way_role",
    "TwoWayMediaS3BucketName": "media_bucket", "TwoWayMediaS3KeyPrefix": "media_prefix",
    "TwoWayMediaS3Role": "media_role", "TwoWayRcsEventsEnabled": "events",
}  # fmt: skip
_FILTERS: Mapping[str, Callable[[RcsAgent], Iterable[str]]] = {
    "status": lambda _one: ["CREATED"],
    "two-way-enabled": lambda one: yes(one.two_way),
    "self-managed-opt-outs-enabled": lambda one: yes(one.self_managed_opt_outs),
    "opt-out-list-name": lambda one: [one.opt_out_list],
    "deletion-protection-enabled": lambda one: yes(one.deletion_protection),
    "two-way-channel-arn": lambda one: [one.two_way_channel],
}


async def create_rcs_agent(call: Call) -> Mapping[str, Any]:
    tags = tagging.tags_of(call)
    wanted = {"opt_out_list": name} if (name := named_list(call)) else {}
    with about("opt-out-list", name):
        made = await rcs_agents.create(
            call.desk, account_id=call.account_id, now=call.now(), tagged=tags,
            deletion_protection=call.input.get("DeletionProtectionEnabled", False), **wanted,
        )  # fmt: skip
    return {**_shown(call, made), "Tags": tagging.shown(tags)}


async def describe_rcs_agents(call: Call) -> Mapping[str, Any]:
    mine = owned(call, "RcsAgentIds", await rcs_agents.find(call.desk, account_id=call.account_id))
    found = filtered(call, asked(call, "RcsAgentIds", _KIND, {one.id: one for one in mine}), _FILTERS)
    return page(call, "RcsAgents", found, lambda one: one.id, lambda one: _shown(call, one))


async def update_rcs_agent(call: Call) -> Mapping[str, Any]:
    changes = {ours: call.input[name] for name, ours in _SAME.items() if name in call.input}
    changes = {name: "" if value == _UNSET else value for name, value in changes.items()}
    if name := named_list(call):
        changes["opt_out_list"] = name
    with about("opt-out-list", name), about(_KIND, _id(call)):
        changed = await rcs_agents.update(call.desk, account_id=call.account_id, agent_id=_id(call), **changes)
    return _shown(call, changed)


async def delete_rcs_agent(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        gone = await rcs_agents.delete(call.desk, account_id=call.account_id, agent_id=_id(call))
    shown = _shown(call, gone) | {"Status": "DELETED"}
    return {name: value for name, value in shown.items() if not name.startswith("TwoWayMedia")}


async def describe_rcs_agent_country_launch_status(call: Call) -> Mapping[str, Any]:
    agent = await _agent(call, _id(call))
    return {**_names(call, agent.id), "CountryLaunchStatus": []}  # launched nowhere: no carrier is asked


async def send_rcs_message(call: Call) -> Mapping[str, Any]:
    written = call.input["OriginationIdentity"]
    kind, name = parse(written, "OriginationIdentity") if written.startswith("arn:") else (_KIND, written)
    if kind != _KIND or not name.startswith("rcs-"):
        raise conflict("NO_ORIGINATION_IDENTITIES_FOUND")  # no pool has an agent
    agent = await _agent(call, name)
    raise conflict("RESOURCE_NOT_ACTIVE", _KIND, agent.id)


async def _agent(call: Call, agent_id: str) -> RcsAgent:
    with about(_KIND, agent_id):
        return await rcs_agents.get(call.desk, account_id=call.account_id, agent_id=agent_id)


def _id(call: Call) -> str:
    return id_of(call.input[_FIELD], _KIND, _FIELD)


def _names(call: Call, agent_id: str) -> dict[str, Any]:
    return {"RcsAgentArn": call.arn(f"{_KIND}/{agent_id}"), _FIELD: agent_id}


def _shown(call: Call, one: RcsAgent) -> dict[str, Any]:
    settings = {name: getattr(one, ours) for name, ours in _SAME.items() if name != "TwoWayRcsEventsEnabled"}
    return {
        **_names(call, one.id),
        "Status": "CREATED",
        "CreatedTimestamp": one.created_at,
        "OptOutListName": one.opt_out_list,
        **{name: None if value == "" else value for name, value in settings.items()},
        "TwoWayRcsEventsEnabled": list(one.events),
    }
