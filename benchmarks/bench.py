"""make bench: Heliograph's throughput, latency and memory, beside Kannel where that is installed, in the same run.

Prints a table, and writes results.json and results.svg beside this file into build/. The runs are taken in turns,
so that a noisy minute hits everyone; the table has the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import benchlib as lib

HERE = Path(__file__).resolve().parent
RESULTS, PLOT = HERE / "build" / "results.json", HERE / "build" / "results.svg"


def runs(args: argparse.Namespace) -> dict[str, list[str]]:
    """The command line of each run, by label."""
    python, load = sys.executable, ["--duration", str(args.seconds)]
    ours = [python, "heliograph.py"]
    found = {
        "heliograph, receipts + webhook, 64 connections": [*ours, *load, "-c", "64"],
        "heliograph, receipts + webhook, 1 connection": [*ours, "--duration", str(min(10, args.seconds)), "-c", "1"],
        "heliograph, no receipts": [*ours, *load, "-c", "64", "--no-receipts"],
        "heliograph, batches of 100": [*ours, *load, "-c", "8", "--batch", "100"],
        "heliograph, 100,000 queued": [
            *ours,
            "-n",
            "100000",
            "-c",
            "64",
            "--smsc-rate",
            "1",
            "--no-receipts",
            "--no-drain",
        ],
    }
    if shutil.which("bearerbox") or shutil.which("bearerbox", path="/usr/sbin"):
        kannel = [python, "kannel.py", *load, "-c", "64"]
        found["kannel spool (durable), receipts + callbacks"] = [*kannel, "--mode", "spool", "--receipts"]
        found["kannel spool (durable), no receipts"] = [*kannel, "--mode", "spool"]
    else:
        print("Kannel is not installed, so it is left out: apt-get install --no-install-recommends kannel")
    return {label: command for label, command in found.items() if args.only in label}


def measure(label: str, command: list[str]) -> dict[str, object]:
    """One run; what its first JSON line says."""
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=900)
    line = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    if line is None:
        raise lib.BenchError(f"{label}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(line) | {"label": label}


def plot(rows: list[dict[str, object]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    rows = [row for row in rows if "queued" not in str(row["label"])]
    labels = [str(row["label"]) for row in rows]
    through = [float(row["cb_mid_s"] or 0) or float(row["e2e_mid_s"]) for row in rows]  # type: ignore[arg-type]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 0.6 * len(rows) + 1.6), sharey=True)
    colours = ["#8a8f98" if label.startswith("kannel") else "#1f6feb" for label in labels]
    left.barh(labels, through, color=colours)
    left.set_title("messages a second, end to end")
    right.barh(labels, [float(row["p99_ms"]) for row in rows], color=colours)  # type: ignore[arg-type]
    right.set_title("p99 of accept, ms")
    for axis in (left, right):
        axis.bar_label(axis.containers[0], fmt="%.0f", padding=3)
        axis.spines[["top", "right"]].set_visible(False)
    left.invert_yaxis()
    figure.tight_layout()
    figure.savefig(PLOT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="length of each run (30)")
    parser.add_argument("--repeat", type=int, default=1, help="rounds over all runs (1)")
    parser.add_argument("--only", default="", help="only the runs whose label has this in it")
    args = parser.parse_args()
    lib.stop_on_sigterm()
    subprocess.run(["make", "--silent"], cwd=HERE, check=True)
    wanted = runs(args)
    found: dict[str, list[dict[str, object]]] = {label: [] for label in wanted}
    for _ in range(args.repeat):
        for label, command in wanted.items():
            found[label].append(measure(label, command))
            print(lib.table_row(found[label][-1]), flush=True)
    rows = [lib.median(results) for results in found.values()]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    RESULTS.write_text(
        json.dumps({"machine": machine, "seconds": args.seconds, "repeat": args.repeat, "rows": rows}, indent=1)
    )
    plot(rows)
    print(f"\n{machine['cores']} cores, Python {machine['python']}; medians of {args.repeat} round(s)")
    print(lib.table_head(), *(lib.table_row(row) for row in rows), sep="\n")
    print(f"\n{RESULTS}\n{PLOT}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except lib.BenchError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
