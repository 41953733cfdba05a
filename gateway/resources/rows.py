"""Small statements that all resources share. They run the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources.checks import MOST_PER_PAGE, is_storable, whole_number
from gateway.resources.desk import Page
from gateway.store.times import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Column, Row, Select, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


def resource_id(prefix: str) -> str:
    """``prefix-`` and 32 hexadecimal digits, as AWS writes its ids; they sort by the time they were made."""
    return f"{prefix}-{new_id().replace('-', '')}"


async def one(conn: AsyncConnection, table: Table, account_id: str, row_id: str, thing: str) -> Row[Any]:
    """The row with this id, of this account.

    Raises:
        NotFound: there is none, or it is another account's; the code is ``<thing>_not_found``.
    """
    if is_storable(row_id):
        found = await conn.execute(select(table).where(table.c.account_id == account_id, table.c.id == row_id))
        if (row := found.one_or_none()) is not None:
            return row
    raise missing(thing)


def missing(thing: str, field: str = "") -> NotFound:
    """The error for a ``thing`` that is not there, named in snake_case."""
    words = thing.replace("_", " ")
    return NotFound(
        f"{thing}_not_found", f"There is no such {words}.", field=field, remedy=f"List what {words}s there are."
    )


def protected(thing: str) -> Conflict:
    """The error for deleting a ``thing`` while its ``deletion_protection`` is on."""
    return Conflict("deletion_protection", f"The {thing} is protected.", remedy="Turn deletion_protection off first.")


async def of_account(
    conn: AsyncConnection, table: Table, account_id: str, make: Callable[[Row[Any]], T]
) -> tuple[T, ...]:
    """All rows of the account, oldest first: ids sort by the time they were made."""
    found = await conn.execute(select(table).where(table.c.account_id == account_id).order_by(table.c.id))
    return tuple(map(make, found))


async def page(
    conn: AsyncConnection,
    query: Select[Any],
    key: Column[str],
    make: Callable[[Row[Any]], T],
    *,
    limit: int,
    after: str,
) -> Page[T]:
    """Rows by ascending ``key``, from behind ``after``. Raises Invalid for a limit beyond 1 to 1000."""
    whole_number(limit, "limit", 1, MOST_PER_PAGE)
    if not is_storable(after):
        raise Invalid(
            "bad_cursor", "after is no cursor of ours.", field="after", remedy="Use the next of a page before."
        )
    found = (await conn.execute(query.where(key > after).order_by(key).limit(limit + 1))).all()
    following = str(getattr(found[limit - 1], key.name)) if len(found) > limit else ""
    return Page(tuple(make(row) for row in found[:limit]), following)


def columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as columns take them: the schema has no type for yes and no."""
    return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}


async def insert(conn: AsyncConnection, table: Table, values: Mapping[str, Any]) -> None:
    await conn.execute(table.insert().values(values))


async def insert_new(conn: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert unless a row with the same key is there; whether it was inserted."""
    statement = (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(table).values(values)
    return (await conn.execute(statement.on_conflict_do_nothing())).rowcount == 1


async def change(conn: AsyncConnection, table: Table, row_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of one row; nothing to set is no mistake."""
    if values:
        await conn.execute(table.update().where(table.c.id == row_id).values(values))


async def remove(conn: AsyncConnection, table: Table, row_id: str) -> None:
    await conn.execute(table.delete().where(table.c.id == row_id))
