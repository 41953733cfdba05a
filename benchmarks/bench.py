"""make bench, make bench-full: Heliograph's throughput, latency and memory, beside Kannel where that is installed.

Prints tables, and writes results.json and pictures into build/. The rounds are taken in turns, so that a noisy minute
hits everyone; the tables have the medians. runs.py says what is run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import benchlib as lib
import plots
from machine import machine
from measuring import Row, median, table_head, table_row
from runs import ALL, Run, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

RESULTS = lib.BUILD / "results.json"
PICTURES: dict[str, Callable[[Sequence[Row], Path], None]] = {
    "throughput": plots.throughput,
    "latency": plots.latency,
    "store": plots.growth,
}
MESSAGES = {
    "name": "run", "http_s": "http/s", "e2e_mid_s": "e2e/s", "cb_mid_s": "cb/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms",
    "cpu_s_per_1000": "CPU s/1000", "servers_cpu_s_per_1000": "servers' CPU s/1000", "peak_rss_mb": "RSS MB",
    "largest_rss_mb": "largest process MB", "servers_mb": "servers MB", "missing": "missing", "duplicates": "dup",
    "spread": "spread %", "other_cores": "other cores",
}  # fmt: skip
LOOKUPS = {"name": "run", "lookup_ok": "look-ups", "lookup_p50_ms": "p50 ms", "lookup_p99_ms": "p99 ms"}
OVERTAKING = {
    "name": "run", "queued": "queued before", "otps": "OTPs", "otp_p50_s": "p50 s", "otp_max_s": "longest s",
    "largest_rss_mb": "largest process MB",
}  # fmt: skip
TABLES = (
    ("Messages", "accepted", MESSAGES),
    ("Look-ups by number", "lookup_ok", LOOKUPS),
    ("From accepted to submitted, over queued promotions", "otps", OVERTAKING),
)
SERVERS = ("postgres", "redis")


def call(program: str, words: Sequence[str]) -> Row | None:
    """What the first JSON line of a program says; None when it failed. Its errors go where ours go."""
    process = lib.start([sys.executable, program, *words], cwd=lib.HERE, stdout=subprocess.PIPE, text=True)
    try:
        out, _ = process.communicate()
    finally:
        lib.stop(process, 120)
    return lib.first_json(out)


def words_of(run: Run, seconds: float) -> list[str]:
    return [*run.words, *(["--duration", f"{seconds:g}"] if run.timed else [])]


def rounds(runs: Sequence[Run], count: int, seconds: float) -> dict[str, list[Row]]:
    """The rows of each run, taken in turns."""
    found: dict[str, list[Row]] = defaultdict(list)
    for number in range(count):
        for run in runs:
            if number >= run.rounds:
                continue
            row = call(run.program, words_of(run, seconds))
            if row is None:
                print(f"{run.name}: failed", file=sys.stderr, flush=True)
                continue
            found[run.name].append(row)
            print(f"round {number + 1}: {run.name}: {plots.through(row):,.0f}/s", file=sys.stderr, flush=True)
    return found


def summary(name: str, rows: Sequence[Row]) -> Row:
    """The medians of some rounds, and how far these lay apart."""
    row = median(rows)
    row |= {"name": name, "rounds": len(rows), "spread": None}
    speeds = [plots.through(one) for one in rows]
    if len(rows) > 1 and plots.through(row):
        row["spread"] = round(100 * (max(speeds) - min(speeds)) / plots.through(row), 1)
    for what in ("cpu_s_per_1000", "mb"):
        each = [row[f"{server}_{what}"] for server in SERVERS if f"{server}_{what}" in row]
        row[f"servers_{what}"] = round(sum(each), 4) if each else None
    return row


def tables(rows: Sequence[Row]) -> None:
    for title, key, columns in TABLES:
        if fitting := [row for row in rows if row.get(key)]:
            print(f"\n{title}\n", table_head(columns), *(table_row(row, columns) for row in fitting), sep="\n")


def pictures(rows: Sequence[Row]) -> list[Path]:
    """Draws what there is something to draw of."""
    drawn = []
    wanted = {run.name: run.plots for run in ALL}
    for name, draw in PICTURES.items():
        ours = [row for row in rows if name in wanted[row["name"]]]
        if ours and (name != "store" or any(row["stored"] for row in ours)):
            drawn.append(lib.BUILD / f"{name}.svg")
            draw(ours, drawn[-1])
    return drawn


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="all of runs.py, with stores of up to 10 million messages")
    parser.add_argument("--seconds", type=float, help="length of each run (10; full: 30)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds over all runs (3)")
    parser.add_argument("--only", default="", help="only the runs whose name has this in it, quick or not")
    parser.add_argument("--list", action="store_true", help="say what would be run")
    args = parser.parse_args()
    args.seconds = args.seconds or (30 if args.full else 10)
    return args


def main() -> int:
    args = options()
    runs = chosen(full=args.full, only=args.only)
    if args.list:
        print(*(run.name for run in runs), sep="\n")
        return 0
    lib.build()
    for words in dict.fromkeys(run.needs_prefill for run in runs if run.needs_prefill):
        call("prefill.py", words)
    found = rounds(runs, args.repeat, args.seconds)
    rows = [summary(run.name, found[run.name]) for run in runs if found[run.name]]
    about: Mapping[str, object] = {"machine": machine(), "seconds": args.seconds, "rounds": args.repeat}
    RESULTS.write_text(json.dumps({**about, "rows": rows}, indent=1))
    tables(rows)
    print(f"\nMedians of {args.repeat} round(s) of {args.seconds:g} s, taken in turns.")
    print("; ".join(f"{name} {value}" for name, value in machine().items()))
    print(f"\n{RESULTS}", *pictures(rows), sep="\n")
    failed = [run.name for run in runs if not found[run.name]]
    return 1 if failed else 0


if __name__ == "__main__":
    lib.run(main)
