"""The door of the console: signing in, sessions, forged forms, roles and headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.console.gate import within
from gateway.errors import Unavailable
from gateway.resources import staff
from tests.support.console import NAME, PASSWORD, PERSON, Browser, House, browsing, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


PAGES = (
    "/console/messages",
    "/console/opt-outs",
    "/console/opt-outs/add",
    f"/console/opt-outs/add?phone={PERSON.replace('+', '%2B')}",
    "/console/reviews",
    "/console/registrations",
    "/console/handsets",
    f"/console/people/{PERSON.replace('+', '%2B')}",
)
FORMS = (
    "/console/opt-outs/add",
    "/console/opt-outs/lift",
    "/console/reviews/x",
    "/console/registrations/x",
    "/console/handsets/reply",
)


@pytest.fixture
async def browser(house: House) -> AsyncIterator[Browser]:
    """Nobody has signed in."""
    async with browsing(house) as browser:
        yield browser


async def test_the_root_leads_to_the_console_and_the_console_to_the_sign_in(browser):
    await browser.get("/")
    assert browser.status == 200
    assert browser.address == "/console/sign-in?next=/console/messages"
    assert "Sign in" in browser.words


async def test_after_signing_in_one_is_where_one_wanted_to_go(browser):
    await browser.get("/console/opt-outs?q=555")
    await browser.post("/console/sign-in", name=" Alice ", password=PASSWORD, next="/console/opt-outs?q=555")
    assert (browser.status, browser.address) == (200, "/console/opt-outs?q=555")
    assert NAME in browser.words


async def test_who_is_signed_in_does_not_sign_in_again(browser):
    await browser.sign_in()
    await browser.get("/console/sign-in")
    assert browser.address == "/console/messages"


@pytest.mark.parametrize(
    ("name", "password"),
    [(NAME, "wrong"), ("nobody", PASSWORD), ("", ""), ("a\x00", "\ud800".encode("utf-8", "replace").decode())],
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(browser, name, password):
    await browser.sign_in(name, password)
    assert browser.status == 401
    assert "The name or password is wrong, or the user is locked." in browser.words
    await browser.get("/console/messages")
    assert browser.address.startswith("/console/sign-in")


async def test_five_failures_lock_even_the_right_password_out(house, browser):
    for _ in range(staff.MOST_FAILURES):
        await browser.sign_in(NAME, "wrong")
    await browser.sign_in()
    assert browser.status == 401
    assert "After 5 failures a user is locked for 15 minutes." in browser.words
    house.clock.at += staff.LOCKED_FOR
    await browser.sign_in()
    assert browser.status == 200


async def test_a_hostile_name_is_shown_escaped(browser):
    await browser.sign_in('"><script>alert(1)</script>', "x")
    assert "<script>alert" not in browser.text
    assert "&#34;&gt;&lt;script&gt;" in browser.text


async def test_signing_out_ends_the_session_and_needs_a_form(browser):
    await browser.sign_in()
    await browser.get("/console/sign-out")
    assert browser.status == 405
    await browser.get("/console/messages")
    assert browser.status == 200
    await browser.post("/console/sign-out")
    assert browser.address == "/console/sign-in"
    await browser.get("/console/messages")
    assert browser.address.startswith("/console/sign-in")


async def test_a_session_ends_after_twelve_hours(house, browser):
    await browser.sign_in()
    house.clock.at += staff.SESSION_FOR
    await browser.get("/console/messages")
    assert browser.address.startswith("/console/sign-in")


@pytest.mark.parametrize("page", PAGES)
async def test_every_page_needs_a_session(browser, page):
    await browser.get(page)
    assert browser.address.startswith("/console/sign-in?next=")


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_without_a_session_changes_nothing(browser, form):
    await browser.post(form)
    assert browser.address.startswith("/console/sign-in")


@pytest.mark.parametrize("form", [*FORMS, "/console/sign-out"])
@pytest.mark.parametrize("token", ["", "wrong", "\u00e9"])
async def test_a_form_without_the_token_of_the_session_is_refused(browser, form, token):
    await browser.sign_in()
    await browser.post(form, csrf=token, phone=PERSON, list="Default", reason="because")
    assert browser.status == 403
    assert "This form is no longer valid" in browser.words


async def test_the_sign_in_form_needs_the_token_of_its_own_cookie(browser):
    await browser.post("/console/sign-in", csrf="", name=NAME, password=PASSWORD)
    assert browser.status == 403
    await browser.get("/console/sign-in")
    await browser.post("/console/sign-in", csrf="of another visitor", name=NAME, password=PASSWORD)
    assert browser.status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://texts.example.com"}, 200),
    ],
)
async def test_a_form_counts_only_from_our_own_pages(sqlite_url, vault, tmp_path, headers, status):
    async with (
        open_house(sqlite_url, vault, tmp_path, public_url="https://texts.example.com") as house,
        browsing(house) as browser,
    ):
        await browser.sign_in()
        await browser.post("/console/opt-outs/add", headers, phone=PERSON, list="Default", reason="asked by phone")
        assert browser.status == status


async def test_a_form_from_the_host_it_was_loaded_from_counts(browser):
    await browser.sign_in()
    origin = f"http://{browser.client.host}:{browser.client.port}"
    await browser.post("/console/opt-outs/add", {"Origin": origin}, phone=PERSON, list="Default", reason="asked")
    assert browser.status == 200


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"\xff\xfe", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"&".join(b"a=%d" % n for n in range(60)), 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=" + b"x" * 70_000, 413),
    ],
)
async def test_what_is_no_form_is_turned_away(browser, headers, body, status):
    await browser.sign_in()
    answer = await browser.client.post("/console/opt-outs/add", data=body, headers=headers)
    assert answer.status == status
    assert "Back to the console" in await answer.text()


async def test_a_viewer_sees_everything_and_changes_nothing(house, browser):
    await house.staff("victor", "viewer")
    sent = await house.send()
    await browser.sign_in("victor")
    for page in (*PAGES, f"/console/messages/{sent.message_id}"):
        await browser.get(page)
        assert browser.status == 200
    assert "Cancel this message" not in browser.text
    for form in (*FORMS, f"/console/messages/{sent.message_id}/cancel"):
        await browser.get("/console/messages")
        await browser.post(form, phone=PERSON, list="Default", reason="because")
        assert browser.status == 403
        assert "Your role is viewer" in browser.words
    await browser.get("/console/messages")
    await browser.post("/console/sign-out")
    assert browser.address == "/console/sign-in"


@pytest.mark.parametrize(
    "page", ["/console/sign-in", "/console/messages", "/console/nothing-here", "/console/static/console.css"]
)
async def test_every_answer_carries_the_headers(browser, page):
    await browser.sign_in()
    headers = (await browser.client.get(page)).headers
    policy = headers["Content-Security-Policy"]
    for rule in (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == ("no-cache" if "static" in page else "no-store")
    assert "Strict-Transport-Security" not in headers


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(browser):
    answer = await browser.client.get("/console/sign-in")
    (cookie,) = answer.headers.getall("Set-Cookie")
    assert cookie.startswith("heliograph_form=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


async def test_behind_tls_cookies_are_bound_to_the_host(sqlite_url, vault, tmp_path):
    async with open_house(sqlite_url, vault, tmp_path, secure_cookies=True) as house, browsing(house) as browser:
        answer = await browser.client.get("/console/sign-in")
        (cookie,) = answer.headers.getall("Set-Cookie")
        assert cookie.startswith("__Host-heliograph_form=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert "max-age" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("address", "onward"),
    [
        ("/console", "/console"),
        ("/console/people/%2B12065550142?x=1&y=2", "/console/people/%2B12065550142?x=1&y=2"),
        ("", "/console"),
        ("https://evil.example/console", "/console"),
        ("//evil.example", "/console"),
        ("/console//evil.example", "/console"),
        ("/console\\evil", "/console"),
        ("/consolation", "/console"),
        ("/console\r\nSet-Cookie: a=b", "/console"),
        ("/v1/messages", "/console"),
    ],
)
def test_one_is_led_on_within_the_console_only(address, onward):
    assert within(address) == onward


async def test_errors_look_like_the_rest_and_show_a_way_back(browser):
    await browser.sign_in()
    await browser.get("/console/nothing-here")
    assert browser.status == 404
    assert "There is no such page" in browser.words
    assert "Back to the console" in browser.words
    assert "Sign out" in browser.words


@pytest.mark.parametrize(
    ("trouble", "status", "sentence"),
    [
        (Unavailable("The disk is full."), 503, "Nothing was changed"),
        (RuntimeError("secret of the inside"), 500, "The fault is ours"),
    ],
)
async def test_our_own_trouble_is_told_in_a_sentence_and_not_in_detail(browser, monkeypatch, trouble, status, sentence):
    await browser.sign_in()

    async def fail(*_args: Any, **_named: Any) -> None:
        raise trouble

    monkeypatch.setattr("gateway.resources.messages.find", fail)
    answer = await browser.client.get("/console/messages")
    text = await answer.text()
    assert answer.status == status
    assert sentence in text
    assert "secret of the inside" not in text
    assert ("Retry-After" in answer.headers) == (status == 503)
