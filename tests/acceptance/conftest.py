"""The service, started from outside with a folder of its own."""

from __future__ import annotations

import pytest

from tests.support.service import service, smsc


@pytest.fixture
async def served(tmp_path):
    """A service as `heliograph serve` starts it on an empty folder."""
    async with service(tmp_path) as one:
        yield one


@pytest.fixture
async def carrier():
    """A carrier in the test's own process: what it took is known by its ledger, whatever becomes of the service."""
    async with smsc() as one:
        yield one
