"""A run as an SVG: three panels over the seconds, and a line where something is lost."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from benchmarks.simulation.ledger import Place, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.report import Report

WIDTH, LEFT, RIGHT, TOP, PANEL, GAP = 900, 70, 20, 78, 130, 36
AFTER = 6  # seconds shown beyond the last request
GREY, BLUE, RED, GREEN, AMBER = "#8a8f98", "#1f6feb", "#cf222e", "#1a7f37", "#bf8700"
FONT = 'font-family="system-ui, sans-serif" font-size="12"'


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    colour: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    lines: Sequence[Line]


def svg(report: Report) -> str:
    """The whole picture."""
    panels = _panels(report)
    seconds = min(len(report.samples), int(report.seconds) + AFTER)
    height = TOP + len(panels) * (PANEL + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(report.name)}: messages a second and backlogs, second by second</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_losses(report, seconds, height - GAP),
        *_seconds(seconds, height - GAP + 16),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (PANEL + GAP), seconds)
    return "\n".join([*parts, "</svg>\n"])


def _panels(report: Report) -> list[Panel]:
    return [
        Panel("messages a second: offered, answered 202, refused", [
            Line("offered", GREY, report.per_second("offered")),
            Line("202", BLUE, report.per_second(Told.ACCEPTED)),
            Line("refused", RED, report.per_second(Told.REFUSED)),
        ]),
        Panel("messages a second: with a carrier, delivered", [
            Line("submitted", AMBER, report.per_second(Place.SUBMITTED)),
            Line("delivered", GREEN, report.per_second(Place.DELIVERED)),
        ]),
        Panel("waiting: messages not yet with a carrier, events not yet given", [
            Line("messages", BLUE, [one.waiting for one in report.samples]),
            Line("events", AMBER, [one.events for one in report.samples]),
        ]),
    ]  # fmt: skip


def _panel(panel: Panel, top: int, seconds: int) -> list[str]:
    most = _round_up(max((max(line.values, default=0) for line in panel.lines), default=0))
    parts = [f'<text x="{LEFT}" y="{top - 8}" {FONT} font-weight="600">{escape(panel.title)}</text>']
    for value in (0, most / 2, most):
        y = _y(value, most, top)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e4e6ea"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" {FONT} text-anchor="end" fill="{GREY}">{value:,.0f}</text>')
    for place, line in enumerate(panel.lines):
        points = " ".join(
            f"{_x(second + 0.5, seconds):.1f},{_y(value, most, top):.1f}"
            for second, value in enumerate(line.values[:seconds])
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="1.6"/>')
        x = WIDTH - RIGHT - 90 * (len(panel.lines) - place)
        parts.append(f'<rect x="{x}" y="{top - 17}" width="12" height="4" fill="{line.colour}"/>')
        parts.append(f'<text x="{x + 16}" y="{top - 8}" {FONT}>{escape(line.name)}</text>')
    return parts


def _losses(report: Report, seconds: int, bottom: int) -> list[str]:
    parts = []
    for number, (at, kind) in enumerate(report.losses):
        x, y = _x(at, seconds), 14 + number % 3 * 14  # in three rows, so that neighbours stay apart
        parts.append(
            f'<line x1="{x:.1f}" y1="{y + 4}" x2="{x:.1f}" y2="{bottom}" stroke="{RED}" stroke-dasharray="2 4"/>'
        )
        parts.append(f'<text x="{x + 3:.1f}" y="{y}" {FONT} fill="{RED}">{escape(kind)} lost</text>')
    return parts


def _seconds(seconds: int, y: int) -> list[str]:
    labels = [(second, f"{second} s") for second in range(0, seconds, 10)]
    return [f'<text x="{_x(at, seconds):.1f}" y="{y}" {FONT} fill="{GREY}">{text}</text>' for at, text in labels]


def _x(second: float, seconds: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / max(1, seconds)


def _y(value: float, most: float, top: int) -> float:
    return top + PANEL * (1 - value / most)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, … that is not below."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if factor * step >= value:
                return factor * step
        step *= 10
