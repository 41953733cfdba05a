"""A text in: what it does to consent, what it is answered, and which copies are dropped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.resources import keywords, opt_outs, phone_numbers, reviews
from gateway.store import tables, tables_consent
from tests.support.factories import OTHER, PERSON, part, text
from tests.support.gateway_fixtures import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.inbound.receive import ArrivedText
    from gateway.resources.desk import Desk


@pytest.fixture
async def house(desk: Desk) -> AsyncIterator[House]:
    async with open_house(desk, automatic_replies_per_hour=3) as house:
        yield house


async def get(house: House, one: ArrivedText) -> str:
    return await house.desk.store.submit(house.inbound, one)


async def stored(house: House, inbound_id: str) -> dict[str, Any]:
    (row,) = await house.rows(tables.inbound_messages, id=inbound_id)
    return dict(row)


async def replies(house: House) -> list[tuple[str, str]]:
    return [(row["purpose"], row["status"]) for row in await house.rows(tables.messages) if row["purpose"] != "message"]


STOPS = ["STOP", "Stop.", "STOP!!", "s t o p", "Stop please", "unsubscribe me", "ARRÊT", "STOP\0"]


@pytest.mark.parametrize("words", STOPS)
async def test_a_stop_opts_out_is_confirmed_and_blocks_the_next_send(house: House, words: str) -> None:
    inbound_id = await get(house, text(words))
    assert (await stored(house, inbound_id))["meaning"] == "OPT_OUT"
    (opted,) = await house.rows(tables_consent.opt_outs)
    assert (opted["phone"], opted["by_end_user"], opted["confirmations"]) == (PERSON, 1, 1)
    assert await replies(house) == [("opt_out_confirmation", "QUEUED")]
    assert (await house.send()).status == "REFUSED"
    (logged,) = await house.rows(tables_consent.consent_log)
    assert (logged["inbound_id"], logged["words"]) == (inbound_id, words.replace("\0", "\ufffd"))


@pytest.mark.parametrize("words", ["please stop by at 5", "don't stop", "nonstop", "See you tomorrow"])
async def test_a_text_that_is_none_of_it_changes_nothing(house: House, words: str) -> None:
    inbound_id = await get(house, text(words))
    assert (await stored(house, inbound_id))["meaning"] == "NONE"
    assert await house.events(inbound_id) == ["inbound.received"]
    assert (await replies(house), await house.count(tables_consent.opt_outs)) == ([], 0)


async def test_a_stop_counts_for_what_is_sent_in_the_same_commit(house: House) -> None:
    accepted, _ = await asyncio.gather(house.send(), get(house, text("STOP")))
    assert accepted.status == "REFUSED"


async def test_a_second_stop_is_not_confirmed_again(house: House) -> None:
    await get(house, text("STOP", carrier_id="1"))
    await get(house, text("STOP", carrier_id="2"))
    assert await replies(house) == [("opt_out_confirmation", "QUEUED")]
    assert await house.count(tables.inbound_messages) == 2


async def test_help_is_answered_also_for_who_opted_out(house: House) -> None:
    await get(house, text("STOP"))
    inbound_id = await get(house, text("HELP"))
    assert await replies(house) == [("opt_out_confirmation", "QUEUED"), ("keyword_response", "QUEUED")]
    reply = (await house.rows(tables.messages))[-1]
    assert (reply["in_reply_to"], reply["destination"]) == (inbound_id, PERSON)


@pytest.mark.parametrize("word", ["START", "UNSTOP"])
async def test_start_lifts_the_opt_out(house: House, word: str) -> None:
    await get(house, text("STOP"))
    await get(house, text(word))
    assert await house.count(tables_consent.opt_outs) == 0
    assert (await house.send()).status == "QUEUED"
    assert [row["action"] for row in await house.rows(tables_consent.consent_log)] == ["OPT_OUT", "OPT_IN"]


async def test_a_stop_after_a_start_is_confirmed_again(house: House) -> None:
    for word in ("STOP", "START", "STOP"):
        await get(house, text(word, carrier_id=str(await house.count(tables.inbound_messages))))
    assert [purpose for purpose, _ in await replies(house)].count("opt_out_confirmation") == 2


async def test_an_own_word_is_answered_with_its_own_text(house: House) -> None:
    await keywords.put(
        house.desk,
        account_id="main",
        owner_id=house.identity.id,
        word="STOP 12345",
        now=1,
        message="Stop 12345 is Elm St.",
    )
    await get(house, text("stop 12345"))
    (reply,) = await house.rows(tables.messages)
    assert (reply["purpose"], reply["body"]) == ("keyword_response", "Stop 12345 is Elm St.")
    assert await house.count(tables_consent.opt_outs) == 0


async def test_what_may_be_a_revocation_waits_for_staff(house: House) -> None:
    await phone_numbers.create(
        house.desk, account_id="main", number="+12065550199", kind="LONG_CODE", now=1, message_type="PROMOTIONAL"
    )
    await get(house, text("stop texting me at work"))
    found = await reviews.find(house.desk, account_id="main")
    assert [(one.phone, one.words) for one in found.items] == [(PERSON, "stop texting me at work")]
    assert (await house.send(message_type="PROMOTIONAL")).status == "SCHEDULED"
    assert await house.count(tables_consent.opt_outs) == 0


async def test_a_number_that_manages_opt_outs_itself_is_told_and_nothing_is_done(house: House) -> None:
    await phone_numbers.update(
        house.desk, account_id="main", phone_number_id=house.identity.id, self_managed_opt_outs=True
    )
    inbound_id = await get(house, text("STOP"))
    assert await house.events(inbound_id) == ["inbound.received"]
    assert (await house.count(tables_consent.opt_outs), await replies(house)) == (0, [])


async def test_no_more_than_so_many_automatic_replies_an_hour(house: House) -> None:
    for number in range(5):
        await get(house, text("HELP", carrier_id=str(number)))
    assert len(await replies(house)) == 3
    await get(house, text("HELP", source=OTHER))
    assert len(await replies(house)) == 4
    house.clock.advance(3601)
    await get(house, text("HELP", carrier_id="later"))
    assert len(await replies(house)) == 5


@pytest.mark.parametrize("source", ["12345", "ACME", "+1234567"])
async def test_machines_are_not_answered_but_their_stop_counts(house: House, source: str) -> None:
    await get(house, text("STOP", source=source))
    assert await replies(house) == []
    assert [row["phone"] for row in await house.rows(tables_consent.opt_outs)] == [source]


async def test_a_reply_is_linked_to_the_last_message_of_the_pair(house: House) -> None:
    await house.send("first")
    house.clock.advance(1)
    last = await house.send("second")
    house.clock.advance(1)
    await house.send("to another", to=OTHER)
    inbound_id = await get(house, text("Thanks"))
    assert (await stored(house, inbound_id))["reply_to"] == last.message_id


async def test_a_text_without_a_message_before_is_linked_to_none(house: House) -> None:
    assert (await stored(house, await get(house, text("Hello"))))["reply_to"] == ""


async def test_a_text_for_a_number_nobody_has_is_stored(house: House) -> None:
    inbound_id = await get(house, text("STOP", destination="+12065550177"))
    row = await stored(house, inbound_id)
    assert (row["identity_id"], row["account_id"], row["body"]) == ("", "main", "STOP")
    assert await house.events(inbound_id) == ["inbound.received"]


@pytest.mark.parametrize("body", ["a\0b", "half \ud83d a pair", "", "\udc00\0"])
async def test_any_text_is_stored(house: House, body: str) -> None:
    one = text(body, octets=b"\x00raw\xff", source="A\0B", carrier_id="i\0d")
    row = await stored(house, await get(house, one))
    assert row["raw"] == "AHJhd/8="
    assert len(row["body"]) == len(body)


# Copies.


async def test_a_copy_by_the_carriers_id_is_dropped_even_after_it_was_acknowledged(house: House) -> None:
    first = await get(house, text("HELP", carrier_id="7"))
    await house.inbound.acknowledged([first])
    assert await get(house, text("HELP", carrier_id="7")) == first
    assert (await house.count(tables.inbound_messages), len(await replies(house))) == (1, 1)


async def test_another_text_under_the_same_id_is_no_copy(house: House) -> None:
    first = await get(house, text("one", carrier_id="7"))
    assert await get(house, text("two", carrier_id="7")) != first


async def test_an_equal_text_is_a_copy_until_it_was_acknowledged(house: House) -> None:
    first = await get(house, text("Yes!"))
    assert await get(house, text("Yes!")) == first
    await house.inbound.acknowledged([first])
    assert await get(house, text("Yes!")) != first


async def test_an_equal_text_of_yesterday_is_a_new_one(house: House) -> None:
    first = await get(house, text("Yes!"))
    house.clock.advance(24 * 3600 + 1)
    assert await get(house, text("Yes!")) != first


async def test_two_copies_in_one_commit_are_one(house: House) -> None:
    first, second = await asyncio.gather(get(house, text("HELP")), get(house, text("HELP")))
    assert first == second
    assert len(await replies(house)) == 1


async def test_a_stop_in_parts_opts_out_once_it_is_whole(house: House) -> None:
    assert await get(house, part("P", 2, 2)) == ""
    assert await house.count(tables_consent.opt_outs) == 0
    assert await get(house, part("STO", 1, 2)) != ""
    assert await house.count(tables_consent.opt_outs) == 1


async def test_the_sign_of_a_text_is_that_of_its_carrier(house: House) -> None:
    first = await get(house, text("Yes!"))
    assert await get(house, text("Yes!", connector_id="two")) != first


async def test_staff_who_opt_a_person_out_leave_one_confirmation_to_their_stop(house: House) -> None:
    await opt_outs.add(house.desk, account_id="main", phone=PERSON, actor="staff:a", how="console", now=1)
    await get(house, text("STOP"))
    assert await replies(house) == [("opt_out_confirmation", "QUEUED")]
