"""Phone numbers: short codes, long codes, 10DLC, toll-free and simulator numbers.

Rule 1: a number belongs to one account, and is in one pool at most.
Rule 2: what a pool decides for its numbers (``OF_POOL``) is changed on the pool while a number is in it
(AWS: PHONE_NUMBER_ASSOCIATED_TO_POOL); nor can such a number be deleted.
Rule 3: self-managed opt-outs and a two-way channel need two-way (AWS: SelfManagedOptOutsEnabled, TwoWayChannelArn);
turning two-way off takes the channel away.
Rule 4: a protected number cannot be deleted (AWS: DeletionProtectionEnabled).
Opt-outs outlive the number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway import numbers
from gateway.errors import Conflict, GatewayError, Invalid
from gateway.model import DEFAULT_OPT_OUT_LIST, IdentityKind, MessageType, OriginationIdentity
from gateway.resources import attached, checks, keywords, opt_out_lists, rows
from gateway.resources.identity_settings import SenderSettings, TwoWaySettings, checked
from gateway.store.tables import routes
from gateway.store.tables_numbers import phone_numbers
from gateway.store.tables_registrations import registration_associations
from gateway.store.times import from_millionths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from typing import Unpack

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

OF_POOL = frozenset({
    "message_type", "opt_out_list", "two_way", "two_way_channel", "two_way_role", "self_managed_opt_outs", "match_mode",
})  # fmt: skip
QUOTA = "PHONE_NUMBERS_PER_ACCOUNT"
KINDS = frozenset(IdentityKind) - {IdentityKind.SENDER_ID}


class PhoneNumberChanges(SenderSettings, TwoWaySettings, total=False):
    """What may be changed; what is left out stays."""

    international: bool  # may be chosen for other countries


class PhoneNumberSettings(PhoneNumberChanges, total=False):
    """What may be told of a new number."""

    capabilities: Iterable[str]  # of gateway.model.Capability, one at least
    monthly_price: Decimal  # US$, what the number costs


_DEFAULTS: PhoneNumberSettings = {
    "message_type": MessageType.TRANSACTIONAL, "opt_out_list": DEFAULT_OPT_OUT_LIST, "two_way": True,
}  # fmt: skip


async def create(
    desk: Desk,
    *,
    account_id: str,
    number: str,
    kind: str,
    now: int,
    country: str = "",
    known_as: str = "",
    **settings: Unpack[PhoneNumberSettings],
) -> OriginationIdentity:
    """Add a number, with STOP, HELP, START and UNSTOP.

    Args:
        desk: where.
        account_id: whose.
        number: as anyone writes it, with its plus; or a short code.
        kind: one of ``KINDS``.
        now: microseconds.
        country: ISO 3166 alpha-2; may be left out where the number tells it.
        known_as: the id it has elsewhere, and keeps; a new one where it is left empty.
        settings: what is left out is as ``_DEFAULTS`` and its column say.

    Raises:
        Invalid: a field is wrong, or the number does not fit its kind.
        NotFound: there is no such opt-out list.
        Conflict: the number is there already (``phone_number_exists``).
    """
    sender, shown_kind = sender_and_kind(number, kind)
    values = {"number": sender, "kind": shown_kind, "country": country_of(sender, country)}
    values |= checked({**_DEFAULTS, **settings})

    async def work(tx: Tx) -> OriginationIdentity:
        await desk.quotas.require(tx.conn, QUOTA, phone_numbers.c.account_id == account_id)
        if (made := await create_in(tx, account_id, values, now, known_as)) is None:
            raise Conflict("phone_number_exists", "The number is there already.", field="number")
        return made

    return await desk.change(work)


async def create_in(
    tx: Tx, account_id: str, values: Mapping[str, Any], now: int, known_as: str = ""
) -> OriginationIdentity | None:
    """Add a number within somebody's transaction; None when somebody has it already.

    Args:
        tx: the transaction.
        account_id: whose.
        values: of its columns, as they are kept.
        now: microseconds.
        known_as: the id it keeps; a new one where it is left empty.

    Raises:
        Invalid: self-managed opt-outs without two-way.
        NotFound: there is no such opt-out list.
    """
    check_two_way(values)
    await opt_out_lists.require(tx.conn, account_id, values["opt_out_list"])
    number_id = known_as or rows.resource_id("phone")
    keys = {"id": number_id, "account_id": account_id, "created_at": now}
    if not await rows.insert_new(tx.conn, phone_numbers, keys | dict(values)):
        return None
    await keywords.create_defaults(tx.conn, account_id, number_id, now)
    return of_row(await require(tx.conn, account_id, number_id))


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
    values = checked(changes)

    async def work(tx: Tx) -> OriginationIdentity:
        row = await require(tx.conn, account_id, phone_number_id)
        changed = changed_of(row, values)
        if row.pool_id and (theirs := sorted(OF_POOL & set(changed))):
            raise in_pool(theirs[0], "Change it on the pool, or take the number out of the pool.")
        if "opt_out_list" in changed:
            await opt_out_lists.require(tx.conn, account_id, changed["opt_out_list"])
        check_two_way(dict(row._mapping) | changed)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
        await rows.change(tx.conn, phone_numbers, phone_number_id, changed)
        return of_row(await require(tx.conn, account_id, phone_number_id))

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, phone_number_id: str) -> None:
    """Give the number up. Its keywords and tags go; the opt-outs of people stay.

    Raises:
        NotFound: there is no such number.
        Conflict: it is protected, in a pool or registered, or a route names it.
    """
    await desk.change(lambda tx: delete_in(tx, account_id, phone_number_id))


async def delete_in(tx: Tx, account_id: str, phone_number_id: str) -> OriginationIdentity:
    """Delete within somebody's transaction; gives what it was. Raises as ``delete``."""
    row = await require(tx.conn, account_id, phone_number_id)
    if row.deletion_protection:
        raise rows.protected("phone number")
    if row.pool_id:
        raise in_pool("phone_number_id", "Take it out of the pool first.")
    await _check_unregistered(tx.conn, phone_number_id)
    await check_unrouted(tx.conn, account_id, phone_number_id)
    await keywords.drop(tx.conn, phone_number_id)
    await attached.drop(tx, account_id, f"phone-number/{phone_number_id}")
    await rows.remove(tx.conn, phone_numbers, phone_number_id)
    return of_row(row)


