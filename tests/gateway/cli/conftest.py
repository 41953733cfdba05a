"""The command line at a migrated database of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.cli import Heliograph

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def heliograph(tmp_path: Path, sqlite_template: Path) -> Heliograph:
    shutil.copy(sqlite_template, tmp_path / "heliograph.db")
    commands = Heliograph(tmp_path)
    commands.run("migrate")
    return commands
