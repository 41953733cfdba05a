"""Work that is done again and again, whatever becomes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.store.transactions import describe, is_unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RETRY = 1.0  # seconds until the next attempt while the database is away; after a fault of ours, at least

log = structlog.get_logger()


async def repeat(work: Callable[[], Awaitable[None]], *, every: float, action: str) -> None:
    """Do ``work``, rest for ``every`` seconds, and do it again, until cancelled.

    A database that is away is told of once when that begins and once when it ends, a fault of ours each time.
    """
    trouble = ""
    while True:
        error = await _outcome(work)
        before, trouble = trouble, describe(error) if error and is_unavailable(error) else ""
        if trouble and not before:
            log.warning("held up", action=action, error=trouble)
        elif before and not trouble:
            log.info("goes on", action=action)
        if error and not trouble:
            log.error("failed", action=action, exc_info=error)
        await asyncio.sleep(RETRY if trouble else max(every, RETRY) if error else every)


async def _outcome(work: Callable[[], Awaitable[None]]) -> Exception | None:
    try:
        await work()
    except Exception as error:  # noqa: BLE001 -- whatever it is, the next round comes
        return error
    return None
