"""The event log: a page at a time, or as it happens."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import orjson
from aiohttp import web
from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import Answer, At, Count, Query
from gateway.errors import Unavailable
from gateway.events.log import read
from gateway.events.record import EventType  # noqa: TC001 -- pydantic reads annotations at run time
from gateway.events.stream import last_event_id, stream

if TYPE_CHECKING:
    from gateway.events.log import LoggedEvent

_MEDIA = "text/event-stream"
_HEADERS = {
    "Content-Type": _MEDIA,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events back: https://nginx.org/en/docs/http/ngx_http_proxy_module.html
}


class EventQuery(Query):
    """Which events to list, oldest first."""

    after: Count = Field(default=0, ge=0, lt=2**63, description="Only events with a greater number.")
    types: tuple[EventType, ...] = Field(default=(), max_length=50, description="Only these types; none is all.")
    limit: Count = Field(default=100, ge=1, le=1000, description="Entries in one page at most.")


class StreamQuery(Query):
    """Which events to follow."""

    after: Count | None = Field(
        default=None, ge=0, lt=2**63,
        description="Begin behind this number; left out, with what happens from now on. Last-Event-ID goes before it.",
    )  # fmt: skip
    types: tuple[EventType, ...] = Field(default=(), max_length=50, description="Only these types; none is all.")


class Event(Answer):
    """Something that happened."""

    id: str
    seq: int
    type: str
    timestamp: At
    account_id: str
    data: dict[str, Any]


class EventPage(Answer):
    items: list[Event]
    last: int = Field(description="The number to give as after for the next page.")


async def find(call: Call[EventQuery, None]) -> EventPage:
    query = call.query
    found = await read(call.desk.store, query.after, query.limit, call.account_id, query.types)
    return EventPage(items=list(map(_shown, found)), last=found[-1].seq if found else query.after)


async def follow(call: Call[StreamQuery, None]) -> web.StreamResponse:
    """Ends when the client goes, the database cannot be read, or the key is revoked."""
    header = last_event_id(call.request.headers.get("Last-Event-ID") or "")
    after = call.query.after if header is None else header
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(cast("web.Request", call.request))  # only sends come by the quick way
    await response.write(b"retry: 1000\n\n")
    with contextlib.suppress(ConnectionResetError, Unavailable):
        async for chunk in stream(call.desk.store, call.services.feed, call.account_id, after, call.query.types):
            if not _still_valid(call):
                break
            await response.write(chunk)
    return response


def _still_valid(call: Call[Any, Any]) -> bool:
    """A stream lives for hours; a key that is revoked meanwhile opens nothing more."""
    header = call.request.headers.get("Authorization") or ""
    return call.desk.catalog.key(header.partition(" ")[2].strip()) is not None


def _shown(one: LoggedEvent) -> Event:
    return Event(**orjson.loads(one.json))


_TAG = "Events"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/events", scope="read", tag=_TAG, summary="List events",
        handle=find, query=EventQuery, answer=EventPage,
    ),
    Endpoint(
        method="GET", path="/v1/events/stream", scope="read", tag=_TAG, summary="Follow events as they happen",
        handle=follow, query=StreamQuery, media=_MEDIA, headers=("Last-Event-ID",),
        note="Server-sent events without end, each with its number as id. After 15 seconds of silence comes a comment.",
    ),
)  # fmt: skip
