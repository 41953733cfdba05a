"""The one door for everything a carrier tells us. Whoever calls ``received`` acknowledges after it returns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

from carriers.errors import NotAcknowledged
from carriers.types import DeliveryReceipt, InboundMessage
from gateway.errors import Unavailable
from gateway.inbound.receive import ArrivedText
from gateway.receipts import Arrived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carriers.types import CarrierEvent, SubmissionResult
    from gateway.inbound.receive import Inbound
    from gateway.metrics import Metrics
    from gateway.receipts import Receipts
    from gateway.store.store import Store
    from gateway.store.writer import Lane

P = TypeVar("P")
R = TypeVar("R")

log = structlog.get_logger()


class Intake:
    """A carriers.connector.Sink that stores receipts and texts, and passes answers on."""

    def __init__(
        self,
        store: Store,
        receipts: Receipts,
        inbound: Inbound,
        metrics: Metrics,
        *,
        group_of: Callable[[str], str],
        settled: Callable[[str, Sequence[SubmissionResult]], None],
        changed: Callable[[str], None],
    ) -> None:
        self._store, self._receipts, self._inbound, self._metrics = store, receipts, inbound, metrics
        self._group_of, self._settled, self._changed = group_of, settled, changed
        self._tasks: set[asyncio.Task[None]] = set()

    def settled(self, connector_id: str, results: Sequence[SubmissionResult]) -> None:
        self._settled(connector_id, results)

    def changed(self, connector_id: str) -> None:
        self._changed(connector_id)

    async def received(self, connector_id: str, events: Sequence[CarrierEvent]) -> None:
        """Store; returns after the commit.

        Raises:
            NotAcknowledged: the database cannot be written.
        """
        group = self._group_of(connector_id)
        receipts = [Arrived(group, event) for event in events if isinstance(event, DeliveryReceipt)]
        texts = [ArrivedText(connector_id, group, event) for event in events if isinstance(event, InboundMessage)]
        try:
            # One after the other: they may be in different transactions, and without the first there is no second.
            matched = await self._stored(self._receipts, receipts)
            inbound_ids = await self._stored(self._inbound, texts)
        except Unavailable as error:
            raise NotAcknowledged(str(error)) from error
        self._count(connector_id, matched, len(texts))
        if any(inbound_ids):
            self._remember([inbound_id for inbound_id in inbound_ids if inbound_id])

    async def _stored(self, lane: Lane[P, R], payloads: Sequence[P]) -> list[R]:
        futures = [self._store.submit(lane, one) for one in payloads]
        try:
            return [await future for future in futures]
        except Unavailable:
            for future in futures:
                future.cancel()
            raise

    def _count(self, connector_id: str, matched: Sequence[bool], texts: int) -> None:
        found = sum(matched)
        self._metrics.receipts.labels(connector_id, "yes").inc(found)
        self._metrics.receipts.labels(connector_id, "no").inc(len(matched) - found)
        self._metrics.inbound.labels(connector_id).inc(texts)

    def _remember(self, inbound_ids: Sequence[str]) -> None:
        """After the caller has acknowledged: it does so as soon as we return, before the next task runs."""
        task = asyncio.get_running_loop().create_task(self._acknowledged(inbound_ids))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acknowledged(self, inbound_ids: Sequence[str]) -> None:
        try:
            await self._inbound.acknowledged(inbound_ids)
        except Unavailable:
            log.warning("acknowledgement not recorded", action="intake.acknowledged", texts=len(inbound_ids))
