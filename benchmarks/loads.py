"""The load generator (build/hload) seen from a test."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import benchlib as lib

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

NUMBERS = 100_000_000  # messages are told apart by 8 digits
PERSON = "+49151"  # with any 8 digits it is a German mobile number
SPREAD = 61_803_399  # ends in 9, so no number comes twice; near the golden ratio, so neighbours land far apart
LOOKUP_CONNECTIONS = 8


def load_command(args: argparse.Namespace, first: int, accepted: Path, count: int) -> list[str]:
    """hload's command line from the options of add_gateway_options(); count 0 sends for --duration."""
    command = [lib.binary("hload"), "-p", str(args.port), "-u", args.url, "-c", str(args.c), "-n", str(count)]
    seconds = args.limit if count else args.duration
    command += ["-s", str(first), "-x", str(args.spread), "-d", str(seconds), "-R", str(args.rate), "-a", str(accepted)]
    command += _headers(args.header)
    if args.body:
        command += ["-b", args.body]
    if args.item:
        command += ["-i", args.item, "-k", str(args.batch)]
    return command


def lookup_command(args: argparse.Namespace, step: int) -> list[str]:
    """hload's command line for --lookups by number a second; every number is a multiple of `step`, far apart."""
    command = [lib.binary("hload"), "-p", str(args.port), "-u", f"/v1/messages?number={quote(PERSON)}{{}}", "-n", "0"]
    command += ["-c", str(LOOKUP_CONNECTIONS), "-d", str(args.duration), "-R", str(args.lookups)]
    return [*command, "-s", "1", "-x", str(step * SPREAD % NUMBERS), *_headers(args.header)]


def _headers(headers: Iterable[str]) -> list[str]:
    return [word for header in headers for word in ("-H", header)]


def begin_load(command: list[str]) -> subprocess.Popen[str]:
    return lib.start(command, stdout=subprocess.PIPE, text=True)


def finish_load(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The figures of an hload that begin_load() started."""
    try:
        out, _ = process.communicate()
    except BaseException:  # stopped: the load stops too
        process.kill()
        process.wait()
        raise
    if process.returncode:
        raise lib.BenchError(f"hload ended with {process.returncode}")
    return json.loads(out)


def read_numbers(accepted: Path) -> set[int]:
    """The numbers in hload's accepted file; while it is written, its last line may be half there."""
    return {int(line) for line in accepted.read_text().rpartition("\n")[0].split()}


_first = int(time.time()) % 80 * 1_000_000


def next_first(count: int) -> int:
    """First number of a run: not one that an earlier run of the same minute used."""
    global _first
    if _first + count > NUMBERS:
        _first = 0
    first = _first
    _first += count
    return first


def add_gateway_options(parser: argparse.ArgumentParser, *, described: bool = True) -> None:
    """How to send to the gateway (a program that knows its gateway leaves that out)."""
    if described:
        parser.add_argument("--port", type=int, required=True, help="HTTP port of the gateway on 127.0.0.1")
        parser.add_argument("--url", required=True, help="path to send to; {} becomes the 8-digit number")
        parser.add_argument("--body", help="POST this body ({} as above); GET without it")
        parser.add_argument("--item", help="batch: what the %%s of --body becomes, --batch times")
        parser.add_argument("--header", action="append", default=[], help="'Name: value', may be repeated")
        parser.add_argument("--batch", type=int, default=1, help="messages per request (1)")
    parser.add_argument("-c", type=int, default=32, help="concurrent connections (32)")
    parser.add_argument("--spread", type=int, default=1, help="numbers go up by so much, modulo 10^8 (1)")
    parser.add_argument("--limit", type=float, default=120, help="seconds that sending may take (120)")
    parser.add_argument("--idle", type=float, default=10, help="give up when nothing moved for so many seconds (10)")
    parser.add_argument("--drain", type=float, default=150, help="seconds to wait for what was accepted (150)")


def add_measure_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", type=int, default=20000, help="messages (20000)")
    parser.add_argument("--duration", type=float, default=0, help="send for so many seconds instead of -n messages")
    parser.add_argument("--rate", type=float, default=0, help="messages/s, evenly spaced (as fast as it goes)")
    parser.add_argument("--warm-up", type=int, default=500, help="messages sent before the first run (500)")
    parser.add_argument("--repeat", type=int, default=1, help="runs; the table row has their medians (1)")
    parser.add_argument("--no-drain", action="store_true", help="do not wait until what was accepted came through")
