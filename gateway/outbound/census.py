"""Counts what is queued, by connector and account: in the background, a page of the index at a time.

Millions may wait, and counting them at once would hold up what is more urgent. So after each page the census rests nine
times as long as the page took: it costs a tenth of one connection's time at most. One that is done is followed by the
next after a second; what this process accepts meanwhile ``Admission`` counts itself.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import text

from gateway.errors import Unavailable
from gateway.outbound.admission import Admission, Counted
from gateway.store.hot import Hot

if TYPE_CHECKING:
    from gateway.store.store import Store

EVERY = 1.0  # seconds
PAGE = 50_000  # index entries: some 10 ms
REST = 9  # times as long as a page took

log = structlog.get_logger()

# The index ix_messages_queued in its own order. The status is written out: only so do planners see that it serves.
_KEY = "lane, message_type, account_id, next_at"
_BEHIND = (
    f"status = 'QUEUED' AND ({_KEY}) > (CAST(:lane AS TEXT), CAST(:kind AS TEXT), CAST(:account AS TEXT),"
    " CAST(:at AS BIGINT))"
)
_UP_TO = (
    f"({_KEY}) <= (CAST(:to_lane AS TEXT), CAST(:to_kind AS TEXT), CAST(:to_account AS TEXT), CAST(:to_at AS BIGINT))"
)
_SUMS = "SELECT lane, account_id, COUNT(*) FROM messages WHERE {} GROUP BY lane, message_type, account_id"
_FROM, _TO = ("lane", "kind", "account", "at"), ("to_lane", "to_kind", "to_account", "to_at")
EDGE = Hot(
    "census: end of a page",
    (*_FROM, "page"),
    lambda _dialect: text(
        f"SELECT {_KEY} FROM messages WHERE {_BEHIND} ORDER BY {_KEY} LIMIT 1 OFFSET CAST(:page AS INTEGER)"  # noqa: S608 -- constants of ours
    ),
)
ONE_PAGE = Hot("census: a page", (*_FROM, *_TO), lambda _dialect: text(_SUMS.format(f"{_BEHIND} AND {_UP_TO}")))
LAST_PAGE = Hot("census: the last page", _FROM, lambda _dialect: text(_SUMS.format(_BEHIND)))
_START = ("", "", "", -1)


class Census:
    """One process's."""

    def __init__(self, store: Store, admission: Admission, *, page: int = PAGE) -> None:
        self._store, self._admission, self._page = store, admission, page
        self._ended: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.take()
            except Unavailable:
                log.debug("cannot count", action="outbound.census")
            except Exception:
                log.exception("cannot count", action="outbound.census")
            await asyncio.sleep(EVERY)

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
        rows = await self._store.peek(*((ONE_PAGE, *start, *end) if end else (LAST_PAGE, *start)))
        for lane, account_id, count in rows:
            counted.add(lane, account_id, count)
        return end
