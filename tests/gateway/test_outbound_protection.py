"""What a protect configuration does to messages, from acceptance to the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import select

from compliance.rules.destination_protected import NEIGHBOURS
from gateway.errors import NotFound
from gateway.model import Status
from gateway.outbound.request import Accepted
from gateway.resources import opt_outs, protect_configurations
from gateway.store import tables
from gateway.store.tables_protect import watched_numbers
from gateway.store.times import HOUR
from tests.support.factories import PERSON, request
from tests.support.gateway_fixtures import House, accept_many

if TYPE_CHECKING:
    from gateway.resources.protect_configurations import ProtectConfiguration

MAIN = {"account_id": "main"}
BLOCK = [f"+1206555{last:04d}" for last in range(1000, 2000, 9)]  # of one thousand
NEXT_BLOCK = "+12065552000"


async def protect(house: House, *, default: bool = True, **rules: str) -> ProtectConfiguration:
    one = await protect_configurations.create(house.desk, **MAIN, now=house.clock.micros)
    await protect_configurations.change_country_rules(
        house.desk, **MAIN, configuration_id=one.id, capability="SMS", changes=rules
    )
    if default:
        await protect_configurations.set_default(house.desk, **MAIN, configuration_id=one.id)
    return one


async def override(house: House, one: ProtectConfiguration, action: str, expires_at: int | None = None) -> None:
    await protect_configurations.put_override(
        house.desk, **MAIN, configuration_id=one.id, phone=PERSON, action=action, now=house.clock.micros,
        expires_at=expires_at,
    )  # fmt: skip


async def text_all(house: House, phones: list[str], **more: Any) -> list[Accepted]:
    answers = await accept_many(house, *(request(to=phone, **more) for phone in phones))
    assert all(isinstance(answer, Accepted) for answer in answers)
    return list(answers)  # type: ignore[arg-type]


def code(accepted: Accepted) -> str:
    return str(accepted.decision["protection"]["verdict"])


async def test_a_blocked_country_is_refused_and_kept_with_the_reason(house: House) -> None:
    one = await protect(house, US="BLOCK")
    accepted = await house.send()
    assert accepted.status is Status.REFUSED
    assert accepted.refusal
    assert accepted.refusal["code"] == "country_blocked"
    assert accepted.decision["protection"] == {
        "configuration": one.id, "status": "BLOCK", "override": "", "verdict": "country_blocked",
    }  # fmt: skip
    async with house.desk.store.reading() as conn:
        (event,) = (await conn.execute(select(tables.events.c.data))).scalars()
    assert orjson.loads(event)["data"]["protection"]["configuration"] == one.id


async def test_without_a_configuration_nothing_is_said_of_it(house: House) -> None:
    await protect(house, default=False, US="BLOCK")
    accepted = await house.send()
    assert accepted.status is Status.QUEUED
    assert accepted.decision["protection"] is None


async def test_the_requests_own_counts_more_than_the_accounts_default(house: House) -> None:
    await protect(house, US="BLOCK")
    mine = await protect(house, default=False, US="MONITOR")
    assert code(await house.send(protect_configuration=mine.id)) == "nothing_suspected"
    with pytest.raises(NotFound) as caught:
        await house.send(protect_configuration="protect-none")
    assert (caught.value.code, caught.value.field) == ("protect_configuration_not_found", "protect_configuration")


async def test_an_override_beats_the_country_both_ways_until_it_expires(house: House) -> None:
    one = await protect(house, US="BLOCK")
    await override(house, one, "ALLOW", expires_at=house.clock.micros + HOUR)
    assert (await house.send()).status is Status.QUEUED
    house.clock.advance(3600)
    assert code(await house.send()) == "country_blocked"
    other = await protect(house)
    await override(house, other, "BLOCK")
    assert code(await house.send()) == "number_blocked"


async def test_an_opt_out_beats_an_override(house: House) -> None:
    one = await protect(house, US="BLOCK")
    await override(house, one, "ALLOW")
    await opt_outs.add(
        house.desk,
        **MAIN,
        phone=PERSON,
        list_name="Default",
        actor="key:1",
        how="API",
        reason="asked",
        now=house.clock.micros,
    )
    accepted = await house.send()
    assert accepted.refusal
    assert accepted.refusal["code"] == "destination_opted_out"
    assert code(accepted) == "number_allowed"


async def test_filter_refuses_from_the_twenty_first_neighbour_on(house: House) -> None:
    await protect(house, US="FILTER")
    answers = await text_all(house, BLOCK[: NEIGHBOURS + 5])
    assert [code(one) for one in answers] == ["nothing_suspected"] * NEIGHBOURS + ["inflated_traffic_filtered"] * 5
    assert {one.status for one in answers[NEIGHBOURS:]} == {Status.REFUSED}
    assert code(await house.send(to=BLOCK[40])) == "inflated_traffic_filtered"
    assert code(await house.send(to=NEXT_BLOCK)) == "nothing_suspected"


async def test_who_stops_for_an_hour_is_suspect_no_more(house: House) -> None:
    await protect(house, US="FILTER")
    await text_all(house, BLOCK[:NEIGHBOURS])
    house.clock.advance(3600)
    assert code(await house.send(to=BLOCK[40])) == "nothing_suspected"


async def test_who_keeps_trying_stays_suspect(house: House) -> None:
    await protect(house, US="FILTER")
    await text_all(house, BLOCK[:NEIGHBOURS])
    house.clock.advance(1800)
    assert {one.status for one in await text_all(house, BLOCK[30 : 30 + NEIGHBOURS])} == {Status.REFUSED}
    house.clock.advance(1801)
    assert code(await house.send(to=BLOCK[90])) == "inflated_traffic_filtered"


async def test_numbers_that_an_override_allows_are_no_sign_of_anything(house: House) -> None:
    one = await protect(house, US="FILTER")
    await override(house, one, "ALLOW")
    assert code(await house.send()) == "number_allowed"
    assert await house.count(watched_numbers) == 0


async def test_one_number_over_and_over_has_no_neighbours(house: House) -> None:
    await protect(house, US="FILTER")
    answers = await text_all(house, [BLOCK[0]] * 2 * NEIGHBOURS)
    assert {code(one) for one in answers} == {"nothing_suspected"}
    assert await house.count(watched_numbers) == 1


async def test_monitor_sends_and_keeps_the_suspicion(house: House) -> None:
    await protect(house, US="MONITOR")
    *_, last = await text_all(house, BLOCK[: NEIGHBOURS + 1])
    assert (last.status, code(last)) == (Status.QUEUED, "inflated_traffic_monitored")


@pytest.mark.parametrize("more", [{"message_type": "PROMOTIONAL"}, {"dry_run": True}])
async def test_promotions_and_dry_runs_are_not_counted(house: House, more: dict[str, Any]) -> None:
    await protect(house, US="FILTER")
    await accept_many(house, *(request(to=phone, **more) for phone in BLOCK))
    assert code(await house.send(to=BLOCK[0])) == "nothing_suspected"
    assert await house.count(watched_numbers) == 1


async def test_what_nobody_watches_is_not_counted(house: House) -> None:
    await protect(house, US="ALLOW", FR="FILTER")
    await text_all(house, BLOCK[: NEIGHBOURS + 1])
    assert await house.count(watched_numbers) == 0
