from __future__ import annotations

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.model import MessageType, Pool
from gateway.resources import accounts, keywords, opt_out_lists, phone_numbers, pools, sender_ids
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}


async def number(desk, digit=0, **more):
    return await phone_numbers.create(
        desk, **MAIN, **{"number": f"+1206555010{digit}", "kind": "LONG_CODE", "now": NOW} | more
    )


async def pool_of(desk, identity, **more):
    return await pools.create(desk, **MAIN, identity_id=identity.id, now=NOW, **more)


@pytest.fixture
async def news(desk):
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    return "News"


async def test_a_pool_takes_settings_and_keywords_from_its_first_number(desk, news):
    first = await number(
        desk, message_type="PROMOTIONAL", opt_out_list=news, self_managed_opt_outs=True, match_mode="begins"
    )
    await keywords.put(desk, **MAIN, owner_id=first.id, word="menu", message="x", now=NOW)
    pool = await pool_of(desk, first, name="Sales", shared_routes=True)
    assert pool == Pool(
        pool.id, "Sales", MessageType.PROMOTIONAL, "News", True, True, "begins", True, False, created_at=NOW
    )  # fmt: skip
    assert pool.id.startswith("pool-")
    assert "menu" in {one.word for one in await keywords.find(desk, **MAIN, owner_id=pool.id)}
    (member,) = await pools.members(desk, **MAIN, pool_id=pool.id)
    assert (member.id, member.pool_ids) == (first.id, (pool.id,))
    known = desk.catalog.keywords(member)
    assert (known.mode, known.self_managed, len(known.keywords)) == ("begins", True, 5)
    assert desk.catalog.directory("main").pool_by_id[pool.id] == pool


async def test_a_pool_of_a_sender_id_has_the_words_of_any_pool(desk):
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    pool = await pool_of(desk, sender)
    assert (pool.name, pool.two_way) == (pool.id, True)
    assert len(await keywords.find(desk, **MAIN, owner_id=pool.id)) == 4
    joined = await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=(await number(desk)).id)
    assert joined.pool_ids == (pool.id,)


async def test_pool_names_are_unique_in_an_account(desk):
    await pool_of(desk, await number(desk, 0), name="Sales")
    other = await pool_of(desk, await number(desk, 1), name="Support")
    free = await number(desk, 2)
    for call in (
        lambda: pool_of(desk, free, name="Sales"),
        lambda: pools.update(desk, **MAIN, pool_id=other.id, name=" Sales "),
    ):
        with pytest.raises(Conflict) as caught:
            await call()
        assert caught.value.code == "pool_exists"
    assert (await phone_numbers.get(desk, **MAIN, phone_number_id=free.id)).pool_ids == ()


async def test_a_sender_id_may_be_in_many_pools_and_a_number_in_one(desk):
    one, two = await pool_of(desk, await number(desk, 0)), await pool_of(desk, await number(desk, 1))
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    for pool in (one, two):
        await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    found = await sender_ids.get(desk, **MAIN, sender_id=sender.id)
    assert set(found.pool_ids) == {one.id, two.id}
    assert desk.catalog.directory("main").identity_by_id[sender.id] == found
    assert (await sender_ids.find(desk, **MAIN, pool_id=one.id)).items == (found,)
    third = await number(desk, 2)
    await pools.join(desk, **MAIN, pool_id=one.id, identity_id=third.id)
    with pytest.raises(Conflict) as caught:
        await pools.join(desk, **MAIN, pool_id=two.id, identity_id=third.id)
    assert caught.value.code == "phone_number_in_pool"
    with pytest.raises(Conflict):
        await pool_of(desk, third)
    assert len((await phone_numbers.find(desk, **MAIN, pool_id=one.id)).items) == 2


async def test_joining_twice_is_no_mistake(desk):
    first = await number(desk)
    pool = await pool_of(desk, first)
    assert (await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=first.id)).pool_ids == (pool.id,)


@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"message_type": "PROMOTIONAL"}, "message_type_mismatch"),
        ({"opt_out_list": "News"}, "opt_out_list_mismatch"),
        ({"two_way": False}, "two_way_mismatch"),
        ({"self_managed_opt_outs": True}, "self_managed_opt_outs_mismatch"),
        ({"match_mode": "begins"}, "match_mode_mismatch"),
        ({"capabilities": ["SMS", "VOICE"]}, "capabilities_mismatch"),
    ],
)
async def test_a_number_that_differs_cannot_join(desk, news, different, code):
    pool = await pool_of(desk, await number(desk, 0))
    stranger = await number(desk, 1, **different)
    with pytest.raises(Conflict) as caught:
        await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=stranger.id)
    assert (caught.value.code, caught.value.field) == (code, "identity_id")
    assert len(await pools.members(desk, **MAIN, pool_id=pool.id)) == 1


