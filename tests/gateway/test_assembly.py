"""Parts of long texts, in any order, from several people, doubled, reused and never complete."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from gateway.store import tables
from tests.support.factories import OTHER, PERSON, part

if TYPE_CHECKING:
    from tests.support.gateway_fixtures import House

WORDS = ("Once upon ", "a time there ", "was a text.")


async def get(house: House, number: int, body: str = "", **more: Any) -> str:
    return await house.desk.store.submit(house.inbound, part(body or WORDS[number - 1], number, **more))


async def texts(house: House) -> list[tuple[str, str, int, int]]:
    rows = await house.rows(tables.inbound_messages)
    return [(row["source"], row["body"], row["parts"], row["complete"]) for row in rows]


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
async def test_parts_in_any_order_make_one_text(house: House, order: tuple[int, ...]) -> None:
    ids = [await get(house, number) for number in order]
    assert [bool(one) for one in ids] == [False, False, True]
    assert await texts(house) == [(PERSON, "".join(WORDS), 3, 1)]


@pytest.mark.parametrize("kind", ["udh16", "sar"])
async def test_each_kind_of_mark_is_its_own_text(house: House, kind: str) -> None:
    for number in (1, 2):
        await get(house, number)
    assert await get(house, 3, kind=kind) == ""


@pytest.mark.parametrize("other", [OTHER, "A|B"])
async def test_two_people_with_one_reference_are_not_mixed_up(house: House, other: str) -> None:
    for number in (1, 2, 3):
        await get(house, number)
        await get(house, number, f"other {number} ", source=other)
    expected = [(PERSON, "".join(WORDS), 3, 1), (other, "other 1 other 2 other 3 ", 3, 1)]
    assert sorted(await texts(house)) == sorted(expected)


async def test_a_part_that_comes_twice_counts_once(house: House) -> None:
    for number in (1, 1, 2, 2, 1, 3, 3, 1):
        await get(house, number)
    assert await texts(house) == [(PERSON, "".join(WORDS), 3, 1)]


async def test_a_reference_that_comes_round_begins_a_new_text(house: House) -> None:
    for number in (1, 2, 3):
        await get(house, number)
    for number in (3, 1, 2):
        await get(house, number, f"again {number} ")
    assert [body for _, body, *_ in await texts(house)] == ["".join(WORDS), "again 1 again 2 again 3 "]


async def test_the_same_long_text_under_the_same_reference_is_new_after_a_while(house: House) -> None:
    ids = [await get(house, number) for number in (1, 2, 3)]
    await house.inbound.acknowledged([ids[-1]])
    house.clock.advance(601)
    again = [await get(house, number) for number in (1, 2, 3)]
    assert again[-1] not in {"", ids[-1]}
    assert len(await texts(house)) == 2


async def test_a_copy_of_what_was_not_acknowledged_is_no_news_however_late(house: House) -> None:
    for number in (1, 2, 3):
        await get(house, number)
    house.clock.advance(3600)
    assert await get(house, 3) == ""
    assert len(await texts(house)) == 1


async def overdue(house: House) -> None:
    house.clock.advance(601)
    await house.inbound.give_overdue()


@pytest.mark.parametrize("source", [PERSON, "A|B"])
async def test_an_incomplete_text_is_given_and_given_again_when_it_is_whole(house: House, source: str) -> None:
    await get(house, 3, source=source)
    await get(house, 1, source=source)
    await overdue(house)
    assert await texts(house) == [(source, WORDS[0] + WORDS[2], 2, 0)]
    await overdue(house)
    assert len(await texts(house)) == 1
    completed = await get(house, 2, source=source)
    assert (await texts(house))[1] == (source, "".join(WORDS), 3, 1)
    (first, _) = await house.rows(tables.inbound_messages)
    (event,) = await house.rows(tables.events, subject_id=completed)
    assert f'"completes":"{first["id"]}"' in event["data"].replace(": ", ":")


async def test_a_text_made_whole_later_is_not_acted_on_twice(house: House) -> None:
    await get(house, 1, "STOP", total=2)
    await overdue(house)
    sent = await house.count(tables.messages)
    await get(house, 2, " ", total=2)
    assert await house.count(tables.messages) == sent


async def test_parts_older_than_a_day_are_forgotten(house: House) -> None:
    await get(house, 1)
    await overdue(house)
    house.clock.advance(24 * 3600)
    await house.inbound.give_overdue()
    assert await house.count(tables.inbound_parts) == 0
    assert await get(house, 2) == ""


async def test_a_surrogate_pair_cut_between_parts_is_whole_again(house: House) -> None:
    octets = "a😀b".encode("utf-16-be")
    await get(house, 1, "a\ufffd", total=2, octets=octets[:4], data_coding=8)
    await get(house, 2, "\ufffdb", total=2, octets=octets[4:], data_coding=8)
    assert [body for _, body, *_ in await texts(house)] == ["a😀b"]


async def test_a_part_with_a_nul_is_kept(house: House) -> None:
    for number in (1, 2, 3):
        await get(house, number, f"{number}\0", source="+1\x00")
    assert [body for _, body, *_ in await texts(house)] == ["1\ufffd2\ufffd3\ufffd"]
