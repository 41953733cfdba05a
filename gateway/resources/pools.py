"""Pools: numbers and sender IDs that an app sends from as one.

Rule 1: a pool begins with one identity and takes its settings and keywords from it (AWS: CreatePool).
Rule 2: who joins must match it (``_MUST_MATCH``, keywords, and the capabilities of the numbers in it); a number that
is in another pool cannot join.
Rule 3: the last number cannot leave, nor the last identity (AWS: LAST_PHONE_NUMBER).
Rule 4: what is changed on the pool changes for its numbers. A number that leaves keeps what it answered in the pool,
so that people who text it notice nothing.
Rule 5: a protected pool cannot be deleted; deleting a pool keeps its numbers and sender IDs.
(pinpoint-sms-voice-v2 model: CreatePool, AssociateOriginationIdentity, ConflictExceptionReason.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from gateway.errors import Conflict, NotFound
from gateway.model import IdentityKind, MessageType, OriginationIdentity, Pool
from gateway.resources import attached, checks, keywords, opt_out_lists, phone_numbers, rows, sender_ids, tags
from gateway.resources.identity_settings import TwoWaySettings, checked
from gateway.store.tables_channels import notify_configurations
from gateway.store.tables_numbers import phone_numbers as numbers_table
from gateway.store.tables_numbers import pool_sender_ids, pools
from gateway.store.tables_numbers import sender_ids as senders_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from sqlalchemy import CursorResult, Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

LONGEST_NAME = 64

# Field of the identity and the pool, code of the Conflict, whether it holds for sender IDs too.
_MUST_MATCH = (
    ("message_type", "message_type_mismatch", True),
    ("opt_out_list", "opt_out_list_mismatch", True),
    ("two_way", "two_way_mismatch", False),
    ("two_way_channel", "two_way_mismatch", False),
    ("two_way_role", "two_way_mismatch", False),
    ("self_managed_opt_outs", "self_managed_opt_outs_mismatch", False),
    ("match_mode", "match_mode_mismatch", False),
)
_SHARED = phone_numbers.OF_POOL - {"message_type"}  # with the pool's numbers


class PoolChanges(TwoWaySettings, total=False):
    """What may be changed; what is left out stays."""

    name: str
    opt_out_list: str
    shared_routes: bool
    deletion_protection: bool


async def create(
    desk: Desk,
    *,
    account_id: str,
    identity_id: str,
    now: int,
    name: str = "",
    shared_routes: bool = False,
    deletion_protection: bool = False,
    message_type: str = "",
    tagged: Mapping[str, str] = tags.NO_TAGS,
    known_as: str = "",
) -> Pool:
    """A new pool around its first number or sender ID; ``name`` is the id when it is left empty.

    ``message_type`` may be left out: it is the identity's, and must be so unless a sender ID is for both types.
    ``known_as`` is the id it has elsewhere, and keeps.

    Raises:
        Invalid: the name is too long.
        NotFound: there is no such number or sender ID.
        Conflict: the number is in a pool, it is of another type (``message_type_mismatch``), or there is a pool of that
            name (``pool_exists``).
    """
    pool_id = known_as or rows.resource_id("pool")
    values = {
        "id": pool_id, "account_id": account_id, "created_at": now, "shared_routes": int(shared_routes),
        "name": checks.line(name, "name", LONGEST_NAME, required=False) or pool_id,
        "deletion_protection": int(deletion_protection),
    }  # fmt: skip

    async def work(tx: Tx) -> Pool:
        first = await _identity(tx.conn, account_id, identity_id)
        _check_free(first)
        await desk.quotas.require(tx.conn, "POOLS_PER_ACCOUNT", pools.c.account_id == account_id)
        if not await rows.insert_new(tx.conn, pools, values | _taken(first, message_type)):
            raise Conflict("pool_exists", "There is a pool of that name.", field="name")
        if _is_sender_id(first):
            await keywords.create_defaults(tx.conn, account_id, pool_id, now)
        else:
            await keywords.copy(tx.conn, identity_id, pool_id)
        await _enter(tx.conn, account_id, pool_id, first)
        await tags.put(tx, account_id, f"pool/{pool_id}", tagged)
        return await _get(tx.conn, account_id, pool_id)

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, pool_id: str) -> Pool:
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, pool_id)


async def find(desk: Desk, *, account_id: str, limit: int = 100, after: str = "") -> Page[Pool]:
    query = select(pools).where(pools.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, pools.c.id, of_row, limit=limit, after=after)


async def members(desk: Desk, *, account_id: str, pool_id: str) -> tuple[OriginationIdentity, ...]:
    """The numbers and sender IDs of a pool."""
    async with desk.store.reading() as conn:
        await _get(conn, account_id, pool_id)
        numbers = await conn.execute(
            select(numbers_table).where(numbers_table.c.pool_id == pool_id).order_by(numbers_table.c.id)
        )
        senders = (await _sender_rows(conn, pool_id)).all()
        pools_of = await sender_ids.pools_of(conn, [row.id for row in senders])
        return (
            *map(phone_numbers.of_row, numbers),
            *(sender_ids.of_row(row, pools_of[row.id]) for row in senders),
        )


async def update(desk: Desk, *, account_id: str, pool_id: str, **changes: Unpack[PoolChanges]) -> Pool:
    """Change what is given, for the pool and for its numbers.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such pool or opt-out list.
        Conflict: there is a pool of that name, or a sender ID of the pool has another list.
    """
    values = _values(changes)

    async def work(tx: Tx) -> Pool:
        row = await rows.one(tx.conn, pools, account_id, pool_id, "pool")
        changed = phone_numbers.changed_of(row, values)
        phone_numbers.check_two_way(dict(row._mapping) | changed)  # noqa: SLF001 -- SQLAlchemy's public name
        await _check_changes(tx.conn, account_id, pool_id, changed)
        await rows.change(tx.conn, pools, pool_id, changed)
        if shared := {name: value for name, value in changed.items() if name in _SHARED}:
            t = numbers_table
            await tx.conn.execute(t.update().where(t.c.pool_id == pool_id).values(shared))
        return await _get(tx.conn, account_id, pool_id)

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, pool_id: str) -> None:
    """Dissolve a pool; its numbers and sender IDs stay.

    Raises:
        NotFound: there is no such pool.
        Conflict: ``deletion_protection``, or a Notify configuration sends from it (``pool_in_use``).
    """

    async def work(tx: Tx) -> None:
        if (await _get(tx.conn, account_id, pool_id)).deletion_protection:
            raise rows.protected("pool")
        await _check_unused(tx.conn, pool_id)
        found = await tx.conn.execute(select(numbers_table.c.id).where(numbers_table.c.pool_id == pool_id))
        for number_id in found.scalars().all():
            await _release(tx.conn, pool_id, number_id)
        await tx.conn.execute(pool_sender_ids.delete().where(pool_sender_ids.c.pool_id == pool_id))
        await keywords.drop(tx.conn, pool_id)
        await attached.drop(tx, account_id, f"pool/{pool_id}")
        await rows.remove(tx.conn, pools, pool_id)

    await desk.change(work)


async def join(desk: Desk, *, account_id: str, pool_id: str, identity_id: str) -> OriginationIdentity:
    """Put a number or sender ID into a pool. Joining twice is no mistake.

    Raises:
        NotFound: there is no such pool, number or sender ID.
        Conflict: the number is in another pool, or one of the ``…_mismatch`` codes.
    """
    return await desk.change(lambda tx: join_in(desk, tx, account_id, pool_id, identity_id))


async def join_with_its_keywords(desk: Desk, *, account_id: str, pool_id: str, identity_id: str) -> None:
    """Join; a number gives up its own keywords for the pool's, so that these need not match. Raises as ``join``."""

    async def work(tx: Tx) -> None:
        identity = await _identity(tx.conn, account_id, identity_id)
        if not _is_sender_id(identity) and not identity.pool_ids:
            await keywords.copy(tx.conn, pool_id, identity_id)
        await join_in(desk, tx, account_id, pool_id, identity_id)

    await desk.change(work)


