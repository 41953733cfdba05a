"""A live server of this process and real boto3 clients for it: see tests.support.aws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.events import schedule
from gateway.store.times import SECOND
from tests.support.aws import serving_aws
from tests.support.moto_server import MotoServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.aws import Aws


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Aws]:
    """On SQLite."""
    async with serving_aws(tmp_path) as served:
        yield served


@pytest.fixture
async def aws_anywhere(tmp_path: Path, database_url: str) -> AsyncIterator[Aws]:
    """On SQLite and on PostgreSQL: for what the store has a say in."""
    async with serving_aws(tmp_path, database_url=database_url) as served:
        yield served


@pytest.fixture(scope="module")
def started() -> Iterator[MotoServer]:
    server = MotoServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def moto(started: MotoServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MotoServer]:
    """Running, and what fails is tried again soon."""
    monkeypatch.setattr(schedule, "DELAYS", (SECOND // 10,))
    monkeypatch.setattr(schedule, "FIRST_REST", SECOND // 20)
    yield started
    started.stop()
    started.start()
