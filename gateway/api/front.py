"""The quick way in: sends in their plainest form are answered here, everything else by aiohttp.

For a send, aiohttp takes about as long as all that we do with it until the commit: a task, a request, a writer, a
response, each with headers of its own (docs/decisions/0014-front.md). A plain one needs none of that.

Rule 1: a connection begins here. A request that is not plain goes to aiohttp octet for octet, and the rest of that
connection with it. Plain is: for a path in the table, HTTP/1.1, its head in one read, kept alive, of a length that it
says itself (RFC 9112, section 6.2), a small body of JSON as it is, no header given twice, nothing sent ahead.
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
    _Row: TypeAlias = tuple[str, str, Quick]  # method, path, and who answers

LARGEST_HEAD = 8190  # octets; aiohttp takes no more for one line
LARGEST_BODY = 65_536  # octets; of a send that has all it can have, some 20,000
_JSON = frozenset({b"application/json", b"application/json; charset=utf-8"})
# By which a body means something else, or which ask for more than an answer.
_NOT_PLAIN = frozenset({b"transfer-encoding", b"content-encoding", b"expect"})
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

    def __call__(self) -> asyncio.Protocol:
        return _Connection(self)

    def leave(self) -> None:
        """Answer no more requests but those under way: aiohttp gets each connection, and says goodbye."""
        self.leaving = True
        for connection in tuple(self.connections):
            connection.leave()

    async def close(self, grace: float) -> None:
        """Wait for requests under way, seconds; then close what is open."""
        under_way = [one.task for one in self.connections if one.task is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=grace)
        for task in under_way:
            task.cancel()
        for connection in tuple(self.connections):
            connection.transport.close()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport
    task: asyncio.Task[None] | None = None  # while a request is answered

    def __init__(self, front: Front) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._raw = b""  # of the request that is being read
        self._row: _Row | None = None  # who answers it
        self._end = 0  # of its head
        self._headers: dict[bytes, bytes] = {}
        self._given = 0  # headers, with those that came twice
        self._octets = b""  # of its body
        self._whole = False
        self._stays = False  # the connection, after it
        self._held = b""  # what came while a request was answered
        self._full = False  # the other end does not read
        self._stopped = False  # we do not read
        self._idle_since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._front.leaving:
            self._hand_over()
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
        if self.task or self._full:
            self._held += data
            self._stop_reading()
            return
        self._raw += data
        row = self._row = self._row or self._begin()
        if row is None or not self._take(data):
            self._hand_over()
        elif self._whole:
            self._start(row)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value
        self._given += 1

    def on_body(self, octets: bytes) -> None:
        self._octets += octets

    def on_message_complete(self) -> None:
        self._whole = True
        self._stays = self._parser.should_keep_alive()  # afterwards the parser knows no more

    # Reading.

    def _begin(self) -> _Row | None:
        """Who answers what begins here; None when it is not for us, or its head did not come whole."""
        raw = self._raw
        self._end = raw.find(b"\r\n\r\n", 0, LARGEST_HEAD) + len(b"\r\n\r\n")
        self._headers, self._given, self._octets, self._whole = {}, 0, b"", False
        if self._end < len(b"\r\n\r\n") or not raw[: self._end].isascii():
            return None
        return self._front.table.get(raw[: raw.find(b"\r\n")])

    def _take(self, data: bytes) -> bool:
        """Read on; False when the request turns out not to be plain."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            return False
        # Of a second request the parser may have kept the beginning.
        return self._is_plain() and self._end + len(self._octets) == len(self._raw)

    def _is_plain(self) -> bool:
        headers = self._headers
        if len(headers) != self._given or not _NOT_PLAIN.isdisjoint(headers):
            return False
        if headers.get(b"content-type", b"").lower() not in _JSON:
            return False
        return self._stays if self._whole else int(headers[b"content-length"]) <= LARGEST_BODY

    # Answering.

    def _start(self, row: _Row) -> None:
        method, path, quick = row
        request = PlainRequest(method, path, PlainHeaders(self._headers), self._octets)
        self._raw, self._row = b"", None
        self.task = self._loop.create_task(self._answer(quick, request))

    async def _answer(self, quick: Quick, request: PlainRequest) -> None:
        answer = await quick(request)
        self.task = None
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
        if self.task or self.transport.is_closing():
            return
        if self._full:
            self.transport.close()
            return
        self._raw += self._take_held()
        self._hand_over()

    def _hand_over(self) -> None:
        self._forget()
        protocol = self._front.aiohttp()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if self._raw:
            protocol.data_received(self._raw)

    def _forget(self) -> None:
        self._front.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        """Close a connection that nobody uses; look again later at one that is used."""
        left = self._idle_since + self._front.keep_alive - self._loop.time()
        if self.task or left > 0:
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
