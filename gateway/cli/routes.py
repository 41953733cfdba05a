"""``heliograph routes``: which connectors take which texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, at_desk, now_micros, price_of, upper
from gateway.cli.output import say, show_list
from gateway.resources import routes

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.model import Route
    from gateway.resources.desk import Desk

Connectors = Annotated[
    list[str],
    typer.Option("--connector", help="Its id; give several, first to last: the next is taken when one is down."),
]
Country = Annotated[str, typer.Option("--country", help="Only texts to this country, such as US.")]
Prefix = Annotated[str, typer.Option("--prefix", help="Only texts to numbers that begin so, such as +4479.")]
Identity = Annotated[str, typer.Option("--identity", help="Only texts from this number or sender ID, by its id.")]
Type = Annotated[str, typer.Option("--type", help="Only texts of this type: TRANSACTIONAL or PROMOTIONAL.")]
Price = Annotated[str, typer.Option("--price", help="US$ a part.")]
RouteId = Annotated[str, typer.Argument(metavar="ROUTE", help="The route's id.")]

COLUMNS: tuple[Column, ...] = (
    ("", lambda one: one.position),
    ("Connectors", lambda one: " ".join(one.connectors)),
    ("Country", lambda one: one.country or "any"),
    ("Prefix", lambda one: one.prefix),
    ("Type", lambda one: one.message_type or "any"),
    ("Identity", lambda one: one.identity_id or "any"),
    ("US$ a part", lambda one: f"{one.price:f}"),
    ("Id", lambda one: one.id),
)

app = typer.Typer(help="Routes: which connectors take which texts.", no_args_is_help=True)


@app.command("list")
def list_routes(as_json: Json = False) -> None:
    """Print all routes in the order they are asked; the first that fits takes the text."""

    async def work(desk: Desk) -> tuple[Route, ...]:
        return await routes.find(desk, account_id=ACCOUNT)

    show_list(at_desk(work), COLUMNS, as_json=as_json)


@app.command()
def add(
    *,
    connectors: Connectors,
    country: Country = "",
    prefix: Prefix = "",
    identity: Identity = "",
    message_type: Type = "",
    price: Price = "0",
    as_json: Json = False,
) -> None:
    """Add a route, asked after all others."""

    async def work(desk: Desk) -> Route:
        return await routes.create(
            desk, account_id=ACCOUNT, connectors=connectors, country=country, prefix=prefix, identity_id=identity,
            message_type=upper(message_type), price=price_of(price), now=now_micros(),
        )  # fmt: skip

    added = at_desk(work)
    say(f"Added the route {added.id} to {' '.join(added.connectors)}.", added, as_json=as_json)


@app.command()
def remove(route: RouteId, as_json: Json = False) -> None:
    """Remove a route."""

    async def work(desk: Desk) -> Route:
        found = await routes.get(desk, account_id=ACCOUNT, route_id=route)
        await routes.delete(desk, account_id=ACCOUNT, route_id=route)
        return found

    removed = at_desk(work)
    say(f"Removed the route {removed.id}.", removed, as_json=as_json)
