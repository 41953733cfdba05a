"""``heliograph migrate``, and what ``doctor`` says of what it left to be done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from gateway.cli import checkup
from gateway.store import migrate, partitions
from gateway.store.engine import open_reader
from gateway.store.migrate import upgrade
from gateway.store.partitions import EVENTS
from gateway.store.times import DAY
from tests.support.cli import Heliograph
from tests.support.releases import ADD, MORE, NOTHING, Releases

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    return Releases(tmp_path / "releases", monkeypatch)


@pytest.fixture
def heliograph(tmp_path: Path) -> Heliograph:
    return Heliograph(tmp_path / "data")


@pytest.fixture
async def on_postgres(tmp_path: Path, postgres_url: str) -> Heliograph:
    await upgrade(postgres_url)  # today and the next days, which the template has not
    return Heliograph(tmp_path / "data", HELIOGRAPH_DATABASE_URL=postgres_url)


def findings(heliograph: Heliograph, code: int = 0) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in heliograph.json("doctor", code=code)["checks"]}


def test_a_database_is_made_and_left_as_it_is_the_second_time(heliograph):
    head = migrate.head()
    assert heliograph.json("migrate") == {"before": "", "after": head, "later": []}
    assert heliograph.json("migrate") == {"before": head, "after": head, "later": []}
    assert heliograph.run("migrate") == f"The database is at revision {head} already.\n"


def test_what_older_releases_need_is_removed_when_asked(heliograph, releases):
    heliograph.run("migrate")
    releases.is_now(("pre", ADD), ("post", NOTHING))
    assert "heliograph migrate --post for 9002" in heliograph.run("migrate")
    found = findings(heliograph)
    assert found["database"]["state"] == "ok"
    assert (found["upgrade"]["state"], "9002" in found["upgrade"]["found"]) == ("note", True)
    assert "--post" in found["upgrade"]["remedy"]

    assert heliograph.json("migrate", "--post") == {"before": "9001", "after": "9002", "later": []}
    assert "upgrade" not in findings(heliograph)


def test_the_old_release_is_content_with_what_was_added_and_not_with_what_was_removed(heliograph, releases):
    heliograph.run("migrate")
    releases.is_now(("pre", ADD), ("post", NOTHING))
    heliograph.run("migrate")
    releases.is_now()
    assert heliograph.json("migrate") == {"before": "9001", "after": "9001", "later": []}
    assert findings(heliograph)["database"]["state"] == "ok"

    releases.is_now(("pre", ADD), ("post", NOTHING))
    heliograph.run("migrate", "--post")
    releases.is_now()
    assert "later release" in heliograph.fails("migrate")
    found = findings(heliograph, 1)["database"]
    assert (found["state"], "later release" in found["found"]) == ("wrong", True)
    assert found["remedy"].startswith("Start that release")


def test_doctor_says_what_an_upgrade_needs(heliograph, releases):
    heliograph.run("migrate")
    releases.is_now(("pre", ADD))
    assert findings(heliograph, 1)["database"]["remedy"] == "Run heliograph migrate."

    releases.is_now(("pre", ADD), ("post", NOTHING), ("pre", MORE))
    found = findings(heliograph, 1)["database"]
    assert "9003" in found["found"]
    assert "--post" in found["remedy"]
    assert "--post" in heliograph.fails("migrate")


# --- partitions ------------------------------------------------------------------------------------------------------
def execute(url: str, *statements: str, **values: int) -> None:
    async def go() -> None:
        engine = open_reader(url)
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement), values)
        await engine.dispose()

    asyncio.run(go())


async def test_partitions_that_are_there_are_told_so(on_postgres):
    found = (await asyncio.to_thread(findings, on_postgres))["partitions"]
    assert found["state"] == "ok"


def test_sqlite_has_no_partitions_to_look_at(heliograph):
    heliograph.run("migrate")
    assert "partitions" not in findings(heliograph)


async def test_a_missing_tomorrow_is_wrong_and_migrate_makes_it(on_postgres, postgres_url):
    tomorrow = partitions.day_of(checkup.time.time_ns() // 1000) + DAY
    await asyncio.to_thread(execute, postgres_url, f"DROP TABLE {EVENTS.partition(tomorrow)}")
    found = (await asyncio.to_thread(findings, on_postgres, 1))["partitions"]
    assert (found["state"], "events" in found["found"], "messages" in found["found"]) == ("wrong", True, False)

    await asyncio.to_thread(on_postgres.run, "migrate")
    assert (await asyncio.to_thread(findings, on_postgres))["partitions"]["state"] == "ok"


async def test_too_much_in_a_default_partition_is_wrong_and_migrate_moves_it(on_postgres, postgres_url, monkeypatch):
    today = partitions.day_of(checkup.time.time_ns() // 1000)
    monkeypatch.setattr(checkup, "MOST_MOVED", 1)
    drop = f"DROP TABLE {EVENTS.partition(today + DAY)}"
    fill = "INSERT INTO events (account_id, at) SELECT 'main', :at FROM generate_series(1, 2)"
    await asyncio.to_thread(execute, postgres_url, drop, fill, at=today + DAY)
    found = (await asyncio.to_thread(findings, on_postgres, 1))["partitions"]
    assert (found["state"], "rows of events are" in found["found"]) == ("wrong", True)

    await asyncio.to_thread(on_postgres.run, "migrate")
    assert (await asyncio.to_thread(findings, on_postgres))["partitions"]["state"] == "ok"
