from __future__ import annotations

import pytest
from sqlalchemy import func, insert, select

from gateway.errors import Conflict, Invalid, NotFound
from gateway.events.destinations import active
from gateway.events.log import append
from gateway.events.record import Event, EventType
from gateway.resources import accounts, configuration_sets, event_destinations, set_destinations
from gateway.resources.configuration_sets import ConfigurationSet
from gateway.resources.set_destinations import Target
from gateway.store import tables
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
TOPIC = Target("sns", "arn:aws:sns:us-east-1:000000000000:news")


async def a_set(desk, name="otp", **more):
    return await configuration_sets.create(desk, **{**MAIN, "name": name, "now": NOW} | more)


async def a_destination(desk, name="topic", **more):
    given = {"configuration_set": "otp", "target": TOPIC, "types": ["ALL"], "now": NOW} | more
    return await set_destinations.create(desk, **MAIN, name=name, **given)


async def happen(desk, count=3):
    events = [Event(EventType.MESSAGE_DELIVERED, "main", f"m{number}", NOW, {}) for number in range(count)]

    async def work(tx):
        append(tx, events)

    await desk.store.write(work)


async def test_a_set_is_known_at_once_to_whoever_sends(desk):
    made = await a_set(desk)
    assert made == ConfigurationSet("main", "otp", created_at=NOW)
    assert desk.catalog.configuration_set("main", "otp") == made
    assert desk.catalog.configuration_set("main", "other") is None
    assert await configuration_sets.get(desk, **MAIN, name="otp") == made
    with pytest.raises(Conflict, match="of that name") as told:
        await a_set(desk)
    assert told.value.code == "configuration_set_exists"


async def test_a_set_is_its_accounts_own(desk):
    await a_set(desk)
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    await a_set(desk, account_id="other")
    await configuration_sets.delete(desk, account_id="other", name="otp")
    assert await configuration_sets.get(desk, **MAIN, name="otp")
    with pytest.raises(NotFound):
        await configuration_sets.get(desk, account_id="other", name="otp")


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "a\0"])
async def test_a_name_has_letters_digits_hyphens_and_underscores(desk, name):
    with pytest.raises(Invalid, match="1 to 64"):
        await a_set(desk, name)
    with pytest.raises(NotFound):
        await configuration_sets.get(desk, **MAIN, name=name)


async def test_defaults_are_set_and_taken_away(desk):
    await a_set(desk)
    given = {"message_type": "PROMOTIONAL", "sender_id": "ACME", "message_feedback": True}
    before, after = await configuration_sets.update(desk, **MAIN, name="otp", **given)
    assert before == ConfigurationSet("main", "otp", created_at=NOW)
    assert after == ConfigurationSet("main", "otp", "PROMOTIONAL", "ACME", True, "", NOW)
    assert desk.catalog.configuration_set("main", "otp") == after
    _, bare = await configuration_sets.update(desk, **MAIN, name="otp", message_type="", sender_id="")
    assert (bare.message_type, bare.sender_id, bare.message_feedback) == ("", "", True)


@pytest.mark.parametrize("wrong", [{"message_type": "MARKETING"}, {"sender_id": "TWELVELETTER"}, {"sender_id": "a b"}])
async def test_defaults_are_checked(desk, wrong):
    await a_set(desk)
    with pytest.raises(Invalid):
        await configuration_sets.update(desk, **MAIN, name="otp", **wrong)


async def test_a_protect_configuration_counts_until_another_or_none_does(desk):
    await a_set(desk)
    for protect_id, before, after in (("protect-1", "", "protect-1"), ("protect-2", "protect-1", "protect-2"),
                                      (None, "protect-2", "")):  # fmt: skip
        was = await desk.change(lambda tx, one=protect_id: configuration_sets.associate_protect(tx, "main", "otp", one))
        assert was.protect_id == before
        assert desk.catalog.configuration_set("main", "otp").protect_id == after
    with pytest.raises(NotFound):
        await desk.change(lambda tx: configuration_sets.associate_protect(tx, "main", "none", "protect-1"))


async def test_a_destination_is_given_what_happens_from_now_on(desk):
    await a_set(desk)
    await happen(desk)
    made = await a_destination(desk, types=["TEXT_DELIVERED", "TEXT_ALL", "TEXT_DELIVERED"])
    assert (made.kind, made.target, made.role_arn, made.enabled, made.cursor) == ("sns", TOPIC.arn, "", True, 3)
    assert made.types == ("TEXT_DELIVERED", "TEXT_ALL")
    ((given, cursor),) = (await active(desk.store)).items()
    assert (given.id, given.configuration_set, cursor) == (made.id, "otp", 3)
    assert (await configuration_sets.all_of(desk, **MAIN))["otp"][1] == (made,)


