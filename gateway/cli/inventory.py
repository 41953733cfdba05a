"""``heliograph numbers inventory``: the operator's numbers, which accounts lease by Amazon's RequestPhoneNumber."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import Json, at_desk, now_micros, price_of, upper
from gateway.cli.output import say, show_list
from gateway.model import Capability, IdentityKind
from gateway.numbers import parse_sender
from gateway.resources import inventory, phone_numbers
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.resources.desk import Desk
    from gateway.resources.inventory import InventoryNumber

_KINDS = ", ".join(sorted(phone_numbers.KINDS))

Kind = Annotated[str, typer.Option("--kind", help=f"{_KINDS}. Left out: by the form of the number.")]
Country = Annotated[str, typer.Option("--country", help="Two letters, such as US. Left out: as the number tells.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Parts a second; left out, no limit of its own.")]
Capabilities = Annotated[
    list[str] | None,
    typer.Option("--capability", help=f"{', '.join(Capability)}; may be given more than once. Left out: SMS."),
]
Price = Annotated[str, typer.Option("--price", help="US$ a month that it costs.")]
Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER…", help="As +14255550100, or a short code.")]

COLUMNS: tuple[Column, ...] = (
    ("Number", lambda one: one.number),
    ("Kind", lambda one: one.kind),
    ("Country", lambda one: one.country),
    ("Capabilities", lambda one: " ".join(one.capabilities)),
    ("Price", lambda one: f"{one.monthly_price:.2f}"),
    ("Rate", lambda one: one.rate),
    ("Leased to", lambda one: one.account_id),
)

app = typer.Typer(help="Your numbers, which accounts lease by Amazon's API.", no_args_is_help=True)


@app.command("list")
def list_inventory(as_json: Json = False) -> None:
    """Print all numbers of the inventory, and who leases them."""
    show_list(at_desk(lambda desk: everything(inventory.find, desk)), COLUMNS, as_json=as_json)


@app.command()
def add(
    numbers: Numbers,
    *,
    kind: Kind = "",
    country: Country = "",
    capability: Capabilities = None,
    price: Price = "0",
    rate: Rate = None,
    as_json: Json = False,
) -> None:
    """Enter numbers that a carrier has given you; accounts may lease them from then on."""

    async def work(desk: Desk) -> list[InventoryNumber]:
        return [
            await inventory.add(
                desk, number=number, kind=upper(kind) or kind_of(number), country=country, rate=rate,
                capabilities=capabilities_of(capability), monthly_price=price_of(price), now=now_micros(),
            )
            for number in numbers
        ]  # fmt: skip

    added = at_desk(work)
    say(f"Entered {', '.join(one.number for one in added)}.", added, as_json=as_json)


@app.command()
def remove(numbers: Numbers, as_json: Json = False) -> None:
    """Take numbers out that no account leases."""

    async def work(desk: Desk) -> list[InventoryNumber]:
        return [await inventory.remove(desk, number=parse_sender(number, "number")[0]) for number in numbers]

    removed = at_desk(work)
    say(f"Removed {', '.join(one.number for one in removed)}.", removed, as_json=as_json)


def kind_of(number: str) -> str:
    """The kind where none is said: a short code is told by its form, all else is a long code."""
    _, form = parse_sender(number, "number")
    return IdentityKind.SHORT_CODE if form == "short_code" else IdentityKind.LONG_CODE


def capabilities_of(given: list[str] | None) -> list[str]:
    return [upper(one) for one in given or [Capability.SMS]]
