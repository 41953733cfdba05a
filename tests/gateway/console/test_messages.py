"""The rooms of messages: search, one message's story, cancelling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from gateway.console.messages import PER_PAGE
from gateway.model import Status
from gateway.resources import accounts, messages, phone_numbers
from gateway.store import tables
from tests.support.console import NOW, OURS, PERSON, SECOND

HOSTILE = '<script>alert("x")</script>&"\''
OTHER = "+12065550177"
PROMOTIONAL = "+12065550101"


async def test_an_empty_list_says_what_will_be_here(browser):
    await browser.get("/console/messages")
    assert "No messages yet" in browser.words


async def test_the_newest_message_comes_first(house, browser):
    for body in ("first", "second", "third"):
        await house.send(body)
    await browser.get("/console/messages")
    assert browser.words.index("third") < browser.words.index("second") < browser.words.index("first")


@pytest.mark.parametrize(
    "typed",
    [PERSON, "(206) 555-0142", "206.555.0142", "0012065550142", "1 206 555 0142", "\uff0b12065550142", f"  {PERSON} "],
)
async def test_a_number_is_found_in_any_format(house, browser, typed):
    await house.send("to the one")
    await house.send("to the other", to=OTHER)
    await browser.get(f"/console/messages?q={quote(typed)}")
    assert "to the one" in browser.words
    assert "to the other" not in browser.words


@pytest.mark.parametrize("typed", [OURS, "Heliograph"])
async def test_a_message_is_found_by_our_sender_too(house, browser, typed):
    await house.send("the one", origination=typed)
    await house.send("the other", origination={OURS: "Heliograph", "Heliograph": OURS}[typed])
    await browser.get(f"/console/messages?q={quote(typed)}")
    assert "the one" in browser.words
    assert "the other" not in browser.words


@pytest.mark.parametrize(
    "typed", ["nonsense", "%00", "%ff", "9" * 200, "%3Cscript%3E", "%2B", "'; DROP TABLE messages; --"]
)
async def test_what_is_no_number_finds_nothing_and_does_no_harm(house, browser, typed):
    await house.send("a body")
    await browser.get(f"/console/messages?q={typed}")
    assert browser.status == 200
    assert ("No message matches" in browser.words) == (typed != "%00")
    assert "<script>" not in browser.text


async def test_a_status_narrows_the_search_and_an_unknown_one_is_told(house, browser):
    await house.send("delivered one")
    await house.carrier.deliver()
    await house.send("waiting one")
    await browser.get("/console/messages?status=DELIVERED")
    assert "delivered one" in browser.words
    assert "waiting one" not in browser.words
    await browser.get("/console/messages?status=LOST")
    assert browser.status == 422
    assert "There is no such status. Choose one of the list." in browser.words


async def test_days_narrow_the_search_both_included(house, browser):
    today = datetime.fromtimestamp(NOW / SECOND, UTC).date()
    await house.send("of today")
    for first, last, found in ((0, 0, True), (-1, -1, False), (1, 2, False), (-1, 1, True)):
        span = f"from={today + timedelta(days=first)}&to={today + timedelta(days=last)}"
        await browser.get(f"/console/messages?{span}")
        assert ("of today" in browser.words) is found


@pytest.mark.parametrize("days", ["from=yesterday", "to=2026-02-30", "to=9999-12-31", "from=0000-01-01"])
async def test_what_is_no_date_is_told_next_to_its_field(browser, days):
    await browser.get(f"/console/messages?{days}")
    assert browser.status == 422
    assert "This is no date. Write it as 2026-11-05." in browser.words
    assert f'id="{days.partition("=")[0]}-error"' in browser.text


async def test_pages_follow_each_other_without_a_gap(house, browser):
    for count in range(PER_PAGE + 2):
        await house.send(f"number-{count:03}", to=OTHER if count % 2 else PERSON)
    await browser.get("/console/messages?from=2026-09-01")
    assert browser.text.count("number-") == PER_PAGE
    assert "number-001" not in browser.text
    older = browser.text.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "from=2026-09-01" in older
    await browser.get(f"/console/messages{older}")
    assert ["number-001" in browser.text, "number-000" in browser.text, "number-002" in browser.text] == [
        True,
        True,
        False,
    ]
    assert "Older messages" not in browser.words
    assert "Back to the first page" in browser.words


async def test_a_message_tells_its_whole_story(house, browser):
    sent = await house.send("Your code is 482913.")
    await house.carrier.deliver()
    await house.carrier.reply(PERSON, OURS, "Thank you!")
    await browser.get(f"/console/messages/{sent.message_id}")
    for words in (
        "Your code is 482913.", "The carrier says that it reached the phone.",  # what, and how it stands
        "Accepted and stored", "Taken by the carrier Through connector simulator.", "Delivered to the phone",  # timeline
        "The person is not on the opt-out list of this sender.",  # a verdict,
        "A STOP from the person, or staff adding the number to the list, would refuse the next message.",  # what changes it
        "+1 206-555-0100, long code. The request names this sender.", "GSM 7-bit", "US$ 0 for 1 part",
        "C0FFEE01", "DELIVRD", "Thank you!",
    ):  # fmt: skip
        assert words in browser.words
    assert '<a href="https://www.ecfr.gov/' in browser.text
    assert f'href="/console/people/{quote(PERSON)}"' in browser.text


async def test_a_message_says_who_was_passed_over_and_why(house, browser):
    sent = await house.send(origination="")
    await browser.get(f"/console/messages/{sent.message_id}")
    assert "Senders passed over (1)" in browser.words
    assert "Heliograph : A sender ID ranks below the one chosen." in browser.words


async def test_a_refused_message_says_what_refused_it_first(house, browser):
    await house.carrier.reply(PERSON, OURS, "STOP")
    sent = await house.send("too late")
    await browser.get(f"/console/messages/{sent.message_id}")
    assert sent.status is Status.REFUSED
    assert "A rule said no: it never left. The person opted out on" in browser.words
    rules = browser.words.partition("What the rules said")[2]
    assert rules.startswith(" Opt-outs Refused")
    assert "The person texts START, or staff lift the opt-out with a reason on record." in rules


async def test_an_answer_shows_the_text_it_answers(house, browser):
    await house.carrier.reply(PERSON, OURS, "HELP")
    (answer,) = await messages.find(house.desk.store, messages.Search("main", number=PERSON))
    await browser.get(f"/console/messages/{answer['id']}")
    assert '<blockquote class="bubble theirs">HELP</blockquote>' in browser.text
    assert "An automatic answer to a keyword" in browser.words


async def test_hostile_words_are_shown_and_not_run(house, browser):
    sent = await house.send(HOSTILE)
    await house.carrier.deliver()
    await house.carrier.reply(PERSON, OURS, HOSTILE)
    for page in (
        "/console/messages",
        f"/console/messages/{sent.message_id}",
        f"/console/people/{quote(PERSON)}",
        "/console/handsets",
    ):
        await browser.get(page)
        assert "&lt;script&gt;alert(" in browser.text
        assert "<script>alert(" not in browser.text


@pytest.mark.parametrize("message_id", ["nothing", "%00", "01890000-0000-7000-8000-000000000000"])
async def test_a_message_that_is_not_there_is_a_page_of_its_own(browser, message_id):
    await browser.get(f"/console/messages/{message_id}")
    assert browser.status == 404
    assert "There is no message with this id." in browser.words


async def test_a_message_of_another_account_is_not_there(house, browser):
    sent = await house.send()
    await accounts.create(house.desk, account_id="other", name="Other", now=NOW)
    moved = tables.messages.update().values(account_id="other")
    await house.desk.store.write(lambda tx: tx.conn.execute(moved))
    for page in (f"/console/messages/{sent.message_id}", f"/console/messages?q={quote(PERSON)}"):
        await browser.get(page)
        assert "482913" not in browser.text


async def test_a_waiting_message_can_be_cancelled(house, browser):
    sent = await house.send(send_at=datetime.fromtimestamp(NOW / SECOND, UTC) + timedelta(hours=2))
    await browser.get(f"/console/messages/{sent.message_id}")
    assert "It waits for its time to leave." in browser.words
    assert "Cancel this message" in browser.words
    await browser.post(f"/console/messages/{sent.message_id}/cancel")
    assert browser.status == 200
    assert "The message is cancelled. It will not leave." in browser.words
    assert "Cancel this message" not in browser.words


async def test_what_has_left_cannot_be_cancelled_and_the_page_says_so(house, browser):
    sent = await house.send()
    await house.carrier.deliver()
    await browser.get(f"/console/messages/{sent.message_id}")
    assert "Cancel this message" not in browser.words
    await browser.post(f"/console/messages/{sent.message_id}/cancel")
    assert browser.status == 409
    assert "only a waiting message can be cancelled" in browser.words


async def test_a_message_held_for_a_review_says_so(house, browser):
    await phone_numbers.create(
        house.desk, account_id="main", number=PROMOTIONAL, kind="LONG_CODE", message_type="PROMOTIONAL", now=NOW
    )
    await house.carrier.reply(PERSON, PROMOTIONAL, "please stop texting me <b>now</b>")
    sent = await house.send("Sale!", origination=PROMOTIONAL)
    await browser.get(f"/console/messages/{sent.message_id}")
    assert "Scheduled It is held until staff decide on a possible opt-out." in browser.words
    assert "Possible opt-outs Held" in browser.words
