"""Phone numbers: short codes, long codes, 10DLC, toll-free and simulator numbers.

Rule 1: a number belongs to one account, and is in one pool at most.
Rule 2: what a pool decides for its numbers (``OF_POOL``) is changed on the pool while a number is in it
(AWS: PHONE_NUMBER_ASSOCIATED_TO_POOL); nor can such a number be deleted.
Rule 3: self-managed opt-outs need two-way (AWS: SelfManagedOptOutsEnabled).
Opt-outs outlive the number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from sqlalchemy import select

from gateway import numbers
from gateway.errors import Conflict, GatewayError, Invalid
from gateway.model import DEFAULT_OPT_OUT_LIST, IdentityKind, MessageType, OriginationIdentity
from gateway.resources import checks, keywords, opt_out_lists, rows
from gateway.store.tables import phone_numbers, routes
from keywords.types import MatchMode

if TYPE_CHECKING:
    from typing import Unpack

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

OF_POOL = frozenset({"message_type", "opt_out_list", "two_way", "self_managed_opt_outs", "match_mode"})
KINDS = frozenset(IdentityKind) - {IdentityKind.SENDER_ID}


class PhoneNumberChanges(TypedDict, total=False):
    """What may be changed; what is left out stays."""

    message_type: str
    opt_out_list: str
    two_way: bool
    self_managed_opt_outs: bool
    match_mode: str
    rate: float | None  # whole parts a second; None: no limit
    active: bool


async def create(
    desk: Desk,
    *,
    account_id: str,
    number: str,
    kind: str,
    now: int,
    country: str = "",
    message_type: str = MessageType.TRANSACTIONAL,
    opt_out_list: str = DEFAULT_OPT_OUT_LIST,
    two_way: bool = True,
    self_managed_opt_outs: bool = False,
    match_mode: str = MatchMode.WHOLE,
    rate: float | None = None,
) -> OriginationIdentity:
    """Add a number, with STOP, HELP, START and UNSTOP. ``country`` may be left out where the number tells it.

    Raises:
        Invalid: a field is wrong, or the number does not fit its kind.
        NotFound: there is no such opt-out list.
        Conflict: the number is there already (``phone_number_exists``).
    """
    sender, shown_kind = _sender(number, kind)
    values = _values({
        "message_type": message_type, "opt_out_list": opt_out_list, "two_way": two_way,
        "self_managed_opt_outs": self_managed_opt_outs, "match_mode": match_mode, "rate": rate,
    })  # fmt: skip
    values |= {
        "id": rows.resource_id("phone"), "account_id": account_id, "number": sender, "kind": shown_kind,
        "country": _country(sender, country), "created_at": now,
    }  # fmt: skip
    check_self_managed(values)

    async def work(tx: Tx) -> OriginationIdentity:
        await opt_out_lists.require(tx.conn, account_id, opt_out_list)
        if not await rows.insert_new(tx.conn, phone_numbers, values):
            raise Conflict("phone_number_exists", "The number is there already.", field="number")
        await keywords.create_defaults(tx.conn, account_id, values["id"], now)
        return of_row(await require(tx.conn, account_id, values["id"]))

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, phone_number_id: str) -> OriginationIdentity:
    async with desk.store.reading() as conn:
        return of_row(await require(conn, account_id, phone_number_id))


async def find(
    desk: Desk, *, account_id: str, pool_id: str = "", limit: int = 100, after: str = ""
) -> Page[OriginationIdentity]:
    """Numbers in the order they were added; ``pool_id`` keeps to those of a pool."""
    query = select(phone_numbers).where(phone_numbers.c.account_id == account_id)
    if pool_id:
        query = query.where(phone_numbers.c.pool_id == (pool_id if checks.is_storable(pool_id) else ""))
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, phone_numbers.c.id, of_row, limit=limit, after=after)


async def update(
    desk: Desk, *, account_id: str, phone_number_id: str, **changes: Unpack[PhoneNumberChanges]
) -> OriginationIdentity:
    """Change what is given.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such number or opt-out list.
        Conflict: the number is in a pool, and the pool decides that (``phone_number_in_pool``).
    """
    values = _values(dict(changes))

    async def work(tx: Tx) -> OriginationIdentity:
        row = await require(tx.conn, account_id, phone_number_id)
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        if row.pool_id and (theirs := sorted(OF_POOL & set(changed))):
            raise in_pool(theirs[0], "Change it on the pool, or take the number out of the pool.")
        if "opt_out_list" in changed:
            await opt_out_lists.require(tx.conn, account_id, changed["opt_out_list"])
        check_self_managed(dict(row._mapping) | changed)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
        await rows.change(tx.conn, phone_numbers, phone_number_id, changed)
        return of_row(await require(tx.conn, account_id, phone_number_id))

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, phone_number_id: str) -> None:
    """Give the number up. Its keywords go; the opt-outs of people stay.

    Raises:
        NotFound: there is no such number.
        Conflict: it is in a pool, or a route names it.
    """

    async def work(tx: Tx) -> None:
        if (await require(tx.conn, account_id, phone_number_id)).pool_id:
            raise in_pool("phone_number_id", "Take it out of the pool first.")
        await check_unrouted(tx.conn, account_id, phone_number_id)
        await keywords.drop(tx.conn, phone_number_id)
        await rows.remove(tx.conn, phone_numbers, phone_number_id)

    await desk.change(work)


async def require(conn: AsyncConnection, account_id: str, phone_number_id: str) -> Row[Any]:
    return await rows.one(conn, phone_numbers, account_id, phone_number_id, "phone_number")


async def check_unrouted(conn: AsyncConnection, account_id: str, identity_id: str) -> None:
    """Raises Conflict (``identity_in_use``) when a route is for this identity."""
    query = select(routes.c.id).where(routes.c.account_id == account_id, routes.c.identity_id == identity_id)
    if (route := (await conn.execute(query.limit(1))).scalar_one_or_none()) is not None:
        raise Conflict(
            "identity_in_use", f"The route {route} is for this identity.", remedy="Change or delete the route first."
        )


def in_pool(field: str, remedy: str) -> Conflict:
    return Conflict("phone_number_in_pool", "The number is in a pool.", field=field, remedy=remedy)


def check_self_managed(values: dict[str, Any]) -> None:
    if values["self_managed_opt_outs"] and not values["two_way"]:
        raise Invalid(
            "two_way_needed",
            "Self-managed opt-outs need two-way, else nobody would see a STOP.",
            field="self_managed_opt_outs",
            remedy="Turn two_way on.",
        )


def of_row(row: Row[Any]) -> OriginationIdentity:
    return OriginationIdentity(
        id=row.id, kind=IdentityKind(row.kind), sender=row.number, country=row.country,
        message_type=MessageType(row.message_type), opt_out_list=row.opt_out_list,
        pool_ids=(row.pool_id,) if row.pool_id else (), two_way=bool(row.two_way),
        self_managed_opt_outs=bool(row.self_managed_opt_outs), match_mode=row.match_mode, rate=row.rate,
        active=bool(row.active),
    )  # fmt: skip


def _values(changes: dict[str, Any]) -> dict[str, Any]:
    """Columns of what is given, each checked."""
    values = rows.columns(changes)
    if "message_type" in values:
        values["message_type"] = checks.one_of(values["message_type"], MessageType, "message_type")
    if "match_mode" in values:
        values["match_mode"] = checks.one_of(values["match_mode"], MatchMode, "match_mode")
    if "rate" in values:
        values["rate"] = checks.rate(values["rate"])
    return values


def _sender(number: str, kind: str) -> tuple[str, str]:
    """The number as it is kept, and its kind. Raises Invalid when one does not fit the other."""
    shown = IdentityKind(checks.one_of(kind, KINDS, "kind"))
    sender, form = numbers.parse_sender(number, "number")
    wanted = "short_code" if shown is IdentityKind.SHORT_CODE else "phone"
    if form != wanted:
        raise Invalid(
            "kind_mismatch",
            f"A number of kind {shown} is not written so.",
            field="number",
            remedy="Write 3 to 8 digits." if wanted == "short_code" else "Write it as +14255550100.",
        )
    return sender, shown.value


def _country(sender: str, country: str) -> str:
    if given := checks.country(country):
        return given
    try:
        told = numbers.parse_destination(sender).country
    except GatewayError:
        told = ""
    return checks.country(told, required=True)
