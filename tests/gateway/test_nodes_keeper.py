"""Heartbeats, leases and funerals, with the clocks in the test's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from gateway.errors import Unavailable
from gateway.nodes import leases
from gateway.nodes.keeper import Keeper
from gateway.nodes.leases import BIND, LIFE, MARGIN
from gateway.store import tables_nodes
from gateway.store.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gateway.store.store import Store
    from gateway.store.writer import Tx

NOW = 1_790_000_000_000_000


class Owner:
    """Wants some connectors run, and remembers what it was told."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.told: list[tuple[str, list[str]]] = []

    def wanted(self) -> Mapping[str, Sequence[str]]:
        return {"worker": self.names}

    async def took(self, names: Collection[str]) -> None:
        self.told.append(("took", sorted(names)))

    async def giving(self, names: Collection[str]) -> None:
        self.told.append(("giving", sorted(names)))

    async def lost(self, names: Collection[str]) -> None:
        self.told.append(("lost", sorted(names)))


class World:
    """Some keepers at one database. Time passes when a test says so."""

    def __init__(self, store: Store) -> None:
        self.store, self.seconds = store, 0.0
        self.buried: list[list[str]] = []
        self.owners: dict[Keeper, Owner] = {}

    async def bury(self, tx: Tx, names: Collection[str]) -> None:  # noqa: ARG002 -- the signature of Bury
        self.buried.append(sorted(names))

    async def node(self, *names: str, roles: Collection[str] = ("worker",)) -> Keeper:
        owner = Owner(*names)
        keeper = Keeper(
            self.store, roles, owner, self.bury, now=lambda: NOW + int(self.seconds * SECOND),
            monotonic=lambda: self.seconds,
        )  # fmt: skip
        self.owners[keeper] = owner
        await keeper._join()
        await keeper.beat()
        return keeper

    async def silence(self, keeper: Keeper) -> None:
        """Let a node look as if it had not beaten for its whole life, whatever clock the database goes by."""
        long_ago = update(tables_nodes.nodes).where(tables_nodes.nodes.c.id == keeper.id).values(expires_at=1)
        await self.store.write(lambda tx: tx.conn.execute(long_ago))

    async def holders(self) -> dict[str, str]:
        async with self.store.reading() as conn:
            return {row.name: row.holder for row in await conn.execute(select(tables_nodes.leases))}

    async def settled(self, *keepers: Keeper) -> None:
        """What is being given up is given up."""
        for keeper in keepers:
            while keeper._giving:
                await keeper._store.write(nothing)


async def nothing(_tx: Tx) -> None: ...


@pytest.fixture
async def world(store: Store) -> World:
    return World(store)


async def test_the_first_node_takes_everything_and_a_second_gets_its_share(world: World) -> None:
    first = await world.node("a", "b", "c")
    assert sorted(name for name in "abc" if first.holds(name)) == ["a", "b", "c"]
    second = await world.node("a", "b", "c")
    assert not any(second.holds(name) for name in "abc")
    await first.beat()
    assert not first.holds("b")
    await world.settled(first)
    await second.beat()
    assert [first.fence("b"), second.fence("b")] == [None, 2]
    assert world.owners[first].told == [("took", ["a", "b", "c"]), ("giving", ["b"])]
    assert world.owners[second].told == [("took", ["b"])]


async def test_only_nodes_with_the_role_take_and_count(world: World) -> None:
    face = await world.node("a", roles=["api"])
    carrier = await world.node("a")
    assert (face.holds("a"), carrier.holds("a")) == (False, True)


async def test_the_dead_are_buried_and_what_they_held_goes_to_others(world: World) -> None:
    first = await world.node("a", "b")
    second = await world.node("a", "b")
    await world.silence(first)
    await second.beat()
    assert world.buried[-2:] == [["a", "b"]] * 2  # at the funeral, and when they are taken
    assert set((await world.holders()).values()) == {second.id}
    assert [second.fence("a"), second.fence("b")] == [2, 2]


