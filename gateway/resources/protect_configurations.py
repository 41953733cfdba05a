"""Protect configurations: where an account's messages may go, by country and by number.

Rule 1: a new one allows every country; a change names the countries that it changes, the others stay.
Rule 2: an override of one number counts for more than its country, until it expires.
Rule 3: which one counts for a send: the request's, else its configuration set's, else the account's default, else none.
Rule 4: one that is protected, is the account's default or is a configuration set's cannot be deleted.
(pinpoint-sms-voice-v2 model: CreateProtectConfiguration and its kin;
https://docs.aws.amazon.com/sms-voice/latest/userguide/protect-configuration.html.)
What it does to a message is ``compliance.rules.destination_protected``; a send asks ``gateway.resources.protection``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import phonenumbers
from sqlalchemy import select

from gateway import numbers
from gateway.errors import Conflict, Invalid
from gateway.resources import checks, configuration_sets, rows, tags
from gateway.store.tables_configuration_sets import configuration_sets as sets_table
from gateway.store.tables_protect import protect_configurations, protect_country_rules, protect_number_overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from compliance.types import ProtectStatus
    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

KIND = "protect-configuration"  # as ARNs name it
CAPABILITIES = ("SMS", "VOICE", "MMS", "RCS")
STATUSES = ("ALLOW", "BLOCK", "MONITOR", "FILTER")
ACTIONS = ("ALLOW", "BLOCK")
COUNTRIES = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
_THING = "protect_configuration"


@dataclass(frozen=True, slots=True)
class ProtectConfiguration:
    id: str
    account_id: str
    account_default: bool
    deletion_protection: bool
    created_at: int  # microseconds


@dataclass(frozen=True, slots=True)
class NumberOverride:
    phone: str  # E.164
    country: str  # ISO 3166 alpha-2, "" for a number of no country
    action: Literal["ALLOW", "BLOCK"]
    expires_at: int | None  # microseconds; None: it stays
    created_at: int


async def create(
    desk: Desk,
    *,
    account_id: str,
    now: int,
    deletion_protection: bool = False,
    tagged: Mapping[str, str] = tags.NO_TAGS,
    known_as: str = "",
) -> ProtectConfiguration:
    """A new one, which allows every country. Raises QuotaExceeded for too many tags.

    ``known_as`` is the id it has elsewhere, and keeps.
    """
    values = {
        "id": known_as or rows.resource_id("protect"), "account_id": account_id, "created_at": now,
        "deletion_protection": int(deletion_protection),
    }  # fmt: skip

    async def work(tx: Tx) -> ProtectConfiguration:
        await desk.quotas.require(
            tx.conn, "PROTECT_CONFIGURATIONS_PER_ACCOUNT", protect_configurations.c.account_id == account_id
        )
        await rows.insert(tx.conn, protect_configurations, values)
        await tags.put(tx, account_id, f"{KIND}/{values['id']}", tagged)
        return await _get(tx.conn, account_id, str(values["id"]))

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, configuration_id: str) -> ProtectConfiguration:
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, configuration_id)


async def find(desk: Desk, *, account_id: str) -> tuple[ProtectConfiguration, ...]:
    """All of the account, oldest first."""
    async with desk.store.reading() as conn:
        return await rows.of_account(conn, protect_configurations, account_id, _of)


async def update(
    desk: Desk, *, account_id: str, configuration_id: str, deletion_protection: bool | None
) -> ProtectConfiguration:
    """Change whether it can be deleted; None leaves that as it is. Raises NotFound."""

    async def work(tx: Tx) -> ProtectConfiguration:
        await _get(tx.conn, account_id, configuration_id)
        values = {} if deletion_protection is None else {"deletion_protection": int(deletion_protection)}
        await rows.change(tx.conn, protect_configurations, configuration_id, values)
        return await _get(tx.conn, account_id, configuration_id)

    return await desk.change(work)


async def delete(desk: Desk, *, account_id: str, configuration_id: str) -> ProtectConfiguration:
    """Delete it with its rules; gives what it was.

    Raises:
        NotFound: there is none.
        Conflict: ``deletion_protection``, ``protect_configuration_is_default`` or ``protect_configuration_in_use``.
    """

    async def work(tx: Tx) -> ProtectConfiguration:
        found = await _get(tx.conn, account_id, configuration_id)
        await _check_deletable(tx.conn, found)
        for table in (protect_country_rules, protect_number_overrides):
            await tx.conn.execute(table.delete().where(table.c.configuration_id == configuration_id))
        await tags.drop(tx, account_id, f"{KIND}/{configuration_id}")
        await rows.remove(tx.conn, protect_configurations, configuration_id)
        return found

    return await desk.change(work)


async def associate(desk: Desk, *, account_id: str, configuration_id: str, set_name: str) -> None:
    """Make it that of a configuration set, in place of another. Raises NotFound."""

    async def work(tx: Tx) -> None:
        await _get(tx.conn, account_id, configuration_id)
        await configuration_sets.associate_protect(tx, account_id, set_name, configuration_id)

    await desk.change(work)


async def disassociate(desk: Desk, *, account_id: str, configuration_id: str, set_name: str) -> None:
    """Leave a configuration set without it.

    Raises:
        NotFound: there is no such configuration or set.
        Conflict: it is not that set's (``protect_configuration_not_in_use``).
    """

    async def work(tx: Tx) -> None:
        await _get(tx.conn, account_id, configuration_id)
        before = await configuration_sets.associate_protect(tx, account_id, set_name, None)
        if before.protect_id != configuration_id:
            raise Conflict("protect_configuration_not_in_use", "It is not that of the configuration set.")

    await desk.change(work)


async def set_default(desk: Desk, *, account_id: str, configuration_id: str) -> ProtectConfiguration:
    """Make it the account's default in place of another."""

    async def work(tx: Tx) -> ProtectConfiguration:
        await _get(tx.conn, account_id, configuration_id)
        await _clear_default(tx.conn, account_id)
        await rows.change(tx.conn, protect_configurations, configuration_id, {"account_default": 1})
        return await _get(tx.conn, account_id, configuration_id)

    return await desk.change(work)


