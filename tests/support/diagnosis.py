"""What to know about a cluster that did not do as it should: added to the failure, so that one need not run it again."""

from __future__ import annotations

import contextlib
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateway.store import tables, tables_nodes
from gateway.store.engine import open_reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from tests.support.chaos import Field
    from tests.support.cluster import Cluster, Node

_LINES = 12  # the last of each process's log
_EXAMPLES = 5


@asynccontextmanager
async def explained(on: Field) -> AsyncIterator[None]:
    """A failure within it says how the database, the carrier and every process stand."""
    try:
        yield
    except BaseException as error:
        error.add_note(await _diagnosis(on))
        raise


async def _diagnosis(on: Field) -> str:
    carrier = f"carrier: {len(on.carrier.links)} links, {on.carrier.submits} submits, {on.carrier.waiting} waiting"
    return "\n".join([await _database(on.cluster), carrier, *map(_process, on.cluster.nodes.values())])


async def _database(cluster: Cluster) -> str:
    engine = open_reader(cluster.database_url)
    try:
        async with engine.connect() as connection:
            return await _rows(connection)
    except Exception as error:  # noqa: BLE001 -- that it cannot be read is part of the diagnosis
        return f"database: {type(error).__name__}: {error}"
    finally:
        await engine.dispose()


async def _rows(connection: AsyncConnection) -> str:
    messages, live = tables.messages.c, tables.messages.c.final_at.is_(None)
    by_status = select(messages.status, messages.connector_id, func.count()).group_by(
        messages.status, messages.connector_id
    )
    some = select(messages.id, messages.status, messages.connector_id, messages.status_at, messages.next_at)
    queries = {
        "messages": by_status, "of those live": some.where(live).limit(_EXAMPLES),
        "nodes": select(tables_nodes.nodes), "leases": select(tables_nodes.leases),
    }  # fmt: skip
    found = {name: [tuple(row) for row in await connection.execute(query)] for name, query in queries.items()}
    return "\n".join(f"{name}: {rows}" for name, rows in found.items())


def _process(node: Node) -> str:
    running = node.process.running
    state = "never started" if running is None else f"pid {running.pid}, ended with {running.returncode}"
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = node.process.output.splitlines()
    levels = Counter(level for line in lines for level in ("warning", "error") if f'"level": "{level}"' in line)
    return "\n".join([f"{node.log.stem} ({node.role}): {state}, {dict(levels)}", *lines[-_LINES:]])
