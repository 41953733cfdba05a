"""The operator's numbers, and leasing them to accounts.

Rule 1: a number that is entered here and that no account has is free; an account leases it as it is entered.
Rule 2: a leased number is the account's until it gives it back (``release``); then it is free again.
Rule 3: simulator numbers need no entry: there is always one. They are those that no subscriber ever has
(https://nationalnanpa.com/number_resource_info/555_numbers.html: 555-0100 to 555-0199 of every area code).
Rule 4: a leased number's keywords are matched as AWS does, by the beginning of a text; it has no two-way until that is
turned on (pinpoint-sms-voice-v2 model: RequestPhoneNumber).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.errors import Conflict, Invalid, NotFound
from gateway.model import DEFAULT_OPT_OUT_LIST, Capability, IdentityKind, MessageType
from gateway.resources import checks, phone_numbers, pools, registration_associations, rows, tags
from gateway.store.tables_numbers import inventory as table
from gateway.store.tables_numbers import phone_numbers as numbers_table
from gateway.store.times import from_millionths
from keywords.types import MatchMode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Row, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.model import OriginationIdentity
    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

KINDS = phone_numbers.KINDS - {IdentityKind.SIMULATOR}
_AREA_CODES = ("206", "425", "253", "360", "509", "564")  # Washington's
_LEASED = ("kind", "country", "capabilities", "monthly_price", "rate")  # columns that a lease takes over
# How a pattern is compared with a number's digits; names as AWS's PreferenceType.
_PREFERENCES: Mapping[str, Callable[[str, str], bool]] = {
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
    "Contains": str.__contains__,
    "ExactMatch": str.__eq__,
}


@dataclass(frozen=True, slots=True)
class InventoryNumber:
    """One of the operator's numbers."""

    number: str
    kind: IdentityKind
    country: str
    capabilities: tuple[str, ...]
    monthly_price: Decimal  # US$
    rate: float | None
    created_at: int  # microseconds
    account_id: str = ""  # of who leases it; "" while it is free


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a number must be like."""

    country: str
    kind: str
    capabilities: frozenset[str]
    preference: str = ""  # of AWS's PreferenceType; "" for none
    patterns: tuple[str, ...] = ()  # digits, with or without a plus; one of them must match

    def fits(self, number: str) -> bool:
        if not self.preference:
            return True
        compare = _PREFERENCES[self.preference]
        return any(
            compare(form, pattern.removeprefix("+")) for pattern in self.patterns for form in _forms(number, pattern)
        )


async def add(
    desk: Desk,
    *,
    number: str,
    kind: str,
    now: int,
    country: str = "",
    capabilities: Iterable[str] = (Capability.SMS,),
    monthly_price: Decimal = Decimal(0),
    rate: float | None = None,
) -> InventoryNumber:
    """Enter a number that accounts may lease; the arguments are those of ``phone_numbers.create``.

    Raises:
        Invalid: a field is wrong, or the number does not fit its kind.
        Conflict: it is there already (``number_in_inventory``), or an account has it (``phone_number_exists``).
    """
    checks.one_of(kind, KINDS, "kind")
    sender, shown_kind = phone_numbers.sender_and_kind(number, kind)
    values = {
        "number": sender, "kind": shown_kind, "country": phone_numbers.country_of(sender, country),
        "capabilities": checks.capabilities(capabilities), "rate": checks.rate(rate), "created_at": now,
        "monthly_price": checks.price(monthly_price, "monthly_price"),
    }  # fmt: skip

    async def work(tx: Tx) -> InventoryNumber:
        if not await rows.insert_new(tx.conn, table, values):
            raise Conflict("number_in_inventory", "The number is in the inventory already.", field="number")
        found = await _require(tx.conn, sender)
        if found.account_id:
            raise Conflict("phone_number_exists", "An account has that number.", field="number")
        return found

    return await desk.store.write(work)


async def remove(desk: Desk, *, number: str) -> InventoryNumber:
    """Take a free number out; gives what it was.

    Raises:
        NotFound: it is not in the inventory (``inventory_number_not_found``).
        Conflict: an account leases it (``number_leased``).
    """

    async def work(tx: Tx) -> InventoryNumber:
        found = await _require(tx.conn, number)
        if found.account_id:
            raise Conflict(
                "number_leased",
                f"The account {found.account_id} leases the number.",
                field="number",
                remedy="Let it give the number back first.",
            )
        await tx.conn.execute(table.delete().where(table.c.number == number))
        return found

    return await desk.store.write(work)


async def find(desk: Desk, *, limit: int = 100, after: str = "") -> Page[InventoryNumber]:
    """All numbers of the operator, free or leased, by number."""
    async with desk.store.reading() as conn:
        return await rows.page(conn, _with_account(), table.c.number, _of_row, limit=limit, after=after)


async def available(desk: Desk, wanted: Wanted) -> tuple[str, ...]:
    """The free numbers that are as wanted, in ascending order."""
    async with desk.store.reading() as conn:
        return tuple(row.number for row in await _free(conn, wanted))


async def request(
    desk: Desk,
    *,
    account_id: str,
    wanted: Wanted,
    message_type: str,
    now: int,
    opt_out_list: str = DEFAULT_OPT_OUT_LIST,
    pool_id: str = "",
    registration_id: str = "",
    international: bool = False,
    deletion_protection: bool = False,
    tagged: Mapping[str, str] = tags.NO_TAGS,
) -> OriginationIdentity:
    """Lease a number to an account, in a pool and for a registration at once where they are named.

    Raises:
        Invalid: a simulator number is for transactional texts only (``simulator_type``).
        NotFound: no free number is so (``no_number_available``); there is no such opt-out list, pool or
            registration.
        Conflict: the number does not match the pool, as ``pools.join``, or the registration is not complete.
        QuotaExceeded: the account has as many numbers, or the pool as many members, as it may; too many tags.
    """
    if wanted.kind == IdentityKind.SIMULATOR and message_type != MessageType.TRANSACTIONAL:
        raise Invalid("simulator_type", "A simulator number is for TRANSACTIONAL texts only.", field="message_type")
    lease = {
        "message_type": message_type, "opt_out_list": opt_out_list, "international": int(international),
        "deletion_protection": int(deletion_protection), "two_way": 0, "self_managed_opt_outs": 0,
        "match_mode": MatchMode.BEGINS.value,
    }  # fmt: skip

    async def work(tx: Tx) -> OriginationIdentity:
        await desk.quotas.require(tx.conn, phone_numbers.QUOTA, numbers_table.c.account_id == account_id)
        made = await _lease(tx, account_id, wanted, lease, now)
        resource = f"phone-number/{made.id}"
        await tags.put(tx, account_id, resource, tagged)
        if registration_id:
            await registration_associations.create_in(desk, tx, account_id, registration_id, resource, now)
        return await pools.join_in(desk, tx, account_id, pool_id, made.id) if pool_id else made

    return await desk.change(work)


async def release(desk: Desk, *, account_id: str, phone_number_id: str, now: int) -> OriginationIdentity:
    """Give a number back to the inventory; gives what it was.

    Raises:
        NotFound: there is no such number.
        Conflict: as ``phone_numbers.delete``.
    """

    async def work(tx: Tx) -> OriginationIdentity:
        row = await phone_numbers.require(tx.conn, account_id, phone_number_id)
        gone = await phone_numbers.delete_in(tx, account_id, phone_number_id)
        if gone.kind is not IdentityKind.SIMULATOR:
            entry = {"number": row.number, "created_at": now} | {name: getattr(row, name) for name in _LEASED}
            await rows.insert_new(tx.conn, table, entry)
        return gone

    return await desk.change(work)


async def _lease(tx: Tx, account_id: str, wanted: Wanted, lease: Mapping[str, Any], now: int) -> OriginationIdentity:
    """The first that nobody takes in the same moment: another process may be at it."""
    async for entry in _candidates(tx.conn, wanted):
        if made := await phone_numbers.create_in(tx, account_id, {**entry, **lease}, now):
            return made
    raise NotFound(
        "no_number_available",
        "No free number is as wanted.",
        remedy="Ask the operator to enter one: heliograph numbers inventory add.",
    )


async def _candidates(conn: AsyncConnection, wanted: Wanted) -> AsyncIterator[dict[str, Any]]:
    if wanted.kind == IdentityKind.SIMULATOR:
        for number in _simulators(wanted):
            yield {"number": number, "kind": wanted.kind, "country": "US", "capabilities": Capability.SMS.value}
        return
    for row in await _free(conn, wanted):
        yield {"number": row.number} | {name: getattr(row, name) for name in _LEASED}


def _simulators(wanted: Wanted) -> Iterator[str]:
    if wanted.country == "US" and wanted.capabilities <= {Capability.SMS}:
        for area, last in product(_AREA_CODES, range(100)):
            yield f"+1{area}55501{last:02d}"


async def _free(conn: AsyncConnection, wanted: Wanted) -> list[Row[Any]]:
    query = _with_account().where(
        numbers_table.c.id.is_(None), table.c.country == wanted.country, table.c.kind == wanted.kind
    )
    return [
        row
        for row in await conn.execute(query.order_by(table.c.number))
        if wanted.capabilities <= set(row.capabilities.split()) and wanted.fits(row.number)
    ]


def _with_account() -> Select[Any]:
    leased = table.outerjoin(numbers_table, numbers_table.c.number == table.c.number)
    return select(table, numbers_table.c.account_id).select_from(leased)


async def _require(conn: AsyncConnection, number: str) -> InventoryNumber:
    if checks.is_storable(number):
        row = (await conn.execute(_with_account().where(table.c.number == number))).one_or_none()
        if row is not None:
            return _of_row(row)
    raise rows.missing("inventory_number", "number")


def _of_row(row: Row[Any]) -> InventoryNumber:
    return InventoryNumber(
        number=row.number, kind=IdentityKind(row.kind), country=row.country,
        capabilities=tuple(row.capabilities.split()), monthly_price=from_millionths(row.monthly_price), rate=row.rate,
        created_at=row.created_at, account_id=row.account_id or "",
    )  # fmt: skip


def _forms(number: str, pattern: str) -> tuple[str, ...]:
    """The digits that a pattern is compared with: without a plus it may leave out the country code 1 as well."""
    whole = number.removeprefix("+")
    return (whole,) if pattern.startswith("+") else (whole, number.removeprefix("+1"))
