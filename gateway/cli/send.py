"""``heliograph send``: one text to one person, through the running server so that it leaves at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from gateway.cli.client import Key, Url, server
from gateway.cli.common import Json, load_settings, upper
from gateway.cli.output import clean, console, print_json, table
from gateway.cli.words import VERDICTS
from gateway.errors import Invalid
from gateway.model import OnUnknown

To = Annotated[str, typer.Option("--to", help="The person's number, as +14255550100.")]
Body = Annotated[str, typer.Option("--body", help="The text.")]
From = Annotated[
    str, typer.Option("--from", help="A number, sender ID, or id of one or of a pool. Left out: Heliograph chooses.")
]
Type = Annotated[
    str, typer.Option("--type", help="TRANSACTIONAL or PROMOTIONAL. Left out: that of what it leaves from.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Decide only, and say why: nothing is stored, nothing is sent.")
]
Ttl = Annotated[int | None, typer.Option("--ttl", help="Seconds after which it is no longer worth delivering.")]
SendAt = Annotated[str, typer.Option("--send-at", help="When to send it, as 2026-12-24T18:00:00Z.")]
MaxPrice = Annotated[str, typer.Option("--max-price", help="US$; refuse the text when it costs more.")]
Unknown = Annotated[OnUnknown, typer.Option("--on-unknown", help="When nobody knows whether the carrier took it.")]
Substitute = Annotated[bool, typer.Option("--substitute", help="Use look-alike characters where that saves a part.")]
Context = Annotated[list[str] | None, typer.Option("--context", help="NAME=VALUE of your own; give several.")]
Idempotency = Annotated[str, typer.Option("--idempotency-key", help="The same key sends the same text once only.")]


def command(
    *,
    to: To,
    body: Body,
    origination: From = "",
    message_type: Type = "",
    dry_run: DryRun = False,
    ttl: Ttl = None,
    send_at: SendAt = "",
    max_price: MaxPrice = "",
    on_unknown: Unknown = OnUnknown.REPORT,
    substitute: Substitute = False,
    context: Context = None,
    idempotency_key: Idempotency = "",
    key: Key = "",
    url: Url = "",
    as_json: Json = False,
) -> None:
    """Send one text."""
    asked = {
        "to": to, "body": body, "from": origination, "message_type": upper(message_type), "ttl": ttl,
        "send_at": send_at, "max_price": max_price, "on_unknown": on_unknown.value, "substitute": substitute,
        "dry_run": dry_run, "context": pairs(context or [], "context"),
    }  # fmt: skip
    document = {name: value for name, value in asked.items() if value or name in {"to", "body"}}
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    gateway = server(load_settings(), url=url, key=key)
    answer = asyncio.run(gateway.call("POST", "/v1/messages", document, headers))
    if as_json:
        print_json(answer)
    else:
        _tell(answer)


def pairs(written: list[str], field: str) -> dict[str, str]:
    """``NAME=VALUE``, several. Raises Invalid naming ``field`` for one without an equals sign."""
    found = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise Invalid("bad_pair", f"{field} is not NAME=VALUE.", field=field, remedy="Write it as name=value.")
        found[name] = value
    return found


def _tell(answer: dict[str, Any]) -> None:
    parts = "1 part" if answer["parts"] == 1 else f"{answer['parts']} parts"
    how = f"to {answer['to']} from {answer['from']} in {parts} ({answer['encoding']}) for US$ {answer['price']}"
    if not answer.get("dry_run"):
        typer.echo(clean(f"{answer['status']} {how}\n{answer['id']}"))
        return
    refusal = answer.get("refusal")
    typer.echo(clean(f"Would be refused: {refusal['reason']}" if refusal else f"Would be {answer['status']} {how}"))
    decision = answer.get("decision") or {}
    console().print(table(decision.get("verdicts", ()), VERDICTS))
