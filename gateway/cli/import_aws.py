"""``heliograph import``: take over what another service knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, actor, at_desk, now_micros
from gateway.cli.output import print_json, show_list
from gateway.imports import aws_account, aws_plan
from gateway.imports.steps import Fate, carry_out

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.imports.steps import Step
    from gateway.resources.desk import Desk

Apply = Annotated[bool, typer.Option("--apply", help="Do it. Left out: only say what would be done.")]
Region = Annotated[str, typer.Option("--region", help="Of AWS. Left out: as AWS's own tools find it.")]
Endpoint = Annotated[str, typer.Option("--endpoint-url", help="Another address than AWS's own.")]
Profile = Annotated[str, typer.Option("--profile", help="Of AWS's configuration, whose credentials are used.")]
Everything = Annotated[bool, typer.Option("--all", help="Also print what is here already.")]

COLUMNS: tuple[Column, ...] = (
    ("", lambda one: one.fate),
    ("What", lambda one: one.what),
    ("Name", lambda one: one.name),
    ("Why", lambda one: one.why),
)

app = typer.Typer(no_args_is_help=True)


@app.command()
def aws(
    *,
    apply: Apply = False,
    region: Region = "",
    endpoint_url: Endpoint = "",
    profile: Profile = "",
    everything: Everything = False,
    as_json: Json = False,
) -> None:
    """Take over an account of AWS End User Messaging SMS: its numbers, pools, keywords, opt-outs and rules.

    It may be run again: what is here already stays. Ids stay those of AWS, so that apps need not change them.
    """

    async def work(desk: Desk) -> list[Step]:
        found = await aws_account.read(region=region, endpoint_url=endpoint_url, profile=profile)
        steps = await aws_plan.plan(desk, found, account_id=ACCOUNT, actor=actor(), now=now_micros())
        return await carry_out(steps) if apply else steps

    steps = at_desk(work)
    shown = [replace(step, do=None) for step in steps if everything or step.fate is not Fate.SAME]
    if as_json:
        print_json({"items": shown})
    else:
        show_list(shown, COLUMNS, as_json=False)
        typer.echo(_summary(steps, applied=apply))
    if any(step.fate is Fate.FAILED for step in steps):
        raise typer.Exit(1)


@app.callback()
def _group() -> None:
    """Take over what another service knows."""


def _summary(steps: list[Step], *, applied: bool) -> str:
    counts = {fate: sum(step.fate is fate for step in steps) for fate in Fate}
    told = ", ".join(f"{count} {fate}" for fate, count in counts.items() if count)
    return f"{told}." if applied else f"{told}. Nothing was done: say --apply to do it."
