"""``heliograph keys``: what apps show to be let in: API keys, and access keys of the AWS wire."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, at_desk, now_micros
from gateway.cli.output import note, say, show_list, when
from gateway.resources import access_keys, api_keys
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from typing import Any

    from gateway.cli.output import Column
    from gateway.resources.access_keys import AccessKey
    from gateway.resources.api_keys import ApiKey
    from gateway.resources.desk import Desk

Name = Annotated[str, typer.Argument(help="What the key is for, such as shop.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help=f"What it may do; give several: {', '.join(sorted(api_keys.SCOPES))}."),
]
Aws = Annotated[
    bool, typer.Option("--aws", help="Make an access key for AWS's clients; without --scope it may do everything.")
]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")]

COLUMNS: tuple[Column, ...] = (
    ("Name", lambda one: one["name"]),
    ("Begins with", lambda one: f"{one['prefix']}…" if "prefix" in one else ""),
    ("Scopes", lambda one: " ".join(sorted(one["scopes"]))),
    ("Made", lambda one: when(one["created_at"])),
    ("Revoked", lambda one: when(one["revoked_at"])),
    ("Id", lambda one: one["id"]),
)

app = typer.Typer(help="API keys.", no_args_is_help=True)


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """Print all keys of both kinds, revoked ones too."""

    async def work(desk: Desk) -> list[dict[str, Any]]:
        found = [await everything(kind.find, desk, account_id=ACCOUNT) for kind in (api_keys, access_keys)]
        return [_shown(key) for of_kind in found for key in of_kind]

    show_list(at_desk(work), COLUMNS, as_json=as_json)


@app.command()
def create(name: Name, scopes: Scopes = None, aws: Aws = False, as_json: Json = False) -> None:
    """Make a key and show its secret, once."""

    async def work(desk: Desk) -> tuple[ApiKey | AccessKey, str]:
        granted = scopes or (api_keys.SCOPES if aws else ())
        make = access_keys.create if aws else api_keys.create
        return await make(desk, account_id=ACCOUNT, name=name, scopes=granted, now=now_micros())

    key, secret = at_desk(work)
    if not as_json:
        note(f"Made the key {key.id}. Its secret is shown this once:")
    environment = f"AWS_ACCESS_KEY_ID={key.id}\nAWS_SECRET_ACCESS_KEY={secret}"
    say(environment if aws else secret, _shown(key) | {"secret": secret}, as_json=as_json)


@app.command()
def revoke(key: KeyId, as_json: Json = False) -> None:
    """Take a key of either kind out of use, for good."""

    async def work(desk: Desk) -> ApiKey | AccessKey:
        revoke_key = access_keys.revoke if key.startswith(access_keys.PREFIX) else api_keys.revoke
        return await revoke_key(desk, account_id=ACCOUNT, key_id=key, now=now_micros())

    revoked = at_desk(work)
    say(f"Revoked the key {revoked.id} ({revoked.name}).", _shown(revoked), as_json=as_json)


def _shown(key: ApiKey | AccessKey) -> dict[str, Any]:
    """The key without what it signs with."""
    return {name: value for name, value in asdict(key).items() if name != "sealed"}
