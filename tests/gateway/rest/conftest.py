"""A running API with what it needs to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import Bench, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with serving(tmp_path) as running:
        yield running
