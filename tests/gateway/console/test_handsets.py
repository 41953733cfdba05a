"""The room of the simulated phones: what they show, writing from them, and the stream."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from carriers.text import TextError
from carriers.types import InboundMessage, ReceiptState
from gateway.console import handsets
from gateway.console.words import ACTS, EFFECTS, EVENTS, KINDS, NOTICES, PURPOSES, RULES, STATUSES, phone_state, status
from gateway.events.record import EventType
from gateway.model import IdentityKind, Purpose, Status
from gateway.resources import staff
from tests.support.console import OURS, PERSON, browsing, open_house

PAGE, REPLY, STREAM = "/console/handsets", "/console/handsets/reply", "/console/handsets/stream"
CARD = "phone-12065550142"


async def test_without_the_simulated_carrier_the_page_says_how_to_turn_it_on(sqlite_url, vault, tmp_path):
    async with open_house(sqlite_url, vault, tmp_path, simulator=False) as house, browsing(house) as browser:
        await browser.sign_in()
        await browser.get(PAGE)
        assert browser.status == 200
        assert "HELIOGRAPH_SIMULATOR=true" in browser.words
        await browser.post(REPLY, phone=PERSON, to=OURS, text="hello")
        assert browser.status == 404
        await browser.get(STREAM)
        assert browser.status == 404


async def test_before_the_first_text_the_page_says_what_to_do(browser):
    await browser.get(PAGE)
    assert "No phone has had a text yet" in browser.words


async def test_a_phone_shows_its_texts_with_time_sender_and_state(house, browser):
    await house.send("Your code is 482913.")
    await house.carrier.deliver()
    await browser.get(PAGE)
    assert f'id="{CARD}"' in browser.text
    assert "From +1 206-555-0100 Your code is 482913." in browser.words
    assert "UTC · Delivered" in browser.words


async def test_the_phone_used_last_comes_first_and_only_so_many_are_shown(house, browser):
    for count in range(handsets.MOST_PHONES + 2):
        house.carrier.handsets.arrived(
            InboundMessage(OURS, f"+120655501{count:02}", "hi"), ReceiptState.DELIVERED, house.carrier._now()
        )
    await browser.get(PAGE)
    assert browser.text.count('class="phone"') == handsets.MOST_PHONES
    assert "2 more phones have had texts" in browser.words
    assert browser.text.index("phone-12065550113") < browser.text.index("phone-12065550112")
    await browser.get(f"{PAGE}?phone={quote('+12065550100')}")
    assert browser.text.index("phone-12065550100") < browser.text.index("phone-12065550113")


@pytest.mark.parametrize("typed", [PERSON, "(206) 555-0142", "2065550142"])
async def test_a_new_phone_is_opened_by_number_and_may_write_to_our_numbers(browser, typed):
    await browser.get(f"{PAGE}?phone={quote(typed)}")
    assert "No texts yet. Send one to this number, or write first." in browser.words
    assert f'<option value="{OURS}">' in browser.text
    assert 'value="Heliograph"' not in browser.text


async def test_what_is_no_number_opens_no_phone(browser):
    await browser.get(f"{PAGE}?phone=nonsense")
    assert browser.status == 422
    assert "This is not a phone number. Write it as +12065550142." in browser.words


async def test_a_reply_goes_the_way_of_every_text_and_is_answered(house, browser):
    await browser.get(f"{PAGE}?phone={quote(PERSON)}")
    await browser.post(REPLY, phone=PERSON, to=OURS, text="  STOP ")
    assert browser.status == 200
    assert browser.address.startswith(f"{PAGE}?phone={quote(PERSON)}") or PERSON in browser.address
    assert "To +1 206-555-0100 STOP" in browser.words
    assert "Received by Heliograph" in browser.words
    assert "You are opted out" in browser.words
    assert (await house.send()).status == "REFUSED"


@pytest.mark.parametrize(
    ("fields", "sentence", "field"),
    [
        ({"text": " "}, "Write something first.", "say"),
        ({"text": "x" * 1601}, "Write 1600 characters at most.", "say"),
        ({"to": "+19995550100"}, "Choose whom to write to.", "to"),
        ({"to": ""}, "Choose whom to write to.", "to"),
    ],
)
async def test_a_bad_reply_is_told_next_to_its_field_and_keeps_what_was_typed(house, browser, fields, sentence, field):
    await browser.get(f"{PAGE}?phone={quote(PERSON)}")
    await browser.post(REPLY, **({"phone": PERSON, "to": OURS, "text": "<b>hello</b>"} | fields))
    assert browser.status == 422
    assert sentence in browser.text.partition(f'id="{field}-{CARD}-error"')[2]
    assert "<b>" not in browser.text
    assert house.carrier.handsets.texts(PERSON) == ()
    if "text" not in fields:
        assert 'value="&lt;b&gt;hello&lt;/b&gt;"' in browser.text


async def test_a_reply_from_no_phone_is_refused(browser):
    await browser.get(f"{PAGE}?phone={quote(PERSON)}")
    await browser.post(REPLY, phone="nonsense", to=OURS, text="hello")
    assert browser.status == 404


@pytest.mark.parametrize(
    ("trouble", "status", "sentence"),
    [
        (TextError("too_long", "The text is longer than 255 parts"), 422, "The text is longer than 255 parts."),
        (ValueError("handset"), 422, "This number cannot be written to or from."),
        (TimeoutError(), 200, "No texts yet"),
    ],
)
async def test_what_the_carrier_cannot_do_is_told(house, browser, monkeypatch, trouble, status, sentence):
    async def fail(*_args: Any) -> None:
        raise trouble

    monkeypatch.setattr(house.carrier, "reply", fail)
    await browser.get(f"{PAGE}?phone={quote(PERSON)}")
    await browser.post(REPLY, phone=PERSON, to=OURS, text="hello")
    assert browser.status == status
    assert sentence in browser.words


async def test_the_stream_tells_of_a_change_and_of_nothing_else(house, browser):
    async with browser.client.get(STREAM) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        assert await answer.content.readuntil(b"\n\n") == handsets.KEEP_ALIVE
        await house.send("a secret")
        await house.carrier.deliver()
        assert await answer.content.readuntil(b"\n\n") == handsets.CHANGED


async def test_in_silence_the_stream_says_that_it_lives_until_the_session_ends(house, browser, monkeypatch):
    monkeypatch.setattr(handsets, "KEEP_ALIVE_SECONDS", 0.01)
    async with browser.client.get(STREAM) as answer:
        assert await answer.content.readuntil(b"\n\n") == handsets.KEEP_ALIVE
        assert await answer.content.readuntil(b"\n\n") == handsets.KEEP_ALIVE
        house.clock.at += staff.SESSION_FOR
        rest = await answer.content.read()
        assert rest.replace(handsets.KEEP_ALIVE, b"") == b""


async def test_a_stop_of_the_server_ends_the_streams(browser):
    answer = await browser.client.get(STREAM)
    await answer.content.readuntil(b"\n\n")
    await browser.client.server.app.shutdown()
    assert await asyncio.wait_for(answer.content.read(), 10) == handsets.CHANGED


async def test_the_stream_needs_a_session(house):
    async with browsing(house) as browser:
        answer = await browser.client.get(STREAM, allow_redirects=False)
        assert answer.status == 303


async def test_every_room_opens_on_every_database(database_url, vault, tmp_path):
    async with open_house(database_url, vault, tmp_path) as house, browsing(house) as browser:
        await browser.sign_in()
        sent = await house.send()
        await house.carrier.deliver()
        await house.carrier.reply(PERSON, OURS, "please stop texting me <b>now</b>")
        await house.carrier.reply(PERSON, OURS, "STOP")
        for page in (
            "messages?q=2065550142",
            f"messages/{sent.message_id}",
            "opt-outs?q=5550142",
            f"people/{quote(PERSON)}",
            "reviews",
            "handsets",
        ):
            await browser.get(f"/console/{page}")
            assert browser.status == 200
            assert "206-555-0142" in browser.words


def test_there_are_words_for_everything_that_can_be_shown():
    assert set(STATUSES) == set(Status)
    assert set(EVENTS) == {kind for kind in EventType if kind.value.startswith("message.")}
    assert set(PURPOSES) == set(Purpose)
    assert set(KINDS) == {str(kind) for kind in IdentityKind}
    tones = {word.tone for table in (STATUSES, EVENTS, ACTS, EFFECTS) for word in table.values()}
    assert tones == {"good", "bad", "wait", "info", "calm"}
    assert all(NOTICES.values())


def test_there_are_words_for_every_rule():
    from compliance import engine  # noqa: PLC0415 -- only this test asks what rules there are

    assert set(RULES) == {rule.__module__.rpartition(".")[2] for rule in engine.RULES}


def test_what_nobody_foresaw_is_shown_as_it_is():
    assert (status("ODD").label, status("ODD").tone) == ("Odd", "calm")
    assert (phone_state("UNDELIVERED").label, phone_state("UNDELIVERED").tone) == ("Undelivered", "bad")