async def clear_default(desk: Desk, *, account_id: str) -> ProtectConfiguration:
    """Leave the account without a default; gives the one that was. Raises NotFound when there was none."""
    t = protect_configurations

    async def work(tx: Tx) -> ProtectConfiguration:
        found = await tx.conn.execute(select(t).where(t.c.account_id == account_id, t.c.account_default == 1))
        if (row := found.one_or_none()) is None:
            raise rows.missing(_THING)
        await _clear_default(tx.conn, account_id)
        return await _get(tx.conn, account_id, row.id)

    return await desk.change(work)


async def country_rules(
    desk: Desk, *, account_id: str, configuration_id: str, capability: str
) -> dict[str, ProtectStatus]:
    """The rule of every country, by its code, for one way of sending."""
    async with desk.store.reading() as conn:
        await _get(conn, account_id, configuration_id)
        return await _country_rules(conn, configuration_id, capability)


async def change_country_rules(
    desk: Desk, *, account_id: str, configuration_id: str, capability: str, changes: Mapping[str, str]
) -> dict[str, ProtectStatus]:
    """Change the rules of these countries; gives those of every country.

    Raises:
        Invalid: an unknown country, capability or rule.
        NotFound: there is no such configuration.
    """
    checks.one_of(capability, CAPABILITIES, "capability")
    wanted = {
        checks.country(code, "countries", required=True): checks.one_of(status, STATUSES, "status")
        for code, status in changes.items()
    }

    async def work(tx: Tx) -> dict[str, ProtectStatus]:
        await _get(tx.conn, account_id, configuration_id)
        t = protect_country_rules
        same = t.c.configuration_id == configuration_id, t.c.capability == capability
        await tx.conn.execute(t.delete().where(*same, t.c.country.in_(wanted)))
        key = {"configuration_id": configuration_id, "capability": capability, "account_id": account_id}
        kept = [key | {"country": code, "status": status} for code, status in wanted.items() if status != "ALLOW"]
        if kept:
            await tx.conn.execute(t.insert(), kept)
        return await _country_rules(tx.conn, configuration_id, capability)

    return await desk.change(work)


