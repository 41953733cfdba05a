from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import MessageType
from gateway.queue.memory import MemoryQueue
from gateway.queue.turns import Turns
from gateway.worker.turns import crowd, in_turns
from tests.support.factories import dispatch

LANE = "one"
lines = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1)
takes = st.lists(st.integers(1, 7), min_size=1)


def ids(account, count):
    return [f"{account}{number}" for number in range(count)]


def filled(sizes) -> Turns:
    turns = Turns()
    for account, size in sizes.items():
        turns.put(account, ids(account, size))
    return turns


# Turns.


@given(lines, takes)
def test_everything_comes_once_and_each_accounts_in_its_order(sizes, counts):
    turns, taken = filled(sizes), []
    for count in counts:
        taken += turns.take(count)
    assert len(turns) == sum(sizes.values()) - len(taken)
    taken += turns.take(10**6)
    for account, size in sizes.items():
        assert [one for one in taken if one[0] == account] == ids(account, size)
    assert len(turns) == 0


@given(lines, takes)
def test_while_two_wait_neither_is_more_than_one_ahead_of_the_other(sizes, counts):
    turns, taken = filled(sizes), Counter()
    for count in counts:
        for one in turns.take(count):
            taken[one[0]] += 1
            assert len({taken[account] for account in sizes if taken[account] < sizes[account]}) <= 2
            ahead = max(taken.values())
            assert all(taken[account] >= min(ahead - 1, sizes[account]) for account in sizes)


@given(lines)
def test_whoever_comes_last_waits_no_longer_than_one_turn_of_the_others(sizes):
    turns = filled(sizes)
    turns.take(sum(sizes.values()) // 2)
    turns.put("late", ["z"])
    assert "z" in turns.take(len(sizes) + 1)


def test_a_million_of_one_are_no_obstacle_to_ten_of_another():
    turns = Turns()
    turns.put("a", ids("a", 1_000_000))
    turns.put("b", ids("b", 10))
    assert sum(one[0] == "b" for one in turns.take(20)) == 10


# Types and accounts together: what the queue in memory makes of them.


@pytest.mark.parametrize("step", [1, 4, 9, 50])
async def test_promotions_get_a_ninth_and_in_it_every_account_its_share(step):
    queue = MemoryQueue()
    for account in "ab":
        await queue.put(LANE, [f"urgent-{one}" for one in ids(account, 2000)], urgent=True, account=account)
    for account in "abcd":
        await queue.put(LANE, [f"slow-{one}" for one in ids(account, 100)], urgent=False, account=account)
    taken = []
    while len(taken) < 900:
        taken += await queue.take(LANE, step)
    found = Counter(one.rstrip("0123456789") for one in taken[:900])
    assert found["urgent-a"] == found["urgent-b"] == 400
    assert {found[f"slow-{account}"] for account in "abcd"} == {25}


# Memory.


def messages(connector, account, kind, count):
    return [dispatch(connectors=(connector,), account_id=account, message_type=kind) for _ in range(count)]


P, T = MessageType.PROMOTIONAL, MessageType.TRANSACTIONAL


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], set()),
        ([("one", "a", P, 50)], set()),
        ([("one", "a", P, 51)], {("one", "a", P)}),
        ([("one", "a", P, 70), ("one", "b", P, 10)], {("one", "a", P)}),
        ([("one", "a", P, 70), ("two", "a", P, 10)], {("one", "a", P)}),
        ([("one", "a", P, 70), ("one", "a", T, 10)], {("one", "a", P)}),
        ([("one", "a", P, 40), ("one", "b", P, 40)], {("one", "a", P), ("one", "b", P)}),
        ([("one", "a", P, 25), ("one", "b", P, 26)], {("one", "b", P)}),
    ],
)
def test_the_crowd_is_who_holds_more_than_half_of_an_equal_share(held, expected):
    waiting = [message for one in held for message in messages(*one)]
    assert crowd(waiting, 100) == expected


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_a_full_memory_always_has_a_crowd(counts):
    waiting = [message for at, count in enumerate(counts) for message in messages("one", str(at), P, count)]
    if waiting:
        assert crowd(waiting, len(waiting))


def test_in_turns():
    assert in_turns([["a1", "a2", "a3"], [], ["b1"], ["c1", "c2"]]) == ["a1", "b1", "c1", "a2", "c2", "a3"]
