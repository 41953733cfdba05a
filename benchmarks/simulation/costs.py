"""What things cost: costs.json, read and checked. An input; put new figures in after each measurement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).resolve().parent / "costs.json"
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "octets": 1.0, "count": 1.0, "share": 1.0}
HOW = ("measured", "derived", "assumed", "code")


@dataclass(frozen=True, slots=True)
class Figure:
    """One cost. ``how`` it was come by: measured, derived from what was measured, a constant of the code, or assumed."""

    value: float
    unit: str
    how: str
    source: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a kind of work costs in a transaction, in seconds, octets and counts.

    ``tx`` is for the kind being there at all, beside what every transaction costs; ``each`` is for each message.
    """

    client_tx: float
    client_each: float
    server_tx: float
    server_each: float
    wal: float
    trips: float  # statements before the log's lock is asked for
    events: int  # of each message


EVENTS = {"accept": 1, "claim": 0, "settle": 1, "receipt": 1, "inbound": 1, "cursor": 0}


class Costs:
    """Figures by name, in seconds, octets, counts and shares."""

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self.figures = figures
        self._values = {name: figure.value * UNITS[figure.unit] for name, figure in figures.items()}

    @classmethod
    def load(cls, path: Path = FILE) -> Costs:
        """Raises ValueError for a figure that does not say how it was come by, or in what unit it is."""
        figures = {name: Figure(**one) for name, one in json.loads(path.read_text())["figures"].items()}
        for name, figure in figures.items():
            if figure.how not in HOW or figure.unit not in UNITS or not figure.source:
                raise ValueError(f"{name}: unit, how and source are needed")
        return cls(figures)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def work(self, kind: str) -> Work:
        return Work(
            self[f"{kind}.tx.client"], self[f"{kind}.each.client"], self[f"{kind}.tx.server"],
            self[f"{kind}.each.server"], self[f"{kind}.each.wal"], self[f"{kind}.trips"], EVENTS[kind],
        )  # fmt: skip
