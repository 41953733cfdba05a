"""What carriers do by themselves: receipts, replies, and sending again what was not acknowledged."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchmarks.simulation.ledger import Place, count
from benchmarks.simulation.plan import PATIENCE
from benchmarks.simulation.process import Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.ledger import Unit
    from benchmarks.simulation.process import Process
    from benchmarks.simulation.shard import Outcome
    from benchmarks.simulation.world import World

STEP = 0.02  # seconds: receipts of so long come together
AGAIN = 1.0  # seconds until a carrier looks again whether a link is up


class Carrier:
    """All carriers. A receipt and a reply come by the connector that took the message."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._due: defaultdict[tuple[int, int], list[Unit]] = defaultdict(list)
        self.expected = 0  # receipts on their way
        self.replies = self.replies_stored = 0

    def taken(self, unit: Unit) -> None:
        """Submitted, and its answer is on record."""
        world = self._world
        plan, rng = world.plan, world.rng
        if rng.random() < plan.receipts:
            self.expected += unit.n
            self._later(unit, 0.5 + rng.expovariate(1 / plan.receipt_after))
        if rng.random() < plan.replies:
            self.replies += unit.n
            world.clock.after(rng.expovariate(1 / plan.reply_after), self._text, unit)

    def _later(self, unit: Unit, delay: float) -> None:
        step = int((self._world.clock.now + delay) / STEP) + 1
        units = self._due[unit.connector, step]
        units.append(unit)
        if len(units) == 1:
            self._world.clock.at(step * STEP, self._deliver, unit.connector, step)

    def _deliver(self, connector: int, step: int) -> None:
        self._receipts(self._due.pop((connector, step)))

    def _receipts(self, units: Sequence[Unit]) -> None:
        """A carrier's id does not tell the account: where connectors are not pinned, every database is asked for it."""
        world, to = self._world, self._world.connectors[units[0].connector]
        if not to.up or to.owner is None:
            world.clock.after(AGAIN, self._receipts, units)
            return
        read = to.owner.core.reserve(count(units) * world.costs["smpp.receipt"])
        for shard in () if world.plan.pinned else world.shards:
            shard.read(count(units) * world.costs["miss.server"])
        world.clock.at(read, self._store, units, to.owner, to.owner.life)

    def _store(self, units: Sequence[Unit], owner: Process, life: int) -> None:
        if life != owner.life:
            self._world.clock.after(self._world.costs["redeliver"], self._receipts, units)
            return
        for shard, some in self._world.by_shard(units).items():
            owner.writers[shard].add(Piece("receipt", some, self._received), PATIENCE)

    def _received(self, piece: Piece, _outcome: Outcome, stored: bool) -> None:
        world = self._world
        if not stored:  # and so not acknowledged
            world.clock.after(world.costs["redeliver"], self._receipts, piece.units)
            return
        self.expected -= piece.n
        for unit in piece.units:
            world.ledger.move(unit, Place.DELIVERED, world.clock.now)
            world.logged(unit.account, unit.n, last=True)

    def _text(self, unit: Unit) -> None:
        """People answer: texts come in."""
        world, to = self._world, self._world.connectors[unit.connector]
        if not to.up or to.owner is None:
            world.clock.after(AGAIN, self._text, unit)
            return
        to.owner.writers[world.traffic.shard_of[unit.account]].add(Piece("inbound", (unit,), self._text_stored))

    def _text_stored(self, piece: Piece, _outcome: Outcome, stored: bool) -> None:
        world, unit = self._world, piece.units[0]
        if stored:
            self.replies_stored += unit.n
            world.logged(unit.account, unit.n, last=True)
        else:
            world.clock.after(world.costs["redeliver"], self._text, unit)
