"""Routes: which connectors take which texts. The first route that fits a text takes it (gateway.routing)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict

import orjson
from sqlalchemy import func, select

from gateway.errors import Invalid, NotFound
from gateway.model import MessageType, Route
from gateway.resources import checks, connectors, phone_numbers, rows, sender_ids
from gateway.store.tables import routes
from gateway.store.times import from_millionths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from typing import Unpack

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_MOST_CONNECTORS = 20


class RouteConditions(TypedDict, total=False):
    """What a text must be like, and what it costs. "" is no condition."""

    country: str  # of the destination, ISO 3166 alpha-2
    prefix: str  # of the destination, with its plus: "+4479"
    identity_id: str  # of a number or sender ID
    message_type: str  # TRANSACTIONAL or PROMOTIONAL
    price: Decimal  # US$ a part


class RouteChanges(RouteConditions, total=False):
    """What may be changed; what is left out stays."""

    connectors: Sequence[str]


async def create(
    desk: Desk, *, account_id: str, connectors: Sequence[str], now: int, **conditions: Unpack[RouteConditions]
) -> Route:
    """A new route to these connectors, first to last; it is asked after all others.

    Raises:
        Invalid: a field is wrong, or a connector is not there.
        NotFound: there is no such number or sender ID.
    """
    values = _values({"connectors": connectors, **conditions})
    values |= {"id": rows.resource_id("route"), "account_id": account_id, "created_at": now}

    async def work(tx: Tx) -> Route:
        await _check_references(tx.conn, account_id, values)
        last = select(func.coalesce(func.max(routes.c.position), 0)).where(routes.c.account_id == account_id)
        position = (await tx.conn.execute(last)).scalar_one() + 1
        await rows.insert(tx.conn, routes, values | {"position": position})
        return await _get(tx.conn, account_id, values["id"])

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, route_id: str) -> Route:
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, route_id)


async def find(desk: Desk, *, account_id: str) -> tuple[Route, ...]:
    """All routes of the account, in the order they are asked."""
    query = select(routes).where(routes.c.account_id == account_id).order_by(routes.c.position, routes.c.id)
    async with desk.store.reading() as conn:
        return tuple(map(of_row, await conn.execute(query)))


async def update(desk: Desk, *, account_id: str, route_id: str, **changes: Unpack[RouteChanges]) -> Route:
    """Change what is given. Raises as ``create``, and NotFound when there is no such route."""
    values = _values(changes)

    async def work(tx: Tx) -> Route:
        await _get(tx.conn, account_id, route_id)
        await _check_references(tx.conn, account_id, values)
        await rows.change(tx.conn, routes, route_id, values)
        return await _get(tx.conn, account_id, route_id)

    return await desk.change(work)


async def reorder(desk: Desk, *, account_id: str, route_ids: Sequence[str]) -> tuple[Route, ...]:
    """Put the routes into this order. Raises Invalid unless each route of the account is named once."""

    async def work(tx: Tx) -> None:
        found = await tx.conn.execute(select(routes.c.id).where(routes.c.account_id == account_id))
        if sorted(found.scalars()) != sorted(route_ids):
            raise Invalid(
                "incomplete_order",
                "The order does not name each route once.",
                field="route_ids",
                remedy="List the routes and give all their ids.",
            )
        for position, route_id in enumerate(route_ids, start=1):
            await rows.change(tx.conn, routes, route_id, {"position": position})

    await desk.change(work)
    return await find(desk, account_id=account_id)


async def delete(desk: Desk, *, account_id: str, route_id: str) -> None:
    async def work(tx: Tx) -> None:
        await _get(tx.conn, account_id, route_id)
        await rows.remove(tx.conn, routes, route_id)

    await desk.change(work)


def of_row(row: Row[Any]) -> Route:
    return Route(
        id=row.id, position=row.position, connectors=tuple(orjson.loads(row.connectors)), country=row.country,
        prefix=row.prefix, identity_id=row.identity_id, message_type=row.message_type, price=from_millionths(row.price),
    )  # fmt: skip


async def _get(conn: AsyncConnection, account_id: str, route_id: str) -> Route:
    return of_row(await rows.one(conn, routes, account_id, route_id, "route"))


async def _check_references(conn: AsyncConnection, account_id: str, values: dict[str, Any]) -> None:
    if "connectors" in values and set(orjson.loads(values["connectors"])) - await connectors.ids_in(conn):
        raise Invalid(
            "connector_not_found",
            "A connector is not there.",
            field="connectors",
            remedy="List the connectors and give ids of theirs.",
        )
    if identity_id := values.get("identity_id"):
        await _check_identity(conn, account_id, identity_id)


async def _check_identity(conn: AsyncConnection, account_id: str, identity_id: str) -> None:
    require = sender_ids.require if identity_id.startswith("sender-") else phone_numbers.require
    try:
        await require(conn, account_id, identity_id)
    except NotFound as error:
        error.field = "identity_id"
        raise


def _values(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of what is given, each checked."""
    values = dict(changes)
    if "connectors" in values:
        values["connectors"] = _connectors(values["connectors"])
    if "country" in values:
        values["country"] = checks.country(values["country"])
    if values.get("prefix") and not _PREFIX.fullmatch(values["prefix"]):
        raise Invalid("bad_prefix", "prefix is not a plus and digits.", field="prefix", remedy="Write it as +4479.")
    if values.get("message_type"):
        values["message_type"] = checks.one_of(values["message_type"], MessageType, "message_type")
    if "price" in values:
        values["price"] = checks.price(values["price"], "price")
    return values


def _connectors(ids: Sequence[str]) -> str:
    if not ids or len(ids) > _MOST_CONNECTORS or len(set(ids)) != len(ids):
        raise Invalid(
            "bad_connectors",
            f"connectors is not a list of 1 to {_MOST_CONNECTORS} different ids.",
            field="connectors",
            remedy="Name each connector once, first to last.",
        )
    for each in ids:
        checks.slug(each, "connectors")
    return orjson.dumps(list(ids)).decode()
