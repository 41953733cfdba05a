"""Message feedback: whether a message had its effect, which only the app that sent it can know.

Rule 1: a message that was sent with feedback enabled has a record, PENDING until the app answers RECEIVED or FAILED.
Rule 2: a record that nobody has answered within an hour is FAILED (pinpoint-sms-voice-v2 model: PutMessageFeedback).
Rule 3: the app may answer late, or differently: its last word stands.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select, update

from gateway.resources import checks, rows
from gateway.store.hot import inserting
from gateway.store.tables_configuration_sets import message_feedback
from gateway.store.times import HOUR

if TYPE_CHECKING:
    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

ANSWER_WITHIN = HOUR
_T = message_feedback

EXPECT_FEEDBACK = inserting(_T, "message_id", "account_id", "created_at")


class Feedback(StrEnum):
    RECEIVED = "RECEIVED"
    FAILED = "FAILED"


async def put(desk: Desk, *, account_id: str, message_id: str, status: str, now: int) -> None:
    """Answer for a message.

    Raises:
        Invalid: ``status`` is neither RECEIVED nor FAILED.
        NotFound: there is no such message, or it was sent without feedback (``message_not_found``).
    """
    checks.one_of(status, Feedback, "status")

    async def work(tx: Tx) -> bool:
        mine = (_T.c.message_id == message_id) & (_T.c.account_id == account_id)
        changed = await tx.conn.execute(update(_T).where(mine).values(status=status, answered_at=now))
        return changed.rowcount == 1

    if not (checks.is_storable(message_id) and await desk.store.write(work)):
        raise rows.missing("message")


async def status_of(desk: Desk, *, account_id: str, message_id: str) -> str:
    """PENDING, RECEIVED, FAILED; "" for a message without feedback."""
    query = select(_T.c.status).where(_T.c.message_id == message_id, _T.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return (await conn.execute(query)).scalar() or ""


async def fail_unanswered(tx: Tx, now: int) -> None:
    """What nobody has answered within an hour counts as FAILED."""
    # Written out, not a parameter: only so do planners see that the partial index serves.
    waiting = _T.c.status == literal_column("'PENDING'")
    late = waiting & (_T.c.created_at <= now - ANSWER_WITHIN)
    await tx.conn.execute(update(_T).where(late).values(status=Feedback.FAILED.value, answered_at=now))