async def test_a_set_has_five_destinations_each_with_a_name_of_its_own(desk):
    await a_set(desk)
    for name in "abcde":
        await a_destination(desk, name)
    for name, code in (("f", "event_destinations_per_configuration_set"),):
        with pytest.raises(Conflict) as told:
            await a_destination(desk, name)
        assert told.value.code == code
    await set_destinations.delete(desk, **MAIN, configuration_set="otp", name="e")
    with pytest.raises(Conflict) as told:
        await a_destination(desk, "a")
    assert told.value.code == "event_destination_exists"
    await a_set(desk, "other")
    await a_destination(desk, "a", configuration_set="other")


@pytest.mark.parametrize(
    "wrong",
    [
        {"types": []}, {"types": ["TEXT"]}, {"types": ["text_all"]}, {"name": "a b"}, {"target": Target("webhook", TOPIC.arn)},
        {"target": Target("sns", "https://example.com/aaaaaaaaaaaaa")}, {"target": Target("firehose", TOPIC.arn, "role")},
    ],
)  # fmt: skip
async def test_what_a_destination_is_given_is_checked(desk, wrong):
    await a_set(desk)
    with pytest.raises(Invalid):
        await a_destination(desk, **wrong)


async def test_a_destination_is_changed_but_never_its_kind(desk):
    await a_set(desk)
    await a_destination(desk)
    mine = {**MAIN, "configuration_set": "otp", "name": "topic"}
    other = Target("sns", "arn:aws:sns:us-east-1:000000000000:other")
    changed = await set_destinations.update(desk, **mine, target=other, types=["TEXT_QUEUED"])
    assert (changed.target, changed.types, changed.enabled) == (other.arn, ("TEXT_QUEUED",), True)
    with pytest.raises(Conflict) as told:
        await set_destinations.update(desk, **mine, target=Target("firehose", TOPIC.arn, TOPIC.arn))
    assert told.value.code == "event_destination_mismatch"


async def test_one_that_is_switched_on_is_given_what_happens_from_then_on(desk):
    await a_set(desk)
    await a_destination(desk)
    mine = {**MAIN, "configuration_set": "otp", "name": "topic"}
    off = await set_destinations.update(desk, **mine, enabled=False)
    await happen(desk)
    assert (off.enabled, off.cursor) == (False, 0)
    on = await set_destinations.update(desk, **mine, enabled=True)
    assert (on.enabled, on.cursor) == (True, 3)
    await happen(desk)
    assert (await set_destinations.update(desk, **mine, enabled=True)).cursor == 3


async def test_a_set_is_deleted_with_its_destinations_and_what_waits_for_them(desk):
    await a_set(desk)
    first, second = await a_destination(desk, "a"), await a_destination(desk, "b")
    await a_set(desk, "other")
    stays = await a_destination(desk, "a", configuration_set="other")

    async def wait(tx):
        for one in (first, stays):
            await tx.conn.execute(insert(tables.event_retries).values(destination_id=one.id, seq=1, subject_id="m"))

    await desk.store.write(wait)
    gone, destinations = await configuration_sets.delete(desk, **MAIN, name="otp")
    assert (gone.name, destinations) == ("otp", (first, second))
    assert desk.catalog.configuration_set("main", "otp") is None
    async with desk.store.reading() as conn:
        left = (await conn.execute(select(tables.event_retries.c.destination_id))).scalars().all()
        assert left == [stays.id]
        assert (await conn.execute(select(func.count()).select_from(tables.event_destinations))).scalar_one() == 1
    with pytest.raises(NotFound):
        await configuration_sets.delete(desk, **MAIN, name="otp")


async def test_nothing_is_done_to_destinations_of_no_set(desk):
    for name in ("otp", "none"):
        with pytest.raises(NotFound) as told:
            await set_destinations.delete(desk, **MAIN, configuration_set=name, name="topic")
        assert told.value.code == "configuration_set_not_found"
    await a_set(desk)
    with pytest.raises(NotFound) as told:
        await set_destinations.update(desk, **MAIN, configuration_set="otp", name="topic", enabled=False)
    assert told.value.code == "event_destination_not_found"
    with pytest.raises(NotFound):
        await a_destination(desk, configuration_set="none")


async def test_destinations_of_everything_are_told_of_no_set(desk):
    made, _ = await event_destinations.create(desk, **MAIN, kind="webhook", target="https://app.example/hook", now=NOW)
    assert (made.configuration_set, made.name) == ("", "")
    assert await configuration_sets.all_of(desk, **MAIN) == {}


async def test_outside_of_its_set_a_destination_is_only_switched(desk):
    await a_set(desk)
    made = await a_destination(desk)
    for change in ({"batch_size": 2}, {"types": []}, {"target": "https://app.example/hook"}):
        with pytest.raises(Conflict) as told:
            await event_destinations.update(desk, **MAIN, destination_id=made.id, **change)
        assert told.value.code == "aws_event_destination"
    off = await event_destinations.update(desk, **MAIN, destination_id=made.id, enabled=False)
    assert (off.enabled, off.types) == (False, ("ALL",))
