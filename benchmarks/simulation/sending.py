"""Connectors and the worker processes that own them (gateway.worker.pump, gateway.nodes.leases).

A connector is one lease, one lane of the queue and one window; its owner takes from the lane what the window has room
for, asks for the rate, claims in the database, and only then submits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from benchmarks.simulation.ledger import Place, count
from benchmarks.simulation.plan import CLAIM_PATIENCE, PATIENCE
from benchmarks.simulation.process import Piece
from benchmarks.simulation.shard import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.simulation.ledger import Unit
    from benchmarks.simulation.process import Process
    from benchmarks.simulation.world import World

AT_ONCE = 64  # messages whose answers come together
NAMES = (
    "take.client", "take.each.client", "take.server", "take.each.server", "rate.client", "rate.server", "back.client",
    "back.server",
)  # fmt: skip


class Connector:
    """One connector, whoever owns it now."""

    def __init__(self, world: World, number: int, allowed: float) -> None:
        self._world, self.number = world, number
        self.owner: Process | None = None
        self.heir: Process | None = None  # whom it is to be given to, once its work has ended
        self.up = self.behind = False  # behind: announcements may have been lost
        self.lane: deque[Unit] = deque()  # announced in Redis
        self.unheard: deque[Unit] = deque()  # QUEUED in the database, and announced nowhere
        self._line: deque[Unit] = deque()  # taken by the owner, not claimed yet
        self.flights: dict[Unit, None] = {}  # SUBMITTING
        self._life = 0
        self._busy = False
        self._claims = self._outstanding = 0
        self._period, self._next = 1 / allowed, 0.0  # the carrier's rate, as gateway.throttle counts it
        self._cost = {name: world.costs[name] for name in NAMES}
        self._depart_each = world.costs["pump.each"] + world.costs["smpp.submit"]
        self._carrier = world.costs["carrier.trip"]

    # The lane.

    def hear(self, units: Iterable[Unit]) -> None:
        """Announced in Redis."""
        self.lane.extend(units)
        self.pump()

    def forget(self) -> None:
        """The queue has lost the lane."""
        self.unheard.extend(self.lane)
        self.lane.clear()

    def refill(self) -> None:
        """Look into the database for what nobody announced."""
        if self.up and self.unheard:
            self._line.extend(self.unheard)
            self.unheard.clear()
            self.pump()

    # The pump.

    def pump(self) -> None:
        """Fill the window, as far as there is something for it and the rate allows."""
        now, world = self._world.clock.now, self._world
        room = world.plan.window - self._outstanding
        if self._busy or not self.up or self.heir or room < world.plan.unit or not (self._line or self.lane):
            return
        if now < self._next - 1.0:  # a bucket holds a second of the rate
            self._again(self._next - 1.0 - now)
        elif not world.cluster.rate[self.number].up:
            self._again(world.costs["retry"])
        else:
            self._fill(room)

    def _again(self, delay: float) -> None:
        self._busy = True
        self._world.clock.after(delay, self._rested, self._life)

    def _rested(self, life: int) -> None:
        if life == self._life:
            self._busy = False
            self.pump()

    def _fill(self, room: int) -> None:
        """Take from the lane, ask for the rate, read the messages: then they can be claimed."""
        units, announced = self._taken(room)
        if not units or self.owner is None:
            return
        self._busy = True
        world, n = self._world, count(units)
        self._next = max(self._next, world.clock.now) + n * self._period
        groups = world.by_shard(units)
        ready = max(self._asked(n), self._read(groups), self._queue(announced))
        world.clock.at(ready, self._claim, groups, self._life)

    def _asked(self, n: int) -> float:
        """When the rate has allowed n parts."""
        calls, cost = -(-n // self._world.plan.slice), self._cost
        answered = self._world.cluster.rate[self.number].call(calls * cost["rate.server"])
        return max(answered, self._own(calls * cost["rate.client"]))

    def _queue(self, announced: int) -> float:
        """When the queue has given these."""
        if not announced:
            return 0.0
        cost = self._cost
        answered = self._world.cluster.lane[self.number].call(
            cost["take.server"] + announced * cost["take.each.server"]
        )
        return max(answered, self._own(cost["take.client"] + announced * cost["take.each.client"]))

    def _read(self, groups: dict[int, list[Unit]]) -> float:
        """When the databases have given the messages."""
        cost, shards = self._cost, self._world.shards
        ready = [shards[shard].read(count(units) * cost["back.server"]) for shard, units in groups.items()]
        return max(*ready, self._own(sum(map(count, groups.values())) * cost["back.client"]))

    def _own(self, work: float) -> float:
        return self.owner.core.reserve(work) if self.owner else 0.0

    def _taken(self, room: int) -> tuple[list[Unit], int]:
        """Units that fit the room, and how many messages of them came from Redis."""
        units: list[Unit] = []
        while self._line and self._line[0].n <= room:
            units.append(self._line.popleft())
            room -= units[-1].n
        announced = 0
        while self.lane and self.lane[0].n <= room and self._world.cluster.lane[self.number].up:
            units.append(self.lane.popleft())
            room -= units[-1].n
            announced += units[-1].n
        return units, announced

    def _claim(self, groups: dict[int, list[Unit]], life: int) -> None:
        if life != self._life or self.owner is None:
            for units in groups.values():
                self.unheard.extend(units)
            return
        self._claims = len(groups)
        for shard, units in groups.items():
            self.owner.writers[shard].add(Piece("claim", units, self._claimed), CLAIM_PATIENCE)

    def _claimed(self, piece: Piece, outcome: Outcome, stored: bool) -> None:
        world, now = self._world, self._world.clock.now
        if stored:
            for unit in piece.units:
                if unit not in self.flights:
                    world.ledger.move(unit, Place.SUBMITTING, now)
            self.flights.update(dict.fromkeys(piece.units))
        if outcome is Outcome.DEAD:
            self._lapse(piece.units)
            return
        if outcome is Outcome.FAILED:  # nobody knows whether it was stored: it is made until it has an answer
            world.clock.after(world.costs["retry"], self._claim_again, piece, self._life)
            return
        self._depart(piece.units)
        self._claims -= 1
        if not self._claims:
            self._busy = False
            self.pump()
            self.hand_over()

    def _claim_again(self, piece: Piece, life: int) -> None:
        if life != self._life or self.owner is None:
            self._lapse(piece.units)
            return
        shard = self._world.traffic.shard_of[piece.units[0].account]
        self.owner.writers[shard].add(Piece("claim", piece.units, self._claimed), CLAIM_PATIENCE)

    def _lapse(self, units: Sequence[Unit]) -> None:
        """Their owner is gone: those that were not claimed are still QUEUED."""
        self.unheard.extend(unit for unit in units if unit not in self.flights)

    # At the carrier.

    def _depart(self, units: Sequence[Unit]) -> None:
        if self.owner is None:
            return
        at_once = max(1, AT_ONCE // self._world.plan.unit)
        for start in range(0, len(units), at_once):
            some = units[start : start + at_once]
            self._outstanding += count(some)
            left = self.owner.core.reserve(count(some) * self._depart_each)
            for unit in some:
                unit.sent_at = left
            self._world.clock.at(left + self._carrier, self._answered, some, self._life)

    def _answered(self, units: Sequence[Unit], life: int) -> None:
        if life != self._life:
            return  # the link is gone: see ``bury``
        for unit in units:
            self._world.ledger.take(unit)
        self._outstanding -= count(units)
        self._settle(units)
        self.pump()

    def _settle(self, units: Sequence[Unit]) -> None:
        if self.owner is None or not self.owner.alive:
            return
        shard = self._world.traffic.shard_of[units[0].account]
        self.owner.writers[shard].add(Piece("settle", units, self._settled), PATIENCE)

    def _settled(self, piece: Piece, outcome: Outcome, stored: bool) -> None:
        world, now = self._world, self._world.clock.now
        if not stored:
            if outcome is Outcome.FAILED:
                world.clock.after(world.costs["retry"], self._settle, piece.units)
            return
        for unit in piece.units:
            world.ledger.move(unit, Place.SUBMITTED, now)
            self.flights.pop(unit, None)
            world.logged(unit.account, unit.n, last=False)
            world.carrier.taken(unit)
        self.hand_over()

    # Owners.

    def lose(self) -> None:
        """The owner is gone, and its links with it."""
        self.up, self.owner, self.heir = False, None, None
        self._life += 1
        self._busy, self._claims, self._outstanding = False, 0, 0
        self.unheard.extend(self._line)
        self._line.clear()

    def bury(self, by: Process, died: float) -> None:
        """What was on its way is UNKNOWN. Carriers have what had left before."""
        world, units = self._world, list(self.flights)
        self.flights.clear()
        for unit in units:
            if not unit.got and 0 < unit.sent_at <= died:
                world.ledger.take(unit)
        for shard, some in world.by_shard(units).items():
            self._write_off(shard, some, by)

    def _write_off(self, shard: int, units: Sequence[Unit], by: Process) -> None:
        piece = Piece("settle", units, self._written_off)
        (by if by.alive else self._world.fates.living("worker")).writers[shard].add(piece)

    def _written_off(self, piece: Piece, _outcome: Outcome, stored: bool) -> None:
        world = self._world
        shard = world.traffic.shard_of[piece.units[0].account]
        if not stored:
            world.clock.after(world.costs["retry"], self._write_off, shard, piece.units, world.fates.living("worker"))
            return
        for unit in piece.units:
            world.ledger.move(unit, Place.UNKNOWN, world.clock.now)
            world.ledger.unknown_taken += unit.n if unit.got else 0
            world.logged(unit.account, unit.n, last=True)

    def take(self, owner: Process) -> None:
        """A new owner binds, and looks into the database for what there is."""
        self.owner = owner
        self._world.clock.after(self._world.costs["bind"], self._bound, self._life)

    def _bound(self, life: int) -> None:
        if life == self._life and self.owner is not None and self.owner.alive:
            self.up = True
            self.refill()
            self.pump()

    def unbind(self) -> None:
        """Its owner cannot beat, and lets go of its links before others may bury it (gateway.nodes.keeper, rule 2)."""
        self.up = False

    def rebind(self) -> None:
        """The beats are heard again."""
        self._world.clock.after(self._world.costs["bind"], self._bound, self._life)

    def give(self, heir: Process) -> None:
        """Bring its work to an end, then give it to another."""
        self.heir = heir
        self.hand_over()

    def hand_over(self) -> None:
        if self.heir and not self._busy and not self.flights and self.heir.alive:
            heir = self.heir
            self.lose()
            self.take(heir)
