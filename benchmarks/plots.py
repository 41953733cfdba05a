"""Pictures of figures, as SVG. matplotlib draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from measuring import Row

PERCENTILES = {"p50_ms": "50 %", "p90_ms": "90 %", "p99_ms": "99 %", "p999_ms": "99.9 %"}
COLOURS = {"kannel": "#8a8f98", "sqlite": "#1f6feb", "postgres": "#1a7f37"}


def _colour(name: str) -> str:
    return next((colour for start, colour in COLOURS.items() if name.startswith(start)), "#9a6700")


def through(row: Row) -> float:
    """Messages a second as far as the run goes: called back, else submitted, else accepted."""
    return next((row[key] for key in ("cb_mid_s", "e2e_mid_s", "http_s") if row.get(key)), 0.0)


def _bare(*axes: Any) -> None:
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)


def throughput(rows: Sequence[Row], file: Path) -> None:
    names = [row["name"] for row in rows]
    figure, axis = plt.subplots(figsize=(10, 0.4 * len(rows) + 1.2))
    bars = axis.barh(names, [through(row) for row in rows], color=[_colour(name) for name in names])
    axis.bar_label(bars, fmt="{:,.0f}", padding=3)
    axis.set_xlabel("messages a second")
    axis.invert_yaxis()
    _bare(axis)
    _save(figure, file)


def latency(rows: Sequence[Row], file: Path) -> None:
    """The percentiles of each run in a line."""
    figure, axis = plt.subplots(figsize=(10, 0.45 * len(rows) + 1.6))
    names = [row["name"] for row in rows]
    for shade, (key, label) in zip((0.25, 0.45, 0.7, 1.0), PERCENTILES.items(), strict=True):
        colours = [_colour(name) for name in names]
        axis.scatter([row[key] for row in rows], names, c=colours, alpha=shade, s=60, label=label)
    axis.set_xscale("log")
    axis.set_xlabel("milliseconds from request to answer")
    axis.invert_yaxis()
    axis.legend(ncols=4, frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    _bare(axis)
    _save(figure, file)


def growth(rows: Sequence[Row], file: Path) -> None:
    """Throughput, in percent of that with an empty store, and look-ups by number, over the size of the store."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    for kind in ("sqlite", "postgres"):
        ours = [row for row in rows if row["name"].startswith(kind)]
        fast = sorted((row for row in ours if not row.get("lookup_ok")), key=lambda row: row["stored"])
        looked = sorted((row for row in ours if row.get("lookup_ok")), key=lambda row: row["stored"])
        if fast and not fast[0]["stored"] and through(fast[0]):
            shares = [100 * through(row) / through(fast[0]) for row in fast]
            left.plot([row["stored"] / 1e6 for row in fast], shares, "o-", color=COLOURS[kind], label=kind)
        for key, style in (("lookup_p50_ms", "o--"), ("lookup_p99_ms", "o-")):
            label = f"{kind}, {key[7:10]}"
            right.plot(
                [r["stored"] / 1e6 for r in looked], [r[key] for r in looked], style, color=COLOURS[kind], label=label
            )
    left.set(title="throughput, % of an empty store's", xlabel="million messages in the store", ylim=(0, None))
    right.set(title="look-up by number, ms", xlabel="million messages in the store", ylim=(0, None))
    for axis in (left, right):
        axis.legend(frameon=False)
    _bare(left, right)
    _save(figure, file)


def stacked(bars: Mapping[str, Mapping[str, float]], unit: str, file: Path) -> None:
    """One bar for each name; its pieces in the order in which they first come."""
    stages = list(dict.fromkeys(stage for bar in bars.values() for stage in bar))
    colours = [plt.get_cmap("tab20")(at) for at in range(20)]
    figure, axis = plt.subplots(figsize=(11, 0.7 * len(bars) + 2.4))
    left = [0.0] * len(bars)
    for at, stage in enumerate(stages):
        sizes = [bar.get(stage, 0.0) for bar in bars.values()]
        axis.barh(list(bars), sizes, left=left, label=stage, color=colours[at % len(colours)])
        left = [a + b for a, b in zip(left, sizes, strict=True)]
    axis.set_xlabel(unit)
    axis.invert_yaxis()
    axis.legend(ncols=4, frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.18 - 0.2 / len(bars)))
    _bare(axis)
    _save(figure, file)


def over_time(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], file: Path) -> None:
    """One panel for each title, above one another; in it a line of (minute, value) for each name."""
    figure, axes = plt.subplots(len(panels), 1, figsize=(10, 2.4 * len(panels)), sharex=True, squeeze=False)
    for axis, (title, lines) in zip(axes[:, 0], panels.items(), strict=True):
        for name, points in lines.items():
            axis.plot([x for x, _ in points], [y for _, y in points], label=name)
        axis.set(title=title, ylim=(0, None))
        if len(lines) > 1:
            axis.legend(frameon=False, fontsize="small")
        _bare(axis)
    axes[-1, 0].set_xlabel("minutes")
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, bbox_inches="tight")
    plt.close(figure)
