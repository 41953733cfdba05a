"""Event destinations, one for each account, and the event processes that own them (gateway.events.runner)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.simulation.plan import CURSOR_PATIENCE
from benchmarks.simulation.process import Piece

if TYPE_CHECKING:
    from benchmarks.simulation.process import Process
    from benchmarks.simulation.shard import Outcome
    from benchmarks.simulation.world import World

EVENTS_A_MESSAGE = 3  # accepted, submitted, and what became of it


class Destination:
    """One webhook and its cursor. Events are numbers: ``given`` were posted, of which ``cursor`` are on record."""

    def __init__(self, world: World, account: int) -> None:
        self._world, self.number = world, account
        self._shard = world.traffic.shard_of[account]
        self.owner: Process | None = None
        self.heir: Process | None = None
        self.up = False
        self.appended = self.given = self.cursor = 0
        self.got = 0  # by the webhook, copies too
        self._life = 0
        self._busy = self._saving = False
        self._most = world.plan.webhook_batch * world.plan.webhook_lanes  # in requests side by side
        costs = world.costs
        self._client, self._client_each = costs["read.tx.client"], costs["post.each"]
        read = 1 if world.plan.all_events else EVENTS_A_MESSAGE  # the others are read and passed over
        self._server, self._server_each = costs["read.tx.server"], read * costs["read.server"]
        self._linger, self._trip, self._save_every = costs["linger"], costs["webhook.trip"], costs["save"]

    def append(self, n: int) -> None:
        self.appended += n
        self.wake()

    def wake(self) -> None:
        if self.up and not self._busy and not self.heir and self.given < self.appended:
            self._busy = True
            full = self.appended - self.given >= self._most
            self._world.clock.after(0.0 if full else self._linger, self._round, self._life)

    def _round(self, life: int) -> None:
        """Read a chunk of the log and post it, in requests side by side."""
        if life != self._life or self.owner is None:
            return
        world = self._world
        shard = world.shards[self._shard]
        if not shard.up:
            world.clock.after(world.costs["retry"], self._round, life)
            return
        n = min(self.appended - self.given, self._most)
        read = shard.read(self._server + n * self._server_each)
        posted = max(read, self.owner.core.reserve(self._client + n * self._client_each))
        world.clock.at(posted, self._post, n, life)

    def _post(self, n: int, life: int) -> None:
        if life == self._life:
            self._world.clock.after(self._trip, self._gave, n, life)

    def _gave(self, n: int, life: int) -> None:
        self.got += n
        if life != self._life:
            return  # they will be given again
        self.given += n
        self._world.ledger.note("events", self._world.clock.now, n)
        self._busy = False
        if not self._saving:
            self._saving = True
            self._world.clock.after(self._save_every, self._save, life)
        self.wake()
        self.hand_over()

    def _save(self, life: int) -> None:
        if life != self._life or self.owner is None:
            return
        upto = self.given

        def done(_piece: Piece, _outcome: Outcome, stored: bool) -> None:
            self._saved(upto, life, stored=stored)

        self.owner.writers[self._shard].add(Piece("cursor", (), done), CURSOR_PATIENCE)

    def _saved(self, upto: int, life: int, *, stored: bool) -> None:
        if stored:
            self.cursor = max(self.cursor, upto)
        if life != self._life:
            return
        self._saving = self.cursor < self.given
        if self._saving:
            self._world.clock.after(self._save_every, self._save, life)
        self.hand_over()

    def lose(self) -> None:
        self.up, self.owner, self.heir = False, None, None
        self._life += 1
        self._busy = self._saving = False

    def take(self, owner: Process) -> None:
        """Go on from the cursor that is on record."""
        self.owner, self.up = owner, True
        self.given = self.cursor
        self.wake()

    def give(self, heir: Process) -> None:
        self.heir = heir
        self.hand_over()

    def hand_over(self) -> None:
        if self.heir and not self._busy and not self._saving and self.heir.alive:
            heir = self.heir
            self.lose()
            self.take(heir)
