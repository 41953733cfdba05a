"""Routes: which connectors take which texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import Answer, Country, Identifier, Money, NoQuery, Price, Request, Text
from gateway.resources import routes

if TYPE_CHECKING:
    from gateway.model import Route

_Connectors = Annotated[list[Identifier], Field(min_length=1, max_length=20)]
_Condition = Annotated[Text, Field(max_length=64)]
_CONNECTORS = "The ids of connectors, first to last; one that is down is skipped."
_COUNTRY = "Of the destination; empty is any."
_PREFIX = "Of the destination, with its plus; empty is any."
_IDENTITY = "The id of the phone number or sender ID; empty is any."
_TYPE = "Empty is any."
_PRICE = "US dollars a part."


class NewRoute(Request):
    """A route to add behind all others. An empty condition holds for every text."""

    connectors: _Connectors = Field(description=_CONNECTORS)
    country: Country = Field(default="", description=_COUNTRY)
    prefix: str = Field(default="", pattern=r"^(\+[1-9][0-9]{0,14})?$", description=_PREFIX, examples=["+4479"])
    identity_id: _Condition = Field(default="", description=_IDENTITY)
    message_type: Literal["", "TRANSACTIONAL", "PROMOTIONAL"] = Field(default="", description=_TYPE)
    price: Money | None = Field(default=None, description=_PRICE)


class RoutePatch(Request):
    """What to change; what is left out stays."""

    connectors: _Connectors = Field(default_factory=list, description=_CONNECTORS)
    country: Country = Field(default="", description=_COUNTRY)
    prefix: str = Field(default="", pattern=r"^(\+[1-9][0-9]{0,14})?$", description=_PREFIX, examples=["+4479"])
    identity_id: _Condition = Field(default="", description=_IDENTITY)
    message_type: Literal["", "TRANSACTIONAL", "PROMOTIONAL"] = Field(default="", description=_TYPE)
    price: Money = Field(default="0", description=_PRICE, validate_default=True)


class RouteOrder(Request):
    """The order in which routes are asked."""

    route_ids: list[Identifier] = Field(min_length=1, max_length=10_000, description="Each route's id, once.")


class RouteAnswer(Answer):
    """The first route that fits a text takes it."""

    id: str
    position: int
    connectors: list[str]
    country: str
    prefix: str
    identity_id: str
    message_type: str
    price: Price


class Routes(Answer):
    items: list[RouteAnswer]


async def create(call: Call[NoQuery, NewRoute]) -> Reply:
    given = {name: value for name, value in call.body.given().items() if value is not None}
    made = await routes.create(call.desk, account_id=call.account_id, now=call.now(), **given)
    return Reply(_shown(made), 201, {"Location": f"/v1/routes/{made.id}"})


async def find(call: Call[NoQuery, None]) -> Routes:
    return Routes(items=list(map(_shown, await routes.find(call.desk, account_id=call.account_id))))


async def get(call: Call[NoQuery, None]) -> RouteAnswer:
    return _shown(await routes.get(call.desk, account_id=call.account_id, route_id=call.path("id")))


async def update(call: Call[NoQuery, RoutePatch]) -> RouteAnswer:
    changed = await routes.update(call.desk, account_id=call.account_id, route_id=call.path("id"), **call.body.given())
    return _shown(changed)


async def reorder(call: Call[NoQuery, RouteOrder]) -> Routes:
    ordered = await routes.reorder(call.desk, account_id=call.account_id, route_ids=call.body.route_ids)
    return Routes(items=list(map(_shown, ordered)))


async def delete(call: Call[NoQuery, None]) -> None:
    await routes.delete(call.desk, account_id=call.account_id, route_id=call.path("id"))


def _shown(one: Route) -> RouteAnswer:
    return RouteAnswer(
        id=one.id, position=one.position, connectors=list(one.connectors), country=one.country, prefix=one.prefix,
        identity_id=one.identity_id, message_type=one.message_type, price=f"{one.price:f}",
    )  # fmt: skip


_TAG = "Routes"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/routes", scope="read", tag=_TAG, summary="List routes in their order",
        handle=find, answer=Routes,
    ),
    Endpoint(
        method="POST", path="/v1/routes", scope="admin", tag=_TAG, summary="Add a route",
        handle=create, body=NewRoute, answer=RouteAnswer, status=201, problems=frozenset({404}),
    ),
    Endpoint(
        method="PUT", path="/v1/routes", scope="admin", tag=_TAG, summary="Put the routes into another order",
        handle=reorder, body=RouteOrder, answer=Routes,
    ),
    Endpoint(
        method="GET", path="/v1/routes/{id}", scope="read", tag=_TAG, summary="One route",
        handle=get, answer=RouteAnswer,
    ),
    Endpoint(
        method="PATCH", path="/v1/routes/{id}", scope="admin", tag=_TAG, summary="Change a route",
        handle=update, body=RoutePatch, answer=RouteAnswer,
    ),
    Endpoint(
        method="DELETE", path="/v1/routes/{id}", scope="admin", tag=_TAG, summary="Delete a route",
        handle=delete, status=204,
    ),
)  # fmt: skip
