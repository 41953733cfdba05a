"""Event destinations: webhooks and files that are given events, and the events they did not take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from pydantic import Field

from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.fields import Answer, At, Count, Line, Moment, NoQuery, Paging, Query, Request
from gateway.api.rest.naming import naming
from gateway.errors import Invalid
from gateway.events import retries
from gateway.events.destinations import FILE, MAX_BATCH
from gateway.events.files import check_path
from gateway.events.network import check_destination
from gateway.events.record import EventType
from gateway.resources import event_destinations
from gateway.resources.event_destinations import LONGEST_TARGET, EventDestination
from gateway.store.times import iso, to_micros

if TYPE_CHECKING:
    from gateway.events.retries import DeadLetter

_EVENT_FOLDER = "events"  # in data_dir, where gateway.app lets files be
_Types = Annotated[list[Annotated[EventType, Field(strict=False)]], Field(max_length=len(EventType))]
_TARGET = "The URL of a webhook, or the name of a file in the folder for event files."
_TYPES = "The types of events it wants; none is all."
_BATCH = "Up to so many events in one request; 1 gives each its own."


class NewEventDestination(Request):
    """A destination to add. It is given what happens from now on."""

    kind: Literal["webhook", "file"] = Field(description="webhook: signed POST requests. file: JSON lines.")
    target: Line = Field(
        min_length=1, max_length=LONGEST_TARGET, description=_TARGET, examples=["https://app.example.com/events"]
    )
    types: _Types = Field(default_factory=list, description=_TYPES)
    batch_size: int = Field(default=1, ge=1, le=MAX_BATCH, description=_BATCH)


class EventDestinationPatch(Request):
    """What to change; what is left out stays."""

    target: Line = Field(default="-", min_length=1, max_length=LONGEST_TARGET, description=_TARGET)
    types: _Types = Field(default_factory=list, description=_TYPES)
    batch_size: int = Field(default=1, ge=1, le=MAX_BATCH, description=_BATCH)
    enabled: bool = Field(default=True, description="Whether it is given events.")


class Replay(Request):
    """What to give again: named dead letters, all events of a time, or (with neither) all dead letters."""

    seqs: list[Annotated[int, Field(ge=1, lt=2**63)]] | None = Field(
        default=None, min_length=1, max_length=1000, description="The numbers of dead letters."
    )
    since: Moment | None = Field(default=None, description="Everything from this time on; with until.")
    until: Moment | None = Field(default=None, description="Up to and without this time; with since.")


class EventDestinationAnswer(Answer):
    """Who is given events."""

    id: str
    kind: str
    target: str
    types: list[str]
    batch_size: int
    enabled: bool
    cursor: int = Field(description="The number of the last event given, or put aside.")
    trouble: str = Field(description="Why it does not get through now, or empty.")
    configuration_set: str = Field(
        description="On the AWS wire, the set whose messages it is told of, or app/ID for Pinpoint's application ID; "
        "empty for none."
    )
    name: str = Field(description="On the AWS wire, its name within the set; empty for none.")
    created_at: At


class NewEventDestinationAnswer(EventDestinationAnswer):
    """A new destination with its secret."""

    secret: str = Field(description="What requests are signed with (Standard Webhooks). Shown once; empty for a file.")


class EventDestinationPage(Answer):
    items: list[EventDestinationAnswer]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


class TestResult(Answer):
    """What came of a sample event."""

    __test__ = False  # pytest takes a class of this name for tests

    ok: bool
    status: int = Field(description="Of the HTTP answer; 0 when there was none.")
    error: str = Field(description="One sentence why it was not taken, or empty.")


class DeadLetterQuery(Query):
    """Which dead letters to list, oldest first."""

    after: Count = Field(default=0, ge=0, lt=2**63, description="Only those with a greater number.")
    limit: Count = Field(default=100, ge=1, le=1000, description="Entries in one page at most.")


class DeadLetterAnswer(Answer):
    """An event that was not taken for three days."""

    seq: int
    event: dict[str, Any]
    attempts: int
    first_at: At
    error: str


class DeadLetters(Answer):
    items: list[DeadLetterAnswer]


class Replayed(Answer):
    count: int = Field(description="How many events will be given again.")


class Secret(Answer):
    secret: str = Field(description="What requests are signed with from now on. Shown once.")


async def create(call: Call[NoQuery, NewEventDestination]) -> Reply:
    body = call.body
    await _check_target(call, body.kind, body.target)
    made, secret = await event_destinations.create(
        call.desk, account_id=call.account_id, kind=body.kind, target=body.target, types=body.types,
        batch_size=body.batch_size, now=call.now(),
    )  # fmt: skip
    await call.services.post.refresh()
    answer = NewEventDestinationAnswer(**_shown(made).model_dump(), secret=secret)
    return Reply(answer, 201, {"Location": f"/v1/event-destinations/{made.id}"})


async def find(call: Call[Paging, None]) -> EventDestinationPage:
    with naming(after="cursor"):
        page = await event_destinations.find(
            call.desk, account_id=call.account_id, limit=call.query.limit, after=call.query.cursor
        )
    return EventDestinationPage(items=list(map(_shown, page.items)), next_cursor=page.next)


async def get(call: Call[Any, Any]) -> EventDestinationAnswer:
    return _shown(await _mine(call))


async def update(call: Call[NoQuery, EventDestinationPatch]) -> EventDestinationAnswer:
    changes = call.body.given()
    if "target" in changes:
        await _check_target(call, (await _mine(call)).kind, changes["target"])
    changed = await event_destinations.update(
        call.desk, account_id=call.account_id, destination_id=call.path("id"), **changes
    )
    await call.services.post.refresh()
    return _shown(changed)


async def delete(call: Call[NoQuery, None]) -> None:
    await event_destinations.delete(call.desk, account_id=call.account_id, destination_id=call.path("id"))
    await call.services.post.refresh()


async def rotate(call: Call[NoQuery, None]) -> Secret:
    secret = await event_destinations.rotate_secret(
        call.desk, account_id=call.account_id, destination_id=call.path("id")
    )
    await call.services.post.refresh()
    return Secret(secret=secret)


async def test(call: Call[NoQuery, None]) -> TestResult:
    await _mine(call)
    outcome = await call.services.post.test(call.path("id"), call.account_id)
    return TestResult(ok=outcome.ok, status=outcome.status, error=outcome.error)


async def dead_letters(call: Call[DeadLetterQuery, None]) -> DeadLetters:
    await _mine(call)
    found = await retries.dead_letters(call.desk.store, call.path("id"), after=call.query.after, limit=call.query.limit)
    return DeadLetters(items=list(map(_letter, found)))


async def replay(call: Call[NoQuery, Replay]) -> Replayed:
    destination, body, store = await _mine(call), call.body, call.desk.store
    if (body.since is None) != (body.until is None) or (body.seqs is not None and body.since is not None):
        raise Invalid(
            "unclear_replay",
            "since and until belong together, and exclude seqs.",
            field="until" if body.until is None else "since",
            remedy="Give both, or seqs, or none of them.",
        )
    if body.since is not None and body.until is not None:
        until = to_micros(body.until)
        count = await retries.replay_range(store, destination.id, to_micros(body.since), until, now=call.now())
    else:
        count = await retries.replay(store, destination.id, body.seqs, now=call.now())
    return Replayed(count=count)


async def _mine(call: Call[Any, Any]) -> EventDestination:
    return await event_destinations.get(call.desk, account_id=call.account_id, destination_id=call.path("id"))


async def _check_target(call: Call[Any, Any], kind: str, target: str) -> None:
    settings = call.services.settings
    with naming(url="target", path="target"):
        if kind == FILE:
            await asyncio.to_thread(check_path, target, settings.data_dir / _EVENT_FOLDER)
        else:
            await check_destination(target, settings.allow_private_webhooks)


def _shown(one: EventDestination) -> EventDestinationAnswer:
    return EventDestinationAnswer(
        id=one.id, kind=one.kind, target=one.target, types=list(one.types), batch_size=one.batch_size,
        enabled=one.enabled, cursor=one.cursor, trouble=one.trouble, created_at=iso(one.created_at),
        configuration_set=one.configuration_set, name=one.name,
    )  # fmt: skip


def _letter(one: DeadLetter) -> DeadLetterAnswer:
    return DeadLetterAnswer(
        seq=one.event.seq, event=orjson.loads(one.event.json), attempts=one.attempts, first_at=iso(one.first_at),
        error=one.error,
    )  # fmt: skip


_TAG = "Event destinations"
_ONE = "/v1/event-destinations/{id}"

ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/event-destinations", scope="admin", tag=_TAG, summary="List event destinations",
        handle=find, query=Paging, answer=EventDestinationPage,
    ),
    Endpoint(
        method="POST", path="/v1/event-destinations", scope="admin", tag=_TAG, summary="Add an event destination",
        handle=create, body=NewEventDestination, answer=NewEventDestinationAnswer, status=201,
        note="The signing secret is shown here and never again.",
    ),
    Endpoint(
        method="GET", path=_ONE, scope="admin", tag=_TAG, summary="One event destination",
        handle=get, answer=EventDestinationAnswer,
    ),
    Endpoint(
        method="PATCH", path=_ONE, scope="admin", tag=_TAG, summary="Change an event destination",
        handle=update, body=EventDestinationPatch, answer=EventDestinationAnswer,
    ),
    Endpoint(
        method="DELETE", path=_ONE, scope="admin", tag=_TAG, summary="Remove an event destination",
        handle=delete, status=204, note="With its dead letters.",
    ),
    Endpoint(
        method="POST", path=f"{_ONE}/secret", scope="admin", tag=_TAG, summary="Give a webhook a new secret",
        handle=rotate, answer=Secret, note="The old one signs nothing more.",
    ),
    Endpoint(
        method="POST", path=f"{_ONE}/test", scope="admin", tag=_TAG, summary="Give a destination a sample event",
        handle=test, answer=TestResult,
    ),
    Endpoint(
        method="GET", path=f"{_ONE}/dead-letters", scope="admin", tag=_TAG, summary="Events it did not take",
        handle=dead_letters, query=DeadLetterQuery, answer=DeadLetters,
    ),
    Endpoint(
        method="POST", path=f"{_ONE}/replay", scope="admin", tag=_TAG, summary="Give events again",
        handle=replay, body=Replay, answer=Replayed,
    ),
)  # fmt: skip
