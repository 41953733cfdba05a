"""Configuration sets: named rules that an app gives with a send, for what the send itself leaves out.

Rule 1: a name is unique in its account (AWS: RESOURCE_ALREADY_EXISTS).
Rule 2: deleting a set deletes its tags, its event destinations and what waits for them. Messages that named it keep
the name.
Rule 3: what a set says counts where the send says nothing: message type, message feedback, protect configuration; its
sender ID where no number or registered sender ID fits the destination.
(pinpoint-sms-voice-v2 model: CreateConfigurationSet, SetDefaultSenderId, AssociateProtectConfiguration.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from sqlalchemy import select

from gateway.errors import Conflict, Invalid
from gateway.model import MessageType
from gateway.resources import checks, event_destinations, rows, tags
from gateway.store.tables_configuration_sets import configuration_sets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.resources.event_destinations import EventDestination
    from gateway.store.writer import Tx

_T = configuration_sets
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SENDER_ID = re.compile(r"[A-Za-z0-9_-]{1,11}")


@dataclass(frozen=True, slots=True)
class ConfigurationSet:
    account_id: str
    name: str
    message_type: str = ""  # TRANSACTIONAL, PROMOTIONAL; "" leaves it to the identity
    sender_id: str = ""
    message_feedback: bool = False
    protect_id: str = ""
    created_at: int = 0  # microseconds


class ConfigurationSetChanges(TypedDict, total=False):
    """What may be changed; what is left out stays, "" takes a default away."""

    message_type: str
    sender_id: str
    message_feedback: bool


async def create(
    desk: Desk, *, account_id: str, name: str, now: int, tagged: Mapping[str, str] = tags.NO_TAGS
) -> ConfigurationSet:
    """A new set that says nothing yet, with the tags ``tagged``.

    Raises:
        Invalid: a bad name.
        Conflict: there is a set of that name (``configuration_set_exists``), or QuotaExceeded.
    """
    check_name(name)

    async def work(tx: Tx) -> ConfigurationSet:
        await desk.quotas.require(tx.conn, "CONFIGURATION_SETS_PER_ACCOUNT", _T.c.account_id == account_id)
        if not await rows.insert_new(tx.conn, _T, {"account_id": account_id, "name": name, "created_at": now}):
            raise Conflict("configuration_set_exists", "There is a configuration set of that name.", field="name")
        await tags.put(tx, account_id, f"configuration-set/{name}", tagged)
        return await require(tx.conn, account_id, name)

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, name: str) -> ConfigurationSet:
    """Raises NotFound."""
    async with desk.store.reading() as conn:
        return await require(conn, account_id, name)


async def all_of(desk: Desk, *, account_id: str) -> dict[str, tuple[ConfigurationSet, tuple[EventDestination, ...]]]:
    """Every set of the account by its name, each with its event destinations."""
    async with desk.store.reading() as conn:
        found = await conn.execute(select(_T).where(_T.c.account_id == account_id).order_by(_T.c.name))
        sets = [of_row(row) for row in found]
        destinations = await event_destinations.by_set(conn, account_id)
    return {one.name: (one, destinations.get(one.name, ())) for one in sets}


async def update(
    desk: Desk, *, account_id: str, name: str, **changes: Unpack[ConfigurationSetChanges]
) -> tuple[ConfigurationSet, ConfigurationSet]:
    """Change what is given: the set as it was, and as it is. Raises Invalid or NotFound."""
    values = _values(dict(changes))

    async def work(tx: Tx) -> tuple[ConfigurationSet, ConfigurationSet]:
        before = await require(tx.conn, account_id, name)
        if values:
            await tx.conn.execute(_T.update().where(_keyed(account_id, name)).values(values))
        return before, await require(tx.conn, account_id, name)

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, name: str) -> tuple[ConfigurationSet, tuple[EventDestination, ...]]:
    """Delete a set with its event destinations; gives both back. Raises NotFound."""

    async def work(tx: Tx) -> tuple[ConfigurationSet, tuple[EventDestination, ...]]:
        before = await require(tx.conn, account_id, name)
        destinations = await event_destinations.remove_of_set(tx, account_id, name)
        await tags.drop(tx, account_id, f"configuration-set/{name}")
        await tx.conn.execute(_T.delete().where(_keyed(account_id, name)))
        return before, destinations

    return await desk.change(work)


async def associate_protect(tx: Tx, account_id: str, name: str, protect_id: str | None) -> ConfigurationSet:
    """Let a protect configuration count for the set, instead of any before; None: none any more.

    Within ``Desk.change``, by whoever knows that there is such a protect configuration. Gives the set as it was.

    Raises:
        NotFound: there is no such set.
    """
    before = await require(tx.conn, account_id, name)
    await tx.conn.execute(_T.update().where(_keyed(account_id, name)).values(protect_id=protect_id or ""))
    return before


async def require(conn: AsyncConnection, account_id: str, name: str, *, lock: bool = False) -> ConfigurationSet:
    """The set of that name; ``lock``: nobody else changes it meanwhile. Raises NotFound."""
    if _NAME.fullmatch(name):
        query = select(_T).where(_keyed(account_id, name))
        found = await conn.execute(query.with_for_update() if lock else query)
        if (row := found.one_or_none()) is not None:
            return of_row(row)
    raise rows.missing("configuration_set")


def of_row(row: Row[Any]) -> ConfigurationSet:
    return ConfigurationSet(
        account_id=row.account_id, name=row.name, message_type=row.message_type, sender_id=row.sender_id,
        message_feedback=bool(row.message_feedback), protect_id=row.protect_id, created_at=row.created_at,
    )  # fmt: skip


def check_name(name: str, field: str = "name") -> None:
    """Of a set or of an event destination. Raises Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "bad_name", "A name has 1 to 64 letters, digits, hyphens and underscores.", field=field,
            remedy="Choose such a name.",
        )  # fmt: skip


def _keyed(account_id: str, name: str) -> ColumnElement[bool]:
    return (_T.c.account_id == account_id) & (_T.c.name == name)


def _values(changes: dict[str, Any]) -> dict[str, Any]:
    if changes.get("message_type"):
        checks.one_of(changes["message_type"], MessageType, "message_type")
    if changes.get("sender_id") and not _SENDER_ID.fullmatch(changes["sender_id"]):
        raise Invalid(
            "bad_sender_id", "A sender ID has 1 to 11 letters, digits, hyphens and underscores.", field="sender_id",
            remedy="Give such a sender ID.",
        )  # fmt: skip
    return rows.columns(changes)
