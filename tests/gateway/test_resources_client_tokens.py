"""Work that is done once however often it is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.errors import Conflict, Invalid
from gateway.resources import client_tokens
from gateway.resources.client_tokens import ABANDONED, Use, once
from gateway.store.store import Store
from gateway.store.times import DAY

NOW = 1_790_000_000_000_000


class Work:
    """Counts how often it was done; ``gate`` holds it back."""

    def __init__(self, *, gate: asyncio.Event | None = None, fails: int = 0) -> None:
        self.done, self.gate, self.fails = 0, gate, fails
        self.begun = asyncio.Event()

    async def __call__(self) -> dict[str, Any]:
        self.done += 1
        self.begun.set()
        if self.gate:
            await self.gate.wait()
        if self.done <= self.fails:
            raise Conflict("taken", "It is there already.")
        return {"number": self.done}


def use(name: str = "t", request: str = "hash", now: int = NOW, account: str = "main", operation: str = "Make") -> Use:
    return Use(account, operation, name, request, lambda: now)


async def test_the_same_again_has_the_first_answer(store):
    work = Work()
    assert [await once(store, use(), work) for _ in range(3)] == [{"number": 1}] * 3
    assert work.done == 1


@pytest.mark.parametrize(
    "other", [use("u"), use(account="other"), use(operation="CreateOptOutList"), use(now=NOW + DAY)]
)
async def test_another_token_account_operation_or_day_is_another(store, other):
    work = Work()
    await once(store, use(), work)
    assert await once(store, other, work) == {"number": 2}


async def test_a_day_is_not_over_before_its_end(store):
    work = Work()
    await once(store, use(), work)
    assert await once(store, use(now=NOW + DAY - 1), work) == {"number": 1}


async def test_another_request_with_the_same_token_is_refused(store):
    work = Work()
    await once(store, use(), work)
    with pytest.raises(Invalid) as caught:
        await once(store, use(request="other"), work)
    assert (caught.value.code, caught.value.field, work.done) == ("client_token_reused", "ClientToken", 1)


async def test_work_that_fails_may_be_tried_again(store):
    work = Work(fails=1)
    with pytest.raises(Conflict):
        await once(store, use(), work)
    assert await once(store, use(), work) == {"number": 2}


async def test_two_at_once_are_one(store):
    gate = asyncio.Event()
    work = Work(gate=gate)
    asked = [asyncio.create_task(once(store, use(), work)) for _ in range(5)]
    await work.begun.wait()
    gate.set()
    assert await asyncio.gather(*asked) == [{"number": 1}] * 5
    assert work.done == 1


async def test_two_processes_at_once_do_it_once(database_url):
    stores = [Store(database_url) for _ in range(3)]
    for one in stores:
        one.start()
    work = Work()
    found = await asyncio.gather(*(once(one, use(), work) for one in stores for _ in range(4)))
    for one in stores:
        await one.close()
    assert (found, work.done) == ([{"number": 1}] * 12, 1)


async def test_what_a_dead_process_claimed_is_free_after_a_minute(store):
    stuck, work = Work(gate=asyncio.Event()), Work()
    dead = asyncio.create_task(once(store, use(), stuck))
    await stuck.begun.wait()
    assert await once(store, use(now=NOW + ABANDONED), work) == {"number": 1}
    dead.cancel()


async def test_who_has_lost_its_claim_leaves_the_answer_alone(store):
    gate = asyncio.Event()
    first, second = Work(gate=gate), Work()
    slow = asyncio.create_task(once(store, use(), first))
    await first.begun.wait()
    second.done = 41
    assert await once(store, use(now=NOW + ABANDONED), second) == {"number": 42}
    gate.set()
    assert await slow == {"number": 1}
    assert await once(store, use(now=NOW + ABANDONED), second) == {"number": 42}


async def test_a_client_is_not_kept_waiting_for_ever(store, monkeypatch):
    monkeypatch.setattr(client_tokens, "LOOKS", 2)
    gate = asyncio.Event()
    work = Work(gate=gate)
    first = asyncio.create_task(once(store, use(), work))
    await work.begun.wait()
    with pytest.raises(client_tokens.TooMany):
        await once(store, use(), Work())
    gate.set()
    assert await first == {"number": 1}
