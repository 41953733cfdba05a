"""Runs side by side, as Markdown: what docs/scaling.md shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.simulation.ledger import Place, Told, percentile
from benchmarks.simulation.report import KINDS
from benchmarks.simulation.sizing import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.report import Report


def summary(reports: Sequence[Report]) -> str:
    return "\n\n".join((_messages(reports), _recoveries(reports), _use(reports[0])))


def _messages(reports: Sequence[Report]) -> str:
    head = ("", *(report.name for report in reports))
    return table(head, [(name, *cells) for name, *cells in zip(_names(), *map(_cells, reports), strict=True)])


def _names() -> list[str]:
    return [
        "messages offered", "answered 202", "refused: 503, or 502 by the balancer", "refused, and stored all the same",
        "connection cut before the answer", "cut, and stored all the same", "with a carrier", "of these, delivered by receipt",
        "UNKNOWN", "UNKNOWN, and a carrier has them", "lost",
        "events committed for webhooks", "events given again", "accept: p50, p99, p99.9",
        "accept to submit: p50, p99, p99.9", "largest backlog of messages, of events", "the plan holds",
    ]  # fmt: skip


def _cells(report: Report) -> list[str]:
    ledger, document = report.ledger, report.document()
    places, told = ledger.places, ledger.told
    events, backlog = document["events"], document["backlog"]
    numbers = (
        ledger.offered, told[Told.ACCEPTED], told[Told.REFUSED], ledger.yet_stored[Told.REFUSED], told[Told.CUT],
        ledger.yet_stored[Told.CUT], places[Place.SUBMITTED] + places[Place.DELIVERED], places[Place.DELIVERED],
        places[Place.UNKNOWN], ledger.unknown_taken, len(report.faults),
        events["committed"], events["given again"],
    )  # fmt: skip
    latencies = [
        ", ".join(f"{percentile(counts, share):.2f} s" for share in (0.5, 0.99, 0.999))
        for counts in (ledger.accept, ledger.to_submit)
    ]
    most = f"{backlog['messages']:,}, {backlog['events']:,}"
    return [*(f"{number:,}" for number in numbers), *latencies, most, "; ".join(report.verdict()) or "yes"]


def _recoveries(reports: Sequence[Report]) -> str:
    """Seconds until the offered rate is accepted again and no backlog is left."""
    kinds = [kind for _, kind in reports[0].losses]
    found = [report.recoveries() for report in reports]
    rows = [(kind, *("not yet" if each[kind] is None else f"{each[kind]:.0f} s" for each in found)) for kind in kinds]
    return table(("lost", *(report.name for report in reports)), rows)


def _use(report: Report) -> str:
    rows = [(kind, *(f"{value:.0%}" for value in report.use()[kind].values())) for kind in KINDS]
    return table(("CPU used", "calm", "calm, the busiest one", "in the worst second"), rows)
