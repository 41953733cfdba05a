"""A PostgreSQL primary with a synchronous standby, and the transactions on it.

A transaction runs its statements on a core; then, where it appends events, it waits for its turn at the log: the lock
is held from there until the commit is on both disks. Where it adds to the spend of a month, it holds that row's lock
as well, and from before it waits for the log.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from benchmarks.simulation.clock import Cores

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from benchmarks.simulation.clock import Clock
    from benchmarks.simulation.costs import Costs
    from benchmarks.simulation.plan import Plan


class Outcome(Enum):
    """What a process learns of its transaction."""

    OK = auto()
    FAILED = auto()  # the database went away; it may have committed all the same
    DEAD = auto()  # the process itself went away


class Owner(Protocol):
    """Who waits for a transaction."""

    def ended(self, job: Job, outcome: Outcome, *, stored: bool) -> None: ...


@dataclass(slots=True, eq=False)
class Job:
    """A transaction. Seconds, octets and counts of the whole of it."""

    owner: Owner
    server: float = 0.0
    trips: float = 0.0
    messages: int = 0
    events: int = 0
    wal: float = 0.0
    priced: bool = False
    commits_at: float = float("inf")  # when COMMIT reaches the server
    dead: bool = False
    locks: list[Lock] = field(default_factory=list)


class Lock:
    """Taken in turn."""

    def __init__(self) -> None:
        self._holder: Job | None = None
        self._waiting: deque[tuple[Job, Callable[[Job], None]]] = deque()

    def take(self, job: Job, then: Callable[[Job], None]) -> None:
        if self._holder is not None:
            self._waiting.append((job, then))
            return
        self._holder = job
        job.locks.append(self)
        then(job)

    def give(self) -> None:
        self._holder = None
        while self._waiting and self._holder is None:
            job, then = self._waiting.popleft()
            if not job.dead:
                self.take(job, then)


class Shard:
    """One primary. ``rows`` counts the messages in it: the database's own ledger."""

    def __init__(self, clock: Clock, costs: Costs, plan: Plan, rng: Random) -> None:
        self._clock, self._plan, self._rng = clock, plan, rng
        self.cores = Cores(clock, plan.cores)
        self.up, self.rows, self.jobs_done, self.log_held = True, 0, 0, 0.0
        self._epoch = 0
        self._under_way: dict[Job, None] = {}
        self._log, self._spend = Lock(), Lock()
        self.wal = Cores(clock)  # the disk that writes it
        self._trip, self._standby = costs["net.trip"] * plan.slower, costs["net.standby"]
        self._log_tx, self._log_each = costs["log.tx"], costs["log.each"]
        self._commit_tx, self._commit_each = costs["commit.tx"], costs["commit.each"]
        self._holder, self._failover = costs["pg.holder"], costs["pg.failover"]

    def submit(self, job: Job) -> None:
        """Begin a transaction; its owner hears of its end."""
        if not self.up:
            self._clock.after(self._trip, self._refuse, job)
            return
        self._under_way[job] = None
        stated = self.cores.reserve(job.server * self._plan.slower) + job.trips * self._trip
        if (job.priced and self._plan.locked_spend) or (job.events and self._plan.locked_log):
            self._clock.at(stated, self._stated, job, self._epoch)
        else:
            self._commit(job, stated)

    def read(self, server: float) -> float:
        """When a look-up is done; it is done at once where the primary is away, since whoever asks will ask again."""
        return self.cores.reserve(server * self._plan.slower) + self._trip if self.up else self._clock.now + self._trip

    def abandon(self, job: Job) -> bool:
        """The host of its owner is gone. Whether the job is known here, and its owner will hear of its end.

        What has not been told to commit is undone; that of a job which holds locks, only when it is noticed.
        """
        if job not in self._under_way:
            return False
        if self._clock.now >= job.commits_at:
            return True  # it will commit
        job.dead = True
        if job.locks:
            self._clock.after(self._holder, self._undo, job, self._epoch)
        else:
            self._undo(job, self._epoch)
        return True

    def fail(self) -> float:
        """The primary is lost. Returns when its standby has taken over."""
        self._epoch += 1
        self.up = False
        back = self._clock.now + self._failover
        lost, self._under_way = list(self._under_way), {}
        self._log, self._spend = Lock(), Lock()
        for job in lost:
            # COMMIT was on its way: whether the standby had it is anybody's guess.
            stored = self._clock.now >= job.commits_at and not job.dead and self._rng.random() < 0.5
            self.rows += job.messages if stored else 0
            job.owner.ended(job, Outcome.DEAD if job.dead else Outcome.FAILED, stored=stored)
        self._clock.at(back, self._recovered)
        return back

    def _recovered(self) -> None:
        self.up = True
        self.cores.restart()
        self.wal.restart()

    def _refuse(self, job: Job) -> None:
        job.owner.ended(job, Outcome.FAILED, stored=False)

    def _stated(self, job: Job, epoch: int) -> None:
        if epoch != self._epoch or job.dead:
            return
        if job.priced and self._plan.locked_spend:
            self._spend.take(job, self._number)
        else:
            self._number(job)

    def _number(self, job: Job) -> None:
        if job.events and self._plan.locked_log:
            self._log.take(job, self._commit_now)
        else:
            self._commit_now(job)

    def _commit_now(self, job: Job) -> None:
        self._commit(job, self._clock.now)

    def _commit(self, job: Job, begun: float) -> None:
        """Two trips (the events, COMMIT), the events' rows, both disks."""
        logged = 2 * self._trip + (self._log_tx + self._log_each * job.events if job.events else 0.0)
        job.commits_at = begun + logged
        synced = self._commit_tx + self._commit_each * job.events + self._standby
        end = job.commits_at + synced + self.wal.reserve(job.wal / self._plan.disk) - self._clock.now
        if job.events:
            self.log_held += end - begun
        self._clock.at(end, self._committed, job, self._epoch)

    def _committed(self, job: Job, epoch: int) -> None:
        if epoch != self._epoch or job.dead:
            return
        del self._under_way[job]
        self.rows += job.messages
        self.jobs_done += 1
        self._unlock(job)
        job.owner.ended(job, Outcome.OK, stored=True)

    def _undo(self, job: Job, epoch: int) -> None:
        if epoch != self._epoch:
            return
        del self._under_way[job]
        self._unlock(job)
        job.owner.ended(job, Outcome.DEAD, stored=False)

    def _unlock(self, job: Job) -> None:
        for lock in job.locks:
            lock.give()
        job.locks.clear()
