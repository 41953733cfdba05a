from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from carriers.text import DEFAULT_PROFILE, count_parts
from compliance.types import AccountLimits
from gateway.errors import Invalid, NotFound
from gateway.model import Status
from gateway.outbound.one_time_codes import TEXTS, Wanted, send_code
from gateway.resources import accounts, one_time_codes, opt_outs
from gateway.resources.one_time_codes import Key, Terms, verify
from gateway.store.tables import events, messages
from gateway.store.tables_one_time_codes import one_time_codes as table
from tests.support.factories import OTHER, OURS, PERSON, request
from tests.support.gateway_fixtures import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.outbound.request import Accepted
    from gateway.resources.desk import Desk

KEY = Key.of("main", "shop", PERSON, "login-7")
MINUTE = 60  # seconds


@pytest.fixture
async def house(desk: Desk) -> AsyncIterator[House]:
    async with open_house(desk) as house:
        yield house


async def text(house: House, key: Key = KEY, brand: str = "ExampleCorp", **more: Any) -> Accepted:
    asked = request(origination=OURS, configuration_set="app/shop")
    return await send_code(house.desk, house.outbound, Wanted(key, brand, **more), asked, house.clock.micros)


async def body_of(house: House, accepted: Accepted) -> str:
    async with house.desk.store.reading() as conn:
        query = select(messages.c.body).where(messages.c.id == accepted.message_id)
        return str((await conn.execute(query)).scalar_one())


async def new_code(house: House, key: Key = KEY, **terms: int) -> str:
    body = await body_of(house, await text(house, key, terms=Terms(**terms)))
    return re.search(r"\d{5,}", body)[0]  # type: ignore[index]


def other_than(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 10 ** len(code):0{len(code)}d}"


async def tried(house: House, code: str, key: Key = KEY) -> bool:
    return await verify(house.desk, key, code, house.clock.micros)


async def kept(house: House) -> list[Any]:
    async with house.desk.store.reading() as conn:
        return list(await conn.execute(select(table)))


async def test_a_code_is_texted_and_counts_once(house: House) -> None:
    accepted = await text(house)
    assert (accepted.status, accepted.message_type, accepted.sender) == (Status.QUEUED, "TRANSACTIONAL", OURS)
    (message,) = house.offered
    found = re.fullmatch(r"This is your One Time Password: (\d{6}) from ExampleCorp", message.body)
    assert found
    assert message.expires_at - message.created_at == timedelta(minutes=15) // timedelta(microseconds=1)
    assert await tried(house, found[1])
    assert not await tried(house, found[1])
    assert await kept(house) == []


async def test_what_is_kept_of_a_code_does_not_tell_it(house: House) -> None:
    code = await new_code(house)
    (row,) = await kept(house)
    assert code not in "".join(map(str, row))
    again = house.desk.vault.digest("one_time_codes", KEY.row, code.encode())
    assert row.digest == again
    async with house.desk.store.reading() as conn:
        assert all(code not in data for data in (await conn.execute(select(events.c.data))).scalars())


@pytest.mark.parametrize("attempts", [1, 3, 5])
async def test_so_many_wrong_tries_are_allowed(house: House, attempts: int) -> None:
    code = await new_code(house, allowed_attempts=attempts)
    for _ in range(attempts - 1):
        assert not await tried(house, other_than(code))
    last = await new_code(house, allowed_attempts=attempts)
    for _ in range(attempts - 1):
        assert not await tried(house, other_than(last))
    assert await tried(house, last)
    dead = await new_code(house, allowed_attempts=attempts)
    for _ in range(attempts):
        assert not await tried(house, other_than(dead))
    assert not await tried(house, dead)


async def test_tries_at_the_same_moment_are_each_counted(house: House) -> None:
    code = await new_code(house, allowed_attempts=3)
    await asyncio.gather(*(tried(house, other_than(code, by)) for by in range(1, 4)))
    (row,) = await kept(house)
    assert row.attempts_left == 0
    assert not await tried(house, code)


async def test_the_right_code_at_the_same_moment_counts_once(house: House) -> None:
    code = await new_code(house, allowed_attempts=5)
    assert sorted(await asyncio.gather(*(tried(house, code) for _ in range(4)))) == [False, False, False, True]


async def test_a_code_lives_for_its_validity(house: House) -> None:
    code = await new_code(house, validity_period=5)
    house.clock.advance(5 * MINUTE)
    assert not await tried(house, code)
    code = await new_code(house, validity_period=60)
    house.clock.advance(60 * MINUTE - 1)
    assert await tried(house, code)


