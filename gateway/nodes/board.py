"""How the links of all nodes stand: each node reports its own, everybody reads those of the others.

Routing asks whether a link is up for every message, so the answer is kept in memory and read anew each second.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, select

from carriers.types import ConnectorStatus, LinkStatus
from gateway.store.hot import Hot, upsert
from gateway.store.tables_nodes import link_reports, nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.store.store import Store
    from gateway.store.writer import Tx


OTHERS = Hot(
    "links of other nodes",
    ("node",),
    lambda _dialect: (
        select(link_reports.c.status)
        .join(nodes, nodes.c.id == link_reports.c.node_id)
        .where(link_reports.c.node_id != bindparam("node"))
    ),
)


class Board:
    """Live state of every connector.

    Args:
        store: where the reports are.
        own: state of those that run in this process.
        own_up: whether one of them takes messages.
    """

    def __init__(self, store: Store, own: Callable[[], list[ConnectorStatus]], own_up: Callable[[str], bool]) -> None:
        self._store, self._own, self._own_up = store, own, own_up
        self._others: Mapping[str, ConnectorStatus] = {}
        self._others_up: frozenset[str] = frozenset()
        self._told: dict[str, bytes] = {}

    def up(self, connector_id: str) -> bool:
        """Whether a connector takes messages, here or elsewhere."""
        return self._own_up(connector_id) or connector_id in self._others_up

    def statuses(self) -> list[ConnectorStatus]:
        own = {status.connector_id: status for status in self._own()}
        return list({**self._others, **own}.values())

    async def exchange(self, node_id: str, now: int) -> None:
        """Report what has changed here, and read what others report.

        Raises:
            Unavailable: the database cannot be reached.
        """
        reports = {status.connector_id: orjson.dumps(asdict(_steady(status))) for status in self._own()}
        news = {key: report for key, report in reports.items() if self._told.get(key) != report}
        if news:
            await self._store.write(lambda tx: _report(tx, node_id, news, now))
        self._told = reports
        await self._read(node_id)

    async def _read(self, node_id: str) -> None:
        statuses = [_status(orjson.loads(row[0])) for row in await self._store.peek(OTHERS, node_id)]
        self._others = {status.connector_id: status for status in statuses}
        self._others_up = frozenset(status.connector_id for status in statuses if status.up)


def _steady(status: ConnectorStatus) -> ConnectorStatus:
    """Without what moves with every message: a report tells of links, not of windows."""
    links = tuple(replace(link, outstanding=0, window=0, paused_for=0.0) for link in status.links)
    return replace(status, free=0, links=links)


async def _report(tx: Tx, node_id: str, reports: Mapping[str, bytes], now: int) -> None:
    for connector_id, report in reports.items():
        row = {"connector_id": connector_id, "node_id": node_id, "status": report.decode(), "at": now}
        new = upsert(tx.dialect, link_reports).values(row)
        await tx.conn.execute(new.on_conflict_do_update(index_elements=["connector_id"], set_=row))


def _status(document: Mapping[str, Any]) -> ConnectorStatus:
    links = tuple(
        LinkStatus(**{**link, "since": datetime.fromisoformat(link["since"]) if link["since"] else None})
        for link in document["links"]
    )
    return ConnectorStatus(**{**document, "links": links})
