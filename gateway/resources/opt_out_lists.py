"""Opt-out lists. One list may serve many numbers and pools; the list ``Default`` always exists.

Rule 1: a name is unique in its account (AWS: RESOURCE_ALREADY_EXISTS).
Rule 2: a list that a number, sender ID or pool uses cannot be deleted, nor can ``Default``.
Rule 3: deleting a list deletes its opt-outs; each person's history keeps what stood on it, and who deleted it.
(pinpoint-sms-voice-v2 model: OptOutListName, DeleteOptOutList.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal, select

from gateway.errors import Conflict, Invalid
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import attached, rows, tags
from gateway.store.tables_channels import rcs_agents
from gateway.store.tables_consent import consent_log, opt_out_lists, opt_outs
from gateway.store.tables_numbers import phone_numbers, pools, sender_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_USERS = (phone_numbers, sender_ids, pools, rcs_agents)


@dataclass(frozen=True, slots=True)
class OptOutList:
    account_id: str
    name: str
    created_at: int  # microseconds


async def create(
    desk: Desk, *, account_id: str, name: str, now: int, tagged: Mapping[str, str] = tags.NO_TAGS
) -> OptOutList:
    """Raises Invalid for a bad name, Conflict when there is a list of that name."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            "bad_name",
            "The name of an opt-out list has 1 to 64 letters, digits, hyphens and underscores.",
            field="name",
            remedy="Choose such a name.",
        )

    async def work(tx: Tx) -> OptOutList:
        values = {"account_id": account_id, "name": name, "created_at": now}
        await desk.quotas.require(tx.conn, "OPT_OUT_LISTS_PER_ACCOUNT", opt_out_lists.c.account_id == account_id)
        if not await rows.insert_new(tx.conn, opt_out_lists, values):
            raise Conflict("opt_out_list_exists", "There is an opt-out list of that name.", field="name")
        await tags.put(tx, account_id, f"opt-out-list/{name}", tagged)
        return OptOutList(**values)  # type: ignore[arg-type]

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, name: str) -> OptOutList:
    async with desk.store.reading() as conn:
        return await require(conn, account_id, name)


async def find(desk: Desk, *, account_id: str, limit: int = 100, after: str = "") -> Page[OptOutList]:
    query = select(opt_out_lists).where(opt_out_lists.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, opt_out_lists.c.name, _of, limit=limit, after=after)


async def delete(desk: Desk, *, account_id: str, name: str, actor: str, now: int) -> None:
    """Delete a list and what stands on it.

    Raises:
        NotFound: there is no such list.
        Conflict: it is ``Default`` or in use.
    """

    async def work(tx: Tx) -> None:
        await require(tx.conn, account_id, name)
        await _check_unused(tx.conn, account_id, name)
        await _log_end(tx.conn, account_id, name, actor, now)
        await tx.conn.execute(
            opt_outs.delete().where(opt_outs.c.account_id == account_id, opt_outs.c.list_name == name)
        )
        await attached.drop(tx, account_id, f"opt-out-list/{name}")
        t = opt_out_lists
        await tx.conn.execute(t.delete().where(t.c.account_id == account_id, t.c.name == name))

    await desk.store.write(work)


async def require(conn: AsyncConnection, account_id: str, name: str, field: str = "opt_out_list") -> OptOutList:
    """The list of that name. Raises NotFound (``opt_out_list_not_found``) naming ``field``."""
    if _NAME.fullmatch(name):
        t = opt_out_lists
        found = await conn.execute(select(t).where(t.c.account_id == account_id, t.c.name == name))
        if (row := found.one_or_none()) is not None:
            return _of(row)
    raise rows.missing("opt_out_list", field)


async def names_in(conn: AsyncConnection, account_id: str) -> frozenset[str]:
    """The names of all lists of the account."""
    query = select(opt_out_lists.c.name).where(opt_out_lists.c.account_id == account_id)
    return frozenset((await conn.execute(query)).scalars())


async def _check_unused(conn: AsyncConnection, account_id: str, name: str) -> None:
    if name == DEFAULT_OPT_OUT_LIST:
        raise Conflict("default_opt_out_list", f"The list {name} always exists and cannot be deleted.", field="name")
    for table in _USERS:
        query = select(table.c.id).where(table.c.account_id == account_id, table.c.opt_out_list == name).limit(1)
        if (user := (await conn.execute(query)).scalar_one_or_none()) is not None:
            raise Conflict(
                "opt_out_list_in_use",
                f"The list is used by {user}.",
                field="name",
                remedy="Give what uses it another list first.",
            )


async def _log_end(conn: AsyncConnection, account_id: str, name: str, actor: str, now: int) -> None:
    columns = ("account_id", "phone", "list_name", "action", "at", "actor", "how")
    t = opt_outs.c
    ended = select(
        t.account_id,
        t.phone,
        t.list_name,
        literal("LIST_DELETED"),
        literal(now),
        literal(actor),
        literal("list deleted"),
    ).where(t.account_id == account_id, t.list_name == name)
    await conn.execute(consent_log.insert().from_select(columns, ended))


def _of(row: Row[Any]) -> OptOutList:
    return OptOutList(account_id=row.account_id, name=row.name, created_at=row.created_at)
