"""What is answered while the database cannot be opened: 503 to everything, and that we live."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.api.problems import respond
from gateway.cli.sockets import BACKLOG
from gateway.errors import Unavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable

_ALIVE = "/healthz"


@contextlib.asynccontextmanager
async def answering(listener: socket.socket, retry_after: float) -> AsyncIterator[None]:
    """Answer on ``listener``, which stays open behind it: the service goes on with it."""
    runner = web.ServerRunner(web.Server(_handler(retry_after)), handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, listener.dup(), backlog=BACKLOG, shutdown_timeout=1.0).start()
        yield
    finally:
        await runner.cleanup()


def _handler(retry_after: float) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == _ALIVE:
            return web.json_response({"status": "ok"})
        return respond(Unavailable("The database cannot be opened.", retry_after=retry_after))

    return handle
