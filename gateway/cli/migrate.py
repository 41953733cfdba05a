"""``heliograph migrate``: bring the database to the schema of this release."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import Json, load_settings, now_micros, revision
from gateway.cli.errors import database_error
from gateway.cli.output import say
from gateway.resources import accounts
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.store import migrate, partitions
from gateway.store.secrets import Vault
from gateway.store.store import Store

if TYPE_CHECKING:
    from gateway.config import Settings

Post = Annotated[bool, typer.Option("--post", help="Also remove what older releases needed: none may run any more.")]


def command(post: Post = False, as_json: Json = False) -> None:
    """Bring the database to the schema of this release; make it where there is none."""
    settings = load_settings()
    before, after, later = asyncio.run(_migrate(settings, post=post))
    sentence = f"The database is at revision {after}" + (
        " already." if before == after else f"; it was at {before or 'none'}."
    )
    if later:
        sentence += f" When no older release runs any more, run heliograph migrate --post for {', '.join(later)}."
    say(sentence, {"before": before, "after": after, "later": later}, as_json=as_json)


async def _migrate(settings: Settings, *, post: bool) -> tuple[str, str, list[str]]:
    before = await revision(settings)
    try:
        await migrate.upgrade(settings.database, post=post)
    except Exception as error:
        if told := database_error(settings, error):
            raise told from error
        raise
    await _complete(settings)
    found = await migrate.standing(settings.database)
    return before, found.revision, [step.revision for step in found.later]


async def _complete(settings: Settings) -> None:
    """What a database has besides its schema: the account that everything belongs to, and every day's partition."""
    store = Store(settings.database)
    store.start()
    try:
        await accounts.ensure_default(Desk(store, Vault.of(settings), await Catalog.load(store)), now_micros())
        if not store.sqlite:
            await _make_ahead(store)
    finally:
        await store.close()


async def _make_ahead(store: Store) -> None:
    """Whatever it takes: a running server makes none while that would hold others up for long."""
    async with partitions.alone(store.reader) as alone:
        if alone:
            await partitions.make_ahead(store.reader, now_micros(), most=None)
