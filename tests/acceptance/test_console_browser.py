"""The console in a real browser, on a whole running gateway with its simulated carrier."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from playwright.async_api import expect

from gateway.app import running, web_app
from gateway.config import Settings
from gateway.model import DEFAULT_ACCOUNT
from gateway.outbound.request import SendRequest
from gateway.quickstart import HANDSET, NUMBER
from gateway.resources import opt_outs
from tests.support.browser import chromium, require_chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

    from gateway.services import Services

PHONE = "#phone-12065550142"
WIDTHS = (390, 1280)


class Site:
    """A running gateway, somebody's browser, and what went wrong in it."""

    def __init__(self, base: str, services: Services, page: Page, password: str) -> None:
        self.base, self.services, self.page, self.password = base, services, page, password
        self.complaints: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _on_console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def send(self, body: str) -> str:
        request = SendRequest(account_id=DEFAULT_ACCOUNT, to=HANDSET, body=body, origination=NUMBER)
        return (await self.services.outbound.accept(request)).message_id

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.base}/")
        await self.page.get_by_label("Name").fill("admin")
        await self.page.get_by_label("Password").fill(self.password)
        await self.page.keyboard.press("Enter")
        await expect(self.page.get_by_role("heading", name="Messages", exact=True)).to_be_visible()

    async def room(self, name: str) -> None:
        await self.page.get_by_role("navigation", name="Rooms").get_by_role("link", name=name).click()


@contextlib.asynccontextmanager
async def site(folder: Path, **context: Any) -> AsyncIterator[Site]:
    async with running(Settings(data_dir=folder, host="127.0.0.1", port=0)) as instance:
        assert instance.quickstart is not None
        runner = web.AppRunner(web_app(instance.services), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with chromium() as browser:
                page = await (await browser.new_context(**context)).new_page()
                yield Site(base, instance.services, page, instance.quickstart.password)
        finally:
            await runner.cleanup()


@pytest.fixture(autouse=True)
def _chromium() -> None:
    require_chromium()


async def test_a_text_a_stop_and_a_lift_as_staff_see_them(tmp_path):
    async with site(tmp_path, viewport={"width": 1280, "height": 900}) as here:
        page = here.page
        await here.sign_in()
        await here.room("Handsets")
        await expect(page.locator("[data-live-state]")).to_have_text("Live")

        # What an app sends appears on its phone by itself, with its state.
        await here.send("Your code is 482913.")
        phone = page.locator(PHONE)
        arrived = phone.locator(".talk li", has_text="Your code is 482913.")
        await expect(arrived).to_have_attribute("data-state", "DELIVERED")

        # STOP, typed on the phone, is taken and answered without a reload.
        await page.evaluate("window.untouched = true")
        await phone.get_by_placeholder("Reply, for example STOP").fill("STOP")
        await phone.get_by_placeholder("Reply, for example STOP").press("Enter")
        await expect(phone.locator(".talk li.ours", has_text="STOP")).to_have_attribute("data-state", "ACKNOWLEDGED")
        await expect(phone.locator(".talk li.theirs").last).to_contain_text("You are opted out")
        await expect(phone.get_by_placeholder("Reply, for example STOP")).to_have_value("")
        assert await page.evaluate("window.untouched") is True

        # The next text is refused, and its page says why.
        refused = await here.send("Our sale starts today.")
        await page.goto(f"{here.base}/console/messages/{refused}")
        await expect(page.get_by_label("Status")).to_contain_text("A rule said no: it never left.")

        # The person's page shows the opt-out with its history; staff lift it with a reason.
        await here.room("Opt-outs")
        await page.get_by_label("Find a person").fill("(206) 555-0142")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="Open this person").click()
        await expect(page.get_by_role("region", name="May this person be texted?")).to_contain_text("Opted out")
        await expect(page.get_by_role("region", name="History")).to_contain_text("STOP")
        await page.get_by_role("link", name="Lift…").click()
        await page.get_by_label("Reason").fill("Wrote to us and asked for texts again")
        await page.get_by_role("button", name="Lift the opt-out").click()
        await expect(page.get_by_role("status")).to_contain_text("The opt-out is lifted")
        await expect(page.get_by_role("region", name="History")).to_contain_text(
            "Wrote to us and asked for texts again"
        )
        assert not (await opt_outs.find(here.services.desk, account_id=DEFAULT_ACCOUNT)).items
        assert here.complaints == []


async def test_hostile_words_do_not_run_on_the_live_page(tmp_path):
    async with site(tmp_path) as here:
        await here.sign_in()
        await here.room("Handsets")
        await expect(here.page.locator("[data-live-state]")).to_have_text("Live")
        hostile = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
        await here.send(hostile)
        await expect(here.page.locator(f"{PHONE} .bubble")).to_have_text(hostile)
        assert await here.page.evaluate("window.hacked") is None
        assert here.complaints == []


async def test_everything_works_without_script_and_with_the_keyboard_alone(tmp_path):
    async with site(tmp_path, java_script_enabled=False) as here:
        page = here.page
        await here.sign_in()
        await page.goto(f"{here.base}/console/handsets")
        await page.get_by_label("Open a phone").fill("2065550142")
        await page.keyboard.press("Enter")
        await (
            page.locator(PHONE).get_by_placeholder("Reply, for example STOP").fill("please stop texting me <b>now</b>")
        )
        await page.keyboard.press("Enter")
        await expect(page.locator(f"{PHONE} .talk li.ours")).to_contain_text("please stop texting me <b>now</b>")
        await here.room("Reviews")
        await page.get_by_label("Reason").fill("Clearly wants no more texts")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("the person is opted out")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS)
async def test_no_page_is_wider_than_its_window(tmp_path, width):
    async with site(tmp_path, viewport={"width": width, "height": 800}) as here:
        await here.sign_in()
        sent = await here.send("A long word: " + "x" * 300)
        for room in (
            "messages",
            f"messages/{sent}",
            "opt-outs",
            "opt-outs/add",
            "people/%2B12065550142",
            "reviews",
            "registrations",
            "handsets",
        ):
            await here.page.goto(f"{here.base}/console/{room}")
            assert await here.page.evaluate("document.documentElement.scrollWidth") <= width, room
