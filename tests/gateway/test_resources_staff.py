from __future__ import annotations

import asyncio

import pytest

from gateway.errors import Conflict, Invalid, NotFound, Unauthorized
from gateway.resources import staff
from gateway.store import tables_access
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def light_work(monkeypatch):
    """Argon2 with next to no work; the real parameters have a test of their own."""
    monkeypatch.setattr(staff, "HASHER", staff.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
async def alice(desk):
    return await staff.create(desk, **MAIN, name="Alice", password=PASSWORD, role="compliance", now=NOW)


async def sign_in(desk, name="alice", password=PASSWORD, now=NOW):
    return await staff.sign_in(desk, name=name, password=password, now=now)


async def fail(desk, times=1, now=NOW, name="alice"):
    for _ in range(times):
        with pytest.raises(Unauthorized) as caught:
            await sign_in(desk, name, "wrong", now)
        assert caught.value.code == "sign_in_failed"
    return caught.value


async def test_signing_in_gives_a_session_for_twelve_hours(desk, alice):
    session, token = await sign_in(desk, " ALICE ")
    assert (session.staff, session.expires_at) == (alice, NOW + 12 * 3600 * 1_000_000)
    assert len(session.csrf) == len(token) == 43
    assert await staff.session(desk, token=token, now=session.expires_at - 1) == session
    assert await staff.session(desk, token=token, now=session.expires_at) is None


async def test_each_session_has_its_own_tokens_and_ends_alone(desk, alice):
    (one, first), (two, second) = await sign_in(desk), await sign_in(desk)
    assert first != second
    assert one.csrf != two.csrf
    await staff.sign_out(desk, token=first)
    assert await staff.session(desk, token=first, now=NOW) is None
    assert await staff.session(desk, token=second, now=NOW) == two
    await staff.sign_out(desk, token=first)


@pytest.mark.parametrize("token", ["", "x", "\x00", "\ud800"])
async def test_an_unknown_cookie_is_no_session(desk, alice, token):
    assert await staff.session(desk, token=token, now=NOW) is None


async def test_the_cookie_and_the_password_are_not_in_the_tables(desk, alice):
    _session, token = await sign_in(desk)
    async with desk.store.reading() as conn:
        kept = [
            str(row)
            for table in (tables_access.staff, tables_access.sessions)
            for row in await conn.execute(table.select())
        ]
    assert not any(token in row or PASSWORD in row for row in kept)
    assert any("$argon2id$" in row for row in kept)


@pytest.mark.parametrize("name", ["alice", "nobody", "", "\x00", "\ud800"])
@pytest.mark.parametrize("password", ["wrong", "", "\x00", "\ud800", "x" * 100_000])
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(desk, alice, name, password):
    with pytest.raises(Unauthorized) as caught:
        await sign_in(desk, name, password)
    assert str(caught.value) == str(await fail(desk, name="nobody"))


async def test_an_unknown_name_takes_the_work_of_a_known_one(desk, alice, monkeypatch):
    worked = []

    async def verify(password_hash, password):
        worked.append(password_hash)
        return False

    monkeypatch.setattr(staff, "_verify", verify)
    await fail(desk, name="alice")
    await fail(desk, 5, name="nobody")
    await fail(desk, 5, name="alice")  # the last ones find her locked out
    assert worked.count(staff.NOBODY) == 5
    assert len(worked) == 11


async def test_five_failures_lock_out_for_fifteen_minutes(desk, alice):
    await fail(desk, 4)
    await sign_in(desk)  # a success starts the count again
    await fail(desk, 5)
    until = NOW + 15 * 60 * 1_000_000
    assert (await staff.get(desk, **MAIN, staff_id=alice.id)).locked_until == until
    with pytest.raises(Unauthorized):
        await sign_in(desk, now=until - 1)
    session, _token = await sign_in(desk, now=until)
    assert session.staff.locked_until == 0
    await fail(desk, 4, now=until)
    await sign_in(desk, now=until)


async def test_failures_while_locked_out_do_not_prolong_it(desk, alice):
    await fail(desk, 12)
    assert await sign_in(desk, now=NOW + staff.LOCKED_FOR)


async def test_many_guesses_at_once_count_each(desk, alice):
    guesses = [sign_in(desk, password=f"guess number {count}") for count in range(9)]
    late = sign_in(desk)
    *outcomes, last = await asyncio.gather(*guesses, late, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unauthorized}
    assert isinstance(last, Unauthorized)  # the right password comes after the five that are allowed


async def test_a_new_password_unlocks_and_ends_all_sessions(desk, alice):
    _session, token = await sign_in(desk)
    await fail(desk, 5)
    await staff.update(desk, **MAIN, staff_id=alice.id, password="a new long password", role="admin")
    assert await staff.session(desk, token=token, now=NOW) is None
    session, _token = await sign_in(desk, password="a new long password")
    assert session.staff.role == "admin"
    with pytest.raises(Unauthorized):
        await sign_in(desk)


async def test_a_new_role_keeps_the_sessions(desk, alice):
    _session, token = await sign_in(desk)
    await staff.update(desk, **MAIN, staff_id=alice.id, role="viewer")
    assert (await staff.session(desk, token=token, now=NOW)).staff.role == "viewer"


async def test_a_deleted_user_has_no_session(desk, alice):
    _session, token = await sign_in(desk)
    await staff.delete(desk, **MAIN, staff_id=alice.id)
    assert await staff.session(desk, token=token, now=NOW) is None
    assert (await staff.find(desk, **MAIN)).items == ()
    await fail(desk)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"role": "root"}, "role"),
        ({"password": "x" * 11}, "password"),
        ({"password": "x" * 257}, "password"),
    ],
)
async def test_what_no_user_can_be(desk, change, field):
    given = {"name": "bob", "password": PASSWORD, "role": "admin", "now": NOW} | change
    with pytest.raises(Invalid) as caught:
        await staff.create(desk, **MAIN, **given)
    assert caught.value.field == field
    assert given["password"] not in str(caught.value)


async def test_a_name_is_there_once_whatever_its_case(desk, alice):
    with pytest.raises(Conflict) as caught:
        await staff.create(desk, **MAIN, name="ALICE", password=PASSWORD, role="admin", now=NOW)
    assert caught.value.code == "staff_exists"


async def test_a_user_is_of_an_account_that_is_there_and_seen_by_it_alone(desk, alice):
    with pytest.raises(NotFound):
        await staff.create(desk, account_id="other", name="bob", password=PASSWORD, role="admin", now=NOW)
    for call in (staff.get, staff.update, staff.delete):
        with pytest.raises(NotFound) as caught:
            await call(desk, account_id="other", staff_id=alice.id)
        assert caught.value.code == "staff_not_found"


def test_the_work_is_owasps_and_the_same_for_nobody(monkeypatch):
    monkeypatch.undo()
    hasher = staff.HASHER
    assert (hasher.type.name, hasher.memory_cost, hasher.time_cost, hasher.parallelism) == ("ID", 19_456, 2, 1)
    assert not hasher.check_needs_rehash(staff.NOBODY)
