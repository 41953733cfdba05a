"""What is lost, who takes over, and how work comes to those who have least (gateway.nodes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from benchmarks.simulation.posting import Destination
from benchmarks.simulation.sending import Connector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.process import Process
    from benchmarks.simulation.world import World

Lease: TypeAlias = Connector | Destination


class Fates:
    """Losses of hosts and primaries. ``log`` says what happened when."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.log: list[tuple[float, str]] = []

    def share_out(self) -> None:
        """At the start: every lease has an owner."""
        for role, leases in self._leases().items():
            owners = self._alive(role)
            for number, lease in enumerate(leases):
                # Neighbours among the connectors belong to one database; destinations come in the order of size.
                near = role == "worker" and not self._world.plan.dealt
                lease.take(owners[number * len(owners) // len(leases) if near else number % len(owners)])

    def living(self, role: str) -> Process:
        return min(self._alive(role), key=lambda process: process.core.wait())

    def host(self, role: str, number: int, back_after: float) -> None:
        """A host is lost with all its processes; 0: for good."""
        world, now = self._world, self._world.clock.now
        processes = world.hosts[role][number]
        self._note(f"{role} host lost")
        for process in processes:
            world.kill(process)
            owned = [lease for lease in self._leases().get(role, ()) if process in (lease.owner, lease.heir)]
            beat, life = world.costs["beat"], world.costs["life"]
            silent = life - world.rng.uniform(0, beat)  # it had beaten a moment before
            mine = [lease for lease in owned if lease.owner is process]
            for lease in owned:
                lease.heir = None
            for lease in mine:
                lease.lose()
            world.clock.after(silent + world.rng.uniform(0, 0.2 * beat), self._bury, role, mine, now)
        if role == "api":
            world.clock.after(world.costs["balancer"], world.route)
        if back_after:
            world.clock.after(back_after, self._return, role, processes)

    def primary(self, kind: str, number: int) -> None:
        """A PostgreSQL or Redis primary is lost."""
        world = self._world
        self._note(f"{kind} primary lost")
        if kind == "redis":
            lost = world.cluster.primaries[number]
            back = lost.fail()
            for connector in world.connectors:
                if world.cluster.lane[connector.number] is lost:
                    connector.forget()
        else:
            back = world.shards[number].fail()
            self._silence(number, back)
        world.clock.at(back, self._note, f"{kind} replica took over")

    def _silence(self, number: int, back: float) -> None:
        """The leases of the connectors whose messages a database holds are there too, and so are the beats."""
        world = self._world
        beat = world.costs["beat"]
        silent = world.clock.now + world.costs["life"] - world.costs["margin"] - world.rng.uniform(0, beat)
        for connector in world.connectors:
            if silent < back and world.traffic.home[connector.number] == number:
                world.clock.at(silent, connector.unbind)
                world.clock.at(back + world.rng.uniform(0, beat), connector.rebind)

    def _bury(self, role: str, leases: Sequence[Lease], died: float) -> None:
        world = self._world
        if role == "scheduler":
            world.sweeper.holder = self.living("scheduler")
            self._note("scheduler taken over")
        for lease in leases:
            owner = self._poorest(role)
            if isinstance(lease, Connector):
                lease.bury(owner, died)
            world.clock.after(world.rng.uniform(0, world.costs["beat"]), self._take, role, lease)

    def _take(self, role: str, lease: Lease) -> None:
        lease.take(self._poorest(role))
        if not any(one.owner is None for one in self._leases()[role]):
            self._note(f"{role} leases taken over")

    def _return(self, role: str, processes: Sequence[Process]) -> None:
        self._note(f"{role} host back")
        for process in processes:
            process.rise()
        self._world.route()
        if role in self._leases():
            self._balance(role)

    def _balance(self, role: str) -> None:
        """Those who hold more than their share give the rest to those who hold least."""
        leases = self._leases()[role]
        owners = self._alive(role)
        share = -(-len(leases) // len(owners))
        held = {owner: [lease for lease in leases if (lease.heir or lease.owner) is owner] for owner in owners}
        for owner in owners:
            while len(held[owner]) > share:
                poorest = min(owners, key=lambda one: len(held[one]))
                lease = held[owner].pop()
                held[poorest].append(lease)
                lease.give(poorest)

    def _poorest(self, role: str) -> Process:
        leases = self._leases()[role]
        return min(self._alive(role), key=lambda process: sum(lease.owner is process for lease in leases))

    def _leases(self) -> dict[str, Sequence[Lease]]:
        return {"worker": self._world.connectors, "events": self._world.destinations}

    def _alive(self, role: str) -> list[Process]:
        return [process for host in self._world.hosts[role] for process in host if process.alive]

    def _note(self, what: str) -> None:
        self.log.append((self._world.clock.now, what))
