"""What every message asks for, kept in memory: one snapshot of the resources, replaced as a whole.

Rule 1: whoever changes a resource reloads before answering (``Desk.change``), so that nobody in this process sends by
what was just changed. Other processes notice by the revision in the database (``Catalog.follow``).
Rule 2: a reader takes what it needs in one go; no snapshot is ever changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from compliance.types import AccountLimits
from gateway.resources import (
    access_keys,
    accounts,
    api_keys,
    configuration_sets,
    phone_numbers,
    pools,
    protection,
    routes,
    sender_ids,
    spend_limits,
    verified_numbers,
)
from gateway.resources import keywords as keyword_rows
from gateway.resources.verified_numbers import SIMULATOR_NUMBERS
from gateway.routing import Directory
from gateway.store import tables, tables_access, tables_configuration_sets, tables_numbers
from keywords.types import KeywordSet, MatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.model import OriginationIdentity, Pool
    from gateway.resources.access_keys import AccessKey
    from gateway.resources.api_keys import ApiKey
    from gateway.resources.configuration_sets import ConfigurationSet
    from gateway.resources.protection import Guard, Guards
    from gateway.store.store import Store

_NO_LIMITS = AccountLimits()
_NO_KEYWORDS = KeywordSet(())
_NOTHING = Directory.of((), (), ())


@dataclass(frozen=True, slots=True)
class _Snapshot:
    directories: Mapping[str, Directory]
    limits: Mapping[str, AccountLimits]
    keywords: Mapping[str, KeywordSet]  # by the id of a number or pool
    keys: Mapping[str, ApiKey]  # by the hash of the secret; only those not revoked
    access_keys: Mapping[str, AccessKey]  # by id; only those not revoked
    senders: Mapping[str, tuple[str, OriginationIdentity]]  # phone numbers, with their account
    backlog_limits: Mapping[str, int]  # of connectors that have one
    guards: Mapping[str, Guards]  # of accounts that have a protect configuration
    verified: frozenset[tuple[str, str]]  # account and number
    sets: Mapping[tuple[str, str], ConfigurationSet]  # by account and name


class Catalog:
    """The snapshot in use. ``version`` grows with each reload; ``revision`` is the database's own count of changes."""

    def __init__(self, store: Store) -> None:
        self.version = 0
        self.revision = 0
        self._store = store
        self._now = _Snapshot({}, {}, {}, {}, {}, {}, {}, {}, frozenset(), {})
        self._lock = asyncio.Lock()

    @classmethod
    async def load(cls, store: Store) -> Catalog:
        """Raises Unavailable when the database cannot be read."""
        catalog = cls(store)
        await catalog.reload()
        return catalog

    async def reload(self) -> None:
        """Show what is committed now.

        Raises:
            Unavailable: the database cannot be read; the old snapshot stays in use.
        """
        async with self._lock:  # else an older reading could come later and replace a newer one
            async with self._store.reading() as conn:
                self.revision = await revision_in(conn)
                self._now = await _read(conn)
            self.version += 1

    async def follow(self) -> bool:
        """Reload if another process, such as the command line, has changed something; whether it has.

        Raises:
            Unavailable: the database cannot be read.
        """
        async with self._store.reading() as conn:
            known = await revision_in(conn)
        if known == self.revision:
            return False
        await self.reload()
        return True

    def directory(self, account_id: str) -> Directory:
        """What the account sends from and through; empty for one that is not there."""
        return self._now.directories.get(account_id, _NOTHING)

    def limits(self, account_id: str) -> AccountLimits:
        return self._now.limits.get(account_id, _NO_LIMITS)

    @property
    def guarded(self) -> bool:
        """Whether any account has a protect configuration."""
        return bool(self._now.guards)

    def guard(self, account_id: str, asked: str, set_name: str) -> Guard | None:
        """The protect configuration that counts for a send, by what it names: one, or a configuration set, or ""."""
        guards = self._now.guards.get(account_id)
        if guards is None:
            return None
        of_set = self.configuration_set(account_id, set_name) if set_name else None
        return guards.of_send(asked or (of_set.protect_id if of_set else ""))

    def is_verified(self, account_id: str, phone: str) -> bool:
        """Whether the account may text this number (E.164) in the sandbox."""
        return (account_id, phone) in self._now.verified or phone in SIMULATOR_NUMBERS

    @property
    def backlog_limits(self) -> Mapping[str, int]:
        """How many messages may wait for a connector, where it says so itself."""
        return self._now.backlog_limits

    def keywords(self, identity: OriginationIdentity) -> KeywordSet:
        """The keywords that count for an identity: the pool's when it is in one."""
        owner = identity.pool_ids[0] if identity.pool_ids else identity.id
        return self._now.keywords.get(owner, _NO_KEYWORDS)

    def key(self, secret: str) -> ApiKey | None:
        """The key with this secret, unless it was revoked."""
        return self._now.keys.get(api_keys.hash_of(secret))

    def access_key(self, key_id: str) -> AccessKey | None:
        """The key with this id, unless it was revoked."""
        return self._now.access_keys.get(key_id)

    def configuration_set(self, account_id: str, name: str) -> ConfigurationSet | None:
        """The account's set of that name."""
        return self._now.sets.get((account_id, name))

    def identity_by_sender(self, sender: str) -> tuple[str, OriginationIdentity] | None:
        """Whose number (E.164, or a short code) a text came to: the account and the number."""
        return self._now.senders.get(sender)


