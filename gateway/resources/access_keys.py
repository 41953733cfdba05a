"""Access keys: an id and a secret that clients of the AWS wire sign with.

The secret is shown once and kept encrypted: to check a signature is to make it again. It is opened by the catalog's
readers, never shown.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.resources import accounts, api_keys, checks, rows
from gateway.store.tables_access import access_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Row

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

PREFIX = "AKIA"  # AWS's of long-lived keys: some clients and scanners know keys by it


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str  # "AKIA…", 20 characters as AWS's
    account_id: str
    name: str
    scopes: frozenset[str]  # gateway.resources.api_keys.SCOPES
    created_at: int  # microseconds
    revoked_at: int | None = None
    sealed: bytes = field(default=b"", repr=False)


async def create(desk: Desk, *, account_id: str, name: str, scopes: Iterable[str], now: int) -> tuple[AccessKey, str]:
    """A new key and its secret of 40 characters, which nobody is shown again.

    Raises:
        Invalid: no scope or an unknown one, or a bad name.
        NotFound: there is no such account.
    """
    label = checks.line(name, "name", api_keys.LONGEST_NAME)
    granted = api_keys.checked_scopes(scopes)
    secret = secrets.token_urlsafe(30)
    key_id = PREFIX + base64.b32encode(secrets.token_bytes(10)).decode()
    sealed = desk.vault.seal("access_keys", key_id, secret.encode())
    key = AccessKey(key_id, account_id, label, granted, now, sealed=sealed)

    async def work(tx: Tx) -> None:
        await accounts.require(tx.conn, account_id)
        values = {
            "id": key_id, "account_id": account_id, "name": label, "secret": sealed,
            "scopes": " ".join(sorted(granted)), "created_at": now,
        }  # fmt: skip
        await rows.insert(tx.conn, access_keys, values)

    await desk.change(work)
    return key, secret


async def find(desk: Desk, *, account_id: str, limit: int = 100, after: str = "") -> Page[AccessKey]:
    """Keys by their id, revoked ones too."""
    query = select(access_keys).where(access_keys.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, access_keys.c.id, of_row, limit=limit, after=after)


async def revoke(desk: Desk, *, account_id: str, key_id: str, now: int) -> AccessKey:
    """From its return on, the key signs nothing. Revoking twice keeps the first time. Raises NotFound."""
    return of_row(await api_keys.revoked(desk, access_keys, account_id, key_id, "access_key", now))


def of_row(row: Row[Any]) -> AccessKey:
    return AccessKey(
        id=row.id, account_id=row.account_id, name=row.name, scopes=frozenset(row.scopes.split()),
        created_at=row.created_at, revoked_at=row.revoked_at, sealed=row.secret,
    )  # fmt: skip
