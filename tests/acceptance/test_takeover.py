"""Several processes at one database, and one of them or one of their servers is lost: what goes on, and how soon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from carriers.simulator.deliveries import Account
from carriers.simulator.faults import Faults
from tests.support.chaos import BEFORE, CONNECTORS, WINDOW, Field, Load, tell, text
from tests.support.cluster import LEFT, RIGHT, cluster, prepare, stoppable_redis
from tests.support.postgres_server import running_postgres
from tests.support.service import eventually, free_port
from tests.support.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from carriers.simulator import Simulator
    from tests.support.cluster import Node, Told

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request):
    """The settings of a database of the test's own."""
    if request.param == "sqlite":
        yield {}
        return
    async with running_postgres() as postgres:
        yield {"HELIOGRAPH_DATABASE_URL": postgres.url}


async def test_the_work_of_a_dead_worker_moves_to_another_within_15_seconds(tmp_path, database, carrier, told):
    """The one that was first holds the connector left, the webhook and the scheduler; the other is there already."""
    carrier.faults = Faults(answer_delay=0.3)
    async with cluster(tmp_path, {"first": "worker,events,scheduler", "api": "api"}, **database) as one:
        on, load = Field(one, carrier), Load(one, 400, 5.0)
        await prepare(one, told, carrier.port, window=WINDOW, ways={LEFT: ["left"], RIGHT: ["right"]})
        await one.add("second", "worker,events,scheduler")
        await eventually(lambda: "leases given up" in one["first"].process.output, what="a share for the second")
        sending = asyncio.create_task(load.run())
        await eventually(lambda: carrier.submits > 100, seconds=30, what="submits")
        took = await measure_takeover(on, load, told)
        await sending
        verdict = await judge(on, load, told, windows=1)
    tell("takeover", f"{took}, {verdict.figures}")
    assert max(took.values()) < 15
    assert not verdict.faults(), verdict.figures


async def measure_takeover(on: Field, load: Load, told: Told) -> dict[str, float]:
    """Kill the first; seconds until the other has done what only the dead one did."""
    began = time.monotonic()
    await on.cluster["first"].kill()
    scheduled = text(BEFORE, sender=RIGHT) | {"send_at": iso_in(1.0)}
    await eventually(lambda: len(on.carrier.links) < CONNECTORS, what="the end of the dead link")
    submits, events = submits_by_left(on.carrier), len(told.events)
    await load.send(scheduled)

    async def until(what: str, done: Callable[[], bool]) -> tuple[str, float]:
        await eventually(done, seconds=60, what=what)
        return what, round(time.monotonic() - began, 1)

    return dict(
        await asyncio.gather(
            until("submits", lambda: submits_by_left(on.carrier) > submits),
            until("events", lambda: len(told.events) > events),
            until("schedule", lambda: any(row.text == scheduled["body"] for row in on.carrier.ledger)),
        )
    )


def submits_by_left(carrier: Simulator) -> int:
    return sum(row.source == LEFT for row in carrier.ledger)


def iso_in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_a_rolling_restart_refuses_nothing_and_doubles_nothing(tmp_path, carrier, told):
    carrier.faults = Faults(answer_delay=0.2)
    metrics = free_port(2)
    settings = {"HELIOGRAPH_METRICS_PORT": str(metrics)}
    async with cluster(tmp_path, {"family": "all"}, ["--processes", "2"], **settings) as one:
        on, load, family = Field(one, carrier), Load(one, 1500, 30.0), one["family"]
        await prepare(one, told, carrier.port, window=WINDOW)
        sending = asyncio.create_task(load.run())
        await eventually(lambda: carrier.submits > 100, seconds=30, what="submits")
        stops = [await replaced(family)]
        await sending
        verdict = await judge(on, load, told, windows=0)
        told_of = [await family.text(f"http://127.0.0.1:{metrics + number}/metrics") for number in range(2)]
        stops.append(await family.stop())
    tell("rolling restart", f"{stops}, {verdict.figures}")
    assert max(stops) < 30
    assert not verdict.faults(), verdict.figures
    assert not load.again, load.again
    assert [accepted(text) > 0 for text in told_of] == [
        False,
        True,
    ]  # of the new processes, the second has the role api


def accepted(metrics: str) -> float:
    counts = (
        line.rpartition(" ")[2]
        for line in metrics.splitlines()
        if line.startswith("heliograph_messages_accepted_total")
    )
    return sum(map(float, counts))


async def replaced(family: Node) -> float:
    """SIGHUP: each process anew, one by one. Gives the longest time that an old one took from SIGTERM to its end."""
    old = begun(family)
    family.process.running.send_signal(signal.SIGHUP)
    longest = 0.0
    for at, one in enumerate(old, len(old)):
        await eventually(lambda at=at: len(begun(family)) > at, seconds=90, what="a new process")
        await eventually(lambda pid=one["pid"]: not lives(pid), seconds=60, what="the end of an old process")
        ready = datetime.fromisoformat(begun(family)[at]["timestamp"])  # the old one is told to stop at once
        longest = max(longest, (datetime.now(UTC) - ready).total_seconds())
    return longest


