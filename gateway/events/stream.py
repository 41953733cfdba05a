"""The log as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import Invalid
from gateway.events.log import last_seq, page
from gateway.events.record import numbered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from gateway.events.log import Feed, Page
    from gateway.store.store import Store

KEEP_ALIVE_SECONDS = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
CHUNK = 200

_LONGEST = 18  # digits that fit a BIGINT whatever they are


async def stream(
    store: Store,
    feed: Feed,
    account_id: str,
    after: int | None,
    types: Collection[str] = (),
    *,
    keep_alive: float = KEEP_ALIVE_SECONDS,
) -> AsyncIterator[bytes]:
    """The events of an account as they are committed, without end.

    Args:
        store: where the log is.
        feed: tells of commits.
        account_id: whose events.
        after: the number of the last event that was seen; None begins with what happens from now on.
        types: wanted types; none means all.
        keep_alive: seconds of silence after which a comment is sent, so that nobody between closes the connection.

    Raises:
        Unavailable: the database cannot be read; the client comes back with Last-Event-ID.
    """
    clock = asyncio.get_running_loop().time
    cursor = await _newest(store) if after is None else after
    spoke = clock()
    while True:
        seen = feed.version
        found = await _read(store, cursor, account_id, types)
        if found.upto:
            cursor = found.upto
        if found.rows:
            yield b"".join([_chunk(row.seq, row.type, row.data) for row in found.rows])
            spoke = clock()
        if not found.more and not await feed.wait(seen, max(0.0, spoke + keep_alive - clock())):
            yield KEEP_ALIVE
            spoke = clock()


def last_event_id(header: str) -> int | None:
    """Where to go on, from the header Last-Event-ID; None without one.

    Raises:
        Invalid: field "Last-Event-ID"; it is no number of an event.
    """
    if not header:
        return None
    if not (header.isascii() and header.isdigit() and len(header) <= _LONGEST):
        detail = "Last-Event-ID must be the number of an event."
        raise Invalid("last_event_id", detail, field="Last-Event-ID", remedy="Leave it out to begin with what is new.")
    return int(header)


async def _newest(store: Store) -> int:
    async with store.reading() as connection:
        return await last_seq(connection)


async def _read(store: Store, after: int, account_id: str, types: Collection[str]) -> Page:
    return await page(store, after=after, limit=CHUNK, account_id=account_id, types=types)


def _chunk(seq: int, kind: str, data: str) -> bytes:
    return f"id: {seq}\nevent: {kind}\ndata: {numbered(seq, data)}\n\n".encode()
