"""What was leaving when its process died: UNKNOWN, never sent again blindly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import literal_column

from gateway.model import OnUnknown, Status
from gateway.resources.messages import Move, dispatchable, move_in, to_dispatch
from gateway.store.tables import messages

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.model import Dispatch
    from gateway.store.writer import Tx


async def interrupt_in(tx: Tx, connector_ids: Collection[str], now: int) -> int:
    """Give up what these connectors were sending. Returns how many messages that were: a window at most."""
    # Written out, not a parameter: only so do planners see that the partial index serves.
    live = messages.c.final_at.is_(None) & (messages.c.status != literal_column("'QUEUED'"))
    leaving = live, messages.c.status == Status.SUBMITTING.value
    query = dispatchable().where(*leaving, messages.c.connector_id.in_(connector_ids)).order_by(messages.c.id)
    found = [to_dispatch(row) for row in await tx.conn.execute(query.with_for_update())]
    await move_in(tx, [_given_up(message, now) for message in found])
    return len(found)


def _given_up(message: Dispatch, now: int) -> Move:
    resend = message.on_unknown == OnUnknown.RESEND_ONCE and not message.possible_duplicate
    return Move(
        message, Status.SUBMITTING, Status.UNKNOWN, now, code="interrupted",
        reason="The gateway stopped before the carrier answered.", next_at=now if resend else None, final=not resend,
        attempts=message.attempts, possible_duplicate=message.possible_duplicate,
    )  # fmt: skip
