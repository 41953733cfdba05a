"""Counts what is queued, by connector and account: in the background, a page of the index at a time.

Millions may wait, and counting them at once would hold up what is more urgent. So after each page the census rests 19
times as long as the page took: it costs a twentieth of one connection's time at most. One that is done is followed by
the next after a second; what this process accepts meanwhile ``Admission`` counts itself.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from gateway.outbound.admission import Admission, Counted
from gateway.store.hot import Hot
from gateway.store.repeat import repeat

if TYPE_CHECKING:
    from gateway.store.store import Store

EVERY = 1.0  # seconds
PAGE = 50_000  # index entries: 15 to 25 ms
REST = 19  # times as long as a page took

# The index ix_messages_queued in its own order. The status is written out, and nothing is cast: only so do planners
# see that it serves, and SQLite that it may begin in the middle of it.
_KEY = "lane, message_type, account_id, next_at"
_BEHIND = f"status = 'QUEUED' AND ({_KEY}) > (:lane, :kind, :account, :at)"
_UP_TO = f"({_KEY}) <= (:to_lane, :to_kind, :to_account, :to_at)"
_SUMS = "SELECT lane, account_id, COUNT(*) FROM messages WHERE {} GROUP BY lane, message_type, account_id"
_FROM, _TO = ("lane", "kind", "account", "at"), ("to_lane", "to_kind", "to_account", "to_at")
EDGE = Hot(
    "census: end of a page",
    (*_FROM, "page"),
    lambda _dialect: text(f"SELECT {_KEY} FROM messages WHERE {_BEHIND} ORDER BY {_KEY} LIMIT 1 OFFSET :page"),  # noqa: S608 -- constants of ours
)
ONE_PAGE = Hot("census: a page", (*_FROM, *_TO), lambda _dialect: text(_SUMS.format(f"{_BEHIND} AND {_UP_TO}")))
LAST_PAGE = Hot("census: the last page", _FROM, lambda _dialect: text(_SUMS.format(_BEHIND)))
# As ONE_PAGE where all is of one account and type: four times as quick, and most of what waits by the million is.
ALIKE = Hot(
    "census: a page of one kind",
    (*_FROM, "to_at"),
    lambda _dialect: text(
        "SELECT COUNT(*) FROM messages WHERE status = 'QUEUED' AND lane = :lane AND message_type = :kind"
        " AND account_id = :account AND next_at > :at AND next_at <= :to_at"
    ),
)
_START = ("", "", "", -1)


class Census:
    """One process's."""

    def __init__(self, store: Store, admission: Admission, *, page: int = PAGE) -> None:
        self._store, self._admission, self._page = store, admission, page
        self._ended: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(self.take, every=EVERY, action="outbound.census")

    async def take(self) -> None:
        """Count everything once, and tell the admission.

        Raises:
            Unavailable: the database cannot be read.
        """
        self._admission.begin()
        counted = Counted()
        edge: Any = _START
        while edge is not None:
            began = time.monotonic()
            edge = await self._count_page(edge, counted)
            if edge is not None:
                await asyncio.sleep(REST * (time.monotonic() - began))
        now = time.monotonic()
        self._admission.end(counted, now - self._ended if self._ended is not None else 0.0)
        self._ended = now

    async def _count_page(self, start: Any, counted: Counted) -> Any:  # noqa: ANN401 -- driver values
        """Add up what lies behind ``start``; where the page ends, or None when it was the last.

        It ends with a key, not within those that share one: messages accepted together have one time.
        """
        found = await self._store.peek(EDGE, *start, self._page)
        end = tuple(found[0]) if found else None
        if end is None:
            rows = await self._store.peek(LAST_PAGE, *start)
        elif end[:3] == start[:3]:
            ((count,),) = await self._store.peek(ALIKE, *start, end[3])
            rows = [(start[0], start[2], count)]
        else:
            rows = await self._store.peek(ONE_PAGE, *start, *end)
        for lane, account_id, count in rows:
            counted.add(lane, account_id, count)
        return end
