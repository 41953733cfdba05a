"""STOP from a handset, in anybody's words: who writes it is not texted again, by any number that shares the list."""

from __future__ import annotations

import time
from itertools import count

import pytest
import pytest_asyncio

from tests.support.service import NUMBER, eventually, service, smsc

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)
]  # fmt: skip

SECOND, PROMOTIONAL, APART = "+12065550112", "+12065550113", "+12065550114"
STOPS = ["Stop.", "STOP!!", "s t o p", "Stop please", "unsubscribe me", "ARRÊT"]
NO_STOPS = ["please stop by at 5", "don't stop", "nonstop", "STOP 12345"]
MAYBE = "thought I opted out of this"


class Town:
    """A service, its carrier, and people with handsets that nobody has texted yet."""

    def __init__(self, served, carrier) -> None:
        self.served, self.carrier = served, carrier
        self._people = count(2_000_000)

    def person(self) -> str:
        return f"+1206{next(self._people)}"

    async def write(self, person: str, text: str, to: str = NUMBER) -> float:
        """Have the person write; gives the seconds until the service had it for good."""
        began = time.monotonic()
        shown = await self.carrier.reply(person, to, text)
        assert shown.state == "ACKNOWLEDGED"
        return time.monotonic() - began

    def received(self, person: str) -> list[str]:
        """What stands on the handset from us."""
        return [text.body for text in self.carrier.handsets.texts(person) if text.direction == "in"]

    async def until_received(self, person: str, number: int) -> list[str]:
        await eventually(lambda: len(self.received(person)) >= number, what=f"{number} texts on the handset")
        return self.received(person)

    async def sent(self, person: str, purpose: str) -> list[dict]:
        found = await self.served.good("GET", f"/v1/messages?number=%2B{person[1:]}")
        return [one for one in found["items"] if one["purpose"] == purpose]

    async def heard(self, person: str) -> dict:
        """The last text that the service has from this person."""
        return (await self.served.good("GET", f"/v1/inbound?number=%2B{person[1:]}"))["items"][0]

    async def reviews(self, person: str) -> list[dict]:
        return [one for one in (await self.served.good("GET", "/v1/reviews"))["items"] if one["number"] == person]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    async with smsc() as carrier, service(folder) as served:
        number_id = await served.connect(carrier.port)
        await served.until_linked()
        await served.add_number(SECOND)
        await served.add_number(PROMOTIONAL, message_type="PROMOTIONAL")
        await served.good("POST", "/v1/opt-out-lists", {"name": "Apart"})
        await served.add_number(APART, opt_out_list="Apart")
        own = {"action": "AUTOMATIC_RESPONSE", "message": "Stop 12345 is Pine Street."}
        await served.good("PUT", f"/v1/phone-numbers/{number_id}/keywords/STOP%2012345", own)
        yield Town(served, carrier)


@pytest.mark.parametrize("words", STOPS)
async def test_a_stop_blocks_the_next_send_on_every_number_of_the_list(town, words):
    person = town.person()
    assert (await town.served.send(person, "Hello")).status == 202
    assert await town.write(person, words) < 1.0
    for sender in (NUMBER, SECOND, PROMOTIONAL):
        answer = await town.served.send(person, "Hello again", sender)
        assert answer.status == 409, (sender, answer.body)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.body["code"] == "destination_opted_out"
        assert "opted out on" in answer.body["detail"]
        assert answer.body["verdict"]["rule"] == "opted_out"
        assert "START" in answer.body["remedy"]
    assert (await town.served.send(person, "Of another list", APART)).status == 202
    assert (await town.heard(person))["meaning"] == "OPT_OUT"


async def test_a_stop_is_confirmed_once(town):
    person = town.person()
    await town.write(person, "STOP")
    (confirmation,) = await town.until_received(person, 1)
    assert "opted out" in confirmation
    await town.write(person, "Stop!")
    await town.write(person, "STOP", SECOND)
    confirmations = await town.sent(person, "opt_out_confirmation")
    assert [one["body"] for one in confirmations if one["status"] != "REFUSED"] == [confirmation]
    await town.write(person, "HELP")  # its answer comes behind whatever the two others might have brought
    assert len(await town.until_received(person, 2)) == 2


async def test_help_is_answered_for_those_who_opted_out(town):
    person = town.person()
    await town.write(person, "STOP")
    await town.until_received(person, 1)
    await town.write(person, "Help?")
    assert "For help, contact" in (await town.until_received(person, 2))[1]
    assert (await town.served.send(person, "Still not")).status == 409


@pytest.mark.parametrize("words", ["START", "unstop"])
async def test_start_brings_a_person_back(town, words):
    person = town.person()
    await town.write(person, "STOP")
    await town.until_received(person, 1)
    assert await town.write(person, words) < 1.0
    for sender in (NUMBER, SECOND):
        assert (await town.served.send(person, "Welcome back", sender)).status == 202
    bodies = await town.until_received(person, 4)
    assert "opted in again" in bodies[1]
    assert bodies[2:] == ["Welcome back", "Welcome back"]


@pytest.mark.parametrize("words", NO_STOPS)
async def test_what_is_not_a_revocation_blocks_nothing(town, words):
    person = town.person()
    await town.write(person, words)
    for sender in (NUMBER, SECOND, PROMOTIONAL):
        answer = await town.served.send(person, "Hello", sender)
        assert (answer.status, answer.body["status"]) == (202, "QUEUED"), (sender, answer.body)
    assert await town.reviews(person) == []
    assert (await town.heard(person))["meaning"] in {"NONE", "OWN"}


async def test_a_word_of_the_apps_own_is_answered(town):
    person = town.person()
    await town.write(person, "stop 12345")
    assert await town.until_received(person, 1) == ["Stop 12345 is Pine Street."]


async def test_a_possible_revocation_holds_promotional_texts_until_staff_keep_the_person(town):
    person = town.person()
    await town.write(person, MAYBE)
    held = await town.served.send(person, "Half price today", PROMOTIONAL)
    assert (held.status, held.body["status"]) == (202, "SCHEDULED"), held.body
    assert (await town.served.send(person, "Your code is 1234")).status == 202
    assert await town.until_received(person, 1) == ["Your code is 1234"]
    (review,) = await town.reviews(person)
    assert review["words"] == MAYBE
    await town.served.good("POST", f"/v1/reviews/{review['id']}/close", {"outcome": "KEEP", "reason": "asked"})
    await town.served.until_status(held.body["id"], "DELIVERED", seconds=60)
    assert await town.until_received(person, 2) == ["Your code is 1234", "Half price today"]


async def test_a_possible_revocation_that_staff_confirm_refuses_what_was_held(town):
    person = town.person()
    await town.write(person, MAYBE)
    held = await town.served.send(person, "Half price today", PROMOTIONAL)
    assert held.body["status"] == "SCHEDULED", held.body
    (review,) = await town.reviews(person)
    await town.served.good("POST", f"/v1/reviews/{review['id']}/close", {"outcome": "OPT_OUT", "reason": "meant it"})
    assert (await town.served.send(person, "Your code is 1234")).status == 409
    refused = await town.served.until_status(held.body["id"], "REFUSED", seconds=60)
    assert refused["reason_code"] == "destination_opted_out"
    assert "Half price today" not in town.received(person)
