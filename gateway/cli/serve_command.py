"""``heliograph serve``: start everything, and say how to begin."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING

import orjson
import typer
import uvloop

from gateway import quickstart
from gateway.cli import logs
from gateway.cli.common import Json, load_settings
from gateway.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config import Settings
    from gateway.quickstart import Quickstart

_EXAMPLE = "Hello from Heliograph"


def command(as_json: Json = False) -> None:
    """Start the gateway: HTTP API, console, connectors, and the simulated carrier unless it is turned off."""
    from gateway.cli.serve import serve  # noqa: PLC0415 -- the other commands need not load the whole server

    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    uvloop.run(serve(settings, _announcer(settings, as_json=as_json)))


def _announcer(settings: Settings, *, as_json: bool) -> Callable[[str, Quickstart | None], None]:
    def announce(local: str, welcome: Quickstart | None) -> None:
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
