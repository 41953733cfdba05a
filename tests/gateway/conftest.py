"""Each test that asks for ``store`` runs twice, on SQLite and on a real PostgreSQL, each time in a fresh database.

There is one PostgreSQL server a session, on a socket. A fresh database is a copy of a migrated one.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from gateway.resources import accounts
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.store import engine
from gateway.store.engine import open_reader
from gateway.store.migrate import upgrade
from gateway.store.partitions import days
from gateway.store.secrets import Vault
from gateway.store.store import Store
from tests.support.gateway_fixtures import House, open_house
from tests.support.postgres_server import new_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

NOW = 1_790_000_000_000_000  # microseconds; some moment in 2026
_TEMPLATE = "template_heliograph"
_numbers = itertools.count(1)


def _run(work: Callable[[], Awaitable[None]]) -> None:
    """From a session's fixture: in a thread, so as not to touch the loop of the tests."""

    async def go() -> None:
        await work()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, go()).result()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The folder of the socket of a running PostgreSQL that has a migrated template database."""
    server = new_postgres()
    # Nothing here has to live through a power cut.
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        server.psql(f"ALTER SYSTEM SET {setting};")
    server.psql("SELECT pg_reload_conf();")
    socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    server.psql(f"CREATE DATABASE {_TEMPLATE};")
    _run(lambda: upgrade(_postgres_url(socket, _TEMPLATE)))
    _run(lambda: _without_days(_postgres_url(socket, _TEMPLATE)))
    yield socket
    server.cleanup()


async def _without_days(url: str) -> None:
    """Leave the default partitions only: a copy of those of some days would cost each test half a second."""
    reader = open_reader(url)
    async with reader.begin() as connection:
        for one, found in (await days(reader)).items():
            for day in found:
                await connection.execute(text(f"DROP TABLE {one.partition(day)}"))
    await reader.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _run(lambda: upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A migrated SQLite database of this test's own."""
    shutil.copy(sqlite_template, tmp_path / "heliograph.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'heliograph.db'}"


@pytest.fixture
async def postgres_url(postgres: str) -> AsyncIterator[str]:
    """A migrated PostgreSQL database of this test's own."""
    async for url in _fresh(postgres, f"TEMPLATE {_TEMPLATE}"):
        yield url


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
async def empty_postgres_url(postgres: str) -> AsyncIterator[str]:
    async for url in _fresh(postgres, ""):
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database with nothing in it; once each kind."""
    return request.getfixturevalue(f"empty_{request.param}_url")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own; once each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A started store, closed after the test; fails the test that leaves a connection checked out."""
    monkeypatch.setattr(engine, "IDLE", 60_000)  # a machine that stands still for some seconds fails no test
    store = Store(database_url)
    store.start()
    yield store
    left = store.reader.pool.checkedout()
    await store.close()
    assert left == 0, "a connection was not given back"


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture
async def desk(store: Store, vault: Vault) -> Desk:
    """A desk with the account ``main`` and its list ``Default``."""
    desk = Desk(store, vault, await Catalog.load(store))
    await accounts.ensure_default(desk, NOW)
    return desk


@pytest.fixture
async def house(desk: Desk) -> AsyncIterator[House]:
    """The whole way of a message, with a pretend carrier."""
    async with open_house(desk) as house:
        yield house


async def _fresh(socket: str, like: str) -> AsyncIterator[str]:
    name = f"test_{next(_numbers)}"
    await _administer(socket, f"CREATE DATABASE {name} {like}")
    yield _postgres_url(socket, name)
    await _administer(socket, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(socket: str, statement: str) -> None:
    connection = await asyncpg.connect(host=socket, user="postgres", database="postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _postgres_url(socket: str, database: str) -> str:
    return f"postgresql+asyncpg://postgres@/{database}?host={socket}"
