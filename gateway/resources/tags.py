"""Tags: keys with a value each, on any resource of an account (gateway.resources.existence knows the kinds).

Rule 1: a resource has 50 tags at most (https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html, "Maximum
number of tags per resource").
Rule 2: tags go with their resource: whoever deletes one calls ``drop``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateway.errors import QuotaExceeded
from gateway.resources import existence, rows
from gateway.store.tables_numbers import tags as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

MOST = 50
NO_TAGS: Mapping[str, str] = MappingProxyType({})


async def put(tx: Tx, account_id: str, resource: str, tags: Mapping[str, str]) -> None:
    """Add tags, or change the values of those of the same keys, within somebody's transaction.

    Args:
        tx: the transaction.
        account_id: whose.
        resource: as at the end of its ARN, "pool/pool-…"; it must exist, as ``existence.require`` tells.
        tags: values by key.

    Raises:
        QuotaExceeded: there would be more than 50.
    """
    mine = _of(account_id, resource)
    await tx.conn.execute(table.delete().where(*mine, table.c.key.in_(list(tags))))
    there = (await tx.conn.execute(select(func.count()).where(*mine))).scalar_one()
    if there + len(tags) > MOST:
        raise QuotaExceeded("tags_per_resource", f"A resource has {MOST} tags at most.", remedy="Remove some.")
    for key, value in tags.items():
        await rows.insert(tx.conn, table, {"account_id": account_id, "resource": resource, "key": key, "value": value})


async def drop(tx: Tx, account_id: str, resource: str) -> None:
    """Remove all tags of a resource that is deleted, within somebody's transaction."""
    await tx.conn.execute(table.delete().where(*_of(account_id, resource)))


async def of(conn: AsyncConnection, account_id: str, resource: str) -> dict[str, str]:
    """The tags of a resource, by key in alphabetical order."""
    found = await conn.execute(select(table.c.key, table.c.value).where(*_of(account_id, resource)))
    return dict(sorted((row.key, row.value) for row in found))


async def add(desk: Desk, *, account_id: str, resource: str, tags: Mapping[str, str]) -> None:
    """Raises NotFound when there is no such resource; QuotaExceeded as ``put``."""

    async def work(tx: Tx) -> None:
        await existence.require(tx.conn, account_id, resource)
        await put(tx, account_id, resource, tags)

    await desk.store.write(work)


async def remove(desk: Desk, *, account_id: str, resource: str, keys: Iterable[str]) -> None:
    """Remove tags; a key that is not there is no mistake. Raises NotFound when there is no such resource."""

    async def work(tx: Tx) -> None:
        await existence.require(tx.conn, account_id, resource)
        await tx.conn.execute(table.delete().where(*_of(account_id, resource), table.c.key.in_(list(keys))))

    await desk.store.write(work)


async def find(desk: Desk, *, account_id: str, resource: str) -> dict[str, str]:
    """The tags of a resource. Raises NotFound when there is no such resource."""
    async with desk.store.reading() as conn:
        await existence.require(conn, account_id, resource)
        return await of(conn, account_id, resource)


def _of(account_id: str, resource: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.account_id == account_id, table.c.resource == resource
