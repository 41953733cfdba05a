"""``heliograph senders``: the names that texts leave from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, OptOutList, at_desk, now_micros, upper
from gateway.cli.output import say, show_list
from gateway.errors import Conflict
from gateway.model import DEFAULT_OPT_OUT_LIST, MessageType
from gateway.resources import rows, sender_ids
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.model import OriginationIdentity
    from gateway.resources.desk import Desk

Sender = Annotated[str, typer.Argument(help="1 to 11 characters with a letter among them, such as ACME.")]
SenderOrId = Annotated[str, typer.Argument(metavar="SENDER", help="The sender ID, or its id.")]
Country = Annotated[str, typer.Option("--country", help="Only for this country, such as FR. Left out: for all.")]
Type = Annotated[str, typer.Option("--type", help="TRANSACTIONAL or PROMOTIONAL.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Parts a second; left out, no limit of its own.")]

COLUMNS: tuple[Column, ...] = (
    ("Sender ID", lambda one: one.sender),
    ("Country", lambda one: one.country or "all"),
    ("Type", lambda one: one.message_type),
    ("Rate", lambda one: one.rate),
    ("Opt-out list", lambda one: one.opt_out_list),
    ("Pools", lambda one: " ".join(one.pool_ids)),
    ("Id", lambda one: one.id),
)

app = typer.Typer(help="Sender IDs: names that texts leave from.", no_args_is_help=True)


@app.command("list")
def list_senders(as_json: Json = False) -> None:
    """Print all sender IDs."""
    found = at_desk(lambda desk: everything(sender_ids.find, desk, account_id=ACCOUNT))
    show_list(found, COLUMNS, as_json=as_json)


@app.command()
def add(
    sender: Sender,
    country: Country = "",
    message_type: Type = MessageType.TRANSACTIONAL,
    opt_out_list: OptOutList = DEFAULT_OPT_OUT_LIST,
    rate: Rate = None,
    as_json: Json = False,
) -> None:
    """Add a sender ID."""

    async def work(desk: Desk) -> OriginationIdentity:
        return await sender_ids.create(
            desk, account_id=ACCOUNT, sender=sender, country=country, message_type=upper(message_type),
            opt_out_list=opt_out_list, rate=rate, now=now_micros(),
        )  # fmt: skip

    added = at_desk(work)
    say(f"Added {added.sender} for {added.country or 'all countries'}.", added, as_json=as_json)


@app.command()
def remove(sender: SenderOrId, country: Country = "", as_json: Json = False) -> None:
    """Give a sender ID up."""

    async def work(desk: Desk) -> OriginationIdentity:
        found = await _find(desk, sender, country)
        await sender_ids.delete(desk, account_id=ACCOUNT, sender_id=found.id)
        return found

    removed = at_desk(work)
    say(f"Removed {removed.sender}.", removed, as_json=as_json)


async def _find(desk: Desk, sender: str, country: str) -> OriginationIdentity:
    found: list[OriginationIdentity] = [
        one
        for one in await everything(sender_ids.find, desk, account_id=ACCOUNT)
        if one.id == sender
        or (one.sender.upper() == sender.upper() and (not country or one.country == country.upper()))
    ]
    if not found:
        raise rows.missing("sender_id", "sender")
    if len(found) > 1:
        raise Conflict(
            "ambiguous", "It is there for several countries.", field="sender", remedy="Say which one with --country."
        )
    return found[0]
