"""What all commands share: options, the settings, and a desk at the database.

Rule 1: commands open the database beside a running server, without its lock: SQLite lets one write at a time and the
others wait (``busy_timeout``); the server sees by itself what was changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from gateway.cli.errors import database_error
from gateway.config import CONFIG_FILE_VARIABLE, Settings
from gateway.errors import Conflict, Invalid
from gateway.model import DEFAULT_ACCOUNT
from gateway.resources.catalog import Catalog
from gateway.resources.checks import MOST_PER_PAGE
from gateway.resources.desk import Desk
from gateway.resources.quotas import Quotas
from gateway.store import migrate
from gateway.store.engine import path_of
from gateway.store.secrets import Vault
from gateway.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=MOST_PER_PAGE, help="At most so many.")]
After = Annotated[str, typer.Option("--after", help="Go on behind this cursor, which the page before gave.")]
OptOutList = Annotated[str, typer.Option("--list", help="The opt-out list.")]

ACCOUNT = DEFAULT_ACCOUNT
HOW = "command line"  # as the consent log and the opt-outs say it


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 -- settings are of several types
    """The settings of this process; those ``given`` on the command line win.

    Raises:
        Invalid: one is wrong; names its variable.
    """
    path = os.environ.get(CONFIG_FILE_VARIABLE)
    if path and not Path(path).is_file():
        raise Invalid(
            "no_config_file", f"There is no file {path}.", field=CONFIG_FILE_VARIABLE, remedy="Name a TOML file."
        )
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(map(str, first["loc"])).upper()
        raise Invalid("bad_setting", f"{first['msg']}.", field=f"HELIOGRAPH_{name}", remedy="Correct it.") from None
    except ValueError as error:  # the TOML file itself
        raise Invalid(
            "bad_config_file", f"{path} is not TOML: {error}.", field=CONFIG_FILE_VARIABLE, remedy="Correct it."
        ) from error


def at_desk(work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do something with the resources.

    Raises:
        GatewayError: what ``work`` raised, or the database cannot be used.
    """

    async def go() -> T:
        async with open_desk(load_settings()) as desk:
            return await work(desk)

    return asyncio.run(go())


@contextlib.asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk at the database of these settings.

    Raises:
        Invalid: the database, or the instance's key, cannot be opened.
        Conflict: the database is not at this release's revision.
    """
    await _check_revision(settings)
    store = Store(settings.database)
    store.start()
    try:
        yield Desk(store, Vault.of(settings), await Catalog.load(store), Quotas.of(settings))
    finally:
        await store.close()


async def revision(settings: Settings) -> str:
    """The revision of the database; "" when there is none or it is empty. Nothing is made by asking.

    Raises:
        Invalid: it cannot be opened.
    """
    if not is_there(settings):
        return ""
    try:
        return await migrate.current(settings.database)
    except Exception as error:
        if told := database_error(settings, error):
            raise told from error
        raise


def is_there(settings: Settings) -> bool:
    """Whether there is a database to open: of an SQLite one, whether its file is there."""
    return not settings.database.startswith("sqlite") or path_of(settings.database).exists()


async def _check_revision(settings: Settings) -> None:
    known, wanted = await revision(settings), migrate.head()
    if known == wanted:
        return
    state = f"at revision {known}, and this release needs {wanted}" if known else "empty"
    raise Conflict(
        "database_not_ready",
        f"The database is {state}.",
        remedy="Run heliograph migrate, or start heliograph serve; is HELIOGRAPH_DATA_DIR as the server has it?",
    )


def now_micros() -> int:
    return time.time_ns() // 1000


def actor() -> str:
    """Who does it, as the consent log has it."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return f"cli:{os.getuid()}"


def upper(value: str) -> str:
    """A word of a fixed list, as people type it: ``toll-free`` for TOLL_FREE."""
    return value.upper().replace("-", "_")


def price_of(written: str) -> Decimal:
    """Raises Invalid for what is no number."""
    try:
        return Decimal(written)
    except InvalidOperation:
        raise Invalid("not_a_number", "price is not a number.", field="price", remedy="Write it as 0.0079.") from None
