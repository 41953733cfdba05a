from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import text

from carriers import registry
from carriers.registry import read_settings
from gateway.errors import Conflict, Invalid, NotFound
from gateway.model import Route
from gateway.resources import accounts, connectors, phone_numbers, routes, sender_ids
from gateway.resources.desk import Desk
from gateway.store.secrets import SecretUnreadable, Vault
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
SETTINGS = {
    "host": "smsc.example",
    "password": "swordfish",
    "binds": [{"system_id": "a", "password": "tuna"}, {"system_id": "b"}],
}


class Bind(BaseModel):
    system_id: str
    password: SecretStr | None = None


class MadeUpSettings(BaseModel):
    """With secrets at every depth, which the real ones have not."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(default=2775, ge=1, le=65535)
    password: SecretStr | None = None
    binds: list[Bind] = []
    statuses: dict[int, str] = {}


@pytest.fixture(autouse=True)
def _a_made_up_kind(monkeypatch):
    kind = replace(registry.kinds()["smpp"], settings=MadeUpSettings)
    monkeypatch.setattr(registry, "kinds", lambda: {"smpp": kind})


async def connector(desk, connector_id="smpp-1", settings=SETTINGS, **more):
    given = {"kind": "smpp", "now": NOW} | more
    return await connectors.create(desk, connector_id=connector_id, settings=settings, **given)


async def change(desk, **more):
    return await connectors.update(desk, connector_id="smpp-1", **more)


async def loaded(desk):
    return {one.id: one.settings for one in await connectors.load_all(desk)}


# Connectors


async def test_a_connector_shows_its_settings_and_only_the_names_of_its_secrets(desk):
    made = await connector(desk)
    assert made == connectors.Connector(
        id="smpp-1", kind="smpp", group="smpp-1", enabled=True, backlog_limit=0, created_at=NOW,
        secrets=("binds.0.password", "password"),
        settings={"host": "smsc.example", "binds": [{"system_id": "a"}, {"system_id": "b"}]},
    )  # fmt: skip
    assert await connectors.get(desk, connector_id="smpp-1") == made
    assert (await connectors.find(desk)).items == (made,)


async def test_no_secret_is_in_the_tables(desk):
    await connector(desk)
    async with desk.store.reading() as conn:
        row = (await conn.execute(text("SELECT * FROM connectors"))).one()
    kept = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    assert b"swordfish" not in kept
    assert b"tuna" not in kept
    assert b"smsc.example" in kept


async def test_starting_gets_the_full_settings_of_what_is_enabled(desk):
    await connector(desk)
    await connector(desk, "smpp-2", enabled=False)
    await connector(desk, "smpp-3", {"host": "plain"}, group="pair")
    assert await loaded(desk) == {"smpp-1": SETTINGS, "smpp-3": {"host": "plain"}}
    assert not any("swordfish" in repr(one) for one in await connectors.load_all(desk))


@pytest.mark.parametrize(
    ("settings", "password", "port"),
    [
        ({"host": "x", "port": 9}, "swordfish", 9),
        ({"host": "x", "password": "new"}, "new", None),
        ({"host": "x", "password": ""}, "", None),
        ({"host": "x", "password": None}, None, None),
    ],
)
async def test_an_update_keeps_a_secret_unless_it_says_otherwise(desk, settings, password, port):
    await connector(desk)
    changed = await change(desk, settings=settings)
    (known,) = (await loaded(desk)).values()
    assert known.get("password") in {password, password or None}
    assert known.get("port") == port
    assert ("password" in changed.secrets) is bool(password)
    assert "binds" not in known


async def test_an_update_keeps_the_secrets_of_binds(desk):
    await connector(desk)
    await change(desk, settings={"host": "x", "binds": [{"system_id": "c"}]})
    assert (await loaded(desk))["smpp-1"]["binds"] == [{"system_id": "c", "password": "tuna"}]


async def test_settings_with_numbers_for_keys_come_back(desk):
    await connector(desk, settings={"host": "x", "statuses": {88: "retry", 1025: "reject"}, "password": "swordfish"})
    (known,) = (await loaded(desk)).values()
    assert known == {"host": "x", "statuses": {"88": "retry", "1025": "reject"}, "password": "swordfish"}
    assert read_settings("smpp", known).statuses == {88: "retry", 1025: "reject"}


async def test_group_and_enabled_change_without_the_settings(desk):
    await connector(desk)
    changed = await change(desk, group="pair", enabled=False)
    assert (changed.group, changed.enabled, changed.secrets) == ("pair", False, ("binds.0.password", "password"))
    assert (await change(desk, enabled=True)).group == "pair"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"connector_id": ""}, "id"),
        ({"connector_id": "Upper"}, "id"),
        ({"connector_id": "a" * 41}, "id"),
        ({"connector_id": "a/b"}, "id"),
        ({"connector_id": "a\n"}, "id"),
        ({"group": "A B"}, "group"),
        ({"kind": "pigeon"}, "kind"),
        ({"settings": {}}, "settings.host"),
        ({"settings": {"host": "x", "port": 70000}}, "settings.port"),
        ({"settings": {"host": "x", "hots": "y"}}, "settings.hots"),
        ({"settings": {"host": "x", "binds": [{}]}}, "settings.binds.0.system_id"),
        ({"settings": {"host": "x", "password": 987654321}}, "settings.password"),
    ],
)
async def test_what_no_connector_can_be_names_the_field_and_repeats_no_value(desk, given, field):
    with pytest.raises(Invalid) as caught:
        await connector(desk, **given)
    assert caught.value.field == field
    assert "987654321" not in str(caught.value)
    assert (await connectors.find(desk)).items == ()


async def test_a_bad_update_changes_nothing(desk):
    made = await connector(desk)
    with pytest.raises(Invalid):
        await change(desk, settings={"port": 1}, enabled=False)
    assert await connectors.get(desk, connector_id="smpp-1") == made


async def test_a_connector_exists_once(desk):
    await connector(desk)
    with pytest.raises(Conflict) as caught:
        await connector(desk)
    assert caught.value.code == "connector_exists"


@pytest.mark.parametrize("connector_id", ["nope", "\x00", "\ud800", ""])
async def test_a_connector_that_is_not_there(desk, connector_id):
    for call in (
        lambda: connectors.get(desk, connector_id=connector_id),
        lambda: connectors.update(desk, connector_id=connector_id),
        lambda: connectors.delete(desk, connector_id=connector_id),
    ):
        with pytest.raises(NotFound) as caught:
            await call()
        assert caught.value.code == "connector_not_found"


async def test_with_another_key_it_is_seen_but_not_started_and_can_be_set_again(desk):
    await connector(desk)
    stranger = Desk(desk.store, Vault(bytes(32)), desk.catalog)
    assert (await connectors.get(stranger, connector_id="smpp-1")).secrets == ()
    with pytest.raises(SecretUnreadable):
        await connectors.load_all(stranger)
    await connectors.delete(stranger, connector_id="smpp-1")
    await connector(stranger)
    assert await loaded(stranger) == {"smpp-1": SETTINGS}


# Routes


@pytest.fixture
async def two(desk):
    return [(await connector(desk, name)).id for name in ("smpp-1", "smpp-2")]


async def ids(desk):
    return [one.id for one in await routes.find(desk, **MAIN)]


async def test_a_route_is_kept_and_in_the_directory(desk, two):
    number = await phone_numbers.create(desk, **MAIN, number="+12065550100", kind="LONG_CODE", now=NOW)
    made = await routes.create(
        desk, **MAIN, connectors=two, country="gb", prefix="+4479", identity_id=number.id,
        message_type="PROMOTIONAL", price=Decimal("0.00581"), now=NOW,
    )  # fmt: skip
    assert made == Route(made.id, 1, tuple(two), "GB", "+4479", number.id, "PROMOTIONAL", Decimal("0.00581"))
    assert made.id.startswith("route-")
    assert desk.catalog.directory("main").routes == (made,)
    assert await routes.get(desk, **MAIN, route_id=made.id) == made


async def test_routes_are_asked_in_the_order_they_were_made_until_reordered(desk, two):
    made = [(await routes.create(desk, **MAIN, connectors=[two[0]], now=NOW)).id for _ in range(3)]
    assert await ids(desk) == made
    order = [made[2], made[0], made[1]]
    assert [one.id for one in await routes.reorder(desk, **MAIN, route_ids=order)] == order
    assert [one.id for one in desk.catalog.directory("main").routes] == order
    for wrong in ([], made[:2], [*made, made[0]], [*made[:2], "route-x"]):
        with pytest.raises(Invalid) as caught:
            await routes.reorder(desk, **MAIN, route_ids=wrong)
        assert caught.value.field == "route_ids"
    assert await ids(desk) == order


async def test_a_route_is_changed_in_what_is_given(desk, two):
    made = await routes.create(desk, **MAIN, connectors=two, country="FR", price=Decimal("0.1"), now=NOW)
    changed = await routes.update(desk, **MAIN, route_id=made.id, country="", connectors=two[1:])
    assert (changed.country, changed.connectors, changed.price) == ("", (two[1],), Decimal("0.1"))
    assert desk.catalog.directory("main").routes == (changed,)


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"connectors": []}, "bad_connectors", "connectors"),
        ({"connectors": ["smpp-1", "smpp-1"]}, "bad_connectors", "connectors"),
        ({"connectors": ["smpp-1", "nope"]}, "connector_not_found", "connectors"),
        ({"connectors": ["\x00"]}, "bad_id", "connectors"),
        ({"country": "XX"}, "unknown_country", "country"),
        ({"prefix": "44"}, "bad_prefix", "prefix"),
        ({"prefix": "+"}, "bad_prefix", "prefix"),
        ({"prefix": "+4\x00"}, "bad_prefix", "prefix"),
        ({"prefix": "+44\n"}, "bad_prefix", "prefix"),
        ({"identity_id": "phone-0"}, "phone_number_not_found", "identity_id"),
        ({"identity_id": "sender-0"}, "sender_id_not_found", "identity_id"),
        ({"identity_id": "\x00"}, "phone_number_not_found", "identity_id"),
        ({"message_type": "SPAM"}, "unknown_value", "message_type"),
        ({"price": Decimal(-1)}, "out_of_range", "price"),
        ({"price": Decimal("NaN")}, "out_of_range", "price"),
        ({"price": Decimal("Infinity")}, "out_of_range", "price"),
        ({"price": Decimal(1001)}, "out_of_range", "price"),
    ],
)
async def test_what_no_route_can_be(desk, two, given, code, field):
    good = await routes.create(desk, **MAIN, connectors=two, now=NOW)
    for call in (
        lambda: routes.create(desk, **MAIN, **{"connectors": two, "now": NOW} | given),
        lambda: routes.update(desk, **MAIN, route_id=good.id, **given),
    ):
        with pytest.raises((Invalid, NotFound)) as caught:
            await call()
        assert (caught.value.code, caught.value.field) == (code, field)
    assert await routes.find(desk, **MAIN) == (good,)


async def test_a_route_for_a_sender_id(desk, two):
    sender = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    assert (await routes.create(desk, **MAIN, connectors=two, identity_id=sender.id, now=NOW)).identity_id == sender.id


async def test_a_connector_that_a_route_names_stays_until_the_route_is_gone(desk, two):
    made = await routes.create(desk, **MAIN, connectors=two, now=NOW)
    with pytest.raises(Conflict) as caught:
        await connectors.delete(desk, connector_id="smpp-2")
    assert caught.value.code == "connector_in_use"
    await routes.delete(desk, **MAIN, route_id=made.id)
    assert desk.catalog.directory("main").routes == ()
    await connectors.delete(desk, connector_id="smpp-2")
    assert [one.id for one in (await connectors.find(desk)).items] == ["smpp-1"]


async def test_another_account_sees_no_route(desk, two):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    made = await routes.create(desk, **MAIN, connectors=two, now=NOW)
    for call in (routes.get, routes.update, routes.delete):
        with pytest.raises(NotFound) as caught:
            await call(desk, account_id="other", route_id=made.id)
        assert caught.value.code == "route_not_found"
    assert await routes.find(desk, account_id="other") == ()