async def put_override(
    desk: Desk, *, account_id: str, configuration_id: str, phone: str, action: str, now: int, expires_at: int | None
) -> NumberOverride:
    """Let one number through, or shut it out, whatever its country; one that is there is changed.

    Raises:
        Invalid: the number or the action is wrong, or ``expires_at`` (microseconds) is past.
        NotFound: there is no such configuration.
    """
    destination = numbers.parse_destination(phone, "phone")
    checks.one_of(action, ACTIONS, "action")
    if expires_at is not None and expires_at <= now:
        raise Invalid("already_expired", "expires_at is past.", field="expires_at", remedy="Give a time ahead.")

    async def work(tx: Tx) -> NumberOverride:
        await _get(tx.conn, account_id, configuration_id)
        values = {"action": action, "expires_at": expires_at}
        key = {"configuration_id": configuration_id, "phone": destination.e164}
        more = {"account_id": account_id, "country": destination.country, "created_at": now}
        if not await rows.insert_new(tx.conn, protect_number_overrides, key | values | more):
            await tx.conn.execute(protect_number_overrides.update().filter_by(**key).values(values))
        return await _override(tx.conn, configuration_id, destination.e164)

    return await desk.change(work)


async def delete_override(desk: Desk, *, account_id: str, configuration_id: str, phone: str) -> NumberOverride:
    """Take an override back; gives what it was. Raises NotFound when there is no such configuration or override."""
    e164 = numbers.parse_destination(phone, "phone").e164

    async def work(tx: Tx) -> NumberOverride:
        await _get(tx.conn, account_id, configuration_id)
        found = await _override(tx.conn, configuration_id, e164)
        t = protect_number_overrides
        await tx.conn.execute(t.delete().where(t.c.configuration_id == configuration_id, t.c.phone == e164))
        return found

    return await desk.change(work)


async def overrides(desk: Desk, *, account_id: str, configuration_id: str) -> tuple[NumberOverride, ...]:
    """All overrides of a configuration, expired ones too, by number."""
    t = protect_number_overrides
    async with desk.store.reading() as conn:
        await _get(conn, account_id, configuration_id)
        found = await conn.execute(select(t).where(t.c.configuration_id == configuration_id).order_by(t.c.phone))
        return tuple(map(override_of, found))


def _of(row: Row[Any]) -> ProtectConfiguration:
    return ProtectConfiguration(
        id=row.id, account_id=row.account_id, account_default=bool(row.account_default),
        deletion_protection=bool(row.deletion_protection), created_at=row.created_at,
    )  # fmt: skip


def override_of(row: Row[Any]) -> NumberOverride:
    return NumberOverride(row.phone, row.country, row.action, row.expires_at, row.created_at)


async def _get(conn: AsyncConnection, account_id: str, configuration_id: str) -> ProtectConfiguration:
    return _of(await rows.one(conn, protect_configurations, account_id, configuration_id, _THING))


async def _clear_default(conn: AsyncConnection, account_id: str) -> None:
    t = protect_configurations
    await conn.execute(t.update().where(t.c.account_id == account_id).values(account_default=0))


async def _check_deletable(conn: AsyncConnection, one: ProtectConfiguration) -> None:
    if one.deletion_protection:
        raise rows.protected("protect configuration")
    if one.account_default:
        raise Conflict(
            "protect_configuration_is_default", "It is the account's default.", remedy="Make another one the default."
        )
    t = sets_table.c
    query = select(t.name).where(t.account_id == one.account_id, t.protect_id == one.id).limit(1)
    if (name := (await conn.execute(query)).scalar_one_or_none()) is not None:
        raise Conflict(
            "protect_configuration_in_use", f"It is that of the configuration set {name}.", remedy="Take it off first."
        )


async def _country_rules(conn: AsyncConnection, configuration_id: str, capability: str) -> dict[str, ProtectStatus]:
    t = protect_country_rules.c
    query = select(t.country, t.status).where(t.configuration_id == configuration_id, t.capability == capability)
    changed = {row.country: row.status for row in await conn.execute(query)}
    return {country: changed.get(country, "ALLOW") for country in COUNTRIES}


async def _override(conn: AsyncConnection, configuration_id: str, phone: str) -> NumberOverride:
    t = protect_number_overrides
    found = await conn.execute(select(t).where(t.c.configuration_id == configuration_id, t.c.phone == phone))
    if (row := found.one_or_none()) is None:
        raise rows.missing("number_override")
    return override_of(row)