async def join_in(desk: Desk, tx: Tx, account_id: str, pool_id: str, identity_id: str) -> OriginationIdentity:
    """Join within somebody's transaction. Raises as ``join``."""
    pool = await _get(tx.conn, account_id, pool_id)
    identity = await _identity(tx.conn, account_id, identity_id)
    if pool_id in identity.pool_ids:
        return identity
    _check_free(identity)
    await _check_match(tx.conn, pool, identity)
    await _check_room(desk, tx.conn, pool_id, identity)
    await _enter(tx.conn, account_id, pool_id, identity)
    return await _identity(tx.conn, account_id, identity_id)


async def leave(desk: Desk, *, account_id: str, pool_id: str, identity_id: str) -> OriginationIdentity:
    """Take a number or sender ID out of a pool.

    Raises:
        NotFound: there is no such pool, number or sender ID, or it is not in the pool (``not_in_pool``).
        Conflict: ``last_phone_number`` or ``last_identity``.
    """

    async def work(tx: Tx) -> OriginationIdentity:
        await _get(tx.conn, account_id, pool_id)
        identity = await _identity(tx.conn, account_id, identity_id)
        if pool_id not in identity.pool_ids:
            raise NotFound("not_in_pool", "The identity is not in that pool.", field="identity_id")
        await _check_not_last(tx.conn, pool_id, identity)
        if _is_sender_id(identity):
            t = pool_sender_ids
            await tx.conn.execute(t.delete().where(t.c.pool_id == pool_id, t.c.sender_id == identity_id))
        else:
            await _release(tx.conn, pool_id, identity_id)
        return await _identity(tx.conn, account_id, identity_id)

    return await desk.change(work)


