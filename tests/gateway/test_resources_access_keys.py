"""Access keys: shown once, sealed at rest, in force as soon as they are made and until they are revoked."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.errors import Invalid, NotFound
from gateway.resources import access_keys, accounts
from gateway.resources.catalog import Catalog
from gateway.store import tables_access

NOW = 1_790_000_000_000_000


async def make(desk, **more):
    asked = {"account_id": "main", "name": "shop", "scopes": ["send"], "now": NOW} | more
    return await access_keys.create(desk, **asked)


async def test_a_key_counts_from_the_moment_it_is_made(desk):
    key, secret = await make(desk)
    found = desk.catalog.access_key(key.id)
    assert found == key
    assert desk.vault.open("access_keys", key.id, found.sealed).decode() == secret
    assert (len(key.id), len(secret), secret in repr(key)) == (20, 40, False)


async def test_the_secret_is_not_in_the_database(desk):
    _, secret = await make(desk)
    async with desk.store.reading() as conn:
        (row,) = (await conn.execute(select(tables_access.access_keys))).all()
    assert secret.encode() not in bytes(row.secret)
    assert secret not in str(row)


async def test_a_revoked_key_is_gone_from_every_catalog(desk):
    key, _ = await make(desk)
    other = await Catalog.load(desk.store)
    first = await access_keys.revoke(desk, account_id="main", key_id=key.id, now=NOW + 1)
    again = await access_keys.revoke(desk, account_id="main", key_id=key.id, now=NOW + 2)
    assert (first.revoked_at, again.revoked_at) == (NOW + 1, NOW + 1)
    assert desk.catalog.access_key(key.id) is None
    assert await other.follow()
    assert other.access_key(key.id) is None
    assert [one.id for one in (await access_keys.find(desk, account_id="main")).items] == [key.id]


async def test_an_account_has_its_own_keys_only(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    key, _ = await make(desk)
    with pytest.raises(NotFound):
        await access_keys.revoke(desk, account_id="other", key_id=key.id, now=NOW)
    assert (await access_keys.find(desk, account_id="other")).items == ()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scopes": []}, Invalid), ({"scopes": ["fly"]}, Invalid), ({"name": ""}, Invalid),
        ({"account_id": "nobody"}, NotFound),
    ],
)  # fmt: skip
async def test_a_key_needs_a_name_a_scope_and_an_account(desk, more, error):
    with pytest.raises(error):
        await make(desk, **more)
