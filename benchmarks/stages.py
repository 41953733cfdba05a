"""make bench-stages: where the CPU time of a message goes, by stage.

Runs the gateway under load, has py-spy look at the Python stacks of its processes so many times a second (only what
runs counts; the processes are not stopped for it), and gives each sample to a stage. The stages share the CPU time that
the system counted; PostgreSQL and Redis are stages of their own. Writes stages.json and stages.svg into build/.

What C code does (SQLite, orjson, the garbage collector) counts for the Python function that called it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchlib as lib
import heliograph
import plots
import processes
from machine import machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RESULTS, PICTURE = lib.BUILD / "stages.json", lib.BUILD / "stages.svg"
SERVERS = {"postgres": "PostgreSQL's processes", "redis": "Redis's process"}
OTHER = "other"
CALLER = ""  # not a stage: the function that called decides


@dataclass(frozen=True)
class Rule:
    """Frames whose file has `path` in its name, and whose function ends in `function`, belong to a stage."""

    stage: str
    path: str
    function: str = ""


def _rules(stage: str, *paths: str) -> tuple[Rule, ...]:
    return tuple(Rule(stage, path) for path in paths)


# For each frame, from the innermost outwards, the first rule that fits; the first frame with a stage decides.
RULES = (
    *_rules(CALLER, "aiohttp/http_writer.py", "aiohttp/streams.py", "aiohttp/helpers.py", "aiohttp/payload"),
    *_rules(CALLER, "gateway/events/record.py", "gateway/events/log.py", "gateway/store/times.py"),
    *_rules("events and webhooks", "aiohttp/client", "aiohttp/connector.py", "gateway/events/", "standardwebhooks/"),
    *_rules("HTTP server", "aiohttp/", "gateway/api/front.py"),
    *_rules("API handlers", "gateway/api/", "gateway/console/"),
    *_rules("accept", "gateway/outbound/accept.py", "gateway/outbound/decision.py", "gateway/outbound/draft.py"),
    *_rules("accept", "gateway/outbound/facts.py", "gateway/routing/", "gateway/numbers.py"),
    *_rules("claim", "gateway/outbound/claim.py"),
    *_rules("settle", "gateway/outbound/settle.py"),
    *_rules("receipts and inbound", "gateway/receipts.py", "gateway/intake.py", "gateway/inbound/"),
    Rule("commit", "gateway/store/bare.py", "commit"),
    Rule("commit", "gateway/store/bare.py", "begin"),
    *_rules("database driver", "gateway/store/bare.py", "aiosqlite/", "asyncpg/", "sqlalchemy/"),
    *_rules("commit", "gateway/store/writer.py", "gateway/store/transactions.py", "gateway/store/turn.py"),
    *_rules("commit", "concurrent/futures/thread.py"),
    *_rules("SMPP", "carriers/"),
    *_rules("pump and queue", "gateway/worker/", "gateway/queue/", "gateway/throttle/", "redis/"),
    *_rules("event loop", "asyncio/runners.py", "uvloop/"),
)
# In the order in which a message comes by, then what all of them use.
STAGES = (
    "HTTP server", "API handlers", "accept", "pump and queue", "claim", "SMPP", "settle", "receipts and inbound",
    "events and webhooks", "database driver", "commit", "event loop", OTHER,
)  # fmt: skip

SET_UPS = {
    "sqlite, accept only": ("--accept-only",),
    "sqlite, no receipts": ("--no-receipts",),
    "sqlite, receipts + webhook": (),
    "postgres + redis, receipts + webhook": ("--postgres", "--redis"),
}


def stage_of(frames: Sequence[str]) -> str:
    """The stage of one stack, whose frames are "function (file)", outermost first."""
    for frame in reversed(frames):
        function, _, path = frame.partition(" (")
        rule = next((rule for rule in RULES if rule.path in path and function.endswith(rule.function)), None)
        if rule and rule.stage != CALLER:
            return rule.stage
    return OTHER


def fold(lines: Iterable[str]) -> Counter[str]:
    """Samples by stage, of py-spy's raw format: "outermost;…;innermost count"."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        found[stage_of(stack.split(";"))] += int(count)
    return found