def of_row(row: Row[Any]) -> Pool:
    return Pool(
        id=row.id, name=row.name, message_type=MessageType(row.message_type), opt_out_list=row.opt_out_list,
        two_way=bool(row.two_way), self_managed_opt_outs=bool(row.self_managed_opt_outs), match_mode=row.match_mode,
        shared_routes=bool(row.shared_routes), deletion_protection=bool(row.deletion_protection),
        two_way_channel=row.two_way_channel, two_way_role=row.two_way_role, created_at=row.created_at,
    )  # fmt: skip


async def _get(conn: AsyncConnection, account_id: str, pool_id: str) -> Pool:
    return of_row(await rows.one(conn, pools, account_id, pool_id, "pool"))


async def _identity(conn: AsyncConnection, account_id: str, identity_id: str) -> OriginationIdentity:
    if identity_id.startswith("sender-"):
        return await sender_ids.require(conn, account_id, identity_id)
    return phone_numbers.of_row(await phone_numbers.require(conn, account_id, identity_id))


def _is_sender_id(identity: OriginationIdentity) -> bool:
    return identity.kind is IdentityKind.SENDER_ID


def _taken(first: OriginationIdentity, message_type: str) -> dict[str, Any]:
    """What a pool takes over from the identity it begins with."""
    if message_type and message_type != first.message_type and not first.both_types:
        raise _mismatch("message_type", "message_type_mismatch", first.message_type, message_type)
    taken = rows.columns({field: getattr(first, field) for field, _code, _both in _MUST_MATCH})
    taken["message_type"] = message_type or first.message_type
    if _is_sender_id(first):
        taken["two_way"] = 1  # the setting is for numbers; a sender ID has none to take over
    return taken


def _check_free(identity: OriginationIdentity) -> None:
    if identity.pool_ids and not _is_sender_id(identity):
        raise phone_numbers.in_pool("identity_id", "Take it out of its pool first.")


async def _check_match(conn: AsyncConnection, pool: Pool, identity: OriginationIdentity) -> None:
    for field, code, for_sender_ids in _MUST_MATCH:
        if for_sender_ids or not _is_sender_id(identity):
            mine, theirs = getattr(identity, field), getattr(pool, field)
            if mine != theirs and not (field == "message_type" and identity.both_types):
                raise _mismatch(field, code, mine, theirs)
    if _is_sender_id(identity):
        return
    await _check_capabilities(conn, pool, identity)
    if set(await keywords.of_owner(conn, identity.id)) != set(await keywords.of_owner(conn, pool.id)):
        raise Conflict(
            "keyword_mismatch",
            "The keywords of the number are not those of the pool.",
            field="identity_id",
            remedy="Give the number the same words, actions and messages.",
        )


