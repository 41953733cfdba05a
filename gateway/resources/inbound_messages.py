"""Texts from people, as they are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.resources import rows
from gateway.store.tables import inbound_messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from gateway.resources.desk import Desk


@dataclass(frozen=True, slots=True)
class InboundText:
    """One text that came, whole or (``complete`` False) as far as its parts arrived."""

    id: str
    account_id: str
    to: str  # our number or short code
    identity_id: str
    sender: str  # E.164 of the person, or what the carrier gave
    body: str
    parts: int
    complete: bool
    connector_id: str
    keyword: str  # the word that matched
    meaning: str
    match: Mapping[str, Any]  # what matched and why
    reply_to: str  # id of the last message of that pair
    received_at: int  # microseconds


@dataclass(frozen=True, slots=True)
class Search:
    """Empty conditions hold for all."""

    account_id: str
    number: str = ""  # the person's, or ours
    after: int | None = None  # received at or after
    before: int | None = None
    cursor: str = ""  # the last id of the page before
    limit: int = 50


async def find(desk: Desk, search: Search) -> list[InboundText]:
    """Newest first; a page ends where the next one's ``cursor`` is its last id."""
    t = inbound_messages.c
    query = select(inbound_messages).where(t.account_id == search.account_id)
    if search.number:
        query = query.where((t.source == search.number) | (t.identity == search.number))
    if search.after is not None:
        query = query.where(t.received_at >= search.after)
    if search.before is not None:
        query = query.where(t.received_at < search.before)
    if search.cursor:
        query = query.where(t.id < search.cursor)
    async with desk.store.reading() as conn:
        return [_of(row) for row in await conn.execute(query.order_by(t.id.desc()).limit(search.limit))]


async def get(desk: Desk, *, account_id: str, inbound_id: str) -> InboundText:
    """Raises NotFound, also for a text of another account."""
    async with desk.store.reading() as conn:
        return _of(await rows.one(conn, inbound_messages, account_id, inbound_id, "inbound_message"))


def _of(row: Row[Any]) -> InboundText:
    return InboundText(
        id=row.id, account_id=row.account_id, to=row.identity, identity_id=row.identity_id, sender=row.source,
        body=row.body, parts=row.parts, complete=bool(row.complete), connector_id=row.connector_id,
        keyword=row.keyword, meaning=row.meaning, match=orjson.loads(row.match or "{}"), reply_to=row.reply_to,
        received_at=row.received_at,
    )  # fmt: skip
