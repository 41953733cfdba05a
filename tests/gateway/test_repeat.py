"""Work that is done again and again: when the next round comes, and what is told of those that failed."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from structlog.testing import capture_logs

from gateway.errors import Unavailable
from gateway.store import repeat as module
from gateway.store.repeat import RETRY, repeat

EVERY = {"often": RETRY / 10, "rarely": RETRY * 10}
AWAY, FAULT = Unavailable("The database cannot be read."), ValueError("a fault")


async def rounds(monkeypatch, every, *endings):
    """How long it rested after each of these endings, and the levels of what was told."""
    left, rests = deque(endings), []

    async def work():
        if not left:
            raise asyncio.CancelledError
        if error := left.popleft():
            raise error

    async def sleep(seconds):
        rests.append(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await repeat(work, every=every, action="test.work")
    assert all(line["action"] == "test.work" for line in logs)
    return rests, [line["log_level"] for line in logs]


@pytest.mark.parametrize(
    ("ending", "often", "rarely"),
    [
        (None, EVERY["often"], EVERY["rarely"]),
        (AWAY, RETRY, RETRY),
        (OSError("disk I/O error"), RETRY, RETRY),
        (FAULT, RETRY, EVERY["rarely"]),
    ],
)
async def test_the_next_round_comes(monkeypatch, ending, often, rarely):
    assert (await rounds(monkeypatch, EVERY["often"], ending, None))[0] == [often, EVERY["often"]]
    assert (await rounds(monkeypatch, EVERY["rarely"], ending, None))[0] == [rarely, EVERY["rarely"]]


@pytest.mark.parametrize(
    ("endings", "told"),
    [
        ((None, None), []),
        ((AWAY, AWAY, AWAY), ["warning"]),
        ((AWAY, AWAY, None, None), ["warning", "info"]),
        ((AWAY, None, AWAY, None), ["warning", "info"] * 2),
        ((FAULT, FAULT, None), ["error", "error"]),
        ((AWAY, FAULT, None), ["warning", "info", "error"]),
    ],
)
async def test_trouble_is_told_of_when_it_begins_and_ends_and_a_fault_each_time(monkeypatch, endings, told):
    assert (await rounds(monkeypatch, 1.0, *endings))[1] == told
