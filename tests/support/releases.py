"""Releases of the gateway with steps of the schema that today's does not know."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from gateway.store import migrate

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MIGRATIONS = migrate.MIGRATIONS
TODAY = migrate.head()

# What later releases might do to a table; each step is a file as it would be written.
STEP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, STEP = {revision!r}, {before!r}, {step!r}


def upgrade() -> None:
    {does}
"""
ADD = "op.add_column('accounts', sa.Column('title', sa.Text(), nullable=False, server_default=''))"
REMOVE = "op.drop_column('accounts', 'name')"
MORE = "op.add_column('accounts', sa.Column('more', sa.Text(), nullable=False, server_default=''))"
NOTHING = "pass"
FAIL = "op.add_column('accounts', sa.Column('title', sa.Text())); raise ValueError('half way')"


class Releases:
    """Releases of the gateway: each knows its steps and all before. ``serve`` and the like are then of that release."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self.folder, self.monkeypatch = folder, monkeypatch

    def is_now(self, *steps: tuple[str, str]) -> None:
        """The release of today with these steps more, numbered 9001 and on: whether pre or post, what it does."""
        home = self.folder / str(len(list(self.folder.iterdir())))
        shutil.copytree(MIGRATIONS, home)
        before = TODAY
        for number, (step, does) in enumerate(steps, 9001):
            source = STEP.format(revision=str(number), before=before, step=step, does=does)
            (home / "versions" / f"{number}_later.py").write_text(source)
            before = str(number)
        self.monkeypatch.setattr(migrate, "MIGRATIONS", home)
