"""Where every message is, and what its app was told. Nothing is created or dropped but by its rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Place(StrEnum):
    """Where a message is. The first three are not in the database."""

    ARRIVING = "arriving"
    REFUSED = "refused"  # not stored, and the app was told 503 (or 502 by the balancer)
    CUT = "cut"  # not stored, and the connection broke before the answer: the app knows that it was not answered
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNKNOWN = "unknown"  # on its way when its worker died


class Told(StrEnum):
    """What the app heard."""

    NOTHING = "nothing yet"
    ACCEPTED = "answered 202"
    REFUSED = "answered 50x"
    CUT = "not answered"


_P = Place
MOVES: Mapping[Place, frozenset[Place]] = {
    _P.ARRIVING: frozenset({_P.REFUSED, _P.CUT, _P.SCHEDULED, _P.QUEUED}),
    _P.SCHEDULED: frozenset({_P.QUEUED}),
    _P.QUEUED: frozenset({_P.SUBMITTING}),
    _P.SUBMITTING: frozenset({_P.SUBMITTED, _P.UNKNOWN}),
    _P.SUBMITTED: frozenset({_P.DELIVERED}),
}
STORED = frozenset({_P.SCHEDULED, _P.QUEUED, _P.SUBMITTING, _P.SUBMITTED, _P.DELIVERED, _P.UNKNOWN})
WAITING = frozenset({_P.ARRIVING, _P.SCHEDULED, _P.QUEUED, _P.SUBMITTING})
FINEST = 0.001  # seconds of a step in a histogram of latencies


class LedgerError(Exception):
    """The simulation did what the gateway must never do."""


@dataclass(slots=True, eq=False)
class Unit:
    """Some messages of one account that go the same way: what the simulation moves, to be quick."""

    n: int
    account: int
    connector: int
    born: float
    ready: float  # when it may leave
    place: Place = Place.ARRIVING
    told: Told = Told.NOTHING
    sent_at: float = 0.0  # when a carrier got it
    got: bool = False  # the carrier counted it


def count(units: Iterable[Unit]) -> int:
    """How many messages these are."""
    return sum(unit.n for unit in units)


@dataclass(slots=True)
class Ledger:
    """Counts of messages. The carriers keep a count of their own, ``taken``, to hold against ours."""

    places: Counter[Place] = field(default_factory=Counter)
    told: Counter[Told] = field(default_factory=Counter)
    yet_stored: Counter[Told] = field(default_factory=Counter)  # told otherwise, and stored all the same
    taken: int = 0  # by carriers
    unknown_taken: int = 0  # of those UNKNOWN
    accept: Counter[int] = field(default_factory=Counter)  # latency in steps of FINEST -> messages
    to_submit: Counter[int] = field(default_factory=Counter)
    by_second: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    units: list[Unit] = field(default_factory=list)

    def offer(self, unit: Unit) -> None:
        self.units.append(unit)
        self.places[Place.ARRIVING] += unit.n
        self.told[Told.NOTHING] += unit.n
        self.note("offered", unit.born, unit.n)

    def move(self, unit: Unit, to: Place, now: float) -> None:
        """Raises LedgerError for a move that no message may make."""
        if to not in MOVES.get(unit.place, frozenset()):
            raise LedgerError(f"{unit.place} cannot become {to}")
        self.places[unit.place] -= unit.n
        self.places[to] += unit.n
        unit.place = to
        self.note(to, now, unit.n)

    def tell(self, unit: Unit, told: Told, now: float) -> None:
        """The app is answered, once."""
        if unit.told is not Told.NOTHING:
            raise LedgerError(f"answered twice: {unit.told}, {told}")
        unit.told = told
        self.told[Told.NOTHING] -= unit.n
        self.told[told] += unit.n
        self.note(told, now, unit.n)
        if told is Told.ACCEPTED:
            self.accept[int((now - unit.born) / FINEST)] += unit.n

    def take(self, unit: Unit) -> None:
        """A carrier got it. Raises LedgerError when it has it already."""
        if unit.got:
            raise LedgerError("a message was submitted twice")
        unit.got = True
        self.taken += unit.n
        self.to_submit[int((unit.sent_at - unit.ready) / FINEST)] += unit.n

    def note(self, what: str, now: float, n: int) -> None:
        self.by_second[what][int(now)] += n

    @property
    def offered(self) -> int:
        return sum(self.places.values())

    @property
    def stored(self) -> int:
        return sum(self.places[place] for place in STORED)

    def waiting(self) -> int:
        """Messages on which somebody has still to work."""
        return sum(self.places[place] for place in WAITING)

    def faults(self, rows: int) -> list[str]:
        """What does not add up, with ``rows`` messages in the databases; empty when all does. Looks at every unit."""
        counted: Counter[Place] = Counter()
        wrong: Counter[str] = Counter()
        for unit in self.units:
            counted[unit.place] += unit.n
            wrong.update(fault for fault, holds in _checks(unit).items() if not holds)
        found = [f"{fault}: {times} units" for fault, times in wrong.items()]
        if +counted != +self.places:
            found.append("units and counts differ")
        if rows != self.stored:
            found.append(f"the databases hold {rows} messages, and {self.stored} were stored")
        if self.taken != sum(unit.n for unit in self.units if unit.got):
            found.append("the carriers counted other messages than left")
        return found


def _checks(unit: Unit) -> dict[str, bool]:
    """What must hold of each unit, whenever it is looked at."""
    stored, left = unit.place in STORED, unit.place in {Place.SUBMITTED, Place.DELIVERED}
    return {
        "answered 202 and not stored": stored or unit.told is not Told.ACCEPTED,
        "submitted, and no carrier has it": unit.got or not left,
        "at a carrier, and never claimed": not unit.got or left or unit.place in {Place.SUBMITTING, Place.UNKNOWN},
    }


def percentile(counts: Counter[int], share: float) -> float:
    """Seconds that ``share`` of the messages took at most; 0 without any."""
    total, seen = sum(counts.values()), 0
    for step in sorted(counts):
        seen += counts[step]
        if seen >= share * total:
            return (step + 1) * FINEST
    return 0.0
