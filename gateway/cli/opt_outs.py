"""``heliograph opt-outs``: who must not be texted."""

from __future__ import annotations

import csv
import sys
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import ACCOUNT, HOW, After, Json, Limit, OptOutList, actor, at_desk, now_micros
from gateway.cli.output import note, print_json, progress, say, show_list, when
from gateway.console import words
from gateway.errors import Invalid
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import opt_outs
from gateway.resources.opt_outs import ImportResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from gateway.cli.output import Column
    from gateway.resources.desk import Desk, Page
    from gateway.resources.opt_outs import Consent, OptOut

    Row = dict[str, Any]

_CHUNK = 500  # rows between two moves of the progress bar
_MOST_TOLD = 20  # rows that could not be read are told one by one up to here
STDIO = Path("-")

Query = Annotated[str, typer.Argument(metavar="[NUMBER]", help="A number in any form, or how it begins.")]
Number = Annotated[str, typer.Argument(help="As +14255550100.")]
AnyList = Annotated[str, typer.Option("--list", help="Only this opt-out list.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stays on record.")]
Source = Annotated[
    Path, typer.Argument(metavar="FILE", help=f"CSV with a heading: {', '.join(opt_outs.COLUMNS)}; - for stdin.")
]
Target = Annotated[Path, typer.Argument(metavar="[FILE]", help="Left out: to stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]

COLUMNS: tuple[Column, ...] = (
    ("Number", lambda one: one.phone),
    ("List", lambda one: one.list_name),
    ("Since (UTC)", lambda one: when(one.opted_out_at)),
    ("By the person", lambda one: one.by_end_user),
    ("How", lambda one: one.how),
)
HISTORY: tuple[Column, ...] = (
    ("When (UTC)", lambda one: when(one.at)),
    ("What", lambda one: words.ACTS[one.action].label),
    ("List", lambda one: one.list_name),
    ("Who", lambda one: words.actor(one.actor)),
    ("How", lambda one: one.how),
    ("Words", lambda one: one.words),
    ("Reason", lambda one: one.reason),
)

app = typer.Typer(help="Opt-outs: who must not be texted.", no_args_is_help=True)


@app.command("list")
def list_opt_outs(
    number: Query = "", opt_out_list: AnyList = "", limit: Limit = 100, after: After = "", as_json: Json = False
) -> None:
    """Print who is opted out."""

    async def work(desk: Desk) -> Page[OptOut]:
        return await opt_outs.find(
            desk, account_id=ACCOUNT, query=number, list_name=opt_out_list, limit=limit, after=after
        )

    page = at_desk(work)
    show_list(page.items, COLUMNS, as_json=as_json, following=page.next)


@app.command()
def add(
    number: Number, opt_out_list: OptOutList = DEFAULT_OPT_OUT_LIST, reason: Reason = "", as_json: Json = False
) -> None:
    """Opt a person out."""

    async def work(desk: Desk) -> tuple[OptOut, bool]:
        return await opt_outs.add(
            desk, account_id=ACCOUNT, phone=number, list_name=opt_out_list, actor=actor(), how=HOW, reason=reason,
            now=now_micros(),
        )  # fmt: skip

    stands, new = at_desk(work)
    say(f"{stands.phone} {'is' if new else 'was already'} opted out on {stands.list_name}.", stands, as_json=as_json)


@app.command()
def lift(
    number: Number, reason: Reason, opt_out_list: OptOutList = DEFAULT_OPT_OUT_LIST, as_json: Json = False
) -> None:
    """Let a person have texts again. Only with their consent: the reason stays on record."""
    phone = opt_outs.e164(number)

    async def work(desk: Desk) -> None:
        await opt_outs.lift(
            desk, account_id=ACCOUNT, phone=phone, list_name=opt_out_list, actor=actor(), how=HOW, reason=reason,
            now=now_micros(),
        )  # fmt: skip

    at_desk(work)
    say(f"{phone} may be texted again.", {"phone": phone, "list_name": opt_out_list}, as_json=as_json)


@app.command()
def history(number: Number, as_json: Json = False) -> None:
    """Print everything on record about a person's consent."""
    phone = opt_outs.e164(number)

    async def work(desk: Desk) -> tuple[Consent, ...]:
        return await opt_outs.history(desk, account_id=ACCOUNT, phone=phone)

    show_list(at_desk(work), HISTORY, as_json=as_json)


@app.command("import")
def import_file(file: Source, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Add opt-outs from a CSV file. It only ever adds: nobody is opted in by a file."""
    rows = _read(file)

    async def work(desk: Desk) -> ImportResult:
        with progress(as_json=as_json) as bar:
            task = bar.add_task("Importing", total=len(rows))
            result = ImportResult(0, 0, ())
            for done, chunk in _chunks(rows, whole=dry_run):
                more = await opt_outs.import_rows(
                    desk, chunk, account_id=ACCOUNT, actor=actor(), now=now_micros(), dry_run=dry_run
                )
                result = _sum(result, more, done)
                bar.advance(task, len(chunk))
            return result

    result = at_desk(work)
    for line, why in result.rejected[:_MOST_TOLD]:
        note(f"Line {line}: {why}")
    would = "would be " if dry_run else ""
    left = len(result.rejected)
    sentence = f"{result.added} {would}added, {result.already} there already, {left} not readable."
    say(sentence, {**_counts(result), "dry_run": dry_run}, as_json=as_json)
    if left:
        raise typer.Exit(1)


@app.command("export")
def export_file(file: Target = STDIO, opt_out_list: AnyList = "", as_json: Json = False) -> None:
    """Write all opt-outs as CSV, which import takes back."""
    if as_json and file == STDIO:
        print_json({"items": at_desk(lambda desk: _all(desk, opt_out_list))})
        return
    with _writing(file) as stream:
        count = at_desk(lambda desk: _write(desk, stream, opt_out_list, as_json=as_json))
    if file != STDIO:
        say(f"Wrote {count} opt-outs to {file}.", {"file": str(file), "count": count}, as_json=as_json)


def _read(file: Path) -> list[Row]:
    """The rows of a CSV file, by their columns in lower case.

    Raises:
        OSError: it cannot be opened.
        Invalid: it is not CSV in UTF-8, or has no column ``phone``.
    """
    try:
        with _reading(file) as stream:
            reader = csv.DictReader(stream)
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            if "phone" not in reader.fieldnames:
                raise Invalid(
                    "no_phone_column", "The file's first line names no column phone.", field="FILE",
                    remedy=f"Begin the file with the line {','.join(opt_outs.COLUMNS)}.",
                )  # fmt: skip
            return list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(
            "not_csv", f"The file cannot be read as CSV: {error}.", field="FILE", remedy="Save it as CSV in UTF-8."
        ) from error


@contextmanager
def _reading(file: Path) -> Iterator[TextIO]:
    if file == STDIO:
        yield sys.stdin
        return
    with file.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets begin it with a byte order mark
        yield stream


@contextmanager
def _writing(file: Path) -> Iterator[TextIO]:
    """The file takes its name when it is whole: half a list must not look like a list."""
    if file == STDIO:
        yield sys.stdout
        return
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as stream:
            yield stream
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


async def _write(desk: Desk, stream: TextIO, opt_out_list: str, *, as_json: bool) -> int:
    writer = csv.DictWriter(stream, opt_outs.COLUMNS)
    writer.writeheader()
    count = 0
    with progress(as_json=as_json) as bar:
        task = bar.add_task("Exporting", total=None)
        async for row in opt_outs.export_rows(desk, account_id=ACCOUNT, list_name=opt_out_list):
            writer.writerow(row)
            count += 1
            bar.advance(task)
    return count


async def _all(desk: Desk, opt_out_list: str) -> list[Row]:
    return [row async for row in opt_outs.export_rows(desk, account_id=ACCOUNT, list_name=opt_out_list)]


def _chunks(rows: list[Row], *, whole: bool) -> Iterator[tuple[int, list[Row]]]:
    """Rows and how many went before. A dry run takes them at once, to see what stands twice in the file."""
    size = len(rows) if whole else _CHUNK
    left, done = iter(rows), 0
    while chunk := list(islice(left, size)):
        yield done, chunk
        done += len(chunk)


def _sum(before: ImportResult, more: ImportResult, done: int) -> ImportResult:
    rejected = tuple((line + done, why) for line, why in more.rejected)
    return replace(
        before,
        added=before.added + more.added,
        already=before.already + more.already,
        rejected=before.rejected + rejected,
    )


def _counts(result: ImportResult) -> dict[str, Any]:
    rejected = [{"line": line, "why": why} for line, why in result.rejected]
    return {"added": result.added, "already": result.already, "rejected": rejected}
