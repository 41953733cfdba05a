from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web_app

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _forget_servers() -> Iterator[None]:
    """aiohttp keeps the last 1,024 applications alive in a cache; with all that hangs on them that is gigabytes."""
    yield
    web_app._cached_build_middleware.cache_clear()
