"""Heliograph at 12,000 messages a second, in virtual time. See docs/scaling.md.

python benchmarks/simulation               both failure scripts; writes JSON and SVG into benchmarks/build
python benchmarks/simulation sizing        what a rate takes, from costs.json
python benchmarks/simulation hot-keys      one change of the plan at a time
python benchmarks/simulation one-database  how far one database goes
python benchmarks/simulation measure       what PostgreSQL and Redis cost here, for costs.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "benchmarks" / "build"


def simulate(args: argparse.Namespace) -> int:
    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.plan import Plan
    from benchmarks.simulation.plot import svg
    from benchmarks.simulation.run import ONE_BY_ONE, SAME_MINUTE, run
    from benchmarks.simulation.summary import summary

    args.out.mkdir(parents=True, exist_ok=True)
    reports = [run(Plan(rate=args.rate, seed=args.seed), Costs.load(), script) for script in (ONE_BY_ONE, SAME_MINUTE)]
    for report in reports:
        name = f"scaling-{report.name.replace(' ', '-')}"
        (args.out / f"{name}.json").write_text(json.dumps(report.document(), indent=1))
        (args.out / f"{name}.svg").write_text(svg(report))
    print(summary(reports))
    return 0 if all(not report.verdict() for report in reports) else 1


def sizing(args: argparse.Namespace) -> int:
    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.sizing import Needs, Sizing, tables

    print(tables(Sizing(Costs.load(), Needs(rate=args.rate, batch=args.batch, days=args.days))))
    return 0


def hot_keys(_args: argparse.Namespace) -> int:
    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.variants import HOT_KEYS, compare

    print(compare(Costs.load(), HOT_KEYS))
    return 0


def one_database(_args: argparse.Namespace) -> int:
    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.variants import ONE_DATABASE, compare

    print(compare(Costs.load(), ONE_DATABASE))
    return 0


def measure(_args: argparse.Namespace) -> int:
    import asyncio

    from benchmarks.simulation import pg_costs, redis_costs

    print(
        json.dumps(
            {"pg_costs.py": asyncio.run(pg_costs.measure()), "redis_costs.py": asyncio.run(redis_costs.measure())},
            indent=1,
        )
    )
    return 0


COMMANDS = {
    "run": simulate, "sizing": sizing, "hot-keys": hot_keys, "one-database": one_database, "measure": measure,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=COMMANDS, default="run")
    parser.add_argument("--rate", type=float, default=12_000, help="messages a second (12000)")
    parser.add_argument("--seed", type=int, default=1, help="of the run (1)")
    parser.add_argument("--out", type=Path, default=BUILD, help="folder for JSON and SVG (benchmarks/build)")
    parser.add_argument("--batch", type=float, default=10, help="sizing: messages of a transaction (10)")
    parser.add_argument("--days", type=int, default=9, help="sizing: days that messages are kept (9)")
    args = parser.parse_args()
    return COMMANDS[args.what](args)


if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # so that this runs as a folder, from anywhere
    sys.exit(main())