@pytest.mark.parametrize(
    ("different", "code"),
    [({"message_type": "PROMOTIONAL"}, "message_type_mismatch"), ({"opt_out_list": "News"}, "opt_out_list_mismatch")],
)
async def test_a_sender_id_that_differs_cannot_join(desk, news, different, code):
    pool = await pool_of(desk, await number(desk))
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW, **different)
    with pytest.raises(Conflict) as caught:
        await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "different",
    [
        {"word": "menu", "message": "x"},
        {"word": "STOP", "action": "OPT_OUT", "message": "Bye."},
        {"word": "START", "message": "You are in.", "action": "OPT_IN"},
    ],
)
async def test_keywords_must_be_those_of_the_pool(desk, different):
    pool = await pool_of(desk, await number(desk, 0))
    stranger = await number(desk, 1)
    await keywords.put(desk, **MAIN, owner_id=stranger.id, now=NOW, **different)
    with pytest.raises(Conflict) as caught:
        await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=stranger.id)
    assert caught.value.code == "keyword_mismatch"
    await keywords.put(desk, **MAIN, owner_id=pool.id, now=NOW, **different)
    await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=stranger.id)


async def test_keywords_in_a_pool_are_the_pools_and_go_along_with_who_leaves(desk):
    first, second = await number(desk, 0), await number(desk, 1)
    pool = await pool_of(desk, first)
    await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=second.id)
    with pytest.raises(Conflict) as caught:
        await keywords.put(desk, **MAIN, owner_id=second.id, word="menu", now=NOW)
    assert caught.value.code == "phone_number_in_pool"
    await keywords.put(desk, **MAIN, owner_id=pool.id, word="menu", message="x", now=NOW)
    of_pool = await keywords.find(desk, **MAIN, owner_id=pool.id)
    assert await keywords.find(desk, **MAIN, owner_id=second.id) == of_pool
    left = await pools.leave(desk, **MAIN, pool_id=pool.id, identity_id=second.id)
    assert left.pool_ids == ()
    assert set(desk.catalog.keywords(left).keywords) == set(of_pool)
    await keywords.put(desk, **MAIN, owner_id=second.id, word="own", message="x", now=NOW)
    assert await keywords.find(desk, **MAIN, owner_id=pool.id) == of_pool


