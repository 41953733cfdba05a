"""``heliograph serve``: start everything, and say how to begin."""

from __future__ import annotations

import contextlib
import shlex
import socket
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
import uvloop

from gateway import quickstart
from gateway.cli import logs
from gateway.cli.client import local_address
from gateway.cli.common import Json, load_settings
from gateway.cli.output import print_json
from gateway.cli.sockets import listen, listen_for_metrics

if TYPE_CHECKING:
    from gateway.cli.serve import Announce
    from gateway.config import Settings
    from gateway.quickstart import Quickstart

_EXAMPLE = "Hello from Heliograph"


Role = Annotated[
    str,
    typer.Option(help="all, or some of api, worker, events and scheduler, separated by commas. Wins over the setting."),
]
Processes = Annotated[
    int, typer.Option(min=1, max=64, help="Share the work among so many processes of this host, at one address.")
]
Inherited = Annotated[int, typer.Option(hidden=True)]


def command(
    role: Role = "",
    processes: Processes = 1,
    listen_fd: Inherited = -1,
    metrics_fd: Inherited = -1,
    family_fd: Inherited = -1,
    as_json: Json = False,
) -> None:
    """Start the gateway: HTTP API, console, connectors, and the simulated carrier unless it is turned off."""
    from gateway.cli.serve import serve  # noqa: PLC0415 -- the other commands need not load the whole server
    from gateway.cli.supervisor import supervise  # noqa: PLC0415 -- as above

    settings = load_settings(**({"role": role} if role else {}))
    logs.configure(settings.log_level, settings.log_format)
    announce = _announcer(settings, as_json=as_json)
    if processes > 1:
        uvloop.run(supervise(settings, processes, announce))
    elif family_fd >= 0:
        line = socket.socket(fileno=family_fd)
        listener, watched = (socket.socket(fileno=fd) if fd >= 0 else None for fd in (listen_fd, metrics_fd))
        uvloop.run(serve(settings, lambda *_ready: _ready_on(line), listener, watched, family=line))
    else:
        with listen(settings.host, settings.port) as listener, listen_for_metrics(settings) as watched:
            uvloop.run(serve(settings, announce, listener, watched))


def _ready_on(line: socket.socket) -> None:
    """Tell the supervisor that we are ready."""
    with contextlib.suppress(OSError):
        line.send(b"r")


def _announcer(settings: Settings, *, as_json: bool) -> Announce:
    def announce(listener: socket.socket | None, welcome: Quickstart | None) -> None:
        local = local_address(settings.host, listener.getsockname()[1] if listener else settings.port)
        url = settings.public_url.rstrip("/") or local
        with contextlib.suppress(OSError):  # output that goes to a full disk or to nobody must not end the service
            if as_json:
                print_json(_document(url, local, welcome))
            else:
                typer.echo(_welcome(url, local, welcome))

    return announce


def _document(url: str, local: str, welcome: Quickstart | None) -> dict[str, str]:
    known = {"url": url, "console": f"{url}/console", "handsets": f"{url}/console/handsets"}
    if welcome is None:
        return known
    access = {"api_key": welcome.api_key, "staff": welcome.staff, "password": welcome.password}
    return known | access | {"curl": curl(local, welcome.api_key)}


def _welcome(url: str, local: str, welcome: Quickstart | None) -> str:
    if welcome is None:
        return f"\nHeliograph is ready at {url}\n\n  Console   {url}/console\n"
    return f"""
Heliograph is ready at {url}

  Console   {url}/console   (user {welcome.staff}, password {welcome.password})
  Handsets  {url}/console/handsets
  API key   {welcome.api_key}

Send a first text to a simulated handset:

{curl(local, welcome.api_key)}
"""


def curl(url: str, api_key: str) -> str:
    """A command that sends a text to the simulated carrier, to be pasted into a shell."""
    body = orjson.dumps({"to": quickstart.HANDSET, "body": _EXAMPLE}).decode()
    return " \\\n  ".join((
        f"curl -i {shlex.quote(url + '/v1/messages')}",
        f"-H {shlex.quote(f'Authorization: Bearer {api_key}')}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    ))  # fmt: skip
