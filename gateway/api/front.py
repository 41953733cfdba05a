"""The quick way in: sends in their plainest form are answered here, everything else by aiohttp.

For a send, aiohttp takes about as long as all that we do with it until the commit: a task, a request, a writer, a
response, each with headers of its own (docs/decisions/0014-front.md). A plain one needs none of that.

Rule 1: a connection begins here. A request that is not plain goes to aiohttp octet for octet, and the rest of that
connection with it. Plain is: for a path in the table, HTTP/1.1, whole and alone in one read, kept alive, of a length
that it says itself (RFC 9112, section 6.2), its body JSON as it is, no header given twice.
Rule 2: one request at a time. What comes meanwhile waits, and no more is read.
Rule 3: who does not read its answers is not read from.
"""

from __future__ import annotations

import asyncio
import functools
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, cast

from aiohttp.http import SERVER_SOFTWARE
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    from gateway.api.problems import Answer

    #: Answers a plain request; raises nothing.
    Quick: TypeAlias = Callable[["PlainRequest"], Awaitable[Answer]]

LARGEST_HEAD = 8190  # octets; aiohttp takes no more for one line
_JSON = frozenset({b"application/json", b"application/json; charset=utf-8"})
# By which a body means something else, or which ask for more than an answer. Chunks show in the length.
_NOT_PLAIN = frozenset({b"content-encoding", b"expect"})
_STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}


class PlainHeaders:
    """Headers as they came, each read only when it is asked for: most never are."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[bytes, bytes]) -> None:
        self._values = values  # ASCII, by name in lower case

    def get(self, name: str, /) -> str | None:
        value = self._values.get(name.lower().encode())
        return None if value is None else value.decode()


class PlainRequest(NamedTuple):
    """A request that was read whole; a ``gateway.api.rest.endpoint.Incoming``."""

    method: str
    path: str
    headers: PlainHeaders
    octets: bytes
    match_info: Mapping[str, str] = {}


class Front:
    """Makes a protocol for each connection, and knows those that are open here.

    Args:
        table: who answers, by method and path: ``("POST", "/v1/messages")``.
        aiohttp: makes the protocol that takes over what is not plain.
        keep_alive: seconds after which a connection without a request is closed.
    """

    def __init__(
        self, table: Mapping[tuple[str, str], Quick], aiohttp: Callable[[], asyncio.Protocol], *, keep_alive: float
    ) -> None:
        self.table = {f"{method} {path} HTTP/1.1".encode(): (method, path, quick)
                      for (method, path), quick in table.items()}  # fmt: skip
        self.aiohttp = aiohttp
        self.keep_alive = keep_alive
        self.connections: set[_Connection] = set()
        self.leaving = False
        self.requests: set[asyncio.Task[None]] = set()

    def __call__(self) -> asyncio.Protocol:
        return _Connection(self)

    def leave(self) -> None:
        """Answer no more requests but those under way: aiohttp gets each connection, and says goodbye."""
        self.leaving = True
        for connection in tuple(self.connections):
            connection.leave()

    async def close(self, grace: float) -> None:
        """Wait for requests under way, seconds; then close what is open."""
        if self.requests:
            await asyncio.wait(self.requests, timeout=grace)
        for task in self.requests:
            task.cancel()
        for connection in tuple(self.connections):
            connection.transport.close()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, front: Front) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._given = 0  # headers, with those that came twice
        self._octets = b""
        self._stays = False  # the parser has seen the end of a request, and the connection stays open after it
        self._busy = False
        self._held = b""  # what came while we were busy
        self._full = False  # the other end does not read
        self._stopped = False  # we do not read
        self._idle_since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._front.leaving:
            self._hand_over(b"")
            return
        self._front.connections.add(self)
        self._timer = self._loop.call_later(self._front.keep_alive, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        self._forget()

    def pause_writing(self) -> None:
        self._full = True
        self._stop_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()

    def data_received(self, data: bytes) -> None:
        if self._busy or self._full:
            self._held += data
            self._stop_reading()
            return
        found = self._plain(data)
        if found is None:
            self._hand_over(data)
            return
        self._busy = True
        quick, request = found
        task = self._loop.create_task(self._answer(quick, request))
        self._front.requests.add(task)
        task.add_done_callback(self._front.requests.discard)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value
        self._given += 1

    def on_body(self, octets: bytes) -> None:
        self._octets += octets

    def on_message_complete(self) -> None:
        self._stays = self._parser.should_keep_alive()  # afterwards the parser knows no more

    # Reading.

    def _plain(self, data: bytes) -> tuple[Quick, PlainRequest] | None:
        """The request that ``data`` is and who answers it; None unless it is plain."""
        row = self._front.table.get(data[: data.find(b"\r\n")])
        end = data.find(b"\r\n\r\n", 0, LARGEST_HEAD) + len(b"\r\n\r\n")
        if row is None or end < len(b"\r\n\r\n") or not data[:end].isascii() or not self._parse(data):
            return None
        # Of a second request the parser may have kept the beginning; and of chunks there is more than the body.
        if not self._stays or end + len(self._octets) != len(data):
            return None
        headers = self._headers
        if len(headers) != self._given or not _NOT_PLAIN.isdisjoint(headers):
            return None
        if headers.get(b"content-type", b"").lower() not in _JSON:
            return None
        method, path, quick = row
        return quick, PlainRequest(method, path, PlainHeaders(headers), self._octets)

    def _parse(self, data: bytes) -> bool:
        self._headers, self._given, self._octets, self._stays = {}, 0, b"", False
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            return False
        return True

    # Answering.

    async def _answer(self, quick: Quick, request: PlainRequest) -> None:
        answer = await quick(request)
        self._busy = False
        self._idle_since = self._loop.time()
        if self.transport.is_closing():
            return
        self.transport.write(written(answer))
        if self._front.leaving:
            self.leave()
        else:
            self._go_on()

    def _stop_reading(self) -> None:
        if not self._stopped:
            self._stopped = True
            self.transport.pause_reading()

    def _go_on(self) -> None:
        """Take what waits, and read on."""
        if self._full or self.transport.is_closing():
            return
        data = self._take_held()
        if data:
            self.data_received(data)

    def _take_held(self) -> bytes:
        """What came meanwhile; reading goes on."""
        if not self._stopped:
            return b""
        self._stopped = False
        self.transport.resume_reading()
        data, self._held = self._held, b""
        return data

    # Leaving.

    def leave(self) -> None:
        """Give the connection to aiohttp, which ends it with its next answer."""
        if self._busy or self.transport.is_closing():
            return
        if self._full:
            self.transport.close()
        else:
            self._hand_over(self._take_held())

    def _hand_over(self, data: bytes) -> None:
        self._forget()
        protocol = self._front.aiohttp()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if data:
            protocol.data_received(data)

    def _forget(self) -> None:
        self._front.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        """Close a connection that nobody uses; look again later at one that is used."""
        left = self._idle_since + self._front.keep_alive - self._loop.time()
        if self._busy or left > 0:
            self._timer = self._loop.call_later(left if left > 0 else self._front.keep_alive, self._tick)
        else:
            self.transport.close()


def written(answer: Answer) -> bytes:
    """An answer as HTTP/1.1, on a connection that stays open."""
    status, headers, octets = answer
    head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    length = f"Content-Length: {len(octets)}\r\n"
    return f"{_STATUS_LINES[status]}{head}{length}{_standing(int(time.time()))}\r\n".encode() + octets


@functools.lru_cache(maxsize=1)
def _standing(second: int) -> str:
    """The headers that every answer has, the same for a whole second."""
    return f"Date: {formatdate(second, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n"
