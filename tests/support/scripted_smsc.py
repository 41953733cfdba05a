"""An SMSC on a real socket that does as the test says, and a sink that keeps what a connector tells it.

Nothing here sleeps: ``Watch.until`` waits for a condition that some event will make true.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from carriers.smpp.config import SessionConfig
from carriers.smpp.connector import SmppConnector
from carriers.smpp.events import Requested
from carriers.smpp.fields import Command
from carriers.smpp.pdu import response_to
from carriers.smpp.settings import SmppSettings
from carriers.smpp.states import BIND_STATES
from carriers.smpp.transport import serve
from carriers.types import Encoding, Segment, Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from carriers.smpp.events import Event
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.transport import ServerLink
    from carriers.types import CarrierEvent, SubmissionResult


class Watch:
    """Wakes whoever waits for a condition each time something happened."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    def ping(self) -> None:
        self._happened.set()

    async def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._happened.clear()
                await self._happened.wait()


class ScriptedSmsc:
    """``on_bind`` and ``on_submit`` are called with (link, pdu); by default they accept everything."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.links: list[ServerLink] = []
        self.binds: list[Pdu] = []
        self.submits: list[tuple[ServerLink, Pdu]] = []
        self.events: list[Event] = []
        self.on_bind: Callable[[ServerLink, Pdu], None] = self.accept_bind
        self.on_submit: Callable[[ServerLink, Pdu], None] = self.accept
        self.port = 0

    def on_link(self, link: ServerLink) -> Callable[[ServerLink, Event], None]:
        self.links.append(link)
        return self.on_event

    def on_event(self, link: ServerLink, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Requested):
            self._requested(link, event.pdu)
        self.watch.ping()

    def _requested(self, link: ServerLink, pdu: Pdu) -> None:
        if pdu.command_id in BIND_STATES:
            self.binds.append(pdu)
            self.on_bind(link, pdu)
        elif pdu.command_id == Command.SUBMIT_SM:
            self.submits.append((link, pdu))
            self.on_submit(link, pdu)

    def accept_bind(self, link: ServerLink, pdu: Pdu) -> None:
        link.answer(response_to(pdu, system_id=b"smsc"))

    def accept(self, link: ServerLink, pdu: Pdu) -> None:
        link.answer(response_to(pdu, message_id=b"id-%d" % len(self.submits)))

    def told(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


class RecordingSink:
    """Keeps everything; ``store`` may be replaced to fail or to wait."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.results: list[SubmissionResult] = []
        self.batches: list[int] = []
        self.received_events: list[CarrierEvent] = []
        self.received_batches: list[int] = []
        self.changes = 0

    def settled(self, _connector_id, results) -> None:
        self.results.extend(results)
        self.batches.append(len(results))
        self.watch.ping()

    async def received(self, _connector_id, events) -> None:
        self.received_batches.append(len(events))
        await self.store(events)
        self.received_events.extend(events)
        self.watch.ping()

    async def store(self, events) -> None:
        """Durable at once."""

    def changed(self, _connector_id) -> None:
        self.changes += 1
        self.watch.ping()

    def outcomes(self) -> dict[str, str]:
        return {result.reference: str(result.outcome) for result in self.results}


def submission(reference: str, destination: str = "+447700900123", **changes) -> Submission:
    segment = Segment(1, 1, Encoding.GSM7, 0, b"hello", "hello")
    values = {"group": reference, "source": "+15550100", "destination": destination, "segment": segment, **changes}
    return Submission(reference, **values)


def quick(port: int, **changes) -> SmppSettings:
    """Settings for the loopback: nothing waits long."""
    values = {
        "host": "127.0.0.1",
        "port": port,
        "system_id": "esme",
        "password": "secret",
        "bind_interval": 0,
        "backoff_cap": 0.01,
        "throttle_pause": 0.05,
        **changes,
    }
    return SmppSettings(**values)


@asynccontextmanager
async def smsc(config: SessionConfig | None = None, tls=None):
    """A listening SMSC; its links are cut at the end."""
    scripted = ScriptedSmsc(Watch())
    server = await serve("127.0.0.1", 0, scripted.on_link, config=config or SessionConfig(window=1000), tls=tls)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for link in scripted.links:
            link.abort()


@asynccontextmanager
async def connected(scripted: ScriptedSmsc, *, links: int = 1, **changes):
    """A connector bound to it by so many links, and its sink; aborted at the end without ceremony."""
    sink = RecordingSink(scripted.watch)
    connector = SmppConnector("carrier", quick(scripted.port, **changes), sink)
    await connector.start()
    try:
        await scripted.watch.until(lambda: up(connector) >= links)
        yield connector, sink
    finally:
        await connector.stop(0)


def up(connector: SmppConnector) -> int:
    return sum(link.state.startswith("BOUND") for link in connector.status().links)
