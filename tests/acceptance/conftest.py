"""The service, started from outside with a folder of its own."""

from __future__ import annotations

import pytest

from tests.support.cluster import Told
from tests.support.service import service, smsc
from tests.support.webhook_sink import WebhookSink


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


@pytest.fixture
async def told():
    """A webhook, and what it was told."""
    one = Told()
    async with WebhookSink() as sink:
        one.listen(sink)
        yield one
