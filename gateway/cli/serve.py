"""The server: the socket first, then the instance, then HTTP; stopped in the opposite order.

Rule 1: whoever connects is answered. While the database cannot be opened it is 503, and it is tried again until it can.
Rule 2: what trying again cannot mend (the port is taken, another process serves the database, a wrong password) ends
the program with one sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
from typing import TYPE_CHECKING, cast

import structlog
from aiohttp import web

from gateway.api import Front, quick_table
from gateway.app import health_app, running, web_app
from gateway.cli.errors import database_error, first_line, is_bad_address
from gateway.cli.sockets import BACKLOG, explained
from gateway.cli.waiting import answering
from gateway.store.transactions import is_unavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from gateway.api.front import Quick
    from gateway.app import Instance
    from gateway.config import Settings
    from gateway.errors import GatewayError
    from gateway.quickstart import Quickstart

    #: Told when the server is ready: where it listens, if it does, and what a new user needs, if anything.
    Announce: TypeAlias = Callable[[socket.socket | None, Quickstart | None], None]

RETRY_EVERY = 2.0  # seconds between two attempts to open the database
_KEEP_ALIVE = 75.0  # seconds; longer than the 60 of common load balancers, else they write into a closing connection
_LINGER = 3.0  # seconds for the next request of a connection that is open
_LONGEST_GOODBYE = 3.0  # seconds for requests under way; event streams would never end by themselves

log = structlog.get_logger()


async def serve(
    settings: Settings,
    announce: Announce,
    listener: socket.socket | None,
    watched: socket.socket | None,
    family: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once.

    Without a listener there is no HTTP: a supervisor has given it to those of its processes that have the role api.
    ``watched`` is for metrics alone. ``family`` leads to the supervisor; the process stops when that is gone.

    Raises:
        GatewayError: it cannot start, and trying again would not help.
    """
    stop = asyncio.Event()
    _obey_signals(stop)
    if family:
        asyncio.get_running_loop().add_reader(family.fileno(), stop.set)
    async with contextlib.AsyncExitStack() as stack:
        instance = await _open(settings, listener, stack=stack, stop=stop)
        if instance is None:
            return
        if listener:
            await _start_http(instance, listener, stack)
        if watched:
            await _start_site(health_app(instance.services), instance, watched, stack)
        _spare_the_collector()
        announce(listener, instance.quickstart)
        await stop.wait()
        log.info("stopping", action="serve.stop")


def _spare_the_collector() -> None:
    """What is there at the start stays: the garbage collector need not look through it again and again.

    With Python's own thresholds it took a seventh of the CPU time under load (docs/performance.md); what a message
    leaves behind is freed by reference counts, and cycles are few.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _obey_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def obey(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)  # the shell's convention for a death by signal
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, obey, number)


async def _open(
    settings: Settings, listener: socket.socket | None, *, stack: contextlib.AsyncExitStack, stop: asyncio.Event
) -> Instance | None:
    """The instance, started; None when we are told to stop before the database could be opened."""
    instance = await _try(settings, stack, quiet=False)
    if instance is not None:
        return instance
    async with answering(listener, RETRY_EVERY) if listener else contextlib.nullcontext():
        while instance is None and not await _is_set(stop, RETRY_EVERY):
            instance = await _try(settings, stack, quiet=True)
    return instance


async def _try(settings: Settings, stack: contextlib.AsyncExitStack, *, quiet: bool) -> Instance | None:
    """One attempt; None when it failed in a way that may pass."""
    try:
        return await stack.enter_async_context(running(settings))
    except Exception as error:
        if told := _fatal(settings, error):
            raise told from error
        if not is_unavailable(error):
            raise
        say = log.debug if quiet else log.error
        say("database cannot be opened, trying again", action="serve.open", every=RETRY_EVERY, error=first_line(error))
        return None


def _fatal(settings: Settings, error: Exception) -> GatewayError | None:
    """What to tell when it cannot be mended by trying again; None when it may, or is a fault of ours."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:  # ours is bound: it is the simulated carrier's
        return explained(error, "127.0.0.1", settings.simulator_port, ("", "HELIOGRAPH_SIMULATOR_PORT"))
    if is_unavailable(error) and not is_bad_address(error):
        return None
    return database_error(settings, error)


async def _is_set(event: asyncio.Event, within: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), within)
    return event.is_set()


async def _start_http(instance: Instance, listener: socket.socket, stack: contextlib.AsyncExitStack) -> None:
    services = instance.services
    if "api" in services.settings.roles:
        await _start_site(web_app(services), instance, listener, stack, quick_table(services))
    else:
        await _start_site(health_app(services), instance, listener, stack)


async def _start_site(
    app: web.Application,
    instance: Instance,
    listener: socket.socket,
    stack: contextlib.AsyncExitStack,
    quick: Mapping[tuple[str, str], Quick] | None = None,
) -> None:
    leaving = asyncio.Event()

    async def say_goodbye(_request: web.BaseRequest, response: web.StreamResponse) -> None:
        if leaving.is_set():
            response.force_close()
            response.headers["Connection"] = "close"  # this late, aiohttp has its headers ready and does not say so

    app.on_response_prepare.append(say_goodbye)
    grace = min(_LONGEST_GOODBYE, instance.services.settings.drain_seconds)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, keepalive_timeout=_KEEP_ALIVE, shutdown_timeout=grace
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = cast("web.Server", runner.server)  # None before the setup only
    front = Front(quick or {}, site, keep_alive=_KEEP_ALIVE)
    server = await asyncio.get_running_loop().create_server(front, sock=listener, backlog=BACKLOG)
    stack.push_async_callback(front.close, grace)
    stack.push_async_callback(_leave, site, front, server, leaving)


async def _leave(site: web.Server, front: Front, server: asyncio.Server, leaving: asyncio.Event) -> None:
    """Take no new connections, and end each with its next answer: closed in silence, a request may be on its way."""
    leaving.set()
    server.close()
    front.leave()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while site.connections or front.connections:  # noqa: ASYNC110 -- nobody tells when one ends
                await asyncio.sleep(0.02)
