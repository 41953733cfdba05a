from __future__ import annotations

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import accounts, protect_configurations
from gateway.resources.protect_configurations import COUNTRIES, NumberOverride
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
PARIS = "+33755512501"


@pytest.fixture
async def one(desk):
    return await protect_configurations.create(desk, **MAIN, now=NOW)


async def rules(desk, one, capability="SMS"):
    return await protect_configurations.country_rules(desk, **MAIN, configuration_id=one.id, capability=capability)


async def change(desk, one, capability="SMS", **changes):
    return await protect_configurations.change_country_rules(
        desk, **MAIN, configuration_id=one.id, capability=capability, changes=changes
    )


async def put(desk, one, phone=PARIS, action="ALLOW", now=NOW, expires_at=None):
    return await protect_configurations.put_override(
        desk, **MAIN, configuration_id=one.id, phone=phone, action=action, now=now, expires_at=expires_at
    )


async def test_a_new_one_allows_every_country_by_every_way(desk, one):
    assert one.id.startswith("protect-")
    assert (one.account_default, one.deletion_protection, one.created_at) == (False, False, NOW)
    for capability in ("SMS", "VOICE", "MMS", "RCS"):
        assert await rules(desk, one, capability) == dict.fromkeys(COUNTRIES, "ALLOW")


async def test_a_change_is_of_the_countries_and_the_way_that_it_names(desk, one):
    changed = await change(desk, one, FR="BLOCK", DE="FILTER")
    assert {country: rule for country, rule in changed.items() if rule != "ALLOW"} == {"FR": "BLOCK", "DE": "FILTER"}
    await change(desk, one, DE="ALLOW", US="MONITOR")
    assert {c: rule for c, rule in (await rules(desk, one)).items() if rule != "ALLOW"} == {
        "FR": "BLOCK",
        "US": "MONITOR",
    }
    assert set((await rules(desk, one, "VOICE")).values()) == {"ALLOW"}


@pytest.mark.parametrize(
    ("capability", "changes", "field"),
    [("SMS", {"XX": "BLOCK"}, "countries"), ("SMS", {"FR": "DENY"}, "status"), ("FAX", {"FR": "BLOCK"}, "capability")],
)
async def test_a_change_that_makes_no_sense_changes_nothing(desk, one, capability, changes, field):
    with pytest.raises(Invalid) as caught:
        await change(desk, one, capability, **changes)
    assert caught.value.field == field
    assert set((await rules(desk, one)).values()) == {"ALLOW"}


async def test_one_is_the_default_at_a_time(desk, one):
    other = await protect_configurations.create(desk, **MAIN, now=NOW)
    with pytest.raises(NotFound) as caught:
        await protect_configurations.clear_default(desk, **MAIN)
    assert caught.value.code == "protect_configuration_not_found"
    for chosen in (one, other):
        found = await protect_configurations.set_default(desk, **MAIN, configuration_id=chosen.id)
        assert (found.id, found.account_default) == (chosen.id, True)
        assert [each.id for each in await protect_configurations.find(desk, **MAIN) if each.account_default] == [
            chosen.id
        ]
        assert desk.catalog.guard("main", "", "").id == chosen.id
    assert (await protect_configurations.clear_default(desk, **MAIN)).id == other.id
    assert desk.catalog.guard("main", "", "") is None
    assert desk.catalog.guard("main", one.id, "").id == one.id


async def test_the_default_and_a_protected_one_stay(desk):
    one = await protect_configurations.create(desk, **MAIN, now=NOW, deletion_protection=True)
    with pytest.raises(Conflict) as caught:
        await protect_configurations.delete(desk, **MAIN, configuration_id=one.id)
    assert caught.value.code == "deletion_protection"
    await protect_configurations.update(desk, **MAIN, configuration_id=one.id, deletion_protection=False)
    await protect_configurations.set_default(desk, **MAIN, configuration_id=one.id)
    with pytest.raises(Conflict) as caught:
        await protect_configurations.delete(desk, **MAIN, configuration_id=one.id)
    assert caught.value.code == "protect_configuration_is_default"
    await protect_configurations.clear_default(desk, **MAIN)
    await change(desk, one, FR="BLOCK")
    await put(desk, one)
    assert (await protect_configurations.delete(desk, **MAIN, configuration_id=one.id)).id == one.id
    assert await protect_configurations.find(desk, **MAIN) == ()
    assert not desk.catalog.guarded


async def test_an_override_is_put_changed_and_taken_back(desk, one):
    first = await put(desk, one, action="BLOCK", expires_at=NOW + 5)
    assert first == NumberOverride(PARIS, "FR", "BLOCK", NOW + 5, NOW)
    again = await put(desk, one, phone="+33 7 55 51 25 01", now=NOW + 1)
    assert again == NumberOverride(PARIS, "FR", "ALLOW", None, NOW)
    assert await protect_configurations.overrides(desk, **MAIN, configuration_id=one.id) == (again,)
    taken = await protect_configurations.delete_override(desk, **MAIN, configuration_id=one.id, phone=PARIS)
    assert taken == again
    with pytest.raises(NotFound) as caught:
        await protect_configurations.delete_override(desk, **MAIN, configuration_id=one.id, phone=PARIS)
    assert caught.value.code == "number_override_not_found"


@pytest.mark.parametrize(
    ("more", "field"),
    [({"phone": "0755512501"}, "phone"), ({"action": "FILTER"}, "action"), ({"expires_at": NOW}, "expires_at")],
)
async def test_an_override_that_makes_no_sense_is_refused(desk, one, more, field):
    with pytest.raises(Invalid) as caught:
        await put(desk, one, **more)
    assert caught.value.field == field


async def test_another_account_has_its_own(desk, one):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    await protect_configurations.set_default(desk, **MAIN, configuration_id=one.id)
    assert await protect_configurations.find(desk, account_id="other") == ()
    assert desk.catalog.guard("other", "", "") is None
    assert desk.catalog.guard("other", one.id, "") is None
    with pytest.raises(NotFound):
        await protect_configurations.set_default(desk, account_id="other", configuration_id=one.id)