async def test_who_was_buried_alive_lets_go_and_joins_anew(world: World) -> None:
    first, second = await world.node("a"), await world.node("a")
    known = first.id
    await world.silence(first)
    await second.beat()
    await first.beat()
    assert world.owners[first].told == [("took", ["a"]), ("lost", ["a"])]
    assert (first.fence("a"), first.id != known) == (None, True)
    await first.beat()
    assert second.fence("a") == 2


async def test_a_node_that_cannot_beat_lets_go_before_its_life_is_over(world: World) -> None:
    first = await world.node("a")
    await world.node("a")
    await first.beat()
    world.seconds += LIFE - MARGIN - 0.01
    assert first.fence("a") == 1
    world.seconds += 0.02
    assert first.fence("a") is None
    assert not first.holds("a")


async def test_a_node_that_is_alone_keeps_its_links_however_long_the_database_is_away(world: World) -> None:
    first = await world.node("a")
    world.seconds += 3600
    assert first.fence("a") == 1


async def test_what_was_let_go_of_in_silence_is_taken_up_again_when_it_still_is_ours(world: World) -> None:
    first = await world.node("a")
    first._held.clear()
    await first.beat()
    assert (first.fence("a"), world.owners[first].told) == (1, [("took", ["a"]), ("took", ["a"])])


async def test_what_is_not_wanted_any_more_is_given_up(world: World) -> None:
    first = await world.node("a", "b")
    world.owners[first].names.remove("a")
    await first.beat()
    await world.settled(first)
    assert (first.holds("a"), first.holds("b"), (await world.holders())["a"]) == (False, True, "")


async def test_a_claim_counts_only_under_a_standing_lease(world: World) -> None:
    first = await world.node(f"{BIND}smsc", "events:dest-1")
    standing = await world.store.write(lambda tx: leases.standing_in(tx, first.id))
    assert standing == {"smsc": 1}
    await world.store.write(lambda tx: leases.bury_in(tx, [first.id], world.bury))
    assert await world.store.write(lambda tx: leases.standing_in(tx, first.id)) == {}


async def test_who_leaves_frees_all_at_once(world: World) -> None:
    first, second = await world.node("a"), await world.node("a")
    await first.stop()
    await second.beat()
    assert second.fence("a") == 2


async def test_who_takes_a_lease_settles_what_its_last_holder_did_not(world: World) -> None:
    first, second = await world.node("a"), await world.node("a")
    world.buried.clear()
    await first.stop()
    await second.beat()
    assert world.buried == [["a"]]


async def test_work_on_a_lease_that_could_not_be_given_up_begins_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await world.node("a")
    world.owners[first].names.remove("a")
    write = world.store.write

    async def broken(work: Any) -> Any:
        if getattr(work, "func", None) is leases.give_in:
            raise Unavailable("The database cannot be written.")
        return await write(work)

    monkeypatch.setattr(world.store, "write", broken)
    await first.beat()
    await world.settled(first)
    world.owners[first].names.append("a")
    await first.beat()
    assert first.holds("a")
    assert world.owners[first].told == [("took", ["a"]), ("giving", ["a"]), ("took", ["a"])]


async def test_the_first_process_settles_what_is_left_without_waiting(world: World) -> None:
    await world.node("a", "b")
    world.buried.clear()
    late = Keeper(world.store, ["worker"], Owner("a", "b"), world.bury, now=lambda: NOW)
    await late.start(first=True)
    assert (world.buried, late.holds("a"), late.alone) == ([["a", "b"]] * 2, True, True)
    await late.stop()


async def test_a_clock_that_was_set_back_does_not_keep_the_dead_alive(world: World) -> None:
    first = await world.node("a")
    far = update(tables_nodes.nodes).where(tables_nodes.nodes.c.id == first.id).values(expires_at=2 * NOW)
    await world.store.write(lambda tx: tx.conn.execute(far))
    second = await world.node("a")
    assert (second.holds("a"), second.fence("a")) == (True, 2)


async def test_a_beat_that_fails_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await world.node("a")

    async def broken(*_: object) -> None:
        raise Unavailable("The database cannot be written.")

    monkeypatch.setattr(world.store, "write", broken)
    with pytest.raises(Unavailable):
        await first.beat()
    assert first.holds("a")
