"""The phones of the simulated carrier, side by side like chats: read what came, write back, see it arrive.

The stream of server-sent events says only that something has changed; the page then asks for itself and puts what is
new in its place. So there is one way of showing a text, and nothing to escape in the script.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from carriers.text import TextError
from gateway.console import forms, gate, pages
from gateway.errors import Invalid, NotFound
from gateway.model import IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from carriers.simulator import Simulator
    from carriers.simulator.handsets import Text
    from gateway.routing import Directory

SECTION = "handsets"
MOST_PHONES = 12
MOST_TEXTS = 50  # a phone
LONGEST_TEXT = 1600
REPLY_WAIT = 3.0  # seconds: a reply that nobody takes is on its way all the same
KEEP_ALIVE_SECONDS = 15.0
CHANGED = b"event: changed\ndata: 1\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
_BREATH = 0.1  # seconds between two changes told: under load the page is not asked for at every text


@dataclass(frozen=True, slots=True)
class Phone:
    """One handset as its card shows it."""

    number: str
    texts: Sequence[Text]
    senders: Sequence[str]  # whom it may write to
    chosen: str = ""
    typed: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


class Streams:
    """The streams that are open, so that a stop of the server need not wait for them."""

    def __init__(self) -> None:
        self.closing = False
        self._open: set[asyncio.Event] = set()

    @contextlib.contextmanager
    def opened(self, news: asyncio.Event) -> Iterator[None]:
        self._open.add(news)
        try:
            yield
        finally:
            self._open.discard(news)

    def close(self) -> None:
        self.closing = True
        for news in self._open:
            news.set()


STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)


async def close_streams(console: web.Application) -> None:
    console[STREAMS].close()


async def index(request: web.Request) -> web.Response:
    if gate.services(request).simulator is None:
        return await pages.show(request, "handsets_off.html", section=SECTION)
    asked = forms.typed(request, "phone")
    opened = forms.number(asked, _directory(request))
    errors = {"phone": "This is not a phone number. Write it as +12065550142."} if asked and not opened else {}
    return await _board(request, opened=opened or "", asked=asked, errors=errors)


async def reply(request: web.Request) -> web.Response:
    simulator = _simulator(request)
    asked = await forms.read(request)
    number = forms.number(asked.get("phone", ""), _directory(request))
    if number is None:
        raise NotFound("no_handset", "There is no phone with that number.")
    to, text = asked.get("to", ""), asked.get("text", "").strip()
    try:
        _check(to, text, _senders(request, simulator.handsets.texts(number)))
        await _send(simulator, number, to, text)
    except Invalid as error:
        errors = forms.by_field(error)
        failed = Phone(number, (), (), to, text, errors)
        return await _board(request, opened=number, failed=failed, status=error.status)
    return pages.see_other(f"/console/handsets?phone={pages.segment(number)}#{anchor(number)}")


async def stream(request: web.Request) -> web.StreamResponse:
    """Tells of each change of a phone, until the browser leaves, the session ends or the server stops."""
    simulator, who, given = _simulator(request), gate.session(request), gate.services(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(request)
    news, streams = asyncio.Event(), request.app[STREAMS]
    unsubscribe = simulator.handsets.subscribe(lambda _number, _text: news.set())
    try:
        with streams.opened(news), contextlib.suppress(ConnectionError):
            await response.write(KEEP_ALIVE)
            while not streams.closing and given.now() < who.expires_at:
                await response.write(await _next(news))
    finally:
        unsubscribe()
    return response


async def _next(news: asyncio.Event) -> bytes:
    """The next thing to say: a change, or after a silence that we are still here."""
    try:
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            await news.wait()
    except TimeoutError:
        return KEEP_ALIVE
    await asyncio.sleep(_BREATH)
    news.clear()
    return CHANGED


def anchor(number: str) -> str:
    """The id of a phone's card in its page."""
    return f"phone-{number.removeprefix('+')}"


async def _board(
    request: web.Request,
    *,
    opened: str = "",
    asked: str = "",
    failed: Phone | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    handsets = _simulator(request).handsets
    shown = list(handsets.numbers)
    if opened and opened not in shown[:MOST_PHONES]:
        shown.insert(0, opened)
    phones = [_phone(request, number, handsets.texts(number), failed) for number in shown[:MOST_PHONES]]
    return await pages.show(
        request, "handsets.html", section=SECTION, status=422 if errors else status, phones=phones, anchor=anchor,
        hidden=max(0, len(shown) - MOST_PHONES), asked=asked, errors=errors or {}, longest=LONGEST_TEXT,
    )  # fmt: skip


def _phone(request: web.Request, number: str, texts: Sequence[Text], failed: Phone | None) -> Phone:
    senders = _senders(request, texts)
    if failed is not None and failed.number == number:
        return Phone(number, texts[-MOST_TEXTS:], senders, failed.chosen, failed.typed, failed.errors)
    return Phone(number, texts[-MOST_TEXTS:], senders)


def _senders(request: web.Request, texts: Sequence[Text]) -> Sequence[str]:
    """Whom a phone may write to: those it last heard from, then our own numbers. Nobody can write to a name."""
    heard = [text.other for text in reversed(texts) if text.other.lstrip("+").isdigit()]
    ours = [one.sender for one in _directory(request).identities if one.kind is not IdentityKind.SENDER_ID]
    return tuple(dict.fromkeys(heard + ours))


def _check(to: str, text: str, senders: Sequence[str]) -> None:
    if to not in senders:
        raise Invalid("unknown_sender", "Choose whom to write to.", field="to")
    if not text:
        raise Invalid("missing", "Write something first.", field="text")
    if len(text) > LONGEST_TEXT:
        raise Invalid("too_long", f"Write {LONGEST_TEXT} characters at most.", field="text")


async def _send(simulator: Simulator, number: str, to: str, text: str) -> None:
    try:
        async with asyncio.timeout(REPLY_WAIT):
            await simulator.reply(number, to, text)
    except TextError as error:
        raise Invalid(error.code, f"{error}.", field="text") from error
    except ValueError as error:
        raise Invalid("bad_number", "This number cannot be written to or from.", field="to") from error
    except TimeoutError:
        pass  # no link takes it yet: it waits on the phone, whose page says so


def _simulator(request: web.Request) -> Simulator:
    simulator = gate.services(request).simulator
    if simulator is None:
        raise NotFound("simulator_off", "The simulated carrier is off, so there are no phones.")
    return simulator


def _directory(request: web.Request) -> Directory:
    return gate.services(request).desk.catalog.directory(gate.session(request).staff.account_id)
