"""Accounts: whose everything is, and what each allows itself.

Limits are kept as JSON: a list of countries or null, pairs of count and seconds, a decimal string or null, seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from compliance.types import AccountLimits, RecipientLimit
from gateway.errors import Conflict, Invalid
from gateway.model import DEFAULT_ACCOUNT, DEFAULT_OPT_OUT_LIST
from gateway.resources import checks, rows
from gateway.store.tables import accounts
from gateway.store.tables_consent import opt_out_lists

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

LONGEST_NAME = 100
MOST_LOOKBACK = timedelta(days=30)  # how far back each accepted message may make us look


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    limits: AccountLimits = field(default_factory=AccountLimits)
    created_at: int = 0  # microseconds


async def create(desk: Desk, *, account_id: str, name: str, now: int, limits: AccountLimits | None = None) -> Account:
    """A new account with its list ``Default``.

    Raises:
        Invalid: the id is not 1 to 40 of a-z, 0-9 and hyphens, or the name is empty or too long.
        Conflict: there is an account of that id.
    """
    checks.slug(account_id, "account_id")
    label = checks.line(name, "name", LONGEST_NAME)
    allowed = _checked(limits or AccountLimits())

    async def work(tx: Tx) -> Account:
        if not await _create_in(tx, account_id, label, allowed, now):
            raise Conflict("account_exists", "There is an account of that id.", field="account_id")
        return await require(tx.conn, account_id)

    return await desk.change(work)


async def ensure_default(desk: Desk, now: int) -> Account:
    """The account ``main``, made at the first start."""

    async def work(tx: Tx) -> Account:
        await _create_in(tx, DEFAULT_ACCOUNT, "Main", AccountLimits(), now)
        return await require(tx.conn, DEFAULT_ACCOUNT)

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str) -> Account:
    async with desk.store.reading() as conn:
        return await require(conn, account_id)


async def find(desk: Desk, *, limit: int = 100, after: str = "") -> Page[Account]:
    async with desk.store.reading() as conn:
        return await rows.page(conn, select(accounts), accounts.c.id, of_row, limit=limit, after=after)


async def update(
    desk: Desk, *, account_id: str, name: str | None = None, limits: AccountLimits | None = None
) -> Account:
    """Change the name, the limits (as a whole) or both; None leaves as is."""
    values: dict[str, str] = {}
    if name is not None:
        values["name"] = checks.line(name, "name", LONGEST_NAME)
    if limits is not None:
        values["limits"] = _to_json(_checked(limits))

    async def work(tx: Tx) -> Account:
        await require(tx.conn, account_id)
        await rows.change(tx.conn, accounts, account_id, values)
        return await require(tx.conn, account_id)

    return await desk.change(work)


async def require(conn: AsyncConnection, account_id: str) -> Account:
    """Raises NotFound."""
    if checks.is_storable(account_id):
        row = (await conn.execute(select(accounts).where(accounts.c.id == account_id))).one_or_none()
        if row is not None:
            return of_row(row)
    raise rows.missing("account")


def of_row(row: Row[Any]) -> Account:
    return Account(id=row.id, name=row.name, limits=_from_json(row.limits), created_at=row.created_at)


async def _create_in(tx: Tx, account_id: str, name: str, limits: AccountLimits, now: int) -> bool:
    values = {"id": account_id, "name": name, "limits": _to_json(limits), "created_at": now}
    new = await rows.insert_new(tx.conn, accounts, values)
    default = {"account_id": account_id, "name": DEFAULT_OPT_OUT_LIST, "created_at": now}
    await rows.insert_new(tx.conn, opt_out_lists, default)
    return new


def _checked(limits: AccountLimits) -> AccountLimits:
    for code in limits.enabled_countries or ():
        checks.country(code, "limits.enabled_countries", required=True)
    if limits.monthly_spend_limit is not None and not 0 <= limits.monthly_spend_limit <= 10**9:
        raise Invalid("out_of_range", "The spend limit is from 0 to 1000000000.", field="limits.monthly_spend_limit")
    if not timedelta(0) <= limits.lookback <= MOST_LOOKBACK or limits.duplicate_window < timedelta(0):
        raise Invalid("out_of_range", f"A limit looks back {MOST_LOOKBACK.days} days at most.", field="limits")
    return limits


def _to_json(limits: AccountLimits) -> str:
    countries, spend = limits.enabled_countries, limits.monthly_spend_limit
    document = {
        "enabled_countries": None if countries is None else sorted(countries),
        "recipient_limits": [[one.count, one.per.total_seconds()] for one in limits.recipient_limits],
        "monthly_spend_limit": None if spend is None else str(spend),
        "duplicate_window": limits.duplicate_window.total_seconds(),
        "sandbox": limits.sandbox,
    }
    return orjson.dumps(document).decode()


def _from_json(text: str) -> AccountLimits:
    known = orjson.loads(text)
    if not known:
        return AccountLimits()
    countries, spend = known["enabled_countries"], known["monthly_spend_limit"]
    return AccountLimits(
        enabled_countries=None if countries is None else frozenset(countries),
        recipient_limits=tuple(
            RecipientLimit(count, timedelta(seconds=per)) for count, per in known["recipient_limits"]
        ),
        monthly_spend_limit=None if spend is None else Decimal(spend),
        duplicate_window=timedelta(seconds=known["duplicate_window"]),
        sandbox=known.get("sandbox", False),  # what was stored before there was a sandbox has no word of it
    )
