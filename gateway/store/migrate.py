"""Bringing a database to the schema of this release, with Alembic.

Rule 1: the steps are one line. Each says in ``STEP`` what it is: "pre" adds, and the release before goes on working;
"post" removes what only older releases needed, and runs when none of them does any more.
Rule 2: a release serves once the pre steps it knows are done. A new database gets all steps, having no older release.
Rule 3: the database says which step a release must know to work with it: the latest post step, or the very first
(``schema_state.least``). So a release that does not know the latest steps can tell whether they only added.
Rule 4: what is done is done in one transaction on one connection: a failed step leaves the database as it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text, update

from gateway.errors import Conflict
from gateway.store import partitions
from gateway.store.engine import is_sqlite, open_reader, path_of
from gateway.store.tables import schema_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

R = TypeVar("R")

MIGRATIONS = Path(__file__).parent / "migrations"

# PostgreSQL: nodes that start at once wait for each other. Any number will do that no one else uses.
_LOCK = 4_851_201


class Step(NamedTuple):
    """A revision of the schema."""

    revision: str
    post: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a database is, as this release sees it.

    Attributes:
        revision: the last step done, "" in an empty database; one that this release does not know has only added.
        waiting: the steps that are not done, oldest first.
    """

    revision: str
    waiting: tuple[Step, ...]

    @property
    def needed(self) -> tuple[Step, ...]:
        """Those that must be done before this release serves: up to the last pre step."""
        last = max((place for place, step in enumerate(self.waiting, 1) if not step.post), default=0)
        return self.waiting[:last]

    @property
    def later(self) -> tuple[Step, ...]:
        """Those that may wait for the end of older releases."""
        return self.waiting[len(self.needed) :]


async def upgrade(url: str, *, post: bool = False) -> None:
    """Do the pre steps, or all; creates the schema in an empty database, and does nothing when all is done.

    Raises:
        Conflict: the database is too new for this release; or a post step of an earlier release comes first.
    """
    if url.startswith("sqlite"):
        path_of(url).parent.mkdir(parents=True, exist_ok=True)
    engine = open_reader(url, begin="BEGIN IMMEDIATE")
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, post)
        if not is_sqlite(engine):
            async with partitions.alone(engine) as alone:
                if alone:
                    await partitions.make_ahead(engine, time.time_ns() // 1000)
    finally:
        await engine.dispose()


async def current(url: str) -> str:
    """The revision that the database has; "" when it is empty."""
    return await _ask(url, _current)


async def standing(url: str) -> Standing:
    """Raises Conflict when the database is too new for this release."""
    return await _ask(url, _standing)


def head() -> str:
    """The latest revision that this release knows."""
    return _steps()[-1].revision


async def _ask(url: str, question: Callable[[Connection], R]) -> R:
    engine = open_reader(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(question)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, post: bool) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _standing(connection)
    everything = post or not found.revision
    wanted = found.waiting if everything else found.needed
    if not everything:
        _refuse_post(wanted)
    if wanted:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, wanted[-1].revision)
        connection.execute(update(schema_state).values(least=_least(wanted[-1].revision)))


def _refuse_post(wanted: tuple[Step, ...]) -> None:
    """Where a release was left out, its post steps come before the pre steps of this one."""
    if first := next((step for step in wanted if step.post), None):
        raise Conflict(
            "post_step_waits",
            f"The database waits for step {first.revision} of an earlier release, and this release needs later ones.",
            remedy="Stop every older process, then run heliograph migrate --post.",
        )


def _standing(connection: Connection) -> Standing:
    revision, steps = _current(connection), _steps()
    known = [step.revision for step in steps]
    if not revision:
        return Standing(revision, steps)
    if revision in known:
        return Standing(revision, steps[known.index(revision) + 1 :])
    if _least_of(connection) in known:
        return Standing(revision, ())
    raise Conflict(
        "database_too_new",
        f"The database is at revision {revision} of a later release, which removed what this one needs.",
        remedy="Start that release, or restore the backup from before the upgrade.",
    )


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _least_of(connection: Connection) -> str:
    if not inspect(connection).has_table(schema_state.name):
        return ""  # of something that is not ours
    return str(connection.execute(select(schema_state.c.least)).scalar_one())


def _least(revision: str) -> str:
    """What a release must know to work with a database at this revision."""
    steps = _steps()
    done = steps[: [step.revision for step in steps].index(revision) + 1]
    return next((step.revision for step in reversed(done) if step.post), steps[0].revision)


def _steps() -> tuple[Step, ...]:
    """All that this release knows, oldest first."""
    revisions = list(ScriptDirectory.from_config(_config()).walk_revisions())
    return tuple(Step(one.revision, one.module.STEP == "post") for one in reversed(revisions))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
