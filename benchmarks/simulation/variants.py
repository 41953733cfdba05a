"""One thing at a time: what each hot key costs, and where a plan stops holding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.simulation.ledger import Told, percentile
from benchmarks.simulation.plan import Plan
from benchmarks.simulation.run import Script, run
from benchmarks.simulation.sizing import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.report import Report

SHORT = Script("calm", 15)
NOWHERE = 10**9

#: Changes of the plan at 12,000 messages a second.
HOT_KEYS: Mapping[str, Mapping[str, Any]] = {
    "the plan": {},
    "the log numbered without a lock": {"locked_log": False},
    "the month's spend added apart": {"locked_spend": False},
    "every process writes to every database": {"pinned": False},
    "each message asks for its rate": {"slice": 1},
    "the same, all rates on one primary": {"slice": 1, "one_rate_slot": True},
    "the largest account through one connector": {"most": NOWHERE},
    "connectors dealt out in the order of names": {"dealt": False},
    "webhooks want all three events": {"all_events": True},
    "PostgreSQL's CPU and trips cost twice as much": {"slower": 2.0},
}

#: One database, as the program is today; one host of each kind for each 2,000 messages a second, and one to lose.
ONE_DATABASE: Mapping[str, Mapping[str, Any]] = {
    f"{rate:,} a second": {
        "rate": rate, "shards": 1, "cores": 32, "connectors": 32, "one_rate_slot": True,
        "api": -(-rate // 2000) + 1, "worker": -(-rate // 2000) + 1,
    }
    for rate in (1_000, 2_000, 4_000, 6_000, 8_000)
}  # fmt: skip


def compare(costs: Costs, variants: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of short calm runs, as Markdown."""
    reports = ((name, run(replace(Plan(), **changes), costs, SHORT)) for name, changes in variants.items())
    head = (
        "plan", "accepted a second", "accept p50, p99, ms", "accept to submit p99, ms", "busiest API, worker, event process",
        "PostgreSQL", "holds",
    )  # fmt: skip
    return table(head, _rows(reports))


def _rows(reports: Iterable[tuple[str, Report]]) -> Iterable[tuple[object, ...]]:
    for name, report in reports:
        ledger, use = report.ledger, report.use()
        accepted = sum(report.per_second(Told.ACCEPTED)[5:15]) / 10
        accept = ", ".join(f"{percentile(ledger.accept, share) * 1e3:,.0f}" for share in (0.5, 0.99))
        busiest = ", ".join(f"{use[kind]['calm, the busiest one']:.0%}" for kind in ("api", "worker", "events"))
        yield (
            name, f"{accepted:,.0f}", accept, f"{percentile(ledger.to_submit, 0.99) * 1e3:,.0f}", busiest,
            f"{use['postgresql']['calm']:.0%}", "; ".join(report.verdict()) or "yes",
        )  # fmt: skip
