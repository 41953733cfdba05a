"""The room where staff decide registrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.console import words
from gateway.resources import registration_attachments, registration_types, registrations
from gateway.resources.registration_types import Answer
from tests.support.console import PASSWORD, Browser, House, browsing

if TYPE_CHECKING:
    from gateway.resources.registrations import Registration

MAIN = {"account_id": "main"}
KIND = "US_TOLL_FREE_REGISTRATION"
TITLE = "US toll-free number registration"
ROOM = "/console/registrations"
PNG = b"\x89PNG\r\n\x1a\nrest"


@pytest.fixture
async def waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> Registration:
    """One that was filled in and submitted; which number it is about is of no interest here."""
    monkeypatch.setattr(registrations, "_check_complete", _complete)
    one = await registrations.create(house.desk, **MAIN, kind=KIND, now=house.clock())
    image = await registration_attachments.create(house.desk, **MAIN, now=house.clock(), body=PNG)
    await put(house, one, "companyInfo.companyName", Answer(text="Example <b>Corp</b>"))
    await put(house, one, "companyInfo.businessType", Answer(choices=("NON_PROFIT",)))
    await put(house, one, "messagingUseCase.optInImage", Answer(attachment_id=image.id))
    await submit(house, one)
    return one


async def _complete(*_: object) -> None:
    """The form is taken as it is."""


async def put(house: House, one: Registration, path: str, answer: Answer) -> None:
    await registrations.put_answer(house.desk, **MAIN, registration_id=one.id, path=path, answer=answer)


async def submit(house: House, one: Registration) -> None:
    await registrations.submit(house.desk, **MAIN, registration_id=one.id, now=house.clock())


async def status(house: House, one: Registration) -> str:
    return (await registrations.get(house.desk, **MAIN, registration_id=one.id)).status


async def test_an_empty_room_says_so(browser: Browser) -> None:
    await browser.get(ROOM)
    assert "Nothing waits for you A registration appears here when an app submits it." in browser.words


async def test_what_waits_is_listed_and_opened(browser: Browser, waiting: Registration) -> None:
    await browser.get(ROOM)
    assert f"{TITLE} Version 1, submitted" in browser.words
    assert f'href="{ROOM}/{waiting.id}"' in browser.text
    await browser.get(f"{ROOM}/{waiting.id}")
    assert "Company name Example &lt;b&gt;Corp&lt;/b&gt;" in browser.words
    assert "Business type NON_PROFIT" in browser.words
    assert "Opt-in workflow image Save the file (image/png)" in browser.words


@pytest.mark.parametrize(
    ("outcome", "becomes", "notice"),
    [
        ("APPROVED", "COMPLETE", "Decided: the registration is approved."),
        ("DENIED", "REQUIRES_UPDATES", "Decided: the registration is denied. Who registered sees the reason."),
    ],
)
async def test_a_decision_is_kept_with_its_reason_and_name(
    house: House, browser: Browser, waiting: Registration, outcome: str, becomes: str, notice: str
) -> None:
    await browser.get(f"{ROOM}/{waiting.id}")
    await browser.post(f"{ROOM}/{waiting.id}", outcome=outcome, reason="As the register of companies has it")
    assert notice in browser.words
    assert await status(house, waiting) == becomes
    decided = (await registrations.get(house.desk, **MAIN, registration_id=waiting.id)).last
    assert (decided.reason, decided.actor) == ("As the register of companies has it", "staff:alice")
    assert "Nothing waits for you" in browser.words


async def test_a_decision_needs_a_reason(house: House, browser: Browser, waiting: Registration) -> None:
    await browser.get(f"{ROOM}/{waiting.id}")
    await browser.post(f"{ROOM}/{waiting.id}", outcome="APPROVED", reason=" ")
    assert browser.status == 422
    assert "Write why, in a few words. It is kept on record." in browser.words
    assert await status(house, waiting) == "SUBMITTED"


async def test_what_a_colleague_decided_first_stands(house: House, browser: Browser, waiting: Registration) -> None:
    await browser.get(f"{ROOM}/{waiting.id}")
    token = browser.csrf
    await registrations.decide(
        house.desk, **MAIN, registration_id=waiting.id, outcome="DENIED", actor="staff:bob", reason="No",
        now=house.clock(),
    )  # fmt: skip
    await browser.post(f"{ROOM}/{waiting.id}", csrf=token, outcome="APPROVED", reason="Yes")
    assert browser.status == 409
    assert "This registration does not wait for a decision any more." in browser.words
    assert await status(house, waiting) == "REQUIRES_UPDATES"


async def test_a_later_version_shows_what_was_said_before(
    house: House, browser: Browser, waiting: Registration
) -> None:
    await registrations.decide(
        house.desk, **MAIN, registration_id=waiting.id, outcome="DENIED", actor="staff:bob", reason="Which company?",
        now=house.clock(),
    )  # fmt: skip
    await registrations.new_version(house.desk, **MAIN, registration_id=waiting.id, now=house.clock())
    await put(house, waiting, "companyInfo.companyName", Answer(text="Example Ltd"))
    await submit(house, waiting)
    await browser.get(f"{ROOM}/{waiting.id}")
    assert "Version 1 was denied by bob, staff: Which company?" in browser.words
    assert "Company name Example Ltd (before: Example" in browser.words
    assert "NON_PROFIT (before" not in browser.words


async def test_a_file_is_saved_and_not_shown(house: House, browser: Browser, waiting: Registration) -> None:
    (image,) = await registration_attachments.find(house.desk, **MAIN)
    answer = await browser.client.get(f"{ROOM}/attachments/{image.id}")
    assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", PNG)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{image.id}.png"'


async def test_a_viewer_reads_and_does_not_decide(house: House, waiting: Registration) -> None:
    await house.staff("vera", "viewer")
    async with browsing(house) as browser:
        await browser.sign_in("vera", PASSWORD)
        await browser.get(f"{ROOM}/{waiting.id}")
        assert "Company name" in browser.words
        assert "Approve" not in browser.words


async def test_what_is_not_there_is_not_found(browser: Browser) -> None:
    for address in (f"{ROOM}/registration-none", f"{ROOM}/attachments/attachment-none"):
        await browser.get(address)
        assert browser.status == 404


def test_each_status_has_its_words() -> None:
    assert set(words.VERSIONS) == {"DRAFT", "SUBMITTED", "APPROVED", "DENIED", "DISCARDED", "ARCHIVED"}
    assert all(kind.title for kind in registration_types.types().values())
