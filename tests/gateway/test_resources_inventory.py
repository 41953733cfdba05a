from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.model import IdentityKind
from gateway.resources import accounts, inventory, phone_numbers
from gateway.resources.inventory import InventoryNumber, Wanted
from tests.gateway.conftest import NOW

WANTED = Wanted("US", "LONG_CODE", frozenset({"SMS"}))
SIMULATOR = Wanted("US", "SIMULATOR", frozenset({"SMS"}))


async def enter(desk, number="+12065550170", **more):
    return await inventory.add(desk, number=number, **{"kind": "LONG_CODE", "now": NOW} | more)


async def request(desk, wanted=WANTED, account_id="main", **more):
    return await inventory.request(
        desk, account_id=account_id, wanted=wanted, message_type="TRANSACTIONAL", now=NOW, **more
    )


async def release(desk, identity, account_id="main"):
    return await inventory.release(desk, account_id=account_id, phone_number_id=identity.id, now=NOW)


async def test_a_number_is_entered_once(desk):
    made = await enter(desk, " +1 206 555 0170", capabilities=["MMS", "SMS"], monthly_price=Decimal("1.15"), rate=3)
    assert made == InventoryNumber(
        "+12065550170", IdentityKind.LONG_CODE, "US", ("SMS", "MMS"), Decimal("1.15"), 3, NOW
    )
    with pytest.raises(Conflict) as caught:
        await enter(desk)
    assert caught.value.code == "number_in_inventory"
    assert (await inventory.find(desk)).items == (made,)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"number": "ACME"}, "kind_mismatch", "number"),
        ({"kind": "SIMULATOR"}, "unknown_value", "kind"),
        ({"kind": "SENDER_ID"}, "unknown_value", "kind"),
        ({"capabilities": []}, "missing", "capabilities"),
        ({"capabilities": ["FAX"]}, "unknown_value", "capabilities"),
        ({"monthly_price": Decimal(-1)}, "out_of_range", "monthly_price"),
        ({"monthly_price": Decimal("NaN")}, "out_of_range", "monthly_price"),
        ({"rate": 0}, "out_of_range", "rate"),
        ({"number": "12345", "kind": "SHORT_CODE"}, "unknown_country", "country"),
    ],
)
async def test_what_is_wrong_with_a_number_is_said(desk, change, code, field):
    with pytest.raises(Invalid) as caught:
        await enter(desk, **{"number": "+12065550170"} | change)
    assert (caught.value.code, caught.value.field) == (code, field)


async def test_a_number_that_an_account_has_is_not_entered(desk):
    await phone_numbers.create(desk, account_id="main", number="+12065550170", kind="LONG_CODE", now=NOW)
    with pytest.raises(Conflict) as caught:
        await enter(desk)
    assert caught.value.code == "phone_number_exists"
    assert (await inventory.find(desk)).items == ()


async def test_a_leased_number_is_the_accounts_until_it_gives_it_back(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    entered = await enter(desk, rate=3, monthly_price=Decimal(2), capabilities=["SMS", "VOICE"])
    leased = await request(desk)
    assert (leased.sender, leased.rate, leased.monthly_price, leased.capabilities) == (
        entered.number, 3, Decimal(2), ("SMS", "VOICE"),
    )  # fmt: skip
    assert (leased.two_way, leased.match_mode, leased.created_at) == (False, "begins", NOW)
    assert (await inventory.find(desk)).items == (replace(entered, account_id="main"),)
    with pytest.raises(NotFound) as missing:
        await request(desk, account_id="other")
    assert missing.value.code == "no_number_available"
    with pytest.raises(Conflict) as caught:
        await inventory.remove(desk, number=entered.number)
    assert caught.value.code == "number_leased"
    with pytest.raises(NotFound):
        await release(desk, leased, "other")
    await release(desk, leased)
    assert (await inventory.find(desk)).items == (entered,)
    assert (await request(desk, account_id="other")).sender == entered.number


async def test_a_number_that_was_never_entered_is_there_once_it_is_given_back(desk):
    known = await phone_numbers.create(desk, account_id="main", number="+12065550170", kind="LONG_CODE", now=NOW - 1)
    await release(desk, known)
    assert [(one.number, one.created_at) for one in (await inventory.find(desk)).items] == [("+12065550170", NOW)]


async def test_only_a_free_number_is_taken_out(desk):
    entered = await enter(desk)
    assert await inventory.remove(desk, number=entered.number) == entered
    for number in (entered.number, "\x00"):
        with pytest.raises(NotFound) as caught:
            await inventory.remove(desk, number=number)
        assert caught.value.code == "inventory_number_not_found"


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"country": "CA"}, False),
        ({"kind": "TOLL_FREE"}, False),
        ({"capabilities": frozenset({"MMS"})}, True),
        ({"capabilities": frozenset({"SMS", "VOICE"})}, False),
        ({"preference": "EndsWith", "patterns": ("170",)}, True),
        ({"preference": "EndsWith", "patterns": ("17",)}, False),
    ],
)
async def test_a_number_must_be_as_wanted(desk, change, fits):
    await enter(desk, capabilities=["SMS", "MMS"])
    wanted = replace(WANTED, **change)
    assert await inventory.available(desk, wanted) == (("+12065550170",) if fits else ())
    if fits:
        assert (await request(desk, wanted)).sender == "+12065550170"
    else:
        with pytest.raises(NotFound):
            await request(desk, wanted)


async def test_simulator_numbers_do_not_come_from_the_inventory(desk):
    first, second = await request(desk, SIMULATOR), await request(desk, SIMULATOR)
    assert (first.kind, first.sender, second.sender) == (IdentityKind.SIMULATOR, "+12065550100", "+12065550101")
    await release(desk, first)
    assert (await inventory.find(desk)).items == ()
    for change in ({"country": "GB"}, {"capabilities": frozenset({"VOICE"})}):
        with pytest.raises(NotFound):
            await request(desk, replace(SIMULATOR, **change))
    with pytest.raises(Invalid) as caught:
        await inventory.request(desk, account_id="main", wanted=SIMULATOR, message_type="PROMOTIONAL", now=NOW)
    assert caught.value.code == "simulator_type"


async def test_the_hundred_and_first_simulator_number_has_the_next_area_code(desk):
    for last in range(100):
        await phone_numbers.create(desk, account_id="main", number=f"+120655501{last:02d}", kind="SIMULATOR", now=NOW)
    assert (await request(desk, SIMULATOR)).sender == "+14255550100"
