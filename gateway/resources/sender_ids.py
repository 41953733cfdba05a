"""Sender IDs: names a text leaves from. They get no replies, and may be in any number of pools.

Rule 1: one sender ID per account, name and country; case makes no difference (operators change it on the way).
Rule 2: one in a pool keeps the pool's message type and opt-out list.
Rule 3: it is for texts of one type, or of both (AWS: MessageTypes).
Rule 4: a protected one cannot be deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from gateway import numbers
from gateway.errors import Conflict, Invalid
from gateway.model import DEFAULT_OPT_OUT_LIST, IdentityKind, MessageType, OriginationIdentity
from gateway.resources import attached, checks, existence, opt_out_lists, rows, tags
from gateway.resources.desk import Page
from gateway.resources.identity_settings import SenderSettings, checked
from gateway.resources.phone_numbers import check_unrouted
from gateway.store.tables_numbers import pool_sender_ids, sender_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from sqlalchemy import Row, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

OF_POOL = frozenset({"message_type", "opt_out_list"})


class SenderIdSettings(SenderSettings, total=False):
    """What may be told of a new sender ID."""

    both_types: bool  # message_type is then that of a text that names none


_DEFAULTS: SenderIdSettings = {"message_type": MessageType.TRANSACTIONAL, "opt_out_list": DEFAULT_OPT_OUT_LIST}


async def create(
    desk: Desk,
    *,
    account_id: str,
    sender: str,
    now: int,
    country: str = "",
    tagged: Mapping[str, str] = tags.NO_TAGS,
    **settings: Unpack[SenderIdSettings],
) -> OriginationIdentity:
    """Add a sender ID; ``country`` "" is for every country.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such opt-out list.
        Conflict: it is there already (``sender_id_exists``).
    """
    values = checked({**_DEFAULTS, **settings}) | {
        "id": rows.resource_id("sender"), "account_id": account_id, "sender": _name(sender),
        "country": checks.country(country), "created_at": now,
    }  # fmt: skip

    async def work(tx: Tx) -> OriginationIdentity:
        await opt_out_lists.require(tx.conn, account_id, values["opt_out_list"])
        await desk.quotas.require(tx.conn, "SENDER_IDS_PER_ACCOUNT", sender_ids.c.account_id == account_id)
        if await _exists(tx.conn, values) or not await rows.insert_new(tx.conn, sender_ids, values):
            raise Conflict("sender_id_exists", "The sender ID is there already for that country.", field="sender")
        await tags.put(tx, account_id, existence.sender_id(values["sender"], values["country"]), tagged)
        return await require(tx.conn, account_id, values["id"])

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, sender_id: str) -> OriginationIdentity:
    async with desk.store.reading() as conn:
        return await require(conn, account_id, sender_id)


async def find(
    desk: Desk, *, account_id: str, pool_id: str = "", limit: int = 100, after: str = ""
) -> Page[OriginationIdentity]:
    """Sender IDs in the order they were added; ``pool_id`` keeps to those of a pool."""
    query = select(sender_ids).where(sender_ids.c.account_id == account_id)
    if pool_id:
        t = pool_sender_ids.c
        members = select(t.sender_id).where(t.pool_id == (pool_id if checks.is_storable(pool_id) else ""))
        query = query.where(sender_ids.c.id.in_(members))
    async with desk.store.reading() as conn:
        page = await rows.page(conn, query, sender_ids.c.id, lambda row: row, limit=limit, after=after)
        pools = await pools_of(conn, [row.id for row in page.items])
    return Page(tuple(of_row(row, pools.get(row.id, ())) for row in page.items), page.next)


async def update(
    desk: Desk, *, account_id: str, sender_id: str, **changes: Unpack[SenderSettings]
) -> OriginationIdentity:
    """Change what is given.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such sender ID or opt-out list.
        Conflict: it is in a pool that has another message type or list (``sender_id_in_pool``).
    """
    values = checked(changes)

    async def work(tx: Tx) -> OriginationIdentity:
        known = await require(tx.conn, account_id, sender_id)
        changed = {name: value for name, value in values.items() if getattr(known, name) != value}
        if known.pool_ids and (theirs := sorted(OF_POOL & set(changed))):
            raise _in_pool(theirs[0])
        if "opt_out_list" in changed:
            await opt_out_lists.require(tx.conn, account_id, changed["opt_out_list"])
        await rows.change(tx.conn, sender_ids, sender_id, changed)
        return await require(tx.conn, account_id, sender_id)

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, sender_id: str) -> None:
    """Give the sender ID up. Raises NotFound, or Conflict when it is protected, in a pool, or a route names it."""

    async def work(tx: Tx) -> None:
        known = await require(tx.conn, account_id, sender_id)
        if known.deletion_protection:
            raise rows.protected("sender ID")
        if known.pool_ids:
            raise _in_pool("sender_id")
        await check_unrouted(tx.conn, account_id, sender_id)
        await attached.drop(tx, account_id, existence.sender_id(known.sender, known.country))
        await rows.remove(tx.conn, sender_ids, sender_id)

    await desk.change(work)


async def require(conn: AsyncConnection, account_id: str, sender_id: str) -> OriginationIdentity:
    row = await rows.one(conn, sender_ids, account_id, sender_id, "sender_id")
    return of_row(row, (await pools_of(conn, [sender_id])).get(sender_id, ()))


async def named(desk: Desk, *, account_id: str, sender: str, country: str) -> OriginationIdentity:
    """The sender ID of that name, whatever its case, for exactly that country. Raises NotFound."""
    if checks.is_storable(sender):
        async with desk.store.reading() as conn:
            wanted = {"account_id": account_id, "sender": sender, "country": country}
            if (row := (await conn.execute(_of_name(wanted))).first()) is not None:
                return await require(conn, account_id, row.id)
    raise rows.missing("sender_id", "sender")


async def pools_of(conn: AsyncConnection, ids: Sequence[str] | None = None) -> dict[str, tuple[str, ...]]:
    """The pools each sender ID is in; of all when no ids are given."""
    t = pool_sender_ids.c
    query = select(t.sender_id, t.pool_id).order_by(t.pool_id)
    found: dict[str, tuple[str, ...]] = {}
    for row in await conn.execute(query if ids is None else query.where(t.sender_id.in_(ids))):
        found[row.sender_id] = (*found.get(row.sender_id, ()), row.pool_id)
    return found


def of_row(row: Row[Any], pool_ids: tuple[str, ...]) -> OriginationIdentity:
    return OriginationIdentity(
        id=row.id, kind=IdentityKind.SENDER_ID, sender=row.sender, country=row.country,
        message_type=MessageType(row.message_type), opt_out_list=row.opt_out_list, pool_ids=pool_ids, two_way=False,
        rate=row.rate, active=bool(row.active), both_types=bool(row.both_types),
        deletion_protection=bool(row.deletion_protection), created_at=row.created_at,
    )  # fmt: skip


def _name(sender: str) -> str:
    name, form = numbers.parse_sender(sender, "sender")
    if form != "sender_id":
        raise Invalid(
            "kind_mismatch", "That is a number, not a sender ID.", field="sender", remedy="Add it as a number."
        )
    return name


async def _exists(conn: AsyncConnection, values: Mapping[str, Any]) -> bool:
    return (await conn.execute(_of_name(values))).first() is not None


def _of_name(values: Mapping[str, Any]) -> Select[Any]:
    t = sender_ids.c
    return select(t.id).where(
        t.account_id == values["account_id"],
        t.country == values["country"],
        func.upper(t.sender) == values["sender"].upper(),
    )


def _in_pool(field: str) -> Conflict:
    return Conflict(
        "sender_id_in_pool", "The sender ID is in a pool.", field=field, remedy="Take it out of its pools first."
    )