async def revision_in(conn: AsyncConnection) -> int:
    """How often anything that a catalog holds was changed."""
    return int((await conn.execute(select(tables.catalog_state.c.revision))).scalar_one())


async def _read(conn: AsyncConnection) -> _Snapshot:
    numbers = await _by_account(conn, tables_numbers.phone_numbers, phone_numbers.of_row)
    pools_of = await sender_ids.pools_of(conn)
    senders = await _by_account(
        conn, tables_numbers.sender_ids, lambda row: sender_ids.of_row(row, pools_of.get(row.id, ()))
    )
    pooled = await _by_account(conn, tables_numbers.pools, pools.of_row)
    routed = await _by_account(conn, tables.routes, routes.of_row)
    limits = await _limits(conn)
    directories = {
        account_id: Directory.of(
            numbers.get(account_id, []) + senders.get(account_id, []),
            pooled.get(account_id, []),
            routed.get(account_id, []),
        )
        for account_id in limits
    }
    return _Snapshot(
        directories=directories,
        limits=limits,
        keywords=await _keyword_sets(conn, [*_all(numbers), *_all(pooled)]),
        keys=await _keys(conn),
        access_keys=await _access_keys(conn),
        senders={one.sender: (account_id, one) for account_id, ones in numbers.items() for one in ones},
        backlog_limits=await _backlog_limits(conn),
        guards=await protection.load(conn),
        verified=await verified_numbers.load(conn),
        sets=await _sets(conn),
    )


async def _limits(conn: AsyncConnection) -> dict[str, AccountLimits]:
    """What the operator allows each account, or less where it has set itself less."""
    own = await spend_limits.overrides(conn)
    known = {row.id: accounts.of_row(row).limits for row in await conn.execute(select(tables.accounts))}
    for account_id, of_account in own.items():
        spend = spend_limits.lower(known[account_id].monthly_spend_limit, of_account.get(spend_limits.Channel.TEXT))
        known[account_id] = replace(known[account_id], monthly_spend_limit=spend)
    return known


async def _by_account(conn: AsyncConnection, table: Table, make: Callable[[Row[Any]], Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in await conn.execute(select(table).order_by(table.c.id)):
        found.setdefault(row.account_id, []).append(make(row))
    return found


async def _keyword_sets(conn: AsyncConnection, owners: Iterable[OriginationIdentity | Pool]) -> dict[str, KeywordSet]:
    words: dict[str, list[Any]] = {}
    t = tables_numbers.keywords
    for row in await conn.execute(select(t).order_by(t.c.owner_id, t.c.word)):
        words.setdefault(row.owner_id, []).append(keyword_rows.of_row(row))
    return {
        owner.id: KeywordSet(
            tuple(words.get(owner.id, ())), MatchMode(owner.match_mode), self_managed=owner.self_managed_opt_outs
        )
        for owner in owners
    }


async def _keys(conn: AsyncConnection) -> dict[str, ApiKey]:
    t = tables_access.api_keys
    found = await conn.execute(select(t).where(t.c.revoked_at.is_(None)))
    return {row.secret_hash: api_keys.of_row(row) for row in found}


async def _access_keys(conn: AsyncConnection) -> dict[str, AccessKey]:
    t = tables_access.access_keys
    found = await conn.execute(select(t).where(t.c.revoked_at.is_(None)))
    return {row.id: access_keys.of_row(row) for row in found}


async def _backlog_limits(conn: AsyncConnection) -> dict[str, int]:
    t = tables.connectors.c
    return {row.id: row.backlog_limit for row in await conn.execute(select(t.id, t.backlog_limit)) if row.backlog_limit}


async def _sets(conn: AsyncConnection) -> dict[tuple[str, str], ConfigurationSet]:
    found = await conn.execute(select(tables_configuration_sets.configuration_sets))
    return {(row.account_id, row.name): configuration_sets.of_row(row) for row in found}


def _all(by_account: Mapping[str, list[Any]]) -> Iterable[Any]:
    return (one for ones in by_account.values() for one in ones)
