from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from compliance.types import AccountLimits, RecipientLimit
from gateway.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.resources import accounts, api_keys, opt_out_lists, phone_numbers
from gateway.resources.catalog import Catalog
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
LIMITS = AccountLimits(
    frozenset({"US", "FR"}), (RecipientLimit(5, timedelta(minutes=10)),), Decimal("99.50"), timedelta(seconds=30)
)

# Accounts


async def test_the_first_start_makes_main_with_its_list_and_the_next_changes_nothing(desk):
    await accounts.update(desk, **MAIN, name="Acme")
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    again = await accounts.ensure_default(desk, NOW + 1)
    assert (again.id, again.name, again.created_at) == ("main", "Acme", NOW)
    assert [one.name for one in (await opt_out_lists.find(desk, **MAIN)).items] == ["Default", "News"]


async def test_a_new_account_has_its_own_default_list(desk):
    made = await accounts.create(desk, account_id="other", name=" Other ", limits=LIMITS, now=NOW)
    assert made == accounts.Account("other", "Other", LIMITS, NOW)
    assert (await opt_out_lists.get(desk, account_id="other", name="Default")).created_at == NOW
    assert [one.id for one in (await accounts.find(desk)).items] == ["main", "other"]
    with pytest.raises(Conflict) as caught:
        await accounts.create(desk, account_id="other", name="Other", now=NOW)
    assert caught.value.code == "account_exists"


@pytest.mark.parametrize("limits", [AccountLimits(), LIMITS, AccountLimits(frozenset(), (), Decimal(0))])
async def test_limits_are_kept_and_in_the_catalog(desk, limits):
    changed = await accounts.update(desk, **MAIN, limits=limits)
    assert changed.limits == limits
    assert (await accounts.get(desk, **MAIN)).limits == limits
    assert desk.catalog.limits("main") == limits


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"limits": AccountLimits(enabled_countries=frozenset({"XX"}))}, "limits.enabled_countries"),
        ({"limits": AccountLimits(monthly_spend_limit=Decimal(-1))}, "limits.monthly_spend_limit"),
        ({"limits": AccountLimits(duplicate_window=timedelta(days=31))}, "limits"),
        ({"limits": AccountLimits(duplicate_window=timedelta(days=-1))}, "limits"),
    ],
)
async def test_what_no_account_can_be(desk, change, field):
    with pytest.raises(Invalid) as caught:
        await accounts.update(desk, **MAIN, **change)
    assert caught.value.field == field
    assert (await accounts.get(desk, **MAIN)).name == "Main"


@pytest.mark.parametrize("account_id", ["", "Main", "a b", "x" * 41, "a\x00"])
async def test_what_no_account_id_can_be(desk, account_id):
    with pytest.raises(Invalid) as caught:
        await accounts.create(desk, account_id=account_id, name="x", now=NOW)
    assert caught.value.field == "account_id"


@pytest.mark.parametrize("account_id", ["nope", "\x00"])
async def test_an_account_that_is_not_there(desk, account_id):
    with pytest.raises(NotFound) as caught:
        await accounts.update(desk, account_id=account_id, name="x")
    assert caught.value.code == "account_not_found"


# API keys


async def test_a_key_opens_by_its_secret_which_is_shown_once(desk):
    made, secret = await api_keys.create(desk, **MAIN, name="shop", scopes=["send", "read", "send"], now=NOW)
    assert secret.startswith("hg_")
    assert len(secret) == 46
    assert (made.id[:4], made.prefix, made.scopes) == ("key-", secret[:8], frozenset({"send", "read"}))
    assert desk.catalog.key(secret) == made
    assert await api_keys.get(desk, **MAIN, key_id=made.id) == made
    assert secret not in repr(await api_keys.find(desk, **MAIN))


@pytest.mark.parametrize("wrong", ["", "hg_", "\x00", "\ud800", "é" * 1000])
async def test_another_secret_opens_nothing(desk, wrong):
    _made, secret = await api_keys.create(desk, **MAIN, name="shop", scopes=["send"], now=NOW)
    assert desk.catalog.key(wrong) is None
    assert desk.catalog.key(secret + wrong) is None or wrong == ""


