"""``heliograph``: all commands."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import (
    connectors,
    doctor,
    import_aws,
    keys,
    messages,
    migrate,
    numbers,
    opt_outs,
    pools,
    routes,
    send,
    senders,
    serve_command,
    simulate,
    staff,
)
from gateway.cli.errors import Commands

if TYPE_CHECKING:
    from collections.abc import Callable

_GROUPS = {
    "messages": messages.app,
    "numbers": numbers.app,
    "senders": senders.app,
    "pools": pools.app,
    "routes": routes.app,
    "keys": keys.app,
    "opt-outs": opt_outs.app,
    "connectors": connectors.app,
    "staff": staff.app,
    "import": import_aws.app,
}
_COMMANDS: dict[str, Callable[..., None]] = {
    "serve": serve_command.command,
    "send": send.command,
    "simulate": simulate.command,
    "migrate": migrate.command,
    "doctor": doctor.command,
}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heliograph {version('heliograph')}")
        raise typer.Exit


def _about(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Heliograph: a two-way SMS gateway that you run yourself. Settings come from HELIOGRAPH_* variables."""


def _build() -> typer.Typer:
    # Tracebacks stay plain: a rich one shows local variables, and there are secrets among them.
    app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_about)
    for name, command in _COMMANDS.items():
        app.command(name)(command)
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name)
    return app


cli = _build()
