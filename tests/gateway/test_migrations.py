from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text

from gateway.errors import Conflict
from gateway.store import migrate
from gateway.store.engine import open_reader
from gateway.store.migrate import current, head, standing, upgrade
from gateway.store.store import Store
from gateway.store.tables import accounts, metadata
from gateway.store.tables_consent import opt_out_lists
from tests.support.releases import ADD, FAIL, MORE, REMOVE, TODAY, Releases

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from sqlalchemy.engine import Connection


def defaults_differ(_context, _inspected_column, _column, inspected, _default, rendered) -> bool:
    """Alembic's own comparison takes SQLite's '' for a change."""
    return plain(inspected) != plain(rendered)


def plain(default: str | None) -> str | None:
    return default if default is None else default.partition("::")[0].strip("()'")


def no_partition(name: str | None, kind: str, _parents) -> bool:
    return kind != "table" or re.search(r"_(rest|\d{8})$", name or "") is None


_OPTIONS = {"compare_type": True, "compare_server_default": defaults_differ, "include_name": no_partition}


async def ask(url: str, question) -> object:
    engine = open_reader(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(question)
    finally:
        await engine.dispose()


def differences(connection: Connection) -> list[object]:
    return compare_metadata(MigrationContext.configure(connection, opts=_OPTIONS), metadata)


def indexes(connection: Connection) -> dict[str, object]:
    """Name to columns and condition; alembic compares no conditions."""
    inspector = inspect(connection)
    return {
        index["name"]: (tuple(index["column_names"]), condition(index.get("dialect_options", {})))
        for table in metadata.tables
        for index in inspector.get_indexes(table)
        if index["name"].startswith("ix_")
    }


def condition(options: dict[str, object]) -> bool:
    return any(name.endswith("_where") and bool(str(value)) for name, value in options.items())


async def test_an_empty_database_has_no_revision(empty_url):
    assert await current(empty_url) == ""


async def test_upgrading_an_empty_database_gives_the_schema_of_the_tables(empty_url):
    await upgrade(empty_url)
    assert await current(empty_url) == head() != ""
    assert await ask(empty_url, differences) == []


async def test_indexes_and_their_conditions_are_those_of_the_tables(empty_url):
    await upgrade(empty_url)
    key = "sqlite" if empty_url.startswith("sqlite") else "postgresql"
    wanted = {
        index.name: (tuple(index.columns.keys()), index.dialect_options[key]["where"] is not None)
        for table in metadata.tables.values()
        for index in table.indexes
    }
    assert await ask(empty_url, indexes) == wanted


async def test_without_rowid_tables_are_migrated_so(sqlite_url):
    names = {name for name, table in metadata.tables.items() if not table.dialect_options["sqlite"]["with_rowid"]}
    found = await ask(
        sqlite_url,
        lambda connection: (
            connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'")
            )
            .scalars()
            .all()
        ),
    )
    assert set(found) == names


async def test_upgrading_twice_changes_nothing(empty_url):
    await upgrade(empty_url)
    await upgrade(empty_url)
    assert await ask(empty_url, differences) == []


async def test_nodes_that_start_at_once_upgrade_once(empty_postgres_url):
    await asyncio.gather(*(upgrade(empty_postgres_url) for _ in range(3)))
    assert await current(empty_postgres_url) == head()


