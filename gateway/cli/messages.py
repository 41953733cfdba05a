"""``heliograph messages``: find texts, and see what became of one and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from gateway import numbers
from gateway.cli.common import ACCOUNT, Json, Limit, at_desk, upper
from gateway.cli.output import clean, console, print_json, show_list, table, when
from gateway.cli.words import VERDICTS
from gateway.console import words
from gateway.errors import Invalid
from gateway.model import Status
from gateway.resources import checks, messages
from gateway.store.times import from_millionths, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.cli.output import Column
    from gateway.resources.desk import Desk
    from gateway.resources.messages import Story

Number = Annotated[
    str,
    typer.Option(
        "--number", help="The person's number with its country code, in any form; or what the text left from."
    ),
]
State = Annotated[str, typer.Option("--status", help=f"Only those that are so now: {', '.join(Status)}.")]
Since = Annotated[
    str, typer.Option("--since", help="Made at this time or later, as 2026-11-22 or 2026-11-22T18:00:00Z.")
]
Before = Annotated[str, typer.Option("--before", help="Made before this time.")]
After = Annotated[str, typer.Option("--after", help="Go on behind this id, the last of the page before.")]
MessageId = Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id.")]

COLUMNS: tuple[Column, ...] = (
    ("Made (UTC)", lambda one: when(one["created_at"])),
    ("To", lambda one: one["destination"]),
    ("From", lambda one: one["sender"]),
    ("Status", lambda one: one["status"]),
    ("Parts", lambda one: one["parts"]),
    ("Why", lambda one: one["reason"]),
    ("Id", lambda one: one["id"]),
)
PARTS: tuple[Column, ...] = (
    ("Part", lambda one: one["number"]),
    ("Status", lambda one: one["status"]),
    ("Since (UTC)", lambda one: when(one["status_at"])),
    ("Connector", lambda one: one["connector_id"]),
    ("Carrier's id", lambda one: one["carrier_id"]),
    ("Carrier's words", lambda one: " ".join(filter(None, (one["raw_code"], one["raw_state"], one["raw_error"])))),
)
STEPS: tuple[Column, ...] = (
    ("When (UTC)", lambda one: when(one.at)),
    ("What", lambda one: one.word.label),
    ("", lambda one: " ".join(one.notes)),
)

app = typer.Typer(help="Texts: find them, and see what became of one and why.", no_args_is_help=True)


@app.command("list")
def list_messages(
    *,
    number: Number = "",
    status: State = "",
    since: Since = "",
    before: Before = "",
    after: After = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Print texts, newest first."""
    search = messages.Search(
        account_id=ACCOUNT, number=_number(number), status=_status(status), after=_moment(since, "since"),
        before=_moment(before, "before"), cursor=after, limit=limit + 1,
    )  # fmt: skip

    async def work(desk: Desk) -> list[Mapping[str, Any]]:
        return await messages.find(desk.store, search)

    found = at_desk(work)
    following = found[limit - 1]["id"] if len(found) > limit else ""
    show_list([_document(one) for one in found[:limit]], COLUMNS, as_json=as_json, following=following)


@app.command()
def show(message: MessageId, as_json: Json = False) -> None:
    """Print one text: what happened to it, and what every rule said."""

    async def work(desk: Desk) -> Story:
        return await messages.get(desk.store, ACCOUNT, message if checks.is_storable(message) else "")

    story = at_desk(work)
    if as_json:
        timeline = [{**one, "data": orjson.loads(one["data"])["data"]} for one in story.timeline]
        print_json(_document(story.message) | {
            "part_states": story.parts, "timeline": timeline, "decision": story.decision
        })  # fmt: skip
    else:
        _tell(story)


def _tell(story: Story) -> None:
    message, decision = _document(story.message), story.decision
    typer.echo(clean(f"{message['status']}: {words.sentence(story.message)}\n"))
    for name, value in _facts(message, decision):
        if value:
            typer.echo(clean(f"{name + ':':<14}{value}"))
    for title, rows, columns in (
        ("What happened", words.steps(story.timeline), STEPS),
        ("Parts", story.parts, PARTS),
        ("What the rules said", decision.get("verdicts", ()), VERDICTS),
    ):
        if rows:
            typer.echo(f"\n{title}")
            console().print(table(rows, columns))


def _facts(message: Mapping[str, Any], decision: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    return (
        ("Id", message["id"]),
        ("To", message["destination"]),
        ("From", message["sender"]),
        ("Because", decision.get("why")),
        ("Text", message["body"]),
        ("Parts", f"{message['parts']} ({message['encoding']}), US$ {message['price']}"),
        ("Type", f"{message['message_type']}, {words.PURPOSES.get(message['purpose'], message['purpose'])}"),
        ("Reason", message["reason"]),
        ("Connector", message["connector_id"]),
        ("Note", "It may have been sent twice." if message["possible_duplicate"] else ""),
    )


def _document(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row for programs: its JSON columns read, its price in US$."""
    return dict(row) | {
        "connectors": orjson.loads(row["connectors"]),
        "context": orjson.loads(row["context"]),
        "price": f"{from_millionths(row['price']):f}",
        "possible_duplicate": bool(row["possible_duplicate"]),
    }


def _number(written: str) -> str:
    """What to look for: the number that is meant, or else a sender as it was typed."""
    return (numbers.find(written) or written.strip()) if written and checks.is_storable(written) else ""


def _status(written: str) -> str:
    return checks.one_of(upper(written), Status, "status") if written else ""


def _moment(written: str, field: str) -> int | None:
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Invalid(
            "bad_time", f"{field} is not a time.", field=field, remedy="Write it as 2026-11-22T18:00:00Z."
        ) from None
