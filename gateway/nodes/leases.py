"""Nodes and leases in the database.

Rule 1: a node lives while it says so; whoever finds that one has stopped buries it: its leases become free in the
same transaction in which what it was sending becomes UNKNOWN.
Rule 2: a lease's fence grows with each holder. Claims and answers are recorded only under a lease that still stands
(``standing_in``), in one transaction with it: a node that slept through its own funeral records nothing.
Rule 3: times are the database's where it has a clock of its own; a time too far ahead counts as over, since a clock
was set back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, or_, select, update

from gateway.store.hot import Hot, upsert
from gateway.store.tables_nodes import leases, nodes
from gateway.store.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from typing import TypeAlias

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from gateway.store.writer import Tx

    #: Told the names of the leases that a dead node held, in the transaction that frees them.
    Bury: TypeAlias = Callable[[Tx, Collection[str]], Awaitable[None]]

BIND, EVENTS, SCHEDULER = "bind:", "events:", "scheduler"  # names of leases; the first two go before an id

LIFE = 8.0  # seconds that a node lives on after its last beat; with BEAT, others take over within 15
BEAT = 2.0  # seconds between two beats
MARGIN = 2.0  # a node that could not beat gives up its links so long before its life is over


def _standing(_dialect: Dialect) -> Executable:
    held = select(leases.c.name, leases.c.fence).where(leases.c.holder == bindparam("holder"))
    # Shared: claims and answers go on side by side, but no funeral until they are committed.
    return held.order_by(leases.c.name).with_for_update(read=True)


STANDING = Hot("standing leases", ("holder",), _standing)


@dataclass(frozen=True, slots=True)
class Node:
    """A process at work."""

    id: str
    host: str
    roles: frozenset[str]
    started_at: int


class Dead(Exception):  # noqa: N818 -- says what happened, as the module does
    """This node was buried: it held its breath for too long."""


async def standing_in(tx: Tx, node_id: str) -> dict[str, int]:
    """The connectors that a node has a lease on in this transaction, with the fences of those leases."""
    held = await tx.rows_once(STANDING, node_id)
    return {name.removeprefix(BIND): fence for name, fence in held if name.startswith(BIND)}


async def join_in(tx: Tx, node: Node, now: int) -> None:
    """Be counted among the living."""
    at = await _clock(tx, now)
    row = {"id": node.id, "host": node.host, "roles": " ".join(sorted(node.roles)), "started_at": node.started_at}
    await tx.conn.execute(nodes.insert().values(**row, expires_at=at + int(LIFE * SECOND)))


@dataclass(frozen=True, slots=True)
class Lease:
    holder: str  # "" when it is free
    fence: int


async def beat_in(tx: Tx, node_id: str, now: int, bury: Bury) -> tuple[dict[str, frozenset[str]], dict[str, Lease]]:
    """Say that a node lives, and bury those that are dead.

    Returns:
        The roles of the living by id, and the leases by name.

    Raises:
        Dead: it was buried itself.
    """
    at = await _clock(tx, now)
    alive = await tx.conn.execute(update(nodes).where(nodes.c.id == node_id).values(expires_at=at + int(LIFE * SECOND)))
    if not alive.rowcount:
        raise Dead(node_id)
    over = or_(nodes.c.expires_at < at, nodes.c.expires_at > at + 2 * int(LIFE * SECOND))
    dead = (await tx.conn.execute(select(nodes.c.id).where(over).with_for_update(skip_locked=True))).scalars().all()
    await bury_in(tx, dead, bury)
    living = {row.id: frozenset(row.roles.split()) for row in await tx.conn.execute(select(nodes))}
    found = {row.name: Lease(row.holder, row.fence) for row in await tx.conn.execute(select(leases))}
    return living, found


async def bury_in(tx: Tx, node_ids: Collection[str], bury: Bury) -> None:
    """Free what these nodes hold, and settle what they were at."""
    if not node_ids:
        return
    held = leases.c.holder.in_(node_ids)
    names = (await tx.conn.execute(select(leases.c.name).where(held).with_for_update())).scalars().all()
    await bury(tx, names)
    await tx.conn.execute(update(leases).where(held).values(holder=""))
    await tx.conn.execute(delete(nodes).where(nodes.c.id.in_(node_ids)))


async def bury_all_in(tx: Tx, bury: Bury) -> None:
    """Nobody lives: what is left of earlier nodes, and of leases that nobody holds, is settled."""
    await bury(tx, (await tx.conn.execute(select(leases.c.name))).scalars().all())
    await tx.conn.execute(update(leases).values(holder=""))
    await tx.conn.execute(delete(nodes))


async def take_in(tx: Tx, names: Collection[str], node_id: str, bury: Bury) -> dict[str, int]:
    """Take leases that are free; the fences of those that were.

    What their last holder gave them up without bringing to an end is settled: nothing that it says counts any more.
    """
    taken: dict[str, int] = {}
    for name in sorted(names):
        new = upsert(tx.dialect, leases).values(name=name, holder=node_id, fence=1)
        grown = {"holder": node_id, "fence": leases.c.fence + 1}
        found = await tx.conn.execute(
            new.on_conflict_do_update(index_elements=["name"], set_=grown, where=leases.c.holder == "").returning(
                leases.c.fence
            )
        )
        if (fence := found.scalar_one_or_none()) is not None:
            taken[name] = fence
    if taken:
        await bury(tx, taken)
    return taken


async def give_in(tx: Tx, names: Collection[str], node_id: str) -> None:
    """Give leases up."""
    mine = leases.c.name.in_(names), leases.c.holder == node_id
    await tx.conn.execute(update(leases).where(*mine).values(holder=""))


async def leave_in(tx: Tx, node_id: str) -> None:
    """Give everything up and go."""
    await tx.conn.execute(update(leases).where(leases.c.holder == node_id).values(holder=""))
    await tx.conn.execute(delete(nodes).where(nodes.c.id == node_id))


async def _clock(tx: Tx, now: int) -> int:
    if tx.dialect.name == "sqlite":
        return now
    moment: Any = await tx.conn.scalar(select(func.extract("epoch", func.clock_timestamp())))
    return int(moment * SECOND)
