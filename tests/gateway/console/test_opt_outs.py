"""The rooms of consent: opt-outs, one person, the queue of possible opt-outs."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gateway.console.opt_outs import PER_PAGE
from gateway.resources import opt_out_lists, opt_outs, reviews
from tests.support.console import NAME, NOW, OURS, PERSON, Browser, House

ADD, LIFT = "/console/opt-outs/add", "/console/opt-outs/lift"
ABOUT = f"/console/people/{quote(PERSON)}"
LIFT_PAGE = f"{LIFT}?phone={quote(PERSON)}&list=Default"
DOUBTFUL = "please stop texting me <b>now</b>"
SEARCHES = (PERSON, "(206) 555-0142", "206.555.0142", "0012065550142", "1 206 555 0142")


async def stands(house: House, phone: str = PERSON) -> bool:
    found = await opt_outs.find(house.desk, account_id="main", query=phone)
    return any(one.phone == phone for one in found.items)


async def test_an_empty_list_says_how_people_come_onto_it(browser):
    await browser.get("/console/opt-outs")
    assert "Nobody is opted out Whoever texts STOP appears here by itself." in browser.words


@pytest.mark.parametrize("typed", [*SEARCHES, "5550142", "+1206555"])
async def test_somebody_opted_out_is_found_in_any_format(house, browser, typed):
    await house.carrier.reply(PERSON, OURS, "STOP")
    await house.carrier.reply("+442071838750", OURS, "STOP")
    await browser.get(f"/console/opt-outs?q={quote(typed)}")
    assert "+1 206-555-0142" in browser.words
    assert "+44 20 7183 8750" not in browser.words


async def test_somebody_on_no_list_can_still_be_opened(browser):
    await browser.get("/console/opt-outs?q=2065550142")
    assert "Nobody found who is opted out +1 206-555-0142 is on none of these lists." in browser.words
    assert f'href="{ABOUT}"' in browser.text


@pytest.mark.parametrize("query", ["q=nonsense", "q=%00", "list=nothing", "list=%00", "q=%F0%9F%98%80"])
async def test_odd_searches_find_nobody_and_do_no_harm(house, browser, query):
    await browser.get(f"/console/opt-outs?{query}")
    assert browser.status == 200


async def test_a_foreign_cursor_is_told(browser):
    await browser.get("/console/opt-outs?after=nonsense")
    assert browser.status == 422
    assert "after is no cursor of ours." in browser.words


async def test_opt_outs_are_shown_in_pages(house, browser):
    rows = [{"phone": f"+120655501{count:02}"} for count in range(PER_PAGE + 1)]
    await opt_outs.import_rows(house.desk, rows, account_id="main", actor="staff:alice", now=NOW)
    await browser.get("/console/opt-outs")
    assert browser.text.count('data-label="Person"') == PER_PAGE
    following = browser.text.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    await browser.get(f"/console/opt-outs{following}")
    assert browser.text.count('data-label="Person"') == 1
    assert f"+1 206-555-01{PER_PAGE}" in browser.words


async def test_a_person_shows_what_stands_and_how_it_came_to_that(house, browser):
    sent = await house.send("Your parcel comes today.")
    await house.carrier.deliver()
    await house.carrier.reply(PERSON, OURS, "Stop!!")
    await browser.get(ABOUT)
    words = browser.words
    assert "Default Opted out" in words
    history = words.partition("History")[2]
    assert "Opted out · list Default Stop!!" in history
    assert "The person · 21 Sep 2026" in history
    assert "Your parcel comes today." in words.partition("Latest texts")[2]
    assert "You are opted out" in words.partition("Latest texts")[2]
    assert f'href="/console/messages/{sent.message_id}"' in browser.text


@pytest.mark.parametrize("typed", SEARCHES[1:])
async def test_a_person_has_one_address_whatever_was_typed(browser, typed):
    await browser.get(f"/console/people/{quote(typed)}")
    assert browser.address == ABOUT
    assert "Nothing has happened: this person never opted out or in." in browser.words


@pytest.mark.parametrize("typed", ["nobody", "12", "%00", "%3Cscript%3E"])
async def test_what_is_no_number_is_no_person(browser, typed):
    await browser.get(f"/console/people/{typed}")
    assert browser.status == 404
    assert "This is not a phone number." in browser.words


async def test_every_list_of_the_account_has_its_state(house, browser):
    await opt_out_lists.create(house.desk, account_id="main", name="Sales", now=NOW)
    await opt_outs.add(
        house.desk, account_id="main", phone=PERSON, actor="key:k", how="API", now=NOW, list_name="Sales"
    )
    await browser.get(ABOUT)
    assert "Sales Opted out" in browser.words
    assert "Default May be texted" in browser.words
    assert "An app, with key k" in browser.words


async def test_adding_first_shows_the_number_as_we_read_it(house, browser):
    await browser.get(f"{ADD}?phone={quote('(206) 555-0142')}")
    assert "Opt out +1 206-555-0142" in browser.words
    assert not await stands(house)


@pytest.mark.parametrize("typed", ["nonsense", "12", "+999999999999"])
async def test_adding_what_is_no_number_says_so_next_to_the_field(browser, typed):
    await browser.get(f"{ADD}?phone={quote(typed)}")
    assert browser.status == 422
    assert "This is not a phone number. Write it with + and its country code." in browser.words
    assert 'aria-describedby="phone-hint phone-error"' in browser.text


async def test_an_opt_out_is_added_with_its_reason_and_name_on_record(house, browser):
    await browser.get(f"{ADD}?phone={quote(PERSON)}")
    await browser.post(ADD, phone=PERSON, list="Default", reason="Phoned us,\r\nwas clear.")
    assert (browser.status, browser.address) == (200, f"{ABOUT}?done=added")
    assert "The number is opted out. The reason is on record." in browser.words
    (act,) = await opt_outs.history(house.desk, account_id="main", phone=PERSON)
    assert (act.action, act.actor, act.how, act.reason) == (
        "OPT_OUT",
        f"staff:{NAME}",
        "console",
        "Phoned us,\nwas clear.",
    )
    assert (await house.send()).status == "REFUSED"


async def test_adding_again_says_that_it_stood_already(house, browser):
    await house.carrier.reply(PERSON, OURS, "STOP")
    await browser.get(f"{ADD}?phone={quote(PERSON)}")
    assert "Already on list Default since" in browser.words
    await browser.post(ADD, phone=PERSON, list="Default", reason="wrote a letter too")
    assert "The number was opted out already." in browser.words


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"reason": "  "}, 422, "Write why, in a few words. It is kept on record."),
        ({"reason": "x" * 501}, 422, "reason has 501 characters."),
        ({"reason": "bell\x07"}, 422, "reason has control characters in it."),
        ({"list": "nothing"}, 404, "There is no such opt out list."),
        ({"list": "\x00"}, 404, "There is no such opt out list."),
        ({"phone": "2065550142"}, 422, "does not begin with +"),
        ({"phone": ""}, 422, "Whose number?"),
    ],
)
async def test_a_bad_addition_is_told_and_stores_nothing(house, browser, fields, status, sentence):
    await browser.get(f"{ADD}?phone={quote(PERSON)}")
    await browser.post(ADD, **({"phone": PERSON, "list": "Default", "reason": "<i>asked</i>"} | fields))
    assert browser.status == status
    assert sentence in browser.words
    assert "<i>" not in browser.text
    assert not await stands(house)


async def test_lifting_asks_first_and_warns_that_the_person_asked(house, browser):
    await house.carrier.reply(PERSON, OURS, "STOP")
    await browser.get(LIFT_PAGE)
    assert "The person asked for this." in browser.words
    assert await stands(house)


async def test_a_lifted_opt_out_lets_texts_through_and_stays_in_the_history(house, browser):
    await house.carrier.reply(PERSON, OURS, "STOP")
    await browser.get(LIFT_PAGE)
    await browser.post(LIFT, phone=PERSON, list="Default", reason="Asked by <letter> for texts")
    assert browser.address == f"{ABOUT}?done=lifted"
    assert (
        "May be texted again · list Default Console Reason: Asked by &lt;letter&gt; for texts alice, staff"
        in browser.words
    )
    assert "Opted out · list Default STOP" in browser.words
    assert not await stands(house)
    assert (await house.send()).status == "QUEUED"


@pytest.mark.parametrize("reason", ["", " \n "])
async def test_nothing_is_lifted_without_a_reason(house, browser, reason):
    await house.carrier.reply(PERSON, OURS, "STOP")
    await browser.get(LIFT_PAGE)
    await browser.post(LIFT, phone=PERSON, list="Default", reason=reason)
    assert browser.status == 422
    assert "Write why, in a few words." in browser.words
    assert await stands(house)


@pytest.mark.parametrize(
    "where", [f"phone={quote(PERSON)}&list=Default", "phone=x&list=Default", f"phone={quote(PERSON)}&list=y", ""]
)
async def test_what_does_not_stand_cannot_be_lifted(browser, where):
    await browser.get(f"{LIFT}?{where}")
    assert browser.status == 404
    await browser.post(LIFT, csrf=await token(browser), phone=PERSON, list="Default", reason="because")
    assert browser.status == 404


async def token(browser: Browser) -> str:
    await browser.get("/console/opt-outs")
    return browser.csrf


async def test_an_empty_queue_says_so(browser):
    await browser.get("/console/reviews")
    assert "Nothing waits for you" in browser.words


async def test_a_possible_opt_out_waits_with_its_words_and_is_counted_in_every_room(house, browser):
    await house.carrier.reply(PERSON, OURS, DOUBTFUL)
    await browser.get("/console/messages")
    assert "Reviews 1 waiting" in browser.words
    await browser.get("/console/reviews")
    assert "please stop texting me &lt;b&gt;now&lt;/b&gt;" in browser.text
    await browser.get(ABOUT)
    assert "A text of this person may be an opt-out." in browser.words


@pytest.mark.parametrize(
    ("outcome", "opted", "notice"), [("OPT_OUT", True, "the person is opted out"), ("KEEP", False, "not an opt-out")]
)
async def test_a_review_is_decided_with_a_reason(house, browser, outcome, opted, notice):
    await house.carrier.reply(PERSON, OURS, DOUBTFUL)
    (review,) = (await reviews.find(house.desk, account_id="main")).items
    await browser.get("/console/reviews")
    await browser.post(f"/console/reviews/{review.id}", outcome=outcome, reason="read it twice")
    assert f"Decided: {notice}" in browser.words
    assert "Nothing waits for you" in browser.words
    assert await stands(house) is opted
    closed = await reviews.get(house.desk, account_id="main", review_id=review.id)
    assert (closed.outcome, closed.actor) == (outcome, f"staff:{NAME}")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reason": ""}, "Write why, in a few words."),
        ({"outcome": "MAYBE"}, "outcome has an unknown value."),
        ({"outcome": ""}, "outcome has an unknown value."),
    ],
)
async def test_a_bad_decision_is_told_next_to_its_review_and_decides_nothing(house, browser, fields, sentence):
    await house.carrier.reply(PERSON, OURS, DOUBTFUL)
    (review,) = (await reviews.find(house.desk, account_id="main")).items
    await browser.get("/console/reviews")
    await browser.post(f"/console/reviews/{review.id}", **({"outcome": "OPT_OUT", "reason": "clear"} | fields))
    assert browser.status == 422
    assert sentence in browser.text.partition(f'id="reason-{review.id}-error"')[2]
    assert not await stands(house)


async def test_a_review_that_somebody_else_decided_is_told(house, browser):
    await house.carrier.reply(PERSON, OURS, DOUBTFUL)
    (review,) = (await reviews.find(house.desk, account_id="main")).items
    await browser.get("/console/reviews")
    await reviews.close(
        house.desk, account_id="main", review_id=review.id, outcome="KEEP", actor="staff:bob", reason="fine", now=NOW
    )
    await browser.post(f"/console/reviews/{review.id}", outcome="OPT_OUT", reason="clear")
    assert browser.status == 409
    assert "staff:bob has closed this review with KEEP." in browser.words
    await browser.post("/console/reviews/nothing", outcome="KEEP", reason="clear")
    assert browser.status == 404
