"""Work that is done once however often it is asked for, by a token that the client makes up for it.

Rule 1: a token is claimed before the work and has its answer after it. Who finds it claimed waits for the answer.
Rule 2: work that fails gives its token back, so that it can be tried again.
Rule 3: a claim older than a minute is of a process that died, and goes to who asks next.
Rule 4: an answer is kept for 24 hours, beside those of the native API; a line break, which no Idempotency-Key of that
has, tells the two apart.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import and_, delete, or_, select, update

from gateway.errors import Invalid, TooMany
from gateway.resources import rows
from gateway.store.tables import idempotency_keys
from gateway.store.times import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import ColumnElement, Row

    from gateway.store.store import Store
    from gateway.store.writer import Tx

ABANDONED = 60 * SECOND
LOOKS, LOOK_EVERY = 200, 0.05  # ten seconds
_CLAIMED, _DONE = 0, 200  # in the column ``status``
_t = idempotency_keys.c


class Use(NamedTuple):
    """One request with its token."""

    account_id: str
    operation: str
    token: str
    request_hash: str
    now: Callable[[], int]  # microseconds

    @property
    def key(self) -> str:
        return f"{self.operation}\n{self.token}"


async def once(store: Store, use: Use, work: Callable[[], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any]:
    """What ``work`` gives, plain JSON; or gave when it was asked for with this token before.

    Raises:
        Invalid: the token was used with another request (``client_token_reused``).
        TooMany: the same request is still at work (``client_token_in_use``).
        Exception: what ``work`` raises.
    """
    for _ in range(LOOKS):
        claimed_at = use.now()
        found = await store.write(lambda tx, at=claimed_at: _claim(tx, use, at))  # type: ignore[misc]
        if found is None:
            return await _work(store, use, claimed_at, work)
        if found.request_hash != use.request_hash:
            raise Invalid(
                "client_token_reused", "The token was used with another input within the last 24 hours.",
                field="ClientToken", remedy="Use a new one for a new request.",
            )  # fmt: skip
        if found.status == _DONE:
            answer: Mapping[str, Any] = orjson.loads(found.response)
            return answer
        await asyncio.sleep(LOOK_EVERY)
    raise TooMany("client_token_in_use", "The same request is still at work.", retry_after=1.0)


async def _claim(tx: Tx, use: Use, now: int) -> Row[Any] | None:
    """The row that is there; None when it is ours now."""
    abandoned = and_(_t.status == _CLAIMED, _t.created_at <= now - ABANDONED)
    await tx.conn.execute(delete(idempotency_keys).where(_is(use), or_(abandoned, _t.created_at <= now - DAY)))
    values = {
        "account_id": use.account_id, "key": use.key, "request_hash": use.request_hash, "status": _CLAIMED,
        "response": "", "created_at": now,
    }  # fmt: skip
    if await rows.insert_new(tx.conn, idempotency_keys, values):
        return None
    return (await tx.conn.execute(select(idempotency_keys).where(_is(use)))).one()


async def _work(
    store: Store, use: Use, claimed_at: int, work: Callable[[], Awaitable[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    mine = and_(_is(use), _t.status == _CLAIMED, _t.created_at == claimed_at)
    try:
        answer = await work()
    except Exception:
        await store.write(lambda tx: tx.conn.execute(delete(idempotency_keys).where(mine)))
        raise
    values = {"status": _DONE, "response": orjson.dumps(answer).decode()}
    await store.write(lambda tx: tx.conn.execute(update(idempotency_keys).where(mine).values(values)))
    return answer


def _is(use: Use) -> ColumnElement[bool]:
    return and_(_t.account_id == use.account_id, _t.key == use.key)
