"""API keys. The secret is shown once; we keep its SHA-256, which is enough for 256 random bits."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.errors import Invalid
from gateway.resources import accounts, checks, rows
from gateway.store.tables_access import api_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Row, Table

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

SCOPES = frozenset({"send", "read", "compliance", "admin"})
LONGEST_NAME = 100
_PREFIX = "hg_"
_SHOWN = 8  # characters of a secret that are kept, to recognise it by


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str  # "key-…"
    account_id: str
    name: str
    prefix: str  # the first characters of the secret
    scopes: frozenset[str]
    created_at: int  # microseconds
    revoked_at: int | None = None


def hash_of(secret: str) -> str:
    """What is kept of a secret. Any text will do, so that a hostile header is merely unknown."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def create(desk: Desk, *, account_id: str, name: str, scopes: Iterable[str], now: int) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can read again.

    Raises:
        Invalid: no scope or an unknown one, or a bad name.
        NotFound: there is no such account.
    """
    label = checks.line(name, "name", LONGEST_NAME)
    granted = checked_scopes(scopes)
    secret = _PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(rows.resource_id("key"), account_id, label, secret[:_SHOWN], granted, now)

    async def work(tx: Tx) -> None:
        await accounts.require(tx.conn, account_id)
        values = {
            "id": key.id, "account_id": account_id, "name": label, "secret_hash": hash_of(secret),
            "prefix": key.prefix, "scopes": " ".join(sorted(granted)), "created_at": now,
        }  # fmt: skip
        await rows.insert(tx.conn, api_keys, values)

    await desk.change(work)
    return key, secret


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """What a key may do. Raises Invalid for no scope or an unknown one."""
    granted = frozenset(checks.one_of(scope, SCOPES, "scopes") for scope in scopes)
    if not granted:
        raise Invalid(
            "missing", "A key needs a scope.", field="scopes", remedy=f"Use any of {', '.join(sorted(SCOPES))}."
        )
    return granted


async def get(desk: Desk, *, account_id: str, key_id: str) -> ApiKey:
    async with desk.store.reading() as conn:
        return of_row(await rows.one(conn, api_keys, account_id, key_id, "api_key"))


async def find(desk: Desk, *, account_id: str, limit: int = 100, after: str = "") -> Page[ApiKey]:
    """Keys in the order they were made, revoked ones too."""
    query = select(api_keys).where(api_keys.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, api_keys.c.id, of_row, limit=limit, after=after)


async def revoke(desk: Desk, *, account_id: str, key_id: str, now: int) -> ApiKey:
    """From its return on, the key opens nothing. Revoking twice keeps the first time. Raises NotFound."""
    return of_row(await revoked(desk, api_keys, account_id, key_id, "api_key", now))


async def revoked(desk: Desk, table: Table, account_id: str, key_id: str, thing: str, now: int) -> Row[Any]:
    """The row of a key of either kind, revoked now unless it was before. Raises NotFound."""

    async def work(tx: Tx) -> Row[Any]:
        row = await rows.one(tx.conn, table, account_id, key_id, thing)
        if row.revoked_at is None:
            await rows.change(tx.conn, table, key_id, {"revoked_at": now})
        return await rows.one(tx.conn, table, account_id, key_id, thing)

    return await desk.change(work)


def of_row(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id, account_id=row.account_id, name=row.name, prefix=row.prefix, scopes=frozenset(row.scopes.split()),
        created_at=row.created_at, revoked_at=row.revoked_at,
    )  # fmt: skip
