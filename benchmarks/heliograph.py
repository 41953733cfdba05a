"""Heliograph as the gateway to measure: prepares a database, starts `heliograph serve`, measures, stops it.

python heliograph.py -n 50000                             receipts and webhook events on
python heliograph.py --duration 30 --repeat 3             the figures that must hold
python heliograph.py --duration 30 --postgres --redis --processes 2
python heliograph.py --duration 30 --accept-only          nothing leaves: the SMSC lets no one in
python heliograph.py --duration 30 --stored 1000000 --lookups 20
                                                          against a store of a million messages; see prefill.py
python heliograph.py --serve --dir DIR --http 8080        only run it, against a running simulator; for kill_test.py
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import benchlib as lib
import history
import loads
import prefill
from instance import add_setup_options, running, serving, setup_of
from measuring import Row, Target, measure, repeat
from smscctl import add_smsc_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from instance import Instance

    Beside = Callable[[Sequence[int]], AbstractContextManager[object]]

ITEM = f'{{"to":"{loads.PERSON}{{}}","body":"Hello this is a benchmark message"}}'


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    loads.add_gateway_options(parser, described=False)
    loads.add_measure_options(parser)
    add_smsc_options(parser)
    add_setup_options(parser)
    parser.add_argument("--batch", type=int, default=1, help="messages per request (1)")
    parser.add_argument("--smsc-rate", type=float, default=0, help="submits a second that the SMSC takes (all)")
    parser.add_argument("--accept-only", action="store_true", help="the SMSC lets no one in: nothing leaves")
    parser.add_argument("--stored", type=int, default=0, help="messages in the store before: see prefill.py (0)")
    parser.add_argument("--lookups", type=float, default=0, help="look-ups by number a second, with --duration (0)")
    parser.add_argument("--serve", action="store_true", help="only run it, until stopped")
    parser.add_argument(
        "--dir", "--store-dir", type=Path, help="folder of the database, which outlives the program (a temporary one)"
    )
    parser.set_defaults(spread=loads.SPREAD, item=None)
    args = parser.parse_args(words)
    if args.lookups and not args.duration:
        parser.error("--lookups needs --duration")
    args.port, args.no_drain = args.http, args.no_drain or args.accept_only
    return args


def with_request(args: argparse.Namespace, instance: Instance) -> argparse.Namespace:
    """How the load generator sends to us."""
    args.header = [f"{name}: {value}" for name, value in instance.headers.items()]
    args.url, args.body = "/v1/messages", ITEM
    if args.batch > 1:
        args.url, args.body, args.item = "/v1/messages/batch", '{"messages":[%s]}', ITEM
    return args


def label_of(args: argparse.Namespace) -> str:
    words = [f"heliograph {setup_of(args).store}", f"{args.processes} processes" if args.processes > 1 else ""]
    words += ["accept only" if args.accept_only else "no receipts" if args.no_receipts else "receipts + webhook"]
    words += [f"batches of {args.batch}" if args.batch > 1 else "", f"{args.stored:,} stored" if args.stored else ""]
    return ", ".join(word for word in words if word)


@contextlib.contextmanager
def measuring(args: argparse.Namespace, folder: Path, beside: Beside | None = None) -> Iterator[Callable[[], Row]]:
    """A started gateway, and what measures it once; `beside` is entered with its processes for the time of a run."""
    if args.stored:
        prefill.fill(folder, args.stored, on_postgres=args.postgres)
    receipts = not args.no_receipts and not args.no_drain
    with running(setup_of(args), folder, refuse=args.accept_only) as instance:
        instance.smsc.set(rate=args.smsc_rate, resp_ms=0, dlr=int(not args.no_receipts), dlr_ms=500, dlr_win=100)
        with_request(args, instance)
        pids = instance.gateway.pids
        target = Target(
            label_of(args), instance.smsc, pids, folder / "accepted", callbacks=receipts, receipts=receipts,
            servers=instance.servers,
            lookups=loads.lookup_command(args, history.spacing(args.stored)) if args.lookups else (),
            beside=(lambda: beside(pids)) if beside else contextlib.nullcontext,
        )  # fmt: skip
        yield lambda: measure(args, target) | {"stored": args.stored, "stored_bytes": instance.database.stored()}


def bench(args: argparse.Namespace, folder: Path) -> None:
    with measuring(args, folder) as once:
        repeat(once, args.repeat)


def serve(args: argparse.Namespace, folder: Path) -> None:
    with serving(setup_of(args), folder) as (gateway, _database, _beside):
        while gateway.alive:
            time.sleep(0.2)


@contextlib.contextmanager
def folder_of(args: argparse.Namespace) -> Iterator[Path]:
    """--dir, the prefilled store of that size, or a folder that is gone afterwards."""
    kept = args.dir or (prefill.folder_of(args.stored, on_postgres=args.postgres) if args.stored else None)
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        yield Path(folder)


def main() -> None:
    args = options()
    with folder_of(args) as folder:
        (serve if args.serve else bench)(args, folder)


if __name__ == "__main__":
    lib.run(main)
