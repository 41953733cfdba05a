"""What commands print: tables and sentences for people, JSON for programs.

Rule 1: with ``--json`` stdout holds one JSON document and nothing else; notes, progress and errors go to stderr.
Rule 2: what strangers wrote (texts, names) never reaches a terminal raw: control characters would drive it.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from gateway.store.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Heading and how a cell is made of an item.
Column: TypeAlias = tuple[str, Callable[[Any], object]]

_PIPED_WIDTH = 200  # columns when nobody looks: wide enough that an id is not broken over lines
_TIMES = frozenset({"at", "locked_until"})  # names of columns that are times, besides those that end in _at


def console(*, err: bool = False) -> Console:
    """A console on the stdout or stderr of this moment."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else _PIPED_WIDTH, highlight=False)


def print_json(value: object) -> None:
    typer.echo(orjson.dumps(plain(value), option=orjson.OPT_INDENT_2))


def show_list(items: Sequence[Any], columns: Sequence[Column], *, as_json: bool, following: str = "") -> None:
    """Print a list: as a table, or as ``{"items": […], "next": ""}``.

    Args:
        items: what is listed.
        columns: of the table, made with ``column``.
        as_json: the command's ``--json``.
        following: the cursor of the next page; "" on the last one.
    """
    if as_json:
        print_json({"items": list(items), "next": following})
        return
    if not items:
        typer.echo("None.")
        return
    console().print(table(items, columns))
    if following:
        typer.echo(f"There are more: --after {following}")


def table(items: Sequence[Any], columns: Sequence[Column]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading, _ in columns:
        made.add_column(heading, overflow="fold")
    for item in items:
        made.add_row(*(cell(make(item)) for _, make in columns))
    return made


def say(sentence: str, value: object, *, as_json: bool) -> None:
    """Tell what was done: the sentence to people, the value to programs."""
    if as_json:
        print_json(value)
    else:
        typer.echo(clean(sentence))


def note(sentence: str) -> None:
    """Something by the way, on stderr."""
    typer.echo(clean(sentence), err=True)


def progress(*, as_json: bool) -> Progress:
    """A progress bar on stderr; silent for programs and where nobody looks."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console(err=True),
        disable=as_json or not sys.stderr.isatty(),
        transient=True,
    )


def cell(value: object) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text("" if value is None else clean(str(value)))


def when(micros: int | None) -> str:
    """A time for people, in UTC; "" for none."""
    return iso(micros)[:19].replace("T", " ") if micros else ""


def clean(text: str) -> str:
    """The text with its control characters spelt out, line breaks excepted."""
    return "".join(
        character if character == "\n" or unicodedata.category(character) not in {"Cc", "Cs"} else _spelt(character)
        for character in text
    )


def _spelt(character: str) -> str:
    return f"\\u{ord(character):04x}"


def plain(value: Any) -> Any:  # noqa: ANN401 -- anything that commands print
    """The value as JSON has it: records by field, times in RFC 3339, money as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _field(one.name, getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _field(str(name), each) for name, each in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(map(plain, value))
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return f"{value:f}" if isinstance(value, Decimal) else value


def _field(name: str, value: Any) -> Any:  # noqa: ANN401 -- as plain
    if isinstance(value, int) and (name.endswith("_at") or name in _TIMES):
        return iso(value) if value else None
    return plain(value)
