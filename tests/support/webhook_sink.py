"""A real HTTP server that takes webhooks, remembers them, and fails as the test tells it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came."""

    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.json["events"] if self.json["type"] == "batch" else [self.json]

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for event in self.events]

    def signed(self, secret: str = SECRET) -> bool:
        """Whether the signature fits; the time in it is not looked at, since tests have a clock of their own."""
        moment = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        return self.headers["webhook-signature"] == Webhook(secret).sign(self.id, moment, self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer a request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    reset: bool = False  # cut the connection instead
    hang: bool = False  # say nothing until the sink closes
    drip: bool = False  # status at once, then a body that never ends


OK = Answer()


class WebhookSink:
    """Use as ``async with WebhookSink() as sink``; ``script`` what comes next, or set ``rule`` for every request.

    ``taken`` is what was answered with 2xx, ``tries`` is everything.
    """

    def __init__(self) -> None:
        self.tries: list[Delivery] = []
        self.taken: list[Delivery] = []
        self.rule: Callable[[Delivery], Answer] = lambda _delivery: OK
        self.most_at_once = 0
        self._script: deque[Answer] = deque()
        self._at_once = 0
        self._closing = asyncio.Event()
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("/hook"))

    @property
    def port(self) -> int:
        return int(self._server.port or 0)

    @property
    def seqs(self) -> list[int]:
        """Numbers of the events taken, in the order they were."""
        return [seq for delivery in self.taken for seq in delivery.seqs]

    def script(self, *answers: Answer) -> None:
        """Answer the next requests so; after them, by ``rule``."""
        self._script.extend(answers)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            delivery = Delivery(dict(request.headers), await request.text())
            self.tries.append(delivery)
            await asyncio.sleep(0)  # lets requests meet that are under way together
            answer = self._script.popleft() if self._script else self.rule(delivery)
            return await self._give(request, delivery, answer)
        finally:
            self._at_once -= 1

    async def _give(self, request: web.Request, delivery: Delivery, answer: Answer) -> web.StreamResponse:
        if answer.hang:
            await self._closing.wait()
        if answer.reset or answer.hang:
            request.transport.abort()
            return web.Response()
        if 200 <= answer.status < 300:
            self.taken.append(delivery)
        if answer.drip:
            return await self._drip(request, answer)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _drip(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        await response.write(b".")
        await self._closing.wait()
        return response


class Canary:
    """A listener on loopback that must never be connected to. ``connections`` counts."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._count, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _count(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()
