"""One measured run: send, wait until all came through, count what is missing. README.md explains the figures."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import loads
from processes import Usage, Watch, machine_busy_s, own_cpu

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from smscctl import Smsc, Stats

Row = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """What is measured.

    Attributes:
        label: name of the run in the table.
        smsc: the simulator that the gateway is bound to.
        pids: processes of the gateway; their children count too.
        accepted: file for the numbers of the accepted messages.
        callbacks: wait until every message is called back as delivered.
        receipts: wait until every receipt asked for is acknowledged.
        servers: process of each server beside the gateway, by name.
        lookups: command line of a second load that looks up while the first sends; nothing when empty.
        beside: entered while it is measured.
    """

    label: str
    smsc: Smsc
    pids: Sequence[int]
    accepted: Path
    callbacks: bool = False
    receipts: bool = False
    servers: Mapping[str, int] = field(default_factory=dict)
    lookups: Sequence[str] = ()
    beside: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext


@dataclass(frozen=True)
class Outcome:
    """Figures of the load, of the SMSC, and of the look-ups when there were any."""

    load: Row
    stats: Stats
    lookups: Row


def send(args: argparse.Namespace, target: Target, count: int, *, lookups: bool = False) -> Outcome:
    """Sends so many messages (0: for --duration) and waits until all came through."""
    target.smsc.reset()
    command = loads.load_command(args, loads.next_first(count or 20_000_000), target.accepted, count)
    with _looking_up(target.lookups if lookups else ()) as found:
        load = loads.finish_load(loads.begin_load(command))

    def through(s: Stats) -> bool:
        submitted = s["unique"] >= load["ok"]
        called_back = not target.callbacks or s["events_unique"] >= load["ok"]
        acknowledged = not target.receipts or s["receipts_acked"] + s["receipts_err"] >= s["registered"]
        return args.no_drain or (submitted and called_back and acknowledged)

    return Outcome(load, target.smsc.drain(through, args.idle, args.drain), found)


@contextlib.contextmanager
def _looking_up(command: Sequence[str]) -> Iterator[Row]:
    """Looks up while the block runs; what is given is filled at its end."""
    found: Row = {}
    if not command:
        yield found
        return
    process = loads.begin_load(list(command))
    try:
        yield found
        found |= loads.finish_load(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def measure(args: argparse.Namespace, target: Target) -> Row:
    """One run, as a row of figures."""
    if args.warm_up:  # links that are still coming up would cost the run its first second
        send(args, target, args.warm_up)
        args.warm_up = 0
    roots = [*target.pids, *target.servers.values(), target.smsc.stats()["pid"]]
    busy, ours, began = machine_busy_s(), own_cpu(roots), time.monotonic()
    with target.beside(), Watch(target.pids, target.servers) as watch:
        outcome = send(args, target, 0 if args.duration else args.n, lookups=True)
    other = (machine_busy_s() - busy) - (own_cpu(roots) - ours)
    accepted = outcome.load["ok"]
    return {
        "label": target.label,
        "c": args.c,
        "batch": args.batch,
        "rate": args.rate,
        "receipts": target.receipts,
        "callbacks": target.callbacks,
        **_of_load(outcome.load),
        **_of_smsc(outcome.stats, outcome.load["start_us"]),
        **_of_gateway(watch.gateway, accepted),
        **_of_servers(watch.servers, accepted),
        **_lost(args, target),
        **{f"lookup_{key}": outcome.lookups[key] for key in ("ok", "p50_ms", "p99_ms", "max_ms") if outcome.lookups},
        "other_cores": round(max(0.0, other / (time.monotonic() - began)), 2),
        "first_bad": outcome.load["first_bad"],
    }


def _of_load(load: Row) -> Row:
    return {
        "sent": load["sent"],
        "accepted": load["ok"],
        "status": load["status"],
        "neterr": load["neterr"] + load["unanswered"],
        "http_s": load["ok_per_s"],
        **{key: load[key] for key in ("p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")},
    }


def _of_smsc(stats: Stats, start_us: int) -> Row:
    def per_s(count: int, last_us: int) -> float:
        return round(count * 1e6 / (last_us - start_us), 1) if last_us > start_us else 0.0

    return {
        "submits": stats["submits"],
        "udhi": stats["udhi"],
        "e2e_s": per_s(stats["unique"], stats["sub_last_us"]),
        "e2e_mid_s": stats["sub_mid_rate"] or None,
        "events": stats["events"],
        "cb_s": per_s(stats["events_unique"], stats["ev_last_us"]),
        "cb_mid_s": stats["ev_mid_rate"] or None,
        "callback_requests": stats["callbacks"],
        "callback_conns": stats["callback_conns"],
        "receipts_err": stats["receipts_err"],
    }


def _of_gateway(usage: Usage, accepted: int) -> Row:
    return {
        "cpu_s_per_1000": round(usage.cpu_s * 1000 / max(1, accepted), 4),
        "peak_rss_mb": round(usage.peak_kb / 1024, 1),
        "largest_rss_mb": round(usage.largest_kb / 1024, 1),
    }


def _of_servers(usages: Mapping[str, Usage], accepted: int) -> Row:
    found: Row = {}
    for name, usage in usages.items():
        found[f"{name}_cpu_s_per_1000"] = round(usage.cpu_s * 1000 / max(1, accepted), 4)
        found[f"{name}_mb"] = round(usage.peak_kb / 1024, 1)
    return found


def _lost(args: argparse.Namespace, target: Target) -> Row:
    """What did not come through, or came twice. None for what was not waited for."""
    wanted, submits = loads.read_numbers(target.accepted), target.smsc.ledger()
    events = target.smsc.ledger("events") if target.callbacks else {}
    waited = target.callbacks and not args.no_drain
    return {
        "missing": None if args.no_drain else sum(n not in submits for n in wanted),
        "duplicates": sum(t > 1 for t in submits.values()),
        "cb_missing": sum(n not in events for n in wanted) if waited else None,
        "cb_duplicates": sum(t > 1 for t in events.values()) if waited else None,
    }


COLUMNS = {
    "label": "label",
    "c": "c",
    "accepted": "accepted",
    "http_s": "http/s",
    "e2e_s": "e2e/s",
    "e2e_mid_s": "e2e mid/s",
    "cb_s": "cb/s",
    "cb_mid_s": "cb mid/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_s_per_1000": "CPU s/1000",
    "peak_rss_mb": "RSS MB",
    "missing": "missing",
    "duplicates": "dup",
    "cb_missing": "cb missing",
    "cb_duplicates": "cb dup",
    "other_cores": "other cores",
}


def table_row(row: Row, columns: Mapping[str, str] = COLUMNS) -> str:
    return "| " + " | ".join(_cell(row.get(key)) for key in columns) + " |"


def table_head(columns: Mapping[str, str] = COLUMNS) -> str:
    return "| " + " | ".join(columns.values()) + " |\n" + "|---" * len(columns) + "|"


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def median(rows: Sequence[Row]) -> Row:
    """Medians of the numbers; the worst of what must be 0."""
    out = dict(rows[0])
    for key, value in rows[0].items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            values = [row[key] for row in rows if row[key] is not None]
            worst = "missing" in key or "dup" in key or key == "neterr"
            out[key] = max(values) if worst else round(statistics.median(values), 4)
    return out


def repeat(run: Callable[[], Row], times: int) -> None:
    """Prints one JSON line a run, then the table row (of the medians, if there was more than one)."""
    rows = []
    for _ in range(times):
        rows.append(run())
        print(json.dumps(rows[-1]), flush=True)
    row = rows[0]
    if times > 1:
        row = median(rows) | {"label": f"{rows[0]['label']} (median of {times})"}
    print(table_head(), table_row(row), sep="\n", flush=True)
