"""API processes: take requests, commit, answer, announce (gateway.outbound.accept, gateway.worker.announcer)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchmarks.simulation.ledger import Place, Told, Unit, count
from benchmarks.simulation.process import Piece
from benchmarks.simulation.shard import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.simulation.process import Process
    from benchmarks.simulation.world import World

HEARD = {Outcome.OK: Told.ACCEPTED, Outcome.FAILED: Told.REFUSED, Outcome.DEAD: Told.CUT}


class Announcer:
    """Tells Redis what is QUEUED, a lane at a time; what comes meanwhile goes with the next round."""

    def __init__(self, world: World, process: Process, lanes_in: Callable[[int], float]) -> None:
        self._world, self._process, self._lanes_in = world, process, lanes_in
        self._news: list[Unit] = []
        self._busy = False
        costs = world.costs
        self._client, self._client_each = costs["put.client"], costs["put.each.client"]
        self._server, self._server_each = costs["put.server"], costs["put.each.server"]

    def add(self, units: Iterable[Unit]) -> None:
        self._news.extend(units)
        if self._news and not self._busy:
            self._put()

    def die(self) -> None:
        """What was not announced is in the database, and nowhere else."""
        self._world.unheard(self._news)
        self._news, self._busy = [], False

    def _put(self) -> None:
        self._busy = True
        news, self._news = self._news, []
        lanes: defaultdict[int, list[Unit]] = defaultdict(list)
        for unit in news:
            lanes[unit.connector].append(unit)
        n = count(news)
        calls = self._lanes_in(n)  # by single messages, more than our units show
        answered = self._process.core.reserve(calls * self._client + n * self._client_each)
        for connector, units in lanes.items():
            primary = self._world.cluster.lane[connector]
            if primary.up:
                server = calls / len(lanes) * self._server + count(units) * self._server_each
                answered = max(answered, primary.call(server))
        self._world.clock.at(answered, self._announced, lanes, self._process.life)

    def _announced(self, lanes: dict[int, list[Unit]], life: int) -> None:
        for connector, units in lanes.items():
            if life == self._process.life and self._world.cluster.lane[connector].up:
                self._world.connectors[connector].hear(units)
            else:
                self._world.unheard(units)
        if life == self._process.life:
            self._busy = False
            self.add(())


class Door:
    """One API process; it has requests of one database's accounts, or (None) of all."""

    def __init__(self, world: World, process: Process, home: int | None) -> None:
        self._world, self.process, self.home = world, process, home
        self.announcer = Announcer(world, process, world.traffic.lanes_in(home))
        self._http = world.costs["http.each"]

    def knock(self, unit: Unit) -> None:
        """A request comes in."""
        process, world = self.process, self._world
        if not process.alive or process.core.wait() > world.plan.shed_after:
            world.ledger.move(unit, Place.REFUSED, world.clock.now)
            world.ledger.tell(unit, Told.REFUSED, world.clock.now)
            return
        process.core.reserve(unit.n * self._http)  # the transaction's own work waits behind it
        process.writers[world.traffic.shard_of[unit.account]].add(Piece("accept", (unit,), self._stored))

    def _stored(self, piece: Piece, outcome: Outcome, stored: bool) -> None:
        world, unit = self._world, piece.units[0]
        ledger, now = world.ledger, world.clock.now
        ledger.tell(unit, HEARD[outcome], now)
        if not stored:
            ledger.move(unit, Place.CUT if outcome is Outcome.DEAD else Place.REFUSED, now)
            return
        if outcome is not Outcome.OK:
            ledger.yet_stored[HEARD[outcome]] += unit.n
        world.logged(unit.account, unit.n, last=False)
        if world.rng.random() < world.plan.scheduled:
            ledger.move(unit, Place.SCHEDULED, now)
            world.sweeper.schedule(unit)
            return
        ledger.move(unit, Place.QUEUED, now)
        if outcome is Outcome.OK:
            self.announcer.add(piece.units)
        else:
            world.unheard(piece.units)
