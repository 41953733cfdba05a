"""make soak: does it stay as it is? 30 minutes at 1,000 messages a second, receipts and webhook on.

Every ten seconds: memory, open file handles and threads of each of the gateway's processes, and the size of the store.
Flat means that the median of the last sixth of the time (the last five minutes of 30) is less than 3 % above the
median of the second sixth (minutes 5 to 10), for memory and handles of every process. Ends with status 1 when
something is not flat, was lost, or the rate was not held. A run under twelve minutes is too short to judge: it only shows its figures.

Writes soak.json and soak.svg into build/.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchlib as lib
import heliograph
import loads
import plots
import processes
from instance import add_setup_options, running, setup_of
from machine import machine
from smscctl import add_smsc_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from instance import Instance

EVERY = 10.0  # seconds between two samples
ALLOWED = 0.03  # growth that still counts as flat
HELD = 0.99  # of the rate must have been accepted
SHARE = 6  # the windows that are compared are so great a part of the whole
SHORTEST = 12.0  # minutes: below it, the windows would be shorter than two minutes
JUDGED = ("rss_mb", "handles")
RESULTS, PICTURE = lib.BUILD / "soak.json", lib.BUILD / "soak.svg"
TITLES = {"rss_mb": "memory, MB", "handles": "open file handles", "threads": "threads"}


@dataclass(frozen=True)
class Sample:
    """One process at one moment."""

    second: float  # since the load began
    pid: int
    rss_mb: float
    handles: int
    threads: int


@dataclass(frozen=True)
class Verdict:
    """How much one figure of one process has grown."""

    pid: int
    what: str
    before: float
    after: float

    @property
    def growth(self) -> float:
        return self.after / self.before - 1 if self.before else 0.0

    @property
    def flat(self) -> bool:
        return self.growth < ALLOWED


def judge(samples: Sequence[Sample], seconds: float) -> list[Verdict]:
    """Compares the last window with the second one. A process that was not there in both is not judged."""
    window = seconds / SHARE
    found = []
    for pid in sorted({sample.pid for sample in samples}):
        ours = [sample for sample in samples if sample.pid == pid]
        before = [sample for sample in ours if window <= sample.second < 2 * window]
        after = [sample for sample in ours if seconds - window <= sample.second]
        if before and after:
            found += [Verdict(pid, what, _median(before, what), _median(after, what)) for what in JUDGED]
    return found


def _median(samples: Sequence[Sample], what: str) -> float:
    return statistics.median(getattr(sample, what) for sample in samples)


def sample_all(pids: Sequence[int], second: float) -> Iterator[Sample]:
    for pid in processes.tree(pids):
        memory = round(processes.rss_kb(pid) / 1024, 2)
        yield Sample(round(second, 1), pid, memory, processes.handles(pid), processes.threads(pid))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_smsc_options(parser)
    add_setup_options(parser)
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument("--rate", type=float, default=1000, help="messages a second (1000)")
    parser.add_argument("-c", type=int, default=64, help="concurrent connections (64)")
    parser.set_defaults(batch=1, item=None, spread=loads.SPREAD)
    args = parser.parse_args()
    args.port, args.duration = args.http, args.minutes * 60
    return args


def soak(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with running(setup_of(args, smsc_seconds=args.duration + 3600), folder) as instance:
        instance.smsc.set(dlr=int(not args.no_receipts))
        heliograph.with_request(args, instance)
        accepted, stored = folder / "accepted", instance.database.stored()
        process = loads.begin_load(loads.load_command(args, loads.next_first(20_000_000), accepted, 0))
        samples, sizes = _watch(args, instance, process)
        load = loads.finish_load(process)
        stats = instance.smsc.drain(lambda s: s["unique"] >= load["ok"] and _told(args, s, load["ok"]), 20, 300)
        ledger = instance.smsc.ledger()
        per_message = (instance.database.stored() - stored) / max(1, load["ok"])
        lost = sum(number not in ledger for number in loads.read_numbers(accepted))
    verdicts = judge(samples, args.duration) if args.minutes >= SHORTEST else []
    return {
        "store": setup_of(args).store,
        "minutes": args.minutes,
        "rate": args.rate,
        "accepted": load["ok"],
        "accepted_s": load["ok_per_s"],
        "held": load["ok_per_s"] >= HELD * args.rate,
        "not_accepted": load["sent"] - load["ok"],
        "p50_ms": load["p50_ms"],
        "p99_ms": load["p99_ms"],
        "max_ms": load["max_ms"],
        "missing": lost,
        "duplicates": sum(times > 1 for times in ledger.values()),
        "called_back": stats["events_unique"],
        "octets_per_message": round(per_message),
        "verdicts": [vars(one) | {"growth": round(one.growth, 4), "flat": one.flat} for one in verdicts],
        "flat": all(one.flat for one in verdicts) if verdicts else None,
        "machine": machine(),
        "samples": [vars(one) for one in samples],
        "sizes": sizes,
    }


def _told(args: argparse.Namespace, stats: dict[str, Any], count: int) -> bool:
    return args.no_receipts or stats["events_unique"] >= count


def _watch(args: argparse.Namespace, instance: Instance, process: Any) -> tuple[list[Sample], list[tuple[float, int]]]:
    """Samples until the load ends; the store's size with the second of each."""
    every = min(EVERY, args.duration / SHARE / 5)
    samples: list[Sample] = []
    sizes: list[tuple[float, int]] = []
    began = time.monotonic()
    try:
        while process.poll() is None:
            second = time.monotonic() - began
            if second > args.duration:
                break  # the connections are closed now
            samples += sample_all(instance.gateway.pids, second)
            sizes.append((round(second, 1), instance.database.stored()))
            time.sleep(every)
    except BaseException:
        lib.stop(process)
        raise
    return samples, sizes


def picture(result: dict[str, Any]) -> None:
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for what, title in TITLES.items():
        lines = panels.setdefault(title, {})
        for sample in result["samples"]:
            lines.setdefault(f"process {sample['pid']}", []).append((sample["second"] / 60, sample[what]))
    panels["store, MB"] = {"store": [(second / 60, size / 2**20) for second, size in result["sizes"]]}
    plots.over_time(panels, PICTURE)


def tell(result: dict[str, Any]) -> None:
    shown = {key: value for key, value in result.items() if key not in {"samples", "sizes", "verdicts", "machine"}}
    print(json.dumps(shown))
    for one in result["verdicts"]:
        grown = f"{one['before']:g} -> {one['after']:g} ({one['growth']:+.1%})"
        print(f"process {one['pid']}: {TITLES[one['what']]}: {grown}: {'flat' if one['flat'] else 'NOT FLAT'}")
    if result["flat"] is None:
        print(f"Not judged: shorter than {SHORTEST:g} minutes.")
    print(RESULTS, PICTURE, sep="\n")


def main() -> int:
    args = options()
    lib.build()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        result = soak(args, Path(folder))
    RESULTS.write_text(json.dumps(result, indent=1))
    picture(result)
    tell(result)
    return 0 if result["held"] and result["flat"] is not False and not result["missing"] else 1


if __name__ == "__main__":
    lib.run(main)
