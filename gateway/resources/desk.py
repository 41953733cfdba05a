"""What every function here is given first: where things are kept, how secrets are sealed, what is known in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import update

from gateway.resources.checks import MOST_PER_PAGE
from gateway.resources.quotas import Quotas
from gateway.store.tables import catalog_state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.resources.catalog import Catalog
    from gateway.store.secrets import Vault
    from gateway.store.store import Store
    from gateway.store.writer import Tx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list. ``next`` is the ``after`` of the page that follows; "" on the last one."""

    items: tuple[T, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who works with resources sits at one."""

    store: Store
    vault: Vault
    catalog: Catalog
    quotas: Quotas = field(default_factory=Quotas)

    async def change(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Write something that the catalog holds; returns when the change is committed and the catalog shows it.

        A caller that goes away in the middle does not leave the catalog behind the database.

        Raises:
            Unavailable: the database cannot be written.
            GatewayError: what ``work`` raised.
        """
        return await asyncio.shield(self._change(work))

    async def _change(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        async def counted(tx: Tx) -> T:
            result = await work(tx)
            await tx.conn.execute(update(catalog_state).values(revision=catalog_state.c.revision + 1))
            return result

        result = await self.store.write(counted)
        await self.catalog.reload()
        return result


async def everything(find: Callable[..., Awaitable[Page[Any]]], desk: Desk, **asked: str) -> list[Any]:
    """All pages of a ``find`` of gateway.resources."""
    items: list[Any] = []
    after = ""
    while True:
        page = await find(desk, **asked, limit=MOST_PER_PAGE, after=after)
        items += page.items
        if not page.next:
            return items
        after = page.next
