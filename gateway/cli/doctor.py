"""``heliograph doctor``: look at everything that a gateway needs, and say what to do about what is wrong."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import typer

from gateway.cli.checkup import Finding, State, examine, look_at_variables
from gateway.cli.common import Json, load_settings
from gateway.cli.errors import sentence
from gateway.cli.output import clean, console, print_json, table
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.cli.output import Column

_MARKS = {State.OK: "ok", State.NOTE: "note", State.WRONG: "WRONG"}

COLUMNS: tuple[Column, ...] = (
    ("", lambda one: _MARKS[one.state]),
    ("What", lambda one: one.name),
    ("Found", lambda one: one.found),
    ("What to do", lambda one: one.remedy),
)


def command(as_json: Json = False) -> None:
    """Check settings, folder, database, links and clock, and say what to do; exit code 1 when something is wrong."""
    findings = [look_at_variables(os.environ)]
    try:
        settings = load_settings()
    except GatewayError as error:
        findings.append(Finding("settings", State.WRONG, sentence(error), "Correct it, then run this again."))
    else:
        findings += asyncio.run(examine(settings))
    wrong = sum(one.state is State.WRONG for one in findings)
    if as_json:
        print_json({"ok": not wrong, "checks": findings})
    else:
        console().print(table(findings, COLUMNS))
        typer.echo(clean(f"\n{wrong} wrong." if wrong else "\nNothing is wrong."))
    if wrong:
        raise typer.Exit(1)