async def _check_room(desk: Desk, conn: AsyncConnection, pool_id: str, identity: OriginationIdentity) -> None:
    """Numbers and sender IDs are counted apart: each has a table of its own."""
    of_pool = (pool_sender_ids if _is_sender_id(identity) else numbers_table).c.pool_id == pool_id
    await desk.quotas.require(conn, "ORIGINATION_IDENTITIES_PER_POOL", of_pool)


async def _check_capabilities(conn: AsyncConnection, pool: Pool, identity: OriginationIdentity) -> None:
    t = numbers_table.c
    query = select(t.capabilities).where(t.pool_id == pool.id).limit(1)
    mine, theirs = " ".join(identity.capabilities), (await conn.execute(query)).scalar()
    if theirs is not None and mine != theirs:
        raise _mismatch("capabilities", "capabilities_mismatch", mine, theirs)


def _mismatch(field: str, code: str, mine: object, theirs: object) -> Conflict:
    detail = f"{field} is {mine} here and {theirs} in the pool."
    return Conflict(code, detail, field="identity_id", remedy="Make the two the same.")


async def _enter(conn: AsyncConnection, account_id: str, pool_id: str, identity: OriginationIdentity) -> None:
    if _is_sender_id(identity):
        values = {"account_id": account_id, "pool_id": pool_id, "sender_id": identity.id}
        await rows.insert(conn, pool_sender_ids, values)
    else:
        await rows.change(conn, numbers_table, identity.id, {"pool_id": pool_id})


async def _release(conn: AsyncConnection, pool_id: str, number_id: str) -> None:
    await keywords.copy(conn, pool_id, number_id)
    await rows.change(conn, numbers_table, number_id, {"pool_id": None})


async def _check_unused(conn: AsyncConnection, pool_id: str) -> None:
    t = notify_configurations.c
    query = select(t.id).where(t.pool_id == pool_id).limit(1)
    if (user := (await conn.execute(query)).scalar_one_or_none()) is not None:
        raise Conflict("pool_in_use", f"The Notify configuration {user} sends from it.", remedy="Give it another.")


async def _check_not_last(conn: AsyncConnection, pool_id: str, identity: OriginationIdentity) -> None:
    count = select(func.count())
    numbers = (await conn.execute(count.where(numbers_table.c.pool_id == pool_id))).scalar_one()
    if not _is_sender_id(identity):
        if numbers == 1:
            raise Conflict("last_phone_number", "The last number of a pool cannot leave it.", remedy="Delete the pool.")
        return
    senders = (await conn.execute(count.where(pool_sender_ids.c.pool_id == pool_id))).scalar_one()
    if numbers + senders == 1:
        raise Conflict("last_identity", "The last identity of a pool cannot leave it.", remedy="Delete the pool.")


async def _sender_rows(conn: AsyncConnection, pool_id: str) -> CursorResult[Any]:
    inside = select(pool_sender_ids.c.sender_id).where(pool_sender_ids.c.pool_id == pool_id)
    return await conn.execute(select(senders_table).where(senders_table.c.id.in_(inside)).order_by(senders_table.c.id))


async def _check_changes(conn: AsyncConnection, account_id: str, pool_id: str, changed: dict[str, Any]) -> None:
    if "name" in changed:
        same = select(pools.c.id).where(pools.c.account_id == account_id, pools.c.name == changed["name"])
        if (await conn.execute(same)).first() is not None:
            raise Conflict("pool_exists", "There is a pool of that name.", field="name")
    if "opt_out_list" in changed:
        await opt_out_lists.require(conn, account_id, changed["opt_out_list"])
        if (await _sender_rows(conn, pool_id)).first() is not None:
            raise Conflict(
                "opt_out_list_mismatch",
                "A sender ID of the pool has another opt-out list.",
                field="opt_out_list",
                remedy="Take the sender IDs out of the pool first.",
            )


def _values(changes: PoolChanges) -> dict[str, Any]:
    values = checked(changes)
    if "name" in values:
        values["name"] = checks.line(values["name"], "name", LONGEST_NAME)
    return values
