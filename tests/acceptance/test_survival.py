"""Several processes at one database, and everything dies at random under load: what was accepted arrives, once.

HELIOGRAPH_SURVIVAL_MESSAGES is how many texts the two storms send together; the seed that a run prints repeats its
blows as HELIOGRAPH_SURVIVAL_SEED.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

import pytest

from carriers.simulator.faults import Faults
from tests.support import chaos
from tests.support.chaos import CONNECTORS, WINDOW, Field, Load, People, drop_links, kill, pause, rain, tell
from tests.support.cluster import cluster, prepare, stoppable_redis
from tests.support.diagnosis import explained
from tests.support.postgres_server import running_postgres
from tests.support.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.chaos import Blow
    from tests.support.cluster import Told
    from tests.support.verdict import Verdict

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(600)]

MESSAGES = int(os.environ.get("HELIOGRAPH_SURVIVAL_MESSAGES", "50000"))
SEED = int(os.environ.get("HELIOGRAPH_SURVIVAL_SEED") or random.randrange(1_000_000))
EACH = 3.0  # seconds for each blow
RATE = 1000  # texts a second that two slow cores do without blows
PATIENCE = 90.0  # seconds that load and blows may take longer than planned


async def storm(on: Field, told: Told, blows: Sequence[Blow], total: int) -> Verdict:
    """Load, STOPs and blows, all at once."""
    seconds = max(EACH * len(blows), total / RATE)
    until_answered = 0.5 * CONNECTORS * WINDOW * seconds / total  # fills the windows to a half at any rate
    on.carrier.faults = Faults(answer_delay=until_answered, receipt_delay=0.3, reorder=0.5, duplicate=0.05, seed=SEED)
    load = Load(on.cluster, total, seconds)
    people = People(load, on.carrier, told)
    await prepare(on.cluster, told, on.carrier.port, window=WINDOW)
    tell("seed", SEED)
    async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as all_at_once:
        all_at_once.create_task(load.run())
        all_at_once.create_task(people.run(seconds))
        dropping = all_at_once.create_task(drop_links(on.carrier, seconds))
        all_at_once.create_task(rain(blows, on, seconds, random.Random(SEED)))
    return await judge(on, load, told, dropping.result() + sum(blow.windows for blow in blows), people)


async def test_everything_dies_on_postgresql_and_redis(tmp_path, carrier, told):
    roles = {
        "api-1": "api", "api-2": "api", "worker-1": "worker", "worker-2": "worker", "events": "events",
        "scheduler": "scheduler",
    }  # fmt: skip
    blows = [
        *(kill(name, windows=int(role == "worker")) for name, role in roles.items()),
        pause("worker-1", windows=1), pause("worker-2", windows=1), pause("events", windows=0),
        chaos.RESTART_POSTGRES, chaos.CRASH_POSTGRES, chaos.RESTART_REDIS, chaos.FLUSH_REDIS,
    ]  # fmt: skip
    async with running_postgres() as postgres, stoppable_redis() as redis:
        settings = {"HELIOGRAPH_DATABASE_URL": postgres.url, "HELIOGRAPH_QUEUE_URL": redis.url}
        async with cluster(tmp_path, roles, **settings) as one:
            on = Field(one, carrier, postgres, redis)
            async with explained(on):
                verdict = await storm(on, told, blows, MESSAGES // 2)
                tell("PostgreSQL and Redis", verdict.figures)
                assert not verdict.faults(), verdict.figures


async def test_everything_dies_on_sqlite(tmp_path, carrier, told):
    roles = {"api": "api", "worker": "worker", "rest": "worker,events,scheduler"}
    blows = [
        *(kill("api", windows=0) for _ in range(2)), *(kill("worker", windows=1) for _ in range(2)),
        *(kill("rest", windows=1) for _ in range(2)), pause("worker", windows=1), pause("rest", windows=1),
    ]  # fmt: skip
    async with cluster(tmp_path, roles) as one:
        on = Field(one, carrier)
        async with explained(on):
            verdict = await storm(on, told, blows, MESSAGES - MESSAGES // 2)
            tell("SQLite", verdict.figures)
            assert not verdict.faults(), verdict.figures
