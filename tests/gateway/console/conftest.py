"""A console with its gateway, and a browser in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.console import Browser, House, browsing, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.store.secrets import Vault


@pytest.fixture
async def house(sqlite_url: str, vault: Vault, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(sqlite_url, vault, tmp_path) as house:
        yield house


@pytest.fixture
async def browser(house: House) -> AsyncIterator[Browser]:
    """Signed in as ``alice``, of compliance."""
    async with browsing(house) as browser:
        await browser.sign_in()
        yield browser
