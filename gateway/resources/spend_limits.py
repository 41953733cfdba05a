"""Spend limits: what an account may spend in a month on each channel, in whole US dollars.

Rule 1: the operator's limit of the account is the most there can be; what the account sets for itself is below it.
Rule 2: the lower of the two stops sending before the message that would pass it (compliance.rules.spend_limit). AWS's
own stops "within minutes", and may overspend.
(pinpoint-sms-voice-v2 model: SetTextMessageSpendLimitOverride and its fellows.)
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from gateway.errors import Invalid
from gateway.resources import accounts, rows
from gateway.store.tables_spend_limits import spend_limit_overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

HIGHEST = 1_000_000_000  # US dollars: the model's MonthlyLimit, where the operator has set none
_T = spend_limit_overrides


class Channel(StrEnum):
    TEXT = "TEXT"
    VOICE = "VOICE"
    MEDIA = "MEDIA"
    NOTIFY = "NOTIFY"
    RCS = "RCS"


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """What holds for one channel."""

    channel: Channel
    most: int  # the operator's
    override: int | None = None  # the account's own

    @property
    def enforced(self) -> int:
        return self.most if self.override is None else min(self.most, self.override)


async def all_of(desk: Desk, *, account_id: str) -> tuple[SpendLimit, ...]:
    """One for each channel. Raises NotFound for an account that is not there."""
    async with desk.store.reading() as conn:
        most = await _most(conn, account_id)
        found = (await overrides(conn)).get(account_id, {})
    return tuple(SpendLimit(channel, most, found.get(channel)) for channel in Channel)


async def set_override(desk: Desk, *, account_id: str, channel: Channel, monthly_limit: int) -> None:
    """Raises Invalid (``above_spend_limit``) for more than the operator's limit."""

    async def work(tx: Tx) -> None:
        if not 0 <= monthly_limit <= (most := await _most(tx.conn, account_id)):
            raise Invalid(
                "above_spend_limit", f"The account may spend {most} US dollars a month at most.",
                field="monthly_limit", remedy="Set a lower one, or have the operator raise the account's limit.",
            )  # fmt: skip
        await _drop(tx, account_id, channel)
        values = {"account_id": account_id, "channel": channel.value, "monthly_limit": monthly_limit}
        await rows.insert(tx.conn, _T, values)

    await desk.change(work)


async def delete_override(desk: Desk, *, account_id: str, channel: Channel) -> int:
    """Let the operator's limit alone hold, and say what it is. Deleting what is not there is no mistake."""

    async def work(tx: Tx) -> int:
        await _drop(tx, account_id, channel)
        return await _most(tx.conn, account_id)

    return await desk.change(work)


async def overrides(conn: AsyncConnection) -> Mapping[str, Mapping[str, int]]:
    """What accounts have set for themselves, by account and channel."""
    found: dict[str, dict[str, int]] = {}
    for row in await conn.execute(select(_T)):
        found.setdefault(row.account_id, {})[row.channel] = row.monthly_limit
    return found


def lower(operators: Decimal | None, own: int | None) -> Decimal | None:
    """The limit that holds, of the operator's and the account's own; None for no limit."""
    known = [limit for limit in (operators, None if own is None else Decimal(own)) if limit is not None]
    return min(known, default=None)


async def _drop(tx: Tx, account_id: str, channel: Channel) -> None:
    await tx.conn.execute(delete(_T).where(_T.c.account_id == account_id, _T.c.channel == channel.value))


async def _most(conn: AsyncConnection, account_id: str) -> int:
    limit = (await accounts.require(conn, account_id)).limits.monthly_spend_limit
    return HIGHEST if limit is None else int(limit)
