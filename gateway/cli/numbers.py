"""``heliograph numbers``: the phone numbers and short codes that texts leave from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import inventory
from gateway.cli.common import ACCOUNT, Json, OptOutList, at_desk, now_micros, price_of, upper
from gateway.cli.inventory import Capabilities, Country, Kind, Price, Rate, capabilities_of, kind_of
from gateway.cli.output import say, show_list
from gateway.model import DEFAULT_OPT_OUT_LIST, MessageType
from gateway.numbers import parse_sender
from gateway.resources import phone_numbers, rows
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.model import OriginationIdentity
    from gateway.resources.desk import Desk

Type = Annotated[str, typer.Option("--type", help="TRANSACTIONAL or PROMOTIONAL.")]
OneWay = Annotated[bool, typer.Option("--one-way", help="No replies come to it.")]
PoolId = Annotated[str, typer.Option("--pool", help="Only those of this pool.")]
Number = Annotated[str, typer.Argument(help="As +14255550100, or a short code.")]
NumberOrId = Annotated[str, typer.Argument(metavar="NUMBER", help="The number, or its id.")]

COLUMNS: tuple[Column, ...] = (
    ("Number", lambda one: one.sender),
    ("Kind", lambda one: one.kind),
    ("Country", lambda one: one.country),
    ("Type", lambda one: one.message_type),
    ("Two-way", lambda one: one.two_way),
    ("Rate", lambda one: one.rate),
    ("Opt-out list", lambda one: one.opt_out_list),
    ("Pools", lambda one: " ".join(one.pool_ids)),
    ("Id", lambda one: one.id),
)

app = typer.Typer(help="Phone numbers and short codes that texts leave from.", no_args_is_help=True)
app.add_typer(inventory.app, name="inventory")


@app.command("list")
def list_numbers(pool: PoolId = "", as_json: Json = False) -> None:
    """Print all numbers."""
    found = at_desk(lambda desk: everything(phone_numbers.find, desk, account_id=ACCOUNT, pool_id=pool))
    show_list(found, COLUMNS, as_json=as_json)


@app.command()
def add(
    number: Number,
    *,
    kind: Kind = "",
    country: Country = "",
    message_type: Type = MessageType.TRANSACTIONAL,
    opt_out_list: OptOutList = DEFAULT_OPT_OUT_LIST,
    rate: Rate = None,
    one_way: OneWay = False,
    capability: Capabilities = None,
    price: Price = "0",
    as_json: Json = False,
) -> None:
    """Add a number that a carrier has given you."""

    async def work(desk: Desk) -> OriginationIdentity:
        return await phone_numbers.create(
            desk, account_id=ACCOUNT, number=number, kind=upper(kind) or kind_of(number), country=country,
            message_type=upper(message_type), opt_out_list=opt_out_list, rate=rate, two_way=not one_way,
            capabilities=capabilities_of(capability), monthly_price=price_of(price), now=now_micros(),
        )  # fmt: skip

    added = at_desk(work)
    say(f"Added {added.sender} ({added.kind}, {added.country}).", added, as_json=as_json)


@app.command()
def remove(number: NumberOrId, as_json: Json = False) -> None:
    """Give a number up. Its keywords go; the opt-outs of people stay."""

    async def work(desk: Desk) -> OriginationIdentity:
        found = await _find(desk, number)
        await phone_numbers.delete(desk, account_id=ACCOUNT, phone_number_id=found.id)
        return found

    removed = at_desk(work)
    say(f"Removed {removed.sender}.", removed, as_json=as_json)


async def _find(desk: Desk, number: str) -> OriginationIdentity:
    if number.startswith("phone-"):
        return await phone_numbers.get(desk, account_id=ACCOUNT, phone_number_id=number)
    sender, _ = parse_sender(number, "number")
    found = desk.catalog.identity_by_sender(sender)
    if found is None or found[0] != ACCOUNT:
        raise rows.missing("phone_number", "number")
    return found[1]