async def require(conn: AsyncConnection, account_id: str, phone_number_id: str) -> Row[Any]:
    return await rows.one(conn, phone_numbers, account_id, phone_number_id, "phone_number")


async def _check_unregistered(conn: AsyncConnection, phone_number_id: str) -> None:
    t = registration_associations.c
    query = select(t.registration_id).where(t.resource == f"phone-number/{phone_number_id}").limit(1)
    if (registration_id := (await conn.execute(query)).scalar_one_or_none()) is not None:
        raise Conflict(
            "phone_number_registered",
            f"The number belongs to {registration_id}.",
            remedy="Delete the registration first.",
        )


async def check_unrouted(conn: AsyncConnection, account_id: str, identity_id: str) -> None:
    """Raises Conflict (``identity_in_use``) when a route is for this identity."""
    query = select(routes.c.id).where(routes.c.account_id == account_id, routes.c.identity_id == identity_id)
    if (route := (await conn.execute(query.limit(1))).scalar_one_or_none()) is not None:
        raise Conflict(
            "identity_in_use", f"The route {route} is for this identity.", remedy="Change or delete the route first."
        )


def in_pool(field: str, remedy: str) -> Conflict:
    return Conflict("phone_number_in_pool", "The number is in a pool.", field=field, remedy=remedy)


def check_two_way(values: Mapping[str, Any]) -> None:
    """Raises Invalid (``two_way_needed``) for what makes no sense without two-way."""
    if values["two_way"]:
        return
    for field, why in (
        ("self_managed_opt_outs", "Self-managed opt-outs need two-way, else nobody would see a STOP."),
        ("two_way_channel", "A channel needs two-way: without it, no text comes in."),
    ):
        if values.get(field):
            raise Invalid("two_way_needed", why, field=field, remedy="Turn two_way on.")


def changed_of(row: Row[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What of these values is not so yet, in a number's or pool's row. No two-way, no channel."""
    wanted = dict(values)
    if row.two_way and wanted.get("two_way") == 0 and not wanted.get("two_way_channel"):
        wanted |= {"two_way_channel": "", "two_way_role": ""}
    return {name: value for name, value in wanted.items() if getattr(row, name) != value}


def of_row(row: Row[Any]) -> OriginationIdentity:
    return OriginationIdentity(
        id=row.id, kind=IdentityKind(row.kind), sender=row.number, country=row.country,
        message_type=MessageType(row.message_type), opt_out_list=row.opt_out_list,
        pool_ids=(row.pool_id,) if row.pool_id else (), two_way=bool(row.two_way),
        self_managed_opt_outs=bool(row.self_managed_opt_outs), match_mode=row.match_mode, rate=row.rate,
        active=bool(row.active), international=bool(row.international), two_way_channel=row.two_way_channel,
        two_way_role=row.two_way_role, capabilities=tuple(row.capabilities.split()),
        deletion_protection=bool(row.deletion_protection), monthly_price=from_millionths(row.monthly_price),
        created_at=row.created_at,
    )  # fmt: skip


def sender_and_kind(number: str, kind: str) -> tuple[str, str]:
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


def country_of(sender: str, country: str) -> str:
    """The country given, or else that of the number. Raises Invalid when neither tells."""
    if given := checks.country(country):
        return given
    try:
        told = numbers.parse_destination(sender).country
    except GatewayError:
        told = ""
    return checks.country(told, required=True)
