"""Connectors: the ways to carriers, with the state of their links now. They belong to the instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import Answer, At, NoQuery, Paging, Request, Text
from gateway.api.rest.naming import naming
from gateway.resources import connectors
from gateway.store.times import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carriers.types import ConnectorStatus, LinkStatus
    from gateway.resources.connectors import Connector

_SLUG = "^[a-z0-9-]{1,40}$"
_SETTINGS = (
    "As the kind wants them: see docs/connectors. Passwords are kept encrypted and never shown again; one that is left "
    "out of a change stays."
)
_BACKLOG = (
    "Messages that may wait for it, 10 at least; one more is answered 429 connector_backlog_full, unless its route has "
    "another connector with room. 0: as the setting HELIOGRAPH_CONNECTOR_BACKLOG says."
)


class NewConnector(Request):
    """A connector to set up."""

    id: str = Field(pattern=_SLUG, description="1 to 40 of a-z, 0-9 and hyphens.", examples=["carrier-1"])
    kind: Text = Field(min_length=1, max_length=40, description="smpp", examples=["smpp"])
    group: str = Field(
        default="", pattern="^[a-z0-9-]{0,40}$",
        description="Receipts of one connector of a group may come by another; left out, it stands alone.",
    )  # fmt: skip
    settings: dict[Text, Any] = Field(description=_SETTINGS, examples=[{"host": "smsc.example.net", "port": 2775}])
    enabled: bool = Field(default=True, description="Whether it is started.")
    backlog_limit: int = Field(default=0, ge=0, le=connectors.LARGEST_BACKLOG, description=_BACKLOG)


class ConnectorPatch(Request):
    """What to change; what is left out stays."""

    group: str = Field(default="", pattern="^[a-z0-9-]{0,40}$", description="Empty: it stands alone.")
    settings: dict[Text, Any] = Field(default_factory=dict, description=f"All settings anew. {_SETTINGS}")
    enabled: bool = Field(default=True, description="Whether it is started.")
    backlog_limit: int = Field(default=0, ge=0, le=connectors.LARGEST_BACKLOG, description=_BACKLOG)


class Link(Answer):
    """One bind as it stands now."""

    index: int
    state: str
    outstanding: int = Field(description="Submits without an answer.")
    window: int = Field(description="Submits that may be open.")
    since: str | None
    paused_for: float = Field(description="Seconds until submits go on after throttling.")
    last_error: str


class ConnectorAnswer(Answer):
    """A connector, without its secrets, and its links in this process."""

    id: str
    kind: str
    group: str
    settings: dict[str, Any]
    secrets: list[str] = Field(description="The names of the secrets that are set.")
    enabled: bool
    backlog_limit: int = Field(description="Messages that may wait for it; 0: as the settings say.")
    created_at: At
    up: bool = Field(description="Whether at least one link takes messages.")
    links: list[Link]
    facts: dict[str, str] = Field(description="What was learned of the carrier.")


class ConnectorPage(Answer):
    items: list[ConnectorAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


async def create(call: Call[NoQuery, NewConnector]) -> Reply:
    body = call.body
    made = await connectors.create(
        call.desk, connector_id=body.id, kind=body.kind, group=body.group, settings=body.settings,
        enabled=body.enabled, backlog_limit=body.backlog_limit, now=call.now(),
    )  # fmt: skip
    await call.services.restart_connectors()
    return Reply(_shown(made, _live(call)), 201, {"Location": f"/v1/connectors/{made.id}"})


async def find(call: Call[Paging, None]) -> ConnectorPage:
    with naming(after="cursor"):
        page = await connectors.find(call.desk, limit=call.query.limit, after=call.query.cursor)
    live = _live(call)
    return ConnectorPage(items=[_shown(one, live) for one in page.items], next_cursor=page.next)


async def get(call: Call[NoQuery, None]) -> ConnectorAnswer:
    return _shown(await connectors.get(call.desk, connector_id=call.path("id")), _live(call))


async def update(call: Call[NoQuery, ConnectorPatch]) -> ConnectorAnswer:
    changed = await connectors.update(call.desk, connector_id=call.path("id"), **call.body.given())
    await call.services.restart_connectors()
    return _shown(changed, _live(call))


async def delete(call: Call[NoQuery, None]) -> None:
    await connectors.delete(call.desk, connector_id=call.path("id"))
    await call.services.restart_connectors()


def _live(call: Call[Any, Any]) -> dict[str, ConnectorStatus]:
    return {status.connector_id: status for status in call.services.links.statuses()}


def _shown(one: Connector, live: Mapping[str, ConnectorStatus]) -> ConnectorAnswer:
    status = live.get(one.id)
    return ConnectorAnswer(
        id=one.id, kind=one.kind, group=one.group, settings=dict(one.settings), secrets=list(one.secrets),
        enabled=one.enabled, backlog_limit=one.backlog_limit, created_at=iso(one.created_at),
        up=status.up if status else False,
        links=[_link(link) for link in status.links] if status else [], facts=dict(status.facts) if status else {},
    )  # fmt: skip


def _link(link: LinkStatus) -> Link:
    return Link(
        index=link.index, state=link.state, outstanding=link.outstanding, window=link.window,
        since=link.since.isoformat() if link.since else None, paused_for=link.paused_for, last_error=link.last_error,
    )  # fmt: skip


_TAG = "Connectors"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/connectors", scope="admin", tag=_TAG, summary="List connectors and their links",
        handle=find, query=Paging, answer=ConnectorPage, of_instance=True,
    ),
    Endpoint(
        method="POST", path="/v1/connectors", scope="admin", tag=_TAG, summary="Set up a connector",
        handle=create, body=NewConnector, answer=ConnectorAnswer, status=201, problems=frozenset({409}),
        of_instance=True,
    ),
    Endpoint(
        method="GET", path="/v1/connectors/{id}", scope="admin", tag=_TAG, summary="One connector and its links",
        handle=get, answer=ConnectorAnswer, of_instance=True,
    ),
    Endpoint(
        method="PATCH", path="/v1/connectors/{id}", scope="admin", tag=_TAG, summary="Change a connector",
        handle=update, body=ConnectorPatch, answer=ConnectorAnswer, of_instance=True,
        note="Its links are made anew.",
    ),
    Endpoint(
        method="DELETE", path="/v1/connectors/{id}", scope="admin", tag=_TAG, summary="Remove a connector",
        handle=delete, status=204, problems=frozenset({409}),
        of_instance=True,
        note="One that a route names cannot be removed.",
    ),
)  # fmt: skip