async def test_a_new_code_takes_the_place_of_the_last(house: House) -> None:
    first = await new_code(house, code_length=8, allowed_attempts=1)
    second = await new_code(house, code_length=8, allowed_attempts=5)
    assert len(await kept(house)) == 1
    assert first == second or not await tried(house, first)
    assert await tried(house, second)


@pytest.mark.parametrize(
    "key",
    [
        Key.of("main", "shop", PERSON, "login-8"),
        Key.of("main", "shop", OTHER, "login-7"),
        Key.of("main", "bank", PERSON, "login-7"),
        Key.of("other", "shop", PERSON, "login-7"),
    ],
)
async def test_a_code_counts_for_what_it_was_made_for(house: House, key: Key) -> None:
    code = await new_code(house, allowed_attempts=1)
    assert not await tried(house, code, key)
    assert await tried(house, code)


async def test_a_code_that_nobody_made_is_wrong(house: House) -> None:
    assert not await tried(house, "123456")
    assert not await tried(house, "")


async def test_a_refused_text_leaves_the_last_code_as_it_was(house: House) -> None:
    code = await new_code(house)
    whom = {"account_id": "main", "phone": PERSON, "list_name": "Default", "now": house.clock.micros}
    await opt_outs.add(house.desk, **whom, actor="key:1", how="API", reason="asked")
    accepted = await text(house)
    assert accepted.refusal
    assert (accepted.status, accepted.refusal["code"]) == (Status.REFUSED, "destination_opted_out")
    assert await tried(house, code)


async def test_a_text_that_cannot_be_sent_is_no_code(house: House) -> None:
    wanted = Wanted(KEY, "ExampleCorp")
    with pytest.raises(NotFound):
        await send_code(house.desk, house.outbound, wanted, request(origination="NOBODY"), house.clock.micros)
    assert await kept(house) == []


async def test_the_sandbox_holds_for_codes_too(house: House) -> None:
    await accounts.update(house.desk, account_id="main", limits=AccountLimits(sandbox=True))
    accepted = await text(house)
    assert accepted.refusal
    assert accepted.refusal["code"] == "destination_not_verified"


@pytest.mark.parametrize("digits", [5, 6, 7, 8])
async def test_a_code_has_as_many_digits_as_asked(house: House, digits: int) -> None:
    assert len(await new_code(house, code_length=digits)) == digits
    assert {len(one_time_codes.new_code(digits)) for _ in range(200)} == {digits}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"terms": Terms(code_length=4)}, "code_length"),
        ({"terms": Terms(code_length=9)}, "code_length"),
        ({"terms": Terms(validity_period=4)}, "validity_period"),
        ({"terms": Terms(validity_period=61)}, "validity_period"),
        ({"terms": Terms(allowed_attempts=0)}, "allowed_attempts"),
        ({"terms": Terms(allowed_attempts=6)}, "allowed_attempts"),
        ({"brand": ""}, "brand_name"),
        ({"brand": "x" * 21}, "brand_name"),
        ({"brand": "a\nb"}, "brand_name"),
        ({"language": "nl-NL"}, "language"),
    ],
)
async def test_limits_are_kept(house: House, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await text(house, **more)
    assert caught.value.field == field
    assert await kept(house) == []


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        (("main", "shop", "+1", "r"), Invalid, "destination_identity"),
        (("main", "shop", PERSON, ""), Invalid, "reference_id"),
        (("main", "shop", PERSON, "r" * 49), Invalid, "reference_id"),
        (("main", "a/b", PERSON, "r"), NotFound, "application_id"),
    ],
)
def test_a_key_is_checked(wrong: tuple[str, str, str, str], error: type[Exception], field: str) -> None:
    with pytest.raises(error) as caught:
        Key.of(*wrong)
    assert caught.value.field == field  # type: ignore[attr-defined]


def test_a_reference_has_forty_eight_characters() -> None:
    assert Key.of("main", "shop", PERSON, "r" * 48).reference == "r" * 48


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("brand", ["x" * 20, "北" * 20])
def test_every_text_is_one_part_and_has_the_code_and_the_brand(language: str, brand: str) -> None:
    said = Wanted(KEY, brand, language=language).text("12345678")
    assert brand in said
    assert re.search(r"(?<!\d)12345678(?!\d)", said)
    assert count_parts(said, DEFAULT_PROFILE) == 1
