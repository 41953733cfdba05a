"""``heliograph staff``: who may sign in at the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, at_desk, now_micros
from gateway.cli.output import say, show_list, when
from gateway.resources import rows, staff
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.resources.desk import Desk
    from gateway.resources.staff import Staff

Name = Annotated[str, typer.Argument(help="The name to sign in with.")]
Role = Annotated[str, typer.Option("--role", help=f"One of {', '.join(staff.ROLES)}.")]
Password = Annotated[
    str | None,
    typer.Option(
        "--password",
        envvar="HELIOGRAPH_STAFF_PASSWORD",
        help=f"{staff.SHORTEST_PASSWORD} characters or more. Left out: asked for, and not shown.",
    ),
]

COLUMNS: tuple[Column, ...] = (
    ("Name", lambda one: one.name),
    ("Role", lambda one: one.role),
    ("Locked until", lambda one: when(one.locked_until)),
    ("Since", lambda one: when(one.created_at)),
    ("Id", lambda one: one.id),
)

app = typer.Typer(help="Who may sign in at the console.", no_args_is_help=True)


@app.command("list")
def list_staff(as_json: Json = False) -> None:
    """Print all console users."""
    found = at_desk(lambda desk: everything(staff.find, desk, account_id=ACCOUNT))
    show_list(found, COLUMNS, as_json=as_json)


@app.command()
def add(name: Name, role: Role = "viewer", password: Password = None, as_json: Json = False) -> None:
    """Add a console user."""
    secret = _ask(password)

    async def work(desk: Desk) -> Staff:
        return await staff.create(desk, account_id=ACCOUNT, name=name, password=secret, role=role, now=now_micros())

    added = at_desk(work)
    say(f"Added {added.name} as {added.role}.", added, as_json=as_json)


@app.command("password")
def set_password(name: Name, password: Password = None, as_json: Json = False) -> None:
    """Give a console user a new password; ends the user's sessions and unlocks the user."""
    secret = _ask(password)

    async def work(desk: Desk) -> Staff:
        found = await _find(desk, name)
        return await staff.update(desk, account_id=ACCOUNT, staff_id=found.id, password=secret)

    changed = at_desk(work)
    say(f"{changed.name} has a new password.", changed, as_json=as_json)


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Remove a console user. What the user did stays on record."""

    async def work(desk: Desk) -> Staff:
        found = await _find(desk, name)
        await staff.delete(desk, account_id=ACCOUNT, staff_id=found.id)
        return found

    removed = at_desk(work)
    say(f"Removed {removed.name}.", removed, as_json=as_json)


def _ask(password: str | None) -> str:
    if password is not None:
        return password
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


async def _find(desk: Desk, name: str) -> Staff:
    found: list[Staff] = await everything(staff.find, desk, account_id=ACCOUNT)
    for one in found:
        if one.name == name.strip().casefold():
            return one
    raise rows.missing("staff", "name")