async def test_a_failed_upgrade_leaves_the_database_as_it_was(empty_url):
    engine = open_reader(empty_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE staff (id TEXT)"))  # in the way of the migration
    await engine.dispose()
    with pytest.raises(Exception, match="staff"):
        await upgrade(empty_url)
    assert await ask(empty_url, lambda connection: inspect(connection).get_table_names()) == ["staff"]


# --- steps before and after an upgrade -------------------------------------------------------------------------------
@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    return Releases(tmp_path / "releases", monkeypatch)


async def columns(url: str) -> set[str]:
    found: Any = await ask(url, lambda connection: inspect(connection).get_columns("accounts"))
    return {column["name"] for column in found}


async def works(url: str) -> bool:
    """Whether this code, which is of today's release, can write and read a database."""
    store = Store(url)
    store.start()
    try:
        await store.write(lambda tx: tx.conn.execute(insert(opt_out_lists).values(account_id="main", name="A")))
        await store.write(lambda tx: tx.conn.execute(insert(accounts).values(id="other", name="Other")))
        async with store.reading() as connection:
            return (await connection.execute(select(accounts.c.name).where(accounts.c.id == "other"))).all() == [
                ("Other",)
            ]
    finally:
        await store.close()


def waits(found: migrate.Standing) -> tuple[list[str], list[str]]:
    return [step.revision for step in found.needed], [step.revision for step in found.later]


async def test_an_upgrade_adds_and_leaves_what_older_releases_need(database_url, releases):
    releases.is_now(("pre", ADD), ("post", REMOVE))
    assert waits(await standing(database_url)) == (["9001"], ["9002"])

    await upgrade(database_url)
    assert await current(database_url) == "9001"
    assert {"name", "title"} <= await columns(database_url)
    assert waits(await standing(database_url)) == ([], ["9002"])

    await upgrade(database_url, post=True)
    assert await current(database_url) == head() == "9002"
    assert "name" not in await columns(database_url)
    assert waits(await standing(database_url)) == ([], [])


async def test_a_post_step_does_its_pre_steps_too(database_url, releases):
    releases.is_now(("pre", ADD), ("post", REMOVE))
    await upgrade(database_url, post=True)
    assert "title" in await columns(database_url)
    assert "name" not in await columns(database_url)


async def test_a_new_database_gets_every_step(empty_url, releases):
    releases.is_now(("pre", ADD), ("post", REMOVE))
    await upgrade(empty_url)
    assert await current(empty_url) == "9002"


async def test_the_old_release_starts_and_works_on_what_the_new_one_added(database_url, releases):
    releases.is_now(("pre", ADD), ("pre", MORE), ("post", REMOVE))
    await upgrade(database_url)
    releases.is_now()
    await upgrade(database_url)
    assert await current(database_url) == "9002"
    assert waits(await standing(database_url)) == ([], [])
    assert await works(database_url)


async def test_the_old_release_does_not_start_on_what_the_new_one_removed(database_url, releases):
    releases.is_now(("pre", ADD), ("post", REMOVE))
    await upgrade(database_url, post=True)
    releases.is_now()
    for asked in (upgrade(database_url), upgrade(database_url, post=True), standing(database_url)):
        with pytest.raises(Conflict, match="revision 9002 of a later release") as told:
            await asked
        assert (told.value.code, "backup" in told.value.remedy) == ("database_too_new", True)


async def test_the_release_before_works_when_only_what_the_one_before_that_needed_is_removed(database_url, releases):
    middle = (("pre", ADD), ("post", REMOVE))
    releases.is_now(*middle, ("pre", MORE))
    await upgrade(database_url, post=True)
    releases.is_now(*middle)
    await upgrade(database_url)
    assert await current(database_url) == "9003"


async def test_a_release_that_was_left_out_has_its_post_steps_first(database_url, releases):
    releases.is_now(("pre", ADD), ("post", REMOVE), ("pre", MORE))
    assert waits(await standing(database_url)) == (["9001", "9002", "9003"], [])
    with pytest.raises(Conflict, match="step 9002") as told:
        await upgrade(database_url)
    assert "heliograph migrate --post" in told.value.remedy
    assert await current(database_url) == TODAY

    await upgrade(database_url, post=True)
    assert await current(database_url) == "9003"


async def test_a_step_that_fails_leaves_the_database_to_the_old_release(database_url, releases):
    releases.is_now(("pre", ADD.replace("title", "first")), ("pre", FAIL))
    with pytest.raises(ValueError, match="half way"):
        await upgrade(database_url)
    assert await current(database_url) == TODAY
    assert {"first", "title"} & await columns(database_url) == set()
    releases.is_now()
    await upgrade(database_url)


async def test_a_database_of_something_else_is_refused(empty_url):
    engine = open_reader(empty_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        await connection.execute(text("INSERT INTO alembic_version VALUES ('beef')"))
    await engine.dispose()
    with pytest.raises(Conflict, match="revision beef"):
        await upgrade(empty_url)


def test_every_step_says_what_it_is():
    assert next(step.revision for step in migrate._steps()) == "0001"
    for path in (migrate.MIGRATIONS / "versions").glob("[0-9]*.py"):
        assert re.search(r'^STEP = "(pre|post)"$', path.read_text(), re.MULTILINE), path.name
