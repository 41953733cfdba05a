"""``heliograph connectors``: the ways to carriers."""

from __future__ import annotations

import asyncio
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from carriers import registry
from gateway.cli.client import Key, Url, server
from gateway.cli.common import Json, at_desk, load_settings, now_micros
from gateway.cli.output import note, plain, say, show_list
from gateway.cli.send import pairs
from gateway.errors import GatewayError, Invalid
from gateway.resources import connectors
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.cli.output import Column
    from gateway.resources.connectors import Connector
    from gateway.resources.desk import Desk

_KINDS = ", ".join(sorted(registry.kinds()))
_LONGEST_SHOWN = 60  # characters of a setting in the table

ConnectorId = Annotated[str, typer.Argument(metavar="CONNECTOR", help="Its id: 1 to 40 of a-z, 0-9 and hyphens.")]
Kind = Annotated[str, typer.Option("--kind", help=f"One of: {_KINDS}.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting as NAME=VALUE, such as host=smsc.example.net; give several."),
]
Ask = Annotated[
    list[str] | None, typer.Option("--ask", help="Ask for this setting without showing it, such as password.")
]
Group = Annotated[str, typer.Option("--group", help="Receipts of one connector of a group may come by another.")]
BacklogLimit = Annotated[
    int | None,
    typer.Option("--backlog-limit", help="Texts that may wait for it before sends are answered 429; 0: the default."),
]
Disabled = Annotated[bool, typer.Option("--disabled", help="Do not start it yet.")]

COLUMNS: tuple[Column, ...] = (
    ("Connector", lambda one: one["id"]),
    ("Kind", lambda one: one["kind"]),
    ("Enabled", lambda one: one["enabled"]),
    ("State", lambda one: _state(one["live"])),
    ("Where", lambda one: _where(one["settings"])),
    ("Secrets", lambda one: " ".join(one["secrets"])),
)

app = typer.Typer(help="Connectors: the ways to carriers.", no_args_is_help=True)


@app.command("list")
def list_connectors(key: Key = "", url: Url = "", as_json: Json = False) -> None:
    """Print all connectors, with the state of their links when the server runs."""
    found: list[Connector] = at_desk(lambda desk: everything(connectors.find, desk))
    live = _live(url, key)
    rows = [plain(one) | {"live": live.get(one.id) if live is not None else None} for one in found]
    if live is None and not as_json:
        note("The state of the links is not known: the server does not answer, or the API key lacks the scope admin.")
    show_list(rows, COLUMNS, as_json=as_json)


@app.command()
def add(
    connector: ConnectorId,
    *,
    kind: Kind,
    settings: Set = None,
    ask: Ask = None,
    group: Group = "",
    backlog_limit: BacklogLimit = None,
    disabled: Disabled = False,
    as_json: Json = False,
) -> None:
    """Set up a connector."""
    wanted = _settings(settings, ask)

    async def work(desk: Desk) -> Connector:
        return await connectors.create(
            desk, connector_id=connector, kind=kind, settings=wanted, group=group,
            enabled=not disabled, backlog_limit=backlog_limit or 0, now=now_micros(),
        )  # fmt: skip

    with _warnings_told():
        added = at_desk(work)
    say(f"Added the connector {added.id}. Texts take it once a route names it.", added, as_json=as_json)


@app.command()
def change(
    connector: ConnectorId,
    *,
    settings: Set = None,
    ask: Ask = None,
    backlog_limit: BacklogLimit = None,
    as_json: Json = False,
) -> None:
    """Change settings of a connector; those that are not named stay."""
    wanted = _settings(settings, ask)

    async def work(desk: Desk) -> Connector:
        known = await connectors.get(desk, connector_id=connector)
        whole = {**known.settings, **wanted}
        return await connectors.update(desk, connector_id=connector, settings=whole, backlog_limit=backlog_limit)

    with _warnings_told():
        changed = at_desk(work)
    say(f"Changed the connector {changed.id}.", changed, as_json=as_json)


@app.command()
def remove(connector: ConnectorId, as_json: Json = False) -> None:
    """Remove a connector that no route names."""

    async def work(desk: Desk) -> Connector:
        found = await connectors.get(desk, connector_id=connector)
        await connectors.delete(desk, connector_id=connector)
        return found

    removed = at_desk(work)
    say(f"Removed the connector {removed.id}.", removed, as_json=as_json)


@app.command()
def enable(connector: ConnectorId, as_json: Json = False) -> None:
    """Start a connector."""
    say(f"Enabled the connector {connector}.", _switch(connector, on=True), as_json=as_json)


@app.command()
def disable(connector: ConnectorId, as_json: Json = False) -> None:
    """Stop a connector; its texts take the next connector of their route."""
    say(f"Disabled the connector {connector}.", _switch(connector, on=False), as_json=as_json)


def _switch(connector_id: str, *, on: bool) -> Connector:
    async def work(desk: Desk) -> Connector:
        return await connectors.update(desk, connector_id=connector_id, enabled=on)

    return at_desk(work)


def _settings(written: list[str] | None, asked: list[str] | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: _value(name, value) for name, value in pairs(written or [], "set").items()}
    for name in asked or ():
        values[name] = typer.prompt(name, hide_input=True, err=True)
    return values


def _value(name: str, written: str) -> Any:  # noqa: ANN401 -- JSON
    """Lists and objects are written in JSON; all else is text, which the kind's model reads as it wants it."""
    if not written.startswith(("[", "{")):
        return written
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        raise Invalid(
            "not_json", f"{name} begins like JSON and is none.", field=f"settings.{name}", remedy="Correct it."
        ) from None


@contextmanager
def _warnings_told() -> Iterator[None]:
    """What a kind's model warns of, in our own form."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for one in caught:
        note(f"Note: {one.message}.")


def _live(url: str, key: str) -> dict[str, Any] | None:
    """The connectors as the running server sees them, by id; None when it cannot be asked."""
    try:
        answer = asyncio.run(server(load_settings(), url=url, key=key).call("GET", "/v1/connectors?limit=200"))
    except GatewayError:
        return None
    return {one["id"]: {name: one[name] for name in ("up", "links", "facts")} for one in answer["items"]}


def _state(live: Mapping[str, Any] | None) -> str:
    if live is None:
        return "not known"
    if live["up"]:
        return "up"
    why = next((link["last_error"] for link in live["links"] if link["last_error"]), "")
    return f"down: {why}" if why else "down"


def _where(settings: Mapping[str, Any]) -> str:
    shown = " ".join(f"{name}={settings[name]}" for name in ("host", "port", "system_id", "hosts") if name in settings)
    return shown[:_LONGEST_SHOWN]
