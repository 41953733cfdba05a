"""Keeps this process among the living, and its leases at its share of the work.

Rule 1: a node beats every ``BEAT`` seconds; each beat buries the dead, takes what is free and gives what is too much.
Rule 2: when beats fail for so long that others may bury it soon, a node lets go of everything at once. One that knew
of no other keeps its links: nobody is there to take them, and a database that is away is no reason to unbind.
Rule 3: a node that was buried all the same (it was paused) lets go of everything and joins anew, under another id.
"""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from gateway.errors import Unavailable
from gateway.nodes import leases
from gateway.nodes.leases import BEAT, LIFE, MARGIN, Dead, Node
from gateway.nodes.shares import plan
from gateway.store.times import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

    from gateway.nodes.leases import Bury
    from gateway.store.store import Store

_WATCH_EVERY = 0.25  # seconds

log = structlog.get_logger()


class Owner(Protocol):
    """What is done with leases."""

    def wanted(self) -> Mapping[str, Sequence[str]]:
        """The names that somebody should hold, by the role that a holder must have: as ``plan`` wants them."""

    async def took(self, names: Collection[str]) -> None:
        """These are ours from now on."""

    async def giving(self, names: Collection[str]) -> None:
        """Bring the work on these to an end; they are given up when this returns."""

    async def lost(self, names: Collection[str]) -> None:
        """These are not ours any more: stop at once."""


class Keeper:
    """One node's heartbeat.

    Args:
        store: where nodes and leases are.
        roles: what this process does.
        owner: told what it owns.
        bury: settles what a dead node was at; see ``gateway.nodes.leases.Bury``.
        now: microseconds since 1970.
        monotonic: seconds; measures its own silence.
    """

    def __init__(
        self,
        store: Store,
        roles: Collection[str],
        owner: Owner,
        bury: Bury,
        *,
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._roles, self._owner, self._bury = store, frozenset(roles), owner, bury
        self._now, self._monotonic = now, monotonic
        self._held: dict[str, int] = {}
        self._giving: set[str] = set()
        self._alive_until = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._again = asyncio.Event()
        self._beating = asyncio.Lock()
        self.id = ""
        self.living: Mapping[str, frozenset[str]] = {}  # roles of the living nodes by id

    @property
    def alone(self) -> bool:
        return self.living.keys() <= {self.id}

    @property
    def valid(self) -> bool:
        """Whether nobody can have buried this node yet."""
        return bool(self.id) and (self.alone or self._monotonic() < self._alive_until)

    def fence(self, name: str) -> int | None:
        """The fence of a lease that this node holds now; None when it does not."""
        return self._held.get(name) if self.valid else None

    def holds(self, name: str) -> bool:
        """Whether this node holds a lease and means to keep it."""
        return self.valid and name in self._held and name not in self._giving

    async def start(self, *, first: bool) -> None:
        """Join, and take a share. The ``first`` of all processes settles what earlier ones have left.

        Raises:
            Unavailable: the database cannot be written.
        """
        if first:
            await self._store.write(partial(leases.bury_all_in, bury=self._bury))
        await self._join()
        await self.beat()
        for work in (self._run(), self._watch()):
            self._spawn(work)

    async def stop(self) -> None:
        """Leave: what is held becomes free for others at once. The work on it has ended before."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        held, self._held = set(self._held), {}
        await self._owner.lost(held)
        try:
            await self._store.write(partial(leases.leave_in, node_id=self.id))
        except Unavailable:
            log.warning("could not say goodbye", action="nodes.stop", node=self.id)

    def again(self) -> None:
        """What is wanted has changed: beat now."""
        self._again.set()

    async def beat(self) -> None:
        """One beat.

        Raises:
            Unavailable: the database cannot be written.
        """
        async with self._beating:
            await self._beat()

    async def _beat(self) -> None:
        began = self._monotonic()
        try:
            self.living, found = await self._store.write(
                partial(leases.beat_in, node_id=self.id, now=self._now(), bury=self._bury)
            )
        except Dead:
            log.warning("buried while it was silent, joining anew", action="nodes.beat", node=self.id)
            await self._let_go()
            await self._join()
            return
        self._alive_until = began + LIFE - MARGIN
        await self._keep({name: lease.fence for name, lease in found.items() if lease.holder == self.id})
        await self._balance({name: lease.holder for name, lease in found.items()})

    async def _join(self) -> None:
        self.id = new_id()
        node = Node(self.id, socket.gethostname(), self._roles, self._now())
        await self._store.write(partial(leases.join_in, node=node, now=self._now()))
        self._again.set()

    async def _keep(self, mine: dict[str, int]) -> None:
        """Go by what the database says: some may be gone, and some that were let go of in silence are ours still."""
        if gone := self._held.keys() - mine.keys():
            await self._lose(gone)
        back = mine.keys() - self._held.keys()
        self._held = mine
        if back:
            await self._owner.took(back)

    async def _balance(self, holders: Mapping[str, str]) -> None:
        take: list[str] = []
        for role, names in self._owner.wanted().items():
            if role in self._roles:
                peers = [node for node, roles in self.living.items() if role in roles]
                share = plan(names, holders, peers, self.id)
                take += share.take
                self._give(set(share.give))
        unwanted = self._held.keys() - {name for names in self._owner.wanted().values() for name in names}
        self._give(unwanted)
        if take:
            await self._take(take)

    async def _take(self, names: list[str]) -> None:
        taken = await self._store.write(partial(leases.take_in, names=names, node_id=self.id, bury=self._bury))
        self._held |= taken
        if taken:
            log.info("leases taken", action="nodes.take", leases=sorted(taken))
            await self._owner.took(taken)

    def _give(self, names: set[str]) -> None:
        fresh = names - self._giving
        if fresh:
            self._giving |= fresh
            self._spawn(self._give_up(fresh))

    async def _give_up(self, names: set[str]) -> None:
        try:
            await self._owner.giving(names)
            await self._store.write(partial(leases.give_in, names=names, node_id=self.id))
            log.info("leases given up", action="nodes.give", leases=sorted(names))
        except Unavailable:
            log.warning("leases could not be given up", action="nodes.give", leases=sorted(names))
        finally:
            for name in names:  # the next beat says whether they are ours still; then the work on them begins anew
                self._held.pop(name, None)
            self._giving -= names

    async def _lose(self, names: Collection[str]) -> None:
        for name in list(names):
            self._held.pop(name, None)
        log.error("leases lost", action="nodes.lose", leases=sorted(names))
        await self._owner.lost(names)

    async def _let_go(self) -> None:
        self.living = {}
        if self._held:
            await self._lose(set(self._held))

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(BEAT):
                    await self._again.wait()
            except TimeoutError:
                pass
            self._again.clear()
            await self._guarded_beat()

    async def _guarded_beat(self) -> None:
        try:
            await self.beat()
        except Unavailable:
            log.warning("no heartbeat: the database cannot be written", action="nodes.beat", node=self.id)
        except Exception:
            log.exception("heartbeat failed", action="nodes.beat", node=self.id)

    async def _watch(self) -> None:
        """Whether it has been silent for too long: asked apart from the beats, since they may hang."""
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            if self._held and not self.valid:
                held = set(self._held)
                self._held.clear()
                log.error("silent for too long, letting go", action="nodes.watch", leases=sorted(held))
                await self._owner.lost(held)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
