"""Who takes and gives what: the same answer for every node that asks with the same rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.nodes.shares import Plan, plan


@pytest.mark.parametrize(
    ("holders", "peers", "expected"),
    [
        ({}, "a", Plan(take=("1", "2", "3"))),
        ({}, "ab", Plan(take=("1", "3"))),
        ({"1": "b"}, "ab", Plan(take=("3", "2"))),
        ({"1": "a", "2": "a", "3": "a"}, "ab", Plan(give=("2",))),
        ({"1": "a", "2": "a", "3": "b"}, "ab", Plan()),
        ({"1": "a", "2": "a", "3": "b"}, "abc", Plan(give=("2",))),
        ({"1": "b", "2": "c"}, "abc", Plan(take=("3",))),
        ({"1": "b", "2": "c", "3": "d"}, "abcd", Plan()),
        ({"1": "", "2": "b", "3": "b"}, "ab", Plan(take=("1",))),
    ],
)
def test_a_node_takes_and_gives(holders: dict[str, str], peers: str, expected: Plan) -> None:
    assert plan(["1", "2", "3"], holders, list(peers), "a") == expected


def test_what_nobody_wants_is_nobodys() -> None:
    assert plan([], {"1": "a"}, ["a"], "a") == Plan()


@given(st.integers(0, 12), st.integers(1, 5), st.data())
def test_after_a_few_rounds_everything_is_held_and_shares_are_even(count: int, nodes: int, data: st.DataObject) -> None:
    names = [f"{n:02}" for n in range(count)]
    peers = [f"node-{n}" for n in range(nodes)]
    holders = {name: data.draw(st.sampled_from(["", *peers])) for name in names}
    for _ in range(count + 1):
        for me in peers:
            mine = plan(names, holders, peers, me)
            holders |= dict.fromkeys(mine.give, "")
            holders |= {name: me for name in mine.take if not holders[name]}
    held = [sum(holder == me for holder in holders.values()) for me in peers]
    assert sum(held) == count
    assert max(held) <= -(-count // nodes)
    assert all(plan(names, holders, peers, me) == Plan() for me in peers)


@given(st.integers(0, 12), st.integers(1, 5))
def test_nodes_that_start_together_get_every_other_one(count: int, nodes: int) -> None:
    names = [f"{n:02}" for n in range(count)]
    peers = [f"node-{n}" for n in range(nodes)]
    holders: dict[str, str] = {}
    for me in peers:
        holders |= dict.fromkeys(plan(names, holders, peers, me).take, me)
    assert [holders[name] for name in names] == [peers[at % nodes] for at in range(count)]


def test_the_order_is_the_callers_and_neighbours_are_parted_when_a_node_joins() -> None:
    busiest_first = ["c", "d", "a", "b"]
    assert plan(busiest_first, dict.fromkeys("abcd", "me"), ["me", "new"], "me") == Plan(give=("d", "b"))
