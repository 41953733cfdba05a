from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from gateway.store.engine import open_reader
from gateway.store.migrate import current, head, upgrade
from gateway.store.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def defaults_differ(_context, _inspected_column, _column, inspected, _default, rendered) -> bool:
    """Alembic's own comparison takes SQLite's '' for a change."""
    return plain(inspected) != plain(rendered)


def plain(default: str | None) -> str | None:
    return default if default is None else default.partition("::")[0].strip("()'")


_OPTIONS = {"compare_type": True, "compare_server_default": defaults_differ}


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
