"""RCS agents: kept as they are set, so that an app finds its own again. No connector here sends RCS yet.

Rule 1: an agent stays CREATED: what would launch it is a carrier's platform.
Rule 2: two-way needs a channel; self-managed opt-outs, and where media goes, need two-way.
Rule 3: ``ALL`` stands for all two-way events, and stands alone.
(pinpoint-sms-voice-v2 model: CreateRcsAgent, UpdateRcsAgent.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from gateway.errors import Invalid
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import opt_out_lists, rows, tags
from gateway.store.tables_channels import rcs_agents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

KIND = "rcs-agent"  # as ARNs name it
ALL_EVENTS = "ALL"


class RcsAgentChanges(TypedDict, total=False):
    """What may be changed; what is left out stays."""

    opt_out_list: str
    deletion_protection: bool
    self_managed_opt_outs: bool
    two_way: bool
    two_way_channel: str
    two_way_role: str
    media_bucket: str
    media_prefix: str
    media_role: str
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class RcsAgent:
    id: str
    account_id: str
    opt_out_list: str
    deletion_protection: bool
    self_managed_opt_outs: bool
    two_way: bool
    two_way_channel: str
    two_way_role: str
    media_bucket: str
    media_prefix: str
    media_role: str
    events: tuple[str, ...]
    created_at: int  # microseconds


async def create(
    desk: Desk,
    *,
    account_id: str,
    now: int,
    opt_out_list: str = DEFAULT_OPT_OUT_LIST,
    deletion_protection: bool = False,
    tagged: Mapping[str, str] = tags.NO_TAGS,
) -> RcsAgent:
    """Raises NotFound when there is no such opt-out list; Conflict (quota, tags)."""
    values = {
        "id": rows.resource_id("rcs"), "account_id": account_id, "opt_out_list": opt_out_list,
        "deletion_protection": int(deletion_protection), "created_at": now,
    }  # fmt: skip

    async def work(tx: Tx) -> RcsAgent:
        await desk.quotas.require(tx.conn, "RCS_AGENTS_PER_ACCOUNT", rcs_agents.c.account_id == account_id)
        await opt_out_lists.require(tx.conn, account_id, opt_out_list)
        await rows.insert(tx.conn, rcs_agents, values)
        await tags.put(tx, account_id, f"{KIND}/{values['id']}", tagged)
        return await _get(tx.conn, account_id, str(values["id"]))

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, agent_id: str) -> RcsAgent:
    """Raises NotFound."""
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, agent_id)


async def find(desk: Desk, *, account_id: str) -> tuple[RcsAgent, ...]:
    """All of the account, oldest first."""
    async with desk.store.reading() as conn:
        return await rows.of_account(conn, rcs_agents, account_id, _of)


async def update(desk: Desk, *, account_id: str, agent_id: str, **changes: Unpack[RcsAgentChanges]) -> RcsAgent:
    """Change what is given.

    Raises:
        NotFound: there is no such agent or opt-out list.
        Invalid: ``two_way_channel_missing``, ``two_way_off`` or ``all_events_alone``.
    """
    values = rows.columns(changes)
    if "events" in values:
        values["events"] = _events(values["events"])

    async def work(tx: Tx) -> RcsAgent:
        before = await rows.one(tx.conn, rcs_agents, account_id, agent_id, "rcs_agent")
        _check_two_way(dict(before._mapping) | values)  # noqa: SLF001 -- SQLAlchemy's public name
        if "opt_out_list" in values:
            await opt_out_lists.require(tx.conn, account_id, values["opt_out_list"])
        await rows.change(tx.conn, rcs_agents, agent_id, values)
        return await _get(tx.conn, account_id, agent_id)

    return await desk.store.write(work)


async def delete(desk: Desk, *, account_id: str, agent_id: str) -> RcsAgent:
    """Gives what it was. Raises NotFound, or Conflict (``deletion_protection``)."""

    async def work(tx: Tx) -> RcsAgent:
        found = await _get(tx.conn, account_id, agent_id)
        if found.deletion_protection:
            raise rows.protected("RCS agent")
        await tags.drop(tx, account_id, f"{KIND}/{agent_id}")
        await rows.remove(tx.conn, rcs_agents, agent_id)
        return found

    return await desk.store.write(work)


async def _get(conn: AsyncConnection, account_id: str, agent_id: str) -> RcsAgent:
    return _of(await rows.one(conn, rcs_agents, account_id, agent_id, "rcs_agent"))


def _check_two_way(values: Mapping[str, Any]) -> None:
    if values["two_way"] and not values["two_way_channel"]:
        raise Invalid("two_way_channel_missing", "Two-way needs a channel.", field="two_way_channel")
    if not values["two_way"] and (values["self_managed_opt_outs"] or values["media_bucket"]):
        raise Invalid("two_way_off", "Self-managed opt-outs and media need two-way.", field="two_way")


def _events(types: Sequence[str]) -> str:
    if ALL_EVENTS in types and len(types) > 1:
        raise Invalid("all_events_alone", f"{ALL_EVENTS} stands alone.", field="events")
    return " ".join(types)


def _of(row: Row[Any]) -> RcsAgent:
    return RcsAgent(
        id=row.id, account_id=row.account_id, opt_out_list=row.opt_out_list,
        deletion_protection=bool(row.deletion_protection), self_managed_opt_outs=bool(row.self_managed_opt_outs),
        two_way=bool(row.two_way), two_way_channel=row.two_way_channel, two_way_role=row.two_way_role,
        media_bucket=row.media_bucket, media_prefix=row.media_prefix, media_role=row.media_role,
        events=tuple(row.events.split()), created_at=row.created_at,
    )  # fmt: skip
