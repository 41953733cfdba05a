from __future__ import annotations

import base64
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gateway.errors import Invalid, NotFound
from gateway.events.destinations import active
from gateway.events.log import append
from gateway.events.record import Event, EventType
from gateway.resources import api_keys, connectors, staff
from gateway.resources import event_destinations as destinations
from gateway.store.tables import event_destinations as table
from gateway.store.tables import event_retries, metadata
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}


async def webhook(desk, **more):
    given = {"kind": "webhook", "target": "https://app.example/hook", "now": NOW} | more
    return await destinations.create(desk, **MAIN, **given)


async def happen(desk, count=3):
    events = [Event(EventType.MESSAGE_DELIVERED, "main", f"m{number}", NOW, {}) for number in range(count)]

    async def work(tx):
        append(tx, events)

    await desk.store.write(work)


async def test_a_webhook_begins_with_what_happens_from_now_on(desk):
    await happen(desk)
    made, secret = await webhook(desk, types=["message.delivered", "message.accepted"], batch_size=100)
    assert made == destinations.EventDestination(
        made.id, "main", "webhook", "https://app.example/hook", ("message.accepted", "message.delivered"), 100, True, 3,
        "", NOW,
    )  # fmt: skip
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert await destinations.get(desk, **MAIN, destination_id=made.id) == made
    ((given, cursor),) = (await active(desk.store)).items()
    assert (given.id, given.types, given.batch_size, cursor) == (made.id, made.types, 100, 3)
    assert destinations.open_secret(desk.vault, made.id, given.secret) == secret


async def test_a_file_has_no_secret(desk):
    made, secret = await destinations.create(desk, **MAIN, kind="file", target="events.jsonl", now=NOW)
    assert (made.kind, made.cursor, secret) == ("file", 0, "")
    with pytest.raises(Invalid) as caught:
        await destinations.rotate_secret(desk, **MAIN, destination_id=made.id)
    assert caught.value.code == "no_secret"


async def test_a_rotated_secret_replaces_the_old(desk):
    made, old = await webhook(desk)
    new = await destinations.rotate_secret(desk, **MAIN, destination_id=made.id)
    ((given, _cursor),) = (await active(desk.store)).items()
    assert destinations.open_secret(desk.vault, made.id, given.secret) == new != old


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "pigeon"}, "kind"),
        ({"target": ""}, "target"),
        ({"target": "https://x/\x00"}, "target"),
        ({"target": "https://x/" + "y" * 2048}, "target"),
        ({"types": ["message.sung"]}, "types"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 101}, "batch_size"),
    ],
)
async def test_what_no_destination_can_be(desk, change, field):
    with pytest.raises(Invalid) as caught:
        await webhook(desk, **change)
    assert caught.value.field == field
    assert (await destinations.find(desk, **MAIN)).items == ()


async def test_a_destination_is_changed_in_what_is_given(desk):
    made, _secret = await webhook(desk, types=["message.delivered"])
    changed = await destinations.update(desk, **MAIN, destination_id=made.id, enabled=False, types=[])
    assert (changed.enabled, changed.types, changed.target) == (False, (), made.target)
    assert await active(desk.store) == {}


async def test_a_deleted_destination_takes_its_dead_letters_along(desk):
    (made, _), (kept, _) = await webhook(desk), await webhook(desk)
    letters = [{"destination_id": one.id, "seq": 1} for one in (made, kept)]
    await desk.store.write(lambda tx: tx.conn.execute(event_retries.insert(), letters))
    await destinations.delete(desk, **MAIN, destination_id=made.id)
    async with desk.store.reading() as conn:
        assert (await conn.execute(text("SELECT destination_id FROM event_retries"))).scalars().all() == [kept.id]
        assert (await conn.execute(table.select())).one().id == kept.id


async def test_another_account_sees_no_destination(desk):
    made, _secret = await webhook(desk)
    for call in (destinations.get, destinations.update, destinations.rotate_secret, destinations.delete):
        with pytest.raises(NotFound) as caught:
            await call(desk, account_id="other", destination_id=made.id)
        assert caught.value.code == "event_destination_not_found"


async def test_no_secret_of_any_resource_is_readable_in_the_database(desk):
    _made, signing = await webhook(desk)
    _key, key = await api_keys.create(desk, **MAIN, name="shop", scopes=["send"], now=NOW)
    await staff.create(desk, **MAIN, name="alice", password="correct horse battery", role="admin", now=NOW)
    _session, cookie = await staff.sign_in(desk, name="alice", password="correct horse battery", now=NOW)
    settings = {"host": "smsc.example", "system_id": "acme", "password": "sardines"}
    await connectors.create(desk, connector_id="smpp-1", kind="smpp", settings=settings, now=NOW)
    kept = await whole_database(desk.store)
    assert b"smsc.example" in kept
    for secret in (signing, signing.removeprefix("whsec_"), key, cookie, "correct horse battery", "sardines"):
        assert secret.encode() not in kept


async def whole_database(store) -> bytes:
    """The files of SQLite, log and all; of PostgreSQL, every row of every table."""
    if store.sqlite:
        path = Path(make_url(store.url).database)
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    async with store.reading() as conn:
        rows = [tuple(row) for one in metadata.tables.values() for row in await conn.execute(one.select())]
    return b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
