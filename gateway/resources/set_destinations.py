"""Event destinations of a configuration set: what happens to the messages that name it, as AWS tells it.

Rule 1: a name is unique in its set; a set has ``MOST`` destinations at most
(AWS: EVENT_DESTINATIONS_PER_CONFIGURATION_SET, which cannot be raised).
Rule 2: a destination never changes its kind (AWS: EVENT_DESTINATION_MISMATCH).
Rule 3: one that is switched on is given what happens from then on.
(pinpoint-sms-voice-v2 model: CreateEventDestination, UpdateEventDestination.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import func, select

from gateway.errors import Conflict, Invalid, QuotaExceeded
from gateway.events.destinations import CLOUDWATCH_LOGS, FIREHOSE, SNS
from gateway.events.log import last_seq
from gateway.resources import checks, configuration_sets, event_destinations, quotas, rows
from gateway.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.resources.event_destinations import EventDestination
    from gateway.store.writer import Tx

_T = tables.event_destinations

KINDS = (SNS, FIREHOSE, CLOUDWATCH_LOGS)
_QUOTA = "EVENT_DESTINATIONS_PER_CONFIGURATION_SET"
MOST = quotas.AWS[_QUOTA]  # each is a reader of the log, so there is no more generous one
ALL = "ALL"
_ARN = re.compile(r"arn:\S{16,2044}")
_TYPE = re.compile(r"(?:TEXT|VOICE|MEDIA|RCS)_[A-Z_]{1,40}")


class Target(NamedTuple):
    """Where records go: the ARN of a topic, delivery stream or log group, and of the role that AWS would take on."""

    kind: str
    arn: str
    role_arn: str = ""


async def create(
    desk: Desk,
    *,
    account_id: str,
    configuration_set: str,
    name: str,
    target: Target,
    types: Iterable[str],
    now: int,
    enabled: bool = True,
) -> EventDestination:
    """A new destination.

    Args:
        desk: where to work.
        account_id: whose.
        configuration_set: the name of the set.
        name: of the destination within the set.
        target: where records go.
        types: AWS's event types that it wants: ALL, TEXT_ALL, TEXT_DELIVERED, …
        now: microseconds.
        enabled: whether it is switched on.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such set.
        Conflict: ``event_destination_exists``, or QuotaExceeded.
    """
    configuration_sets.check_name(name)
    values = {
        "id": rows.resource_id("destination"), "account_id": account_id, "configuration_set": configuration_set,
        "name": name, "kind": checks.one_of(target.kind, KINDS, "kind"), "types": _types(types), "created_at": now,
        "enabled": int(enabled), **_of_target(target),
    }  # fmt: skip

    async def work(tx: Tx) -> EventDestination:
        await configuration_sets.require(tx.conn, account_id, configuration_set, lock=True)
        await _check_room(tx.conn, account_id, configuration_set)
        if not await rows.insert_new(tx.conn, _T, values | {"cursor": await last_seq(tx.conn)}):
            raise Conflict("event_destination_exists", "The set has an event destination of that name.", field="name")
        return await _require(tx.conn, account_id, configuration_set, name)

    return await desk.change(work)


async def update(
    desk: Desk,
    *,
    account_id: str,
    configuration_set: str,
    name: str,
    enabled: bool | None = None,
    types: Iterable[str] | None = None,
    target: Target | None = None,
) -> EventDestination:
    """Change what is given.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such set or destination.
        Conflict: the target is of another kind (``event_destination_mismatch``).
    """
    changes = {} if types is None else {"types": _types(types)}
    changes |= {} if target is None else _of_target(target)

    async def work(tx: Tx) -> EventDestination:
        before = await _require(tx.conn, account_id, configuration_set, name)
        if target is not None and target.kind != before.kind:
            raise Conflict("event_destination_mismatch", "An event destination never changes its kind.", field="target")
        switched = await _switch(tx.conn, before, enabled)
        await rows.change(tx.conn, _T, before.id, changes | switched)
        return await _require(tx.conn, account_id, configuration_set, name)

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, configuration_set: str, name: str) -> EventDestination:
    """Forget a destination and what waits for it; gives it back. Raises NotFound."""

    async def work(tx: Tx) -> EventDestination:
        before = await _require(tx.conn, account_id, configuration_set, name)
        await event_destinations.remove(tx, before.id)
        return before

    return await desk.change(work)


async def _require(conn: AsyncConnection, account_id: str, configuration_set: str, name: str) -> EventDestination:
    await configuration_sets.require(conn, account_id, configuration_set)
    query = _of_set(account_id, configuration_set).where(_T.c.name == name)
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise rows.missing("event_destination")
    return event_destinations.of_row(row)


def _of_set(account_id: str, configuration_set: str) -> Select[Any]:
    mine = (_T.c.account_id == account_id) & (_T.c.configuration_set == configuration_set)
    return select(_T).where(mine).order_by(_T.c.name)


async def _check_room(conn: AsyncConnection, account_id: str, configuration_set: str) -> None:
    among = _of_set(account_id, configuration_set).order_by(None).subquery()
    if (await conn.execute(select(func.count()).select_from(among))).scalar_one() >= MOST:
        raise QuotaExceeded(
            _QUOTA.lower(), f"A configuration set has {MOST} event destinations at most.",
            remedy="Delete one first.",
        )  # fmt: skip


async def _switch(conn: AsyncConnection, before: EventDestination, enabled: bool | None) -> dict[str, Any]:
    if enabled is None or enabled == before.enabled:
        return {}
    return {"enabled": 1, "cursor": await last_seq(conn), "trouble": ""} if enabled else {"enabled": 0}


def _types(wanted: Iterable[str]) -> str:
    """As they were given, each once."""
    found = list(dict.fromkeys(wanted))
    if not found or not all(one == ALL or _TYPE.fullmatch(one) for one in found):
        raise Invalid("unknown_value", "types has an unknown type of event, or none.", field="types")
    return orjson.dumps(found).decode()


def _of_target(target: Target) -> dict[str, Any]:
    for field, arn in (("target", target.arn), ("role_arn", target.role_arn)):
        if not _ARN.fullmatch(arn) and (arn or field == "target"):
            raise Invalid("bad_arn", f"{field} is no ARN.", field=field, remedy="Write arn:aws:SERVICE:REGION:…")
    return {"target": target.arn, "role_arn": target.role_arn}
