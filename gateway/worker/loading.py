"""Messages from the database, as the worker takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model import Status
from gateway.resources.messages import BY_IDS, dispatchable, load, to_dispatch
from gateway.store.tables import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Dispatch
    from gateway.resources.catalog import Catalog
    from gateway.store.store import Store

BATCH = 500
_PARTS, _STATUS = 6, -2  # places in a row of ``dispatchable``


class Loader:
    """Reads QUEUED messages."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog

    async def queued(self, ids: Sequence[str]) -> list[Dispatch]:
        """Those of these that are QUEUED, oldest first.

        Raises:
            Unavailable: the database cannot be read.
        """
        rows = [row for row in await self._store.peek(BY_IDS, self._store.listed(ids)) if row[_STATUS] == Status.QUEUED]
        several = [row[0] for row in rows if row[_PARTS] > 1]
        found = [to_dispatch(row) for row in rows if row[_PARTS] == 1]
        if several:
            waiting = messages.c.status == Status.QUEUED.value
            found += await load(self._store, dispatchable().where(messages.c.id.in_(several), waiting))
        return [self.complete(message) for message in sorted(found, key=lambda message: message.id)]

    def complete(self, message: Dispatch) -> Dispatch:
        """A message from the database, with what only its identity knows."""
        identity = self._catalog.directory(message.account_id).identity_by_id.get(message.identity_id)
        if identity is None or (identity.rate is None and not identity.self_managed_opt_outs):
            return message
        return message._replace(rate=identity.rate, self_managed=identity.self_managed_opt_outs)
