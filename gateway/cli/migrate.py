"""``heliograph migrate``: bring the database to the schema of this release."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.cli.common import Json, load_settings, now_micros, revision
from gateway.cli.errors import database_error
from gateway.cli.output import say
from gateway.resources import accounts
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.store import migrate
from gateway.store.secrets import Vault
from gateway.store.store import Store

if TYPE_CHECKING:
    from gateway.config import Settings


def command(as_json: Json = False) -> None:
    """Bring the database to the schema of this release; make it where there is none."""
    settings = load_settings()
    before, after = asyncio.run(_migrate(settings))
    sentence = f"The database is at revision {after}" + (
        " already." if before == after else f"; it was at {before or 'none'}."
    )
    say(sentence, {"before": before, "after": after}, as_json=as_json)


async def _migrate(settings: Settings) -> tuple[str, str]:
    before = await revision(settings)
    try:
        await migrate.upgrade(settings.database)
    except Exception as error:
        if told := database_error(settings, error):
            raise told from error
        raise
    await _add_account(settings)
    return before, await revision(settings)


async def _add_account(settings: Settings) -> None:
    """The account that everything else belongs to; it is there already in all but a new database."""
    store = Store(settings.database)
    store.start()
    try:
        await accounts.ensure_default(Desk(store, Vault.of(settings), await Catalog.load(store)), now_micros())
    finally:
        await store.close()