async def test_a_revoked_key_opens_nothing_from_the_return_on(desk):
    made, secret = await api_keys.create(desk, **MAIN, name="shop", scopes=["send"], now=NOW)
    other, other_secret = await api_keys.create(desk, **MAIN, name="shop", scopes=["admin"], now=NOW)
    revoked = await api_keys.revoke(desk, **MAIN, key_id=made.id, now=NOW + 1)
    assert revoked.revoked_at == NOW + 1
    assert desk.catalog.key(secret) is None
    assert desk.catalog.key(other_secret) == other
    assert (await api_keys.revoke(desk, **MAIN, key_id=made.id, now=NOW + 2)).revoked_at == NOW + 1
    assert (await api_keys.find(desk, **MAIN)).items == (revoked, other)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"scopes": []}, "scopes"), ({"scopes": ["root"]}, "scopes"), ({"name": ""}, "name"), ({"name": "\x07x"}, "name")],
)
async def test_what_no_key_can_be(desk, change, field):
    with pytest.raises(Invalid) as caught:
        await api_keys.create(desk, **MAIN, **{"name": "x", "scopes": ["send"], "now": NOW} | change)
    assert caught.value.field == field


async def test_a_key_is_of_an_account_that_is_there_and_seen_by_it_alone(desk):
    with pytest.raises(NotFound):
        await api_keys.create(desk, account_id="other", name="x", scopes=["send"], now=NOW)
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    made, secret = await api_keys.create(desk, **MAIN, name="x", scopes=["send"], now=NOW)
    with pytest.raises(NotFound):
        await api_keys.revoke(desk, account_id="other", key_id=made.id, now=NOW)
    assert desk.catalog.key(secret) == made


# The catalog itself


async def test_a_change_is_in_the_catalog_when_the_call_returns(desk):
    before = desk.catalog.version
    await phone_numbers.create(desk, **MAIN, number="12345", kind="SHORT_CODE", country="US", now=NOW)
    assert desk.catalog.version > before
    assert desk.catalog.identity_by_sender("12345")[0] == "main"


async def test_a_caller_that_goes_away_leaves_the_catalog_up_to_date(desk, monkeypatch):
    reloaded, begun = asyncio.Event(), asyncio.Event()
    reload = Catalog.reload

    async def slow(self):
        begun.set()
        await reload(self)
        reloaded.set()

    monkeypatch.setattr(Catalog, "reload", slow)
    task = asyncio.create_task(
        phone_numbers.create(desk, **MAIN, number="12345", kind="SHORT_CODE", country="US", now=NOW)
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await reloaded.wait()
    assert desk.catalog.identity_by_sender("12345") is not None


async def test_changes_at_once_are_all_in_the_catalog(desk):
    await asyncio.gather(
        *(
            phone_numbers.create(desk, **MAIN, number=f"1234{digit}", kind="SHORT_CODE", country="US", now=NOW)
            for digit in range(10)
        )
    )
    assert len(desk.catalog.directory("main").identities) == 10


async def test_a_refused_change_changes_nothing(desk):
    before = desk.catalog.directory("main")
    with pytest.raises(NotFound):
        await phone_numbers.create(
            desk, **MAIN, number="12345", kind="SHORT_CODE", country="US", opt_out_list="Nope", now=NOW
        )
    assert desk.catalog.directory("main") == before


async def test_the_old_snapshot_stays_when_the_database_cannot_be_read(desk, monkeypatch):
    await phone_numbers.create(desk, **MAIN, number="12345", kind="SHORT_CODE", country="US", now=NOW)

    def broken():
        raise Unavailable("The database cannot be read.")

    version = desk.catalog.version
    monkeypatch.setattr(desk.store, "reading", broken)
    with pytest.raises(Unavailable):
        await desk.catalog.reload()
    assert desk.catalog.version == version
    assert desk.catalog.identity_by_sender("12345") is not None


async def test_an_unknown_account_has_nothing(desk):
    assert desk.catalog.directory("nope").identities == ()
    assert desk.catalog.limits("nope") == AccountLimits()
    assert desk.catalog.identity_by_sender("+12065550100") is None