def shares(samples: Counter[str], row: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of CPU time for a message by stage: the gateway's time, shared out, and that of the servers."""
    total = samples.total() or 1
    # CPU seconds for 1,000 messages are milliseconds for one.
    found = {stage: row["cpu_s_per_1000"] * samples[stage] / total for stage in STAGES}
    found |= {name: row[f"{server}_cpu_s_per_1000"] for server, name in SERVERS.items() if f"{server}_mb" in row}
    return found


def _spy() -> str:
    """Path of py-spy, which stands beside the Python that runs this."""
    found = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if not found:
        raise lib.BenchError("py-spy is not installed: pip install py-spy")
    return found


@contextlib.contextmanager
def spying(pids: Sequence[int], folder: Path, rate: int) -> Iterator[None]:
    """Samples the processes and their children while the block runs; one file each."""
    command = [_spy(), "record", "--format", "raw", "--nolineno", "--full-filenames", "--nonblocking", "-r", str(rate)]
    spies = []
    try:
        for pid in processes.tree(pids):
            words = [*command, "--pid", str(pid), "--output", str(folder / f"{pid}.raw")]
            spies.append(lib.start(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        yield
    finally:
        for spy in spies:
            spy.send_signal(signal.SIGINT)  # it writes its file, and ends
        for spy in spies:
            spy.wait(30)


def sampled(words: Sequence[str], rate: int) -> dict[str, float]:
    """One run of a set-up: milliseconds for a message by stage."""
    args = heliograph.options(words)
    with tempfile.TemporaryDirectory(prefix="stages-") as folder, tempfile.TemporaryDirectory() as raw:
        with heliograph.measuring(args, Path(folder), lambda pids: spying(pids, Path(raw), rate)) as once:
            row = once()
        samples = sum((fold(file.read_text().splitlines()) for file in Path(raw).glob("*.raw")), Counter[str]())
    if not samples:
        raise lib.BenchError("py-spy saw nothing: it needs leave to trace processes (root, or CAP_SYS_PTRACE)")
    return shares(samples, row)


def table(bars: dict[str, dict[str, float]]) -> str:
    """A row for each stage, a column for each set-up: milliseconds and percent."""
    lines = ["| stage | " + " | ".join(bars) + " |", "|---" * (len(bars) + 1) + "|"]
    for stage in dict.fromkeys(stage for bar in bars.values() for stage in bar):
        cells = [_cell(bar.get(stage, 0.0), sum(bar.values())) for bar in bars.values()]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "| all | " + " | ".join(f"{sum(bar.values()):.3f} ms" for bar in bars.values()) + " |"])


def _cell(size: float, total: float) -> str:
    return f"{size:.3f} ms, {size / total:.0%}" if size else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="length of each run (20)")
    parser.add_argument("--rate", type=int, default=100, help="samples a second (100)")
    parser.add_argument("--only", default="", help="only the set-ups whose name has this in it")
    args = parser.parse_args()
    wanted = {name: words for name, words in SET_UPS.items() if args.only in name}
    if not wanted:
        parser.error(f"--only {args.only}: the set-ups are {', '.join(SET_UPS)}")
    lib.build()
    bars = {
        name: sampled([*words, "-c", "64", "--duration", str(args.seconds)], args.rate)
        for name, words in wanted.items()
    }
    RESULTS.write_text(json.dumps({"machine": machine(), "ms_per_message": bars}, indent=1))
    plots.stacked(bars, "milliseconds of CPU time for a message", PICTURE)
    print(table(bars), "", RESULTS, PICTURE, sep="\n")


if __name__ == "__main__":
    lib.run(main)
