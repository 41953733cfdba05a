"""``heliograph simulate``: the simulated carrier alone, for any ESME to bind to."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from carriers.simulator.faults import Faults, read_faults
from carriers.simulator.smsc import run
from gateway.cli.common import Json  # noqa: TC001 -- typer reads the annotation at run time
from gateway.cli.output import clean, note
from gateway.cli.sockets import explained

if TYPE_CHECKING:
    from carriers.simulator.ledger import Taken

Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]
SystemId = Annotated[str, typer.Option("--system-id", help="Who may bind. Left out: anyone.")]
Password = Annotated[str, typer.Option("--password", help="With which password. Left out: with any.")]
FaultFile = Annotated[
    Path | None, typer.Option("--faults", help="Fault script in YAML: what it does wrong, and how often.")
]


def command(
    host: Host = "127.0.0.1",
    port: Port = 2775,
    system_id: SystemId = "",
    password: Password = "",
    faults: FaultFile = None,
    as_json: Json = False,
) -> None:
    """Run the simulated carrier alone and print what it receives, until it is stopped."""
    script = read_faults(faults.read_text(encoding="utf-8")) if faults else Faults()
    asyncio.run(_simulate(host, port, script, system_id, password, as_json=as_json))


class _Printer:
    """A ledger that prints each submit."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def append(self, taken: Taken, /) -> None:
        typer.echo(orjson.dumps(asdict(taken)) if self._as_json else clean(_line(taken)))


def _line(taken: Taken) -> str:
    return f"{taken.source} -> {taken.destination}  part {taken.part}  id {taken.carrier_id}  {taken.text!r}"


async def _simulate(host: str, port: int, script: Faults, system_id: str, password: str, *, as_json: bool) -> None:
    ledger = _Printer(as_json=as_json)
    running = asyncio.create_task(
        run(host, port, script, system_id=system_id, password=password, printer=note, ledger=ledger)
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return
    except OSError as error:
        raise explained(error, host, port, ("--host", "--port")) from error
