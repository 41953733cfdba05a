from __future__ import annotations

import re
from typing import TYPE_CHECKING

import botocore.session
import pytest

from compliance.types import AccountLimits
from gateway.errors import Conflict, Invalid, NotFound
from gateway.model import Status
from gateway.outbound.verification import TEXTS, send_code
from gateway.resources import accounts, opt_outs, verified_numbers
from tests.support.factories import OTHER, PERSON, request
from tests.support.gateway_fixtures import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.outbound.request import Accepted
    from gateway.resources.desk import Desk
    from gateway.resources.verified_numbers import VerifiedNumber

MAIN = {"account_id": "main"}
MINUTE, DAY = 60, 86_400  # seconds


@pytest.fixture
async def house(desk: Desk) -> AsyncIterator[House]:
    async with open_house(desk) as house:
        await accounts.update(desk, **MAIN, limits=AccountLimits(sandbox=True))
        yield house


@pytest.fixture
async def number(house: House) -> VerifiedNumber:
    return await verified_numbers.create(house.desk, **MAIN, phone=PERSON, now=house.clock.micros)


async def text(house: House, number: VerifiedNumber, language: str = "EN_US") -> Accepted:
    return await send_code(house.desk, house.outbound, number.id, request(), house.clock.micros, language)


async def code_of(house: House, number: VerifiedNumber, language: str = "EN_US") -> str:
    accepted = await text(house, number, language)
    assert accepted.status is Status.QUEUED, accepted.decision
    body = next(one.body for one in house.offered if one.id == accepted.message_id)
    return re.search(r"\d{6}", body)[0]  # type: ignore[index]


async def verify(house: House, number: VerifiedNumber, code: str) -> VerifiedNumber:
    return await verified_numbers.verify(house.desk, **MAIN, number_id=number.id, code=code, now=house.clock.micros)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_the_sandbox_texts_verified_numbers_only(house: House, number: VerifiedNumber) -> None:
    refused = await house.send()
    assert refused.refusal
    assert refused.refusal["code"] == "destination_not_verified"
    code = await code_of(house, number)
    assert (await house.send()).status is Status.REFUSED
    verified = await verify(house, number, code)
    assert (verified.id, verified.status) == (number.id, "VERIFIED")
    assert (await house.send()).status is Status.QUEUED
    assert (await house.send(to=OTHER)).status is Status.REFUSED


async def test_simulator_numbers_are_texted_from_the_sandbox(house: House) -> None:
    assert (await house.send(to="+14254147755")).status is Status.QUEUED


async def test_production_asks_nobody(house: House) -> None:
    await accounts.update(house.desk, **MAIN, limits=AccountLimits())
    assert (await house.send()).status is Status.QUEUED


async def test_a_wrong_code_is_told_and_five_of_them_are_enough(house: House, number: VerifiedNumber) -> None:
    code = await code_of(house, number)
    for _ in range(verified_numbers.GUESSES):
        with pytest.raises(Invalid) as wrong:
            await verify(house, number, other_than(code))
        assert wrong.value.code == "wrong_code"
    with pytest.raises(Conflict) as late:
        await verify(house, number, code)
    assert late.value.code == "code_expired"
    assert (await verify(house, number, await code_of(house, number))).status == "VERIFIED"


async def test_a_code_lives_for_fifteen_minutes(house: House, number: VerifiedNumber) -> None:
    with pytest.raises(Conflict) as caught:
        await verify(house, number, "")
    assert caught.value.code == "code_expired"
    code = await code_of(house, number)
    house.clock.advance(15 * MINUTE)
    with pytest.raises(Conflict) as caught:
        await verify(house, number, code)
    assert caught.value.code == "code_expired"


async def test_a_new_code_takes_the_place_of_the_last(house: House, number: VerifiedNumber) -> None:
    first, second = await code_of(house, number), await code_of(house, number)
    if first != second:
        with pytest.raises(Invalid):
            await verify(house, number, first)
    assert (await verify(house, number, second)).status == "VERIFIED"


async def test_a_verified_number_needs_no_code(house: House, number: VerifiedNumber) -> None:
    code = await code_of(house, number)
    await verify(house, number, code)
    for call in (lambda: verify(house, number, code), lambda: text(house, number)):
        with pytest.raises(Conflict) as caught:
            await call()
        assert caught.value.code == "already_verified"


async def test_five_codes_a_day_and_five_more_the_next(house: House, number: VerifiedNumber) -> None:
    for _ in range(verified_numbers.CODES_A_DAY):
        await text(house, number)
    with pytest.raises(Conflict) as caught:
        await text(house, number)
    assert caught.value.code == "verification_attempts_per_day"
    house.clock.advance(DAY / 2)
    assert (await text(house, number)).status is Status.QUEUED


async def test_who_opted_out_gets_no_code(house: House, number: VerifiedNumber) -> None:
    await opt_outs.add(
        house.desk, **MAIN, phone=PERSON, list_name="Default", actor="key:1", how="API", reason="asked",
        now=house.clock.micros,
    )  # fmt: skip
    accepted = await text(house, number)
    assert accepted.refusal
    assert accepted.refusal["code"] == "destination_opted_out"


async def test_a_text_that_cannot_be_sent_costs_no_code(house: House, number: VerifiedNumber) -> None:
    for _ in range(2 * verified_numbers.CODES_A_DAY):
        with pytest.raises(NotFound):
            await send_code(house.desk, house.outbound, number.id, request(origination="Nobody"), house.clock.micros)
    assert await code_of(house, number)


@pytest.mark.parametrize("language", TEXTS)
async def test_each_language_says_the_code_in_one_part(house: House, number: VerifiedNumber, language: str) -> None:
    accepted = await text(house, number, language)
    assert accepted.parts == 1
    assert (await verify(house, number, await code_of(house, number, language))).status == "VERIFIED"


def test_the_languages_are_those_of_the_model() -> None:
    model = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2")
    assert set(TEXTS) == set(model.shape_for("LanguageCode").enum)


async def test_a_number_is_there_once_and_goes_after_a_day(house: House, number: VerifiedNumber) -> None:
    with pytest.raises(Conflict) as caught:
        await verified_numbers.create(house.desk, **MAIN, phone=PERSON, now=house.clock.micros)
    assert caught.value.code == "verified_number_exists"
    with pytest.raises(Conflict) as caught:
        await verified_numbers.delete(house.desk, **MAIN, number_id=number.id, now=house.clock.micros)
    assert caught.value.code == "too_new"
    await verify(house, number, await code_of(house, number))
    house.clock.advance(DAY)
    await verified_numbers.delete(house.desk, **MAIN, number_id=number.id, now=house.clock.micros)
    assert await verified_numbers.find(house.desk, **MAIN) == ()
    assert (await house.send()).status is Status.REFUSED
    with pytest.raises(NotFound):
        await verified_numbers.get(house.desk, **MAIN, number_id=number.id)


async def test_in_production_a_number_goes_at_once(house: House, number: VerifiedNumber) -> None:
    await accounts.update(house.desk, **MAIN, limits=AccountLimits())
    assert (await verified_numbers.delete(house.desk, **MAIN, number_id=number.id, now=house.clock.micros)) == number