async def test_the_last_number_cannot_leave(desk):
    first = await number(desk, 0)
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    pool = await pool_of(desk, first)
    await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    with pytest.raises(Conflict) as caught:
        await pools.leave(desk, **MAIN, pool_id=pool.id, identity_id=first.id)
    assert caught.value.code == "last_phone_number"
    await pools.leave(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    with pytest.raises(NotFound) as missing:
        await pools.leave(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    assert missing.value.code == "not_in_pool"


async def test_the_last_sender_id_cannot_leave(desk):
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    pool = await pool_of(desk, sender)
    with pytest.raises(Conflict) as caught:
        await pools.leave(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    assert caught.value.code == "last_identity"


@pytest.mark.parametrize(
    "change",
    [
        {"message_type": "PROMOTIONAL"},
        {"opt_out_list": "News"},
        {"two_way": False},
        {"self_managed_opt_outs": True},
        {"match_mode": "begins"},
    ],
)
async def test_what_the_pool_decides_is_not_changed_on_its_number(desk, news, change):
    first = await number(desk)
    await pool_of(desk, first)
    with pytest.raises(Conflict) as caught:
        await phone_numbers.update(desk, **MAIN, phone_number_id=first.id, **change)
    assert (caught.value.code, caught.value.field) == ("phone_number_in_pool", *change)
    same = {name: getattr(first, name) for name in change}
    await phone_numbers.update(desk, **MAIN, phone_number_id=first.id, rate=3, **same)


async def test_what_is_in_a_pool_is_not_deleted(desk):
    first = await number(desk)
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    pool = await pool_of(desk, first)
    await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    with pytest.raises(Conflict) as caught:
        await phone_numbers.delete(desk, **MAIN, phone_number_id=first.id)
    assert caught.value.code == "phone_number_in_pool"
    with pytest.raises(Conflict) as caught:
        await sender_ids.delete(desk, **MAIN, sender_id=sender.id)
    assert caught.value.code == "sender_id_in_pool"
    with pytest.raises(Conflict) as caught:
        await sender_ids.update(desk, **MAIN, sender_id=sender.id, message_type="PROMOTIONAL")
    assert caught.value.code == "sender_id_in_pool"


@pytest.mark.parametrize(
    "change", [{"opt_out_list": "News"}, {"two_way": False}, {"self_managed_opt_outs": True}, {"match_mode": "begins"}]
)
async def test_what_changes_on_the_pool_changes_on_its_numbers(desk, news, change):
    pool = await pool_of(desk, await number(desk, 0))
    outside = await number(desk, 1)
    changed = await pools.update(desk, **MAIN, pool_id=pool.id, **change)
    (member,) = await pools.members(desk, **MAIN, pool_id=pool.id)
    ((field, value),) = change.items()
    assert getattr(changed, field) == getattr(member, field) == value
    assert await phone_numbers.get(desk, **MAIN, phone_number_id=outside.id) == outside


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"opt_out_list": "Nope"}, "opt_out_list_not_found"),
        ({"two_way": False, "self_managed_opt_outs": True}, "two_way_needed"),
        ({"name": ""}, "missing"),
        ({"name": "x" * 65}, "too_long"),
        ({"match_mode": "x"}, "unknown_value"),
    ],
)
async def test_what_no_pool_can_be(desk, change, code):
    pool = await pool_of(desk, await number(desk))
    with pytest.raises((Invalid, NotFound)) as caught:
        await pools.update(desk, **MAIN, pool_id=pool.id, **change)
    assert caught.value.code == code
    assert await pools.get(desk, **MAIN, pool_id=pool.id) == pool


async def test_a_pool_with_sender_ids_keeps_its_list(desk, news):
    pool = await pool_of(desk, await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW))
    with pytest.raises(Conflict) as caught:
        await pools.update(desk, **MAIN, pool_id=pool.id, opt_out_list=news)
    assert caught.value.code == "opt_out_list_mismatch"


async def test_deleting_a_pool_keeps_its_identities(desk):
    first = await number(desk)
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    pool = await pool_of(desk, first)
    await pools.join(desk, **MAIN, pool_id=pool.id, identity_id=sender.id)
    await keywords.put(desk, **MAIN, owner_id=pool.id, word="menu", message="x", now=NOW)
    await pools.delete(desk, **MAIN, pool_id=pool.id)
    assert (await pools.find(desk, **MAIN)).items == ()
    assert (await sender_ids.get(desk, **MAIN, sender_id=sender.id)).pool_ids == ()
    free = await phone_numbers.get(desk, **MAIN, phone_number_id=first.id)
    assert free == first
    assert "menu" in {one.word for one in desk.catalog.keywords(free).keywords}
    with pytest.raises(NotFound):
        await keywords.find(desk, **MAIN, owner_id=pool.id)


async def test_a_protected_pool_is_not_deleted(desk):
    pool = await pool_of(desk, await number(desk), deletion_protection=True)
    with pytest.raises(Conflict) as caught:
        await pools.delete(desk, **MAIN, pool_id=pool.id)
    assert caught.value.code == "deletion_protection"
    await pools.update(desk, **MAIN, pool_id=pool.id, deletion_protection=False)
    await pools.delete(desk, **MAIN, pool_id=pool.id)


async def test_another_account_sees_no_pool(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    first = await number(desk)
    pool = await pool_of(desk, first)
    for call in (
        lambda: pools.get(desk, account_id="other", pool_id=pool.id),
        lambda: pools.update(desk, account_id="other", pool_id=pool.id, name="x"),
        lambda: pools.delete(desk, account_id="other", pool_id=pool.id),
        lambda: pools.members(desk, account_id="other", pool_id=pool.id),
        lambda: pools.join(desk, account_id="other", pool_id=pool.id, identity_id=first.id),
        lambda: pools.leave(desk, account_id="other", pool_id=pool.id, identity_id=first.id),
    ):
        with pytest.raises(NotFound) as caught:
            await call()
        assert caught.value.code == "pool_not_found"
    with pytest.raises(NotFound) as caught:
        await pools.create(desk, account_id="other", identity_id=first.id, now=NOW)
    assert caught.value.code == "phone_number_not_found"