def begun(family: Node) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in family.process.output.splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("action") == "supervisor.begin"]


async def sent_by_a_newcomer(family: Node, message: dict[str, Any]) -> str:
    """While nobody accepts, a new connection waits. Gives the id."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {family.key}"}) as newcomer,
        newcomer.post(f"{family.url}/v1/messages", json=message, raise_for_status=True) as answer,
    ):
        return str((await answer.json())["id"])


def lives(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody has asked about yet does not."""
    # Gone before it is looked for, or between opening and reading.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


async def test_a_process_that_dies_is_begun_again_and_none_outlives_the_supervisor(tmp_path, carrier, told):
    async with cluster(tmp_path, {"family": "all"}, ["--processes", "2"]) as one:
        family = one["family"]
        await prepare(one, told, carrier.port, window=WINDOW)
        for at, died in enumerate(begun(family)):
            os.kill(died["pid"], signal.SIGKILL)
            await eventually(lambda pid=died["pid"]: not lives(pid), what="its end")
            message_id = await sent_by_a_newcomer(family, text(at))
            await eventually(lambda at=at: len(begun(family)) == at + 3, seconds=60, what="a new process")
            assert begun(family)[-1]["role"] == died["role"]
            await family.until_status(message_id, "DELIVERED", seconds=60)
        pids = [process["pid"] for process in begun(family)[-2:]]
        assert all(map(lives, pids))
        await family.kill()
        await eventually(lambda: not any(map(lives, pids)), seconds=60, what="the end of all processes")


@pytest.fixture
def acks(monkeypatch):
    """The command_status of each answer to a receipt or text that the carrier gave."""
    seen: list[int] = []
    answered = Account.answered

    def listen(account, delivery, answer):
        seen.append(answer.status)
        return answered(account, delivery, answer)

    monkeypatch.setattr(Account, "answered", listen)
    return seen


async def test_while_postgresql_is_away_nothing_is_taken_and_then_all_goes_on(tmp_path, carrier, told, acks):
    carrier.faults = Faults(receipt_delay=5.0)
    roles = {"worker": "worker,events,scheduler", "api": "api"}
    async with running_postgres() as postgres:
        settings = {"HELIOGRAPH_DATABASE_URL": postgres.url}
        async with cluster(tmp_path, roles, **settings) as one:
            on, load = Field(one, carrier, postgres), Load(one, 200, 1.0)
            await prepare(one, told, carrier.port, window=WINDOW)
            await load.run()
            await eventually(lambda: len(said(told, "message.submitted")) == load.total, what="submissions")
            seen = len(acks)
            await postgres.stop()
            replying = asyncio.create_task(carrier.reply("+12067000001", LEFT, "STOP"))
            began = time.monotonic()
            refused = await one["api"].send("+12067000002", "Not now")
            waited = time.monotonic() - began
            await eventually(lambda: len(acks) > seen + 5, seconds=30, what="receipts")
            away, done = acks[seen:], replying.done()
            await eventually(lambda: not carrier.links, seconds=30, what="links that are let go of")
            pids = [node.process.running.pid for node in one.nodes.values()]
            await postgres.start()
            began = time.monotonic()
            shown = await replying
            verdict = await judge(on, load, told, windows=0)
            back = time.monotonic() - began
            assert (await one["api"].send("+12067000001", "After the STOP")).status == 409
            assert (await one["api"].send("+12067000002", "Now")).status == 202
            assert [node.process.running.pid for node in one.nodes.values() if not node.process.has_ended] == pids
    tell("PostgreSQL away", f"503 after {waited:.2f} s, {len(away)} receipts refused, all well {back:.1f} s after")
    assert (refused.status, refused.body["code"]) == (503, "store_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert waited < 2
    assert 0 not in away
    assert not done
    assert shown.state == "ACKNOWLEDGED"
    assert not verdict.faults(), verdict.figures


def said(told: Told, kind: str) -> list[dict[str, Any]]:
    return [event for event in told.events.values() if event["type"] == kind]


async def test_without_redis_work_goes_on_from_the_database(tmp_path, carrier, told):
    roles = {"worker-1": "worker,events,scheduler", "worker-2": "worker", "api": "api"}
    async with stoppable_redis() as redis, cluster(tmp_path, roles, HELIOGRAPH_QUEUE_URL=redis.url) as one:
        on, load = Field(one, carrier, redis=redis), Load(one, 500, 2.0)
        await prepare(one, told, carrier.port, window=WINDOW)
        redis.stop()
        await load.run()
        verdict = await judge(on, load, told, windows=0)
    tell("Redis away", verdict.figures)
    assert not verdict.faults(), verdict.figures
    assert not load.again, load.again
