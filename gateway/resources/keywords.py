"""Keywords of phone numbers and pools. What a word may be: keywords.own; what is done here is keeping the rows.

Rule 1: a number or pool has STOP, HELP, START and UNSTOP from the beginning; STOP and HELP stay.
Rule 2: the keywords of a number in a pool are the pool's: they are changed on the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import literal, select

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import checks, rows
from gateway.store.tables_numbers import keywords as table
from gateway.store.tables_numbers import phone_numbers, pools
from keywords.engine import check_keyword, check_removal, default_keywords
from keywords.types import Action, Keyword, KeywordError

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

_LONGEST_MESSAGE = 1600
_LONGEST_WORD = 30
_POOL_ID = "pool-"


async def put(
    desk: Desk,
    *,
    account_id: str,
    owner_id: str,
    word: str,
    now: int,
    action: str = Action.AUTOMATIC_RESPONSE,
    message: str = "",
) -> Keyword:
    """Add a keyword or change the one of that word, whatever its case (AWS: PutKeyword).

    Raises:
        Invalid: the word, action or message cannot be; codes as in keywords.own.check_keyword.
        NotFound: ``owner_id`` is no number or pool of the account.
        Conflict: it is a number in a pool (``phone_number_in_pool``).
    """
    checks.one_of(action, Action, "action")
    checks.line(word, "word", _LONGEST_WORD)
    keyword = Keyword(word, Action(action), checks.prose(message, "message", _LONGEST_MESSAGE))

    async def work(tx: Tx) -> Keyword:
        await _check_owner(tx.conn, account_id, owner_id)
        existing = await of_owner(tx.conn, owner_id)
        _check(keyword, existing)
        for row in existing:
            if row.word.casefold() == word.casefold():
                await _remove(tx.conn, owner_id, row.word)
        await _insert(tx.conn, account_id, owner_id, keyword, now)
        return keyword

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, owner_id: str, word: str) -> Keyword:
    found = await find(desk, account_id=account_id, owner_id=owner_id)
    return _named(word, found)


async def find(desk: Desk, *, account_id: str, owner_id: str) -> tuple[Keyword, ...]:
    """All keywords of a number or pool, by word; those of its pool for a number in one. They are 32 at most."""
    async with desk.store.reading() as conn:
        return await of_owner(conn, await _effective(conn, account_id, owner_id))


async def delete(desk: Desk, *, account_id: str, owner_id: str, word: str) -> None:
    """Remove a keyword. Raises Conflict for STOP and HELP (``mandatory``), else as ``put``."""

    async def work(tx: Tx) -> None:
        await _check_owner(tx.conn, account_id, owner_id)
        row = _named(word, await of_owner(tx.conn, owner_id))
        try:
            check_removal(row.word)
        except KeywordError as error:
            raise Conflict(error.code, f"{error.sentence}.", field="word") from error
        await _remove(tx.conn, owner_id, row.word)

    await desk.change(work)


async def of_owner(conn: AsyncConnection, owner_id: str) -> tuple[Keyword, ...]:
    """The rows that a number or pool itself has."""
    query = select(table).where(table.c.owner_id == owner_id).order_by(table.c.word)
    return tuple(map(of_row, await conn.execute(query)))


async def create_defaults(conn: AsyncConnection, account_id: str, owner_id: str, now: int) -> None:
    for keyword in default_keywords():
        await _insert(conn, account_id, owner_id, keyword, now)


async def copy(conn: AsyncConnection, source_id: str, target_id: str) -> None:
    """Give one owner the keywords of another, in place of its own."""
    await drop(conn, target_id)
    t = table.c
    rows_of_source = select(literal(target_id), t.word, t.account_id, t.action, t.message, t.created_at)
    columns = ("owner_id", "word", "account_id", "action", "message", "created_at")
    await conn.execute(table.insert().from_select(columns, rows_of_source.where(t.owner_id == source_id)))


async def drop(conn: AsyncConnection, owner_id: str) -> None:
    await conn.execute(table.delete().where(table.c.owner_id == owner_id))


def of_row(row: Row[Any]) -> Keyword:
    return Keyword(word=row.word, action=Action(row.action), message=row.message)


async def _check_owner(conn: AsyncConnection, account_id: str, owner_id: str) -> None:
    if await _effective(conn, account_id, owner_id) != owner_id:
        raise Conflict(
            "phone_number_in_pool",
            "The keywords of a number in a pool are the pool's.",
            field="owner_id",
            remedy="Change them on the pool.",
        )


async def _effective(conn: AsyncConnection, account_id: str, owner_id: str) -> str:
    """Whose rows count for this number or pool. Raises NotFound."""
    if owner_id.startswith(_POOL_ID):
        return str((await rows.one(conn, pools, account_id, owner_id, "pool")).id)
    number = await rows.one(conn, phone_numbers, account_id, owner_id, "phone_number")
    return str(number.pool_id or number.id)


def _check(keyword: Keyword, existing: tuple[Keyword, ...]) -> None:
    try:
        check_keyword(keyword, existing)
    except KeywordError as error:
        raise Invalid(error.code, f"{error.field} {error.sentence}.", field=error.field) from error


def _named(word: str, existing: tuple[Keyword, ...]) -> Keyword:
    for row in existing:
        if row.word.casefold() == word.casefold():
            return row
    raise NotFound("keyword_not_found", "There is no such keyword.", field="word")


async def _insert(conn: AsyncConnection, account_id: str, owner_id: str, keyword: Keyword, now: int) -> None:
    values = {
        "owner_id": owner_id, "word": keyword.word, "account_id": account_id, "action": keyword.action.value,
        "message": keyword.message, "created_at": now,
    }  # fmt: skip
    await rows.insert(conn, table, values)


async def _remove(conn: AsyncConnection, owner_id: str, word: str) -> None:
    await conn.execute(table.delete().where(table.c.owner_id == owner_id, table.c.word == word))
