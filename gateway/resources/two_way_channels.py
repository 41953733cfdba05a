"""Two-way channels: the topics that texts from people are published to, each an event destination of its own.

Rule 1: a text is published to the channel that its number had when it came (``two_way_channel`` of its event).
Rule 2: a channel becomes a destination with the first text for it; it begins with that text.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from gateway.events.destinations import TWO_WAY
from gateway.events.log import last_seq
from gateway.resources import rows
from gateway.store.tables import catalog_state, event_destinations

if TYPE_CHECKING:
    from gateway.model import OriginationIdentity
    from gateway.store.writer import Tx

_T = event_destinations


def channel_of(identity: OriginationIdentity | None) -> str:
    """Where texts to a number are published; "" for nowhere."""
    return identity.two_way_channel if identity is not None and identity.two_way else ""


async def open_in(tx: Tx, account_id: str, channel: str, now: int) -> None:
    """See that a channel has its destination, before a text for it is logged in the same transaction."""
    # The same for the same channel, so that two processes cannot make two.
    destination_id = f"destination-{hashlib.sha256(f'{account_id} {channel}'.encode()).hexdigest()[:32]}"
    if (await tx.conn.execute(select(_T.c.id).where(_T.c.id == destination_id))).first() is not None:
        return
    values = {
        "id": destination_id, "account_id": account_id, "kind": TWO_WAY, "target": channel,
        "cursor": await last_seq(tx.conn), "created_at": now,
    }  # fmt: skip
    await rows.insert_new(tx.conn, _T, values)
    # Every process that follows the catalog takes up the new destination.
    await tx.conn.execute(update(catalog_state).values(revision=catalog_state.c.revision + 1))
