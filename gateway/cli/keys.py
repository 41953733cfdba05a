"""``heliograph keys``: what apps show to be let in."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, at_desk, now_micros
from gateway.cli.output import note, say, show_list, when
from gateway.resources import api_keys
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.resources.api_keys import ApiKey
    from gateway.resources.desk import Desk

Name = Annotated[str, typer.Argument(help="What the key is for, such as shop.")]
Scopes = Annotated[
    list[str], typer.Option("--scope", help=f"What it may do; give several: {', '.join(sorted(api_keys.SCOPES))}.")
]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")]

COLUMNS: tuple[Column, ...] = (
    ("Name", lambda one: one.name),
    ("Begins with", lambda one: f"{one.prefix}…"),
    ("Scopes", lambda one: " ".join(sorted(one.scopes))),
    ("Made", lambda one: when(one.created_at)),
    ("Revoked", lambda one: when(one.revoked_at)),
    ("Id", lambda one: one.id),
)

app = typer.Typer(help="API keys.", no_args_is_help=True)


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Print all keys, revoked ones too."""
    found = at_desk(lambda desk: everything(api_keys.find, desk, account_id=ACCOUNT))
    show_list(found, COLUMNS, as_json=as_json)


@app.command()
def create(name: Name, scopes: Scopes, as_json: Json = False) -> None:
    """Make a key and show its secret, once."""

    async def work(desk: Desk) -> tuple[ApiKey, str]:
        return await api_keys.create(desk, account_id=ACCOUNT, name=name, scopes=scopes, now=now_micros())

    key, secret = at_desk(work)
    if not as_json:
        note(f"Made the key {key.id}. Its secret is shown this once:")
    say(secret, asdict(key) | {"secret": secret}, as_json=as_json)


@app.command()
def revoke(key: KeyId, as_json: Json = False) -> None:
    """Take a key out of use, for good."""

    async def work(desk: Desk) -> ApiKey:
        return await api_keys.revoke(desk, account_id=ACCOUNT, key_id=key, now=now_micros())

    revoked = at_desk(work)
    say(f"Revoked the key {revoked.id} ({revoked.name}).", revoked, as_json=as_json)
