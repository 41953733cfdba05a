"""Texts from people, as the console looks them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway.store.tables import inbound_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from gateway.store.store import Store

_T = inbound_messages.c


async def from_person(store: Store, account_id: str, number: str, limit: int) -> Sequence[RowMapping]:
    """The latest texts of a person (E.164), newest first."""
    query = select(inbound_messages).where(_T.source == number, _T.account_id == account_id)
    async with store.reading() as conn:
        return (await conn.execute(query.order_by(_T.received_at.desc()).limit(limit))).mappings().all()


async def replies_to(store: Store, account_id: str, number: str, message_id: str) -> Sequence[RowMapping]:
    """What a person (E.164) wrote back to one message, oldest first."""
    query = select(inbound_messages).where(_T.source == number, _T.account_id == account_id, _T.reply_to == message_id)
    async with store.reading() as conn:
        return (await conn.execute(query.order_by(_T.received_at))).mappings().all()


async def get(store: Store, account_id: str, inbound_id: str) -> RowMapping | None:
    """One text, if it is the account's."""
    query = select(inbound_messages).where(_T.id == inbound_id, _T.account_id == account_id)
    async with store.reading() as conn:
        return (await conn.execute(query)).mappings().first()
