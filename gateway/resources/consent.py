"""What every act about consent leaves behind: one row in an append-only log, keyed on account and phone number.

Who, when, how, the person's words and the message they were in: the record that CTIA's Messaging Principles and Best
Practices (2023) 5.1.2 and 47 CFR 64.1200(a)(10)-(12) make a sender keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from sqlalchemy import select

from gateway.resources import rows
from gateway.store.tables_consent import consent_log

if TYPE_CHECKING:
    from typing import NotRequired, Unpack

    from sqlalchemy import Row

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

OPT_OUT = "OPT_OUT"
OPT_IN = "OPT_IN"
PERSON = "person"  # the actor of what people do by a text of their own
REVIEW_OPENED = "REVIEW_OPENED"
REVIEW_CLOSED = "REVIEW_CLOSED"
LIST_DELETED = "LIST_DELETED"


class Act(TypedDict):
    """Who did something about whose consent, when and how."""

    account_id: str
    phone: str  # E.164, or a short code
    list_name: str
    at: int  # microseconds
    actor: str  # "person", "staff:alice", "key:key-…", "carrier:smpp-1"
    how: str  # one sentence: "keyword STOP"
    words: NotRequired[str]  # what the person wrote
    reason: NotRequired[str]  # why staff did it
    inbound_id: NotRequired[str]  # of the person's text
    message_id: NotRequired[str]  # of the message that a carrier refused


@dataclass(frozen=True, slots=True)
class Consent:
    """One act as it was recorded; the fields are those of ``Act``."""

    seq: int
    phone: str
    list_name: str
    action: str  # one of the words above
    at: int  # microseconds
    actor: str
    how: str
    words: str = ""
    reason: str = ""
    inbound_id: str = ""
    message_id: str = ""


async def record_in(tx: Tx, *, action: str, **act: Unpack[Act]) -> None:
    """Record an act, one of the words above, within somebody's transaction."""
    await rows.insert(tx.conn, consent_log, {"action": action, **act})


async def history(desk: Desk, *, account_id: str, phone: str, limit: int = 1000) -> tuple[Consent, ...]:
    """All acts about a number (E.164), in the order they were recorded; the latest ``limit`` of them."""
    t = consent_log
    query = select(t).where(t.c.account_id == account_id, t.c.phone == phone).order_by(t.c.seq.desc()).limit(limit)
    async with desk.store.reading() as conn:
        found = (await conn.execute(query)).all()
    return tuple(_of(row) for row in reversed(found))


def _of(row: Row[Any]) -> Consent:
    return Consent(
        seq=row.seq, phone=row.phone, list_name=row.list_name, action=row.action, at=row.at, actor=row.actor,
        how=row.how, words=row.words, reason=row.reason, inbound_id=row.inbound_id, message_id=row.message_id,
    )  # fmt: skip
