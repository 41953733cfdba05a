# noqa: INP001 -- a script, not a package
"""Take the pictures of the README: run a gateway with its simulated carrier, let a small story happen, photograph it.

    python docs/screenshots.py

Needs Chromium at /usr/bin/chromium and the development dependencies. Writes docs/images/handsets.png and
docs/images/person.png.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from playwright.async_api import async_playwright

from gateway.app import running, web_app
from gateway.config import Settings
from gateway.model import DEFAULT_ACCOUNT
from gateway.outbound.request import SendRequest
from gateway.quickstart import NUMBER

if TYPE_CHECKING:
    from playwright.async_api import Page

    from gateway.services import Services

IMAGES = Path(__file__).parent / "images"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ANNA, BEN, CLEO = "+12065550142", "+12065550177", "+12065550123"
# Who says what: our text to a phone, or a phone's reply to us.
STORY = (
    ("us", CLEO, "Your table for two is booked for Friday at 19:00. Reply HELP for help or STOP for no more texts."),
    (CLEO, "", "Could you make it 19:30?"),
    ("us", CLEO, "Done: Friday at 19:30. See you then!"),
    ("us", BEN, "Your parcel is with the driver and comes between 14:00 and 16:00."),
    (BEN, "", "Please leave it at the back door"),
    ("us", BEN, "The driver knows. Delivered at 14:32."),
    ("us", ANNA, "482913 is your code. It is good for 10 minutes."),
    ("us", ANNA, "Our autumn sale starts today: 20% off everything."),
    (ANNA, "", "Stop please"),
)


async def tell(services: Services) -> None:
    """Let the story happen, each text after the one before has arrived."""
    for who, person, body in STORY:
        if who == "us":
            await send(services, person, body)
        elif services.simulator is not None:
            await services.simulator.reply(who, NUMBER, body)
    await arrival(services, ANNA, "You are opted out")


async def send(services: Services, person: str, body: str) -> None:
    request = SendRequest(account_id=DEFAULT_ACCOUNT, to=person, body=body, origination=NUMBER)
    await services.outbound.accept(request)
    await arrival(services, person, body)


async def arrival(services: Services, person: str, body: str) -> None:
    """Wait until a phone has got a text that begins so."""
    if services.simulator is None:
        return
    handsets, news = services.simulator.handsets, asyncio.Event()
    unsubscribe = handsets.subscribe(lambda _number, _text: news.set())
    while not any(text.direction == "in" and text.body.startswith(body) for text in handsets.texts(person)):
        news.clear()
        await news.wait()
    unsubscribe()


async def photograph(page: Page, base: str, password: str) -> None:
    await page.goto(f"{base}/console/sign-in")
    await page.get_by_label("Name").fill("admin")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.goto(f"{base}/console/handsets")
    await page.get_by_text("Live", exact=True).wait_for()
    await page.screenshot(path=IMAGES / "handsets.png")
    await page.goto(f"{base}/console/people/%2B12065550142")
    await page.screenshot(path=IMAGES / "person.png")


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with running(Settings(data_dir=Path(folder))) as instance:
            if instance.quickstart is None:
                raise RuntimeError("a fresh gateway has its quickstart")
            await tell(instance.services)
            runner = web.AppRunner(web_app(instance.services), shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                page = await browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
                await photograph(page, f"http://127.0.0.1:{runner.addresses[0][1]}", instance.quickstart.password)
                await browser.close()
            await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
