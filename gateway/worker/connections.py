"""The connectors of this process: started from their rows, asked for their state."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import structlog

from carriers import registry
from carriers.text import DEFAULT_PROFILE, TextProfile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from carriers.connector import Connector, Sink
    from carriers.smpp.receipt import IdBase
    from carriers.types import ConnectorStatus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A connector as its row says it should be."""

    connector_id: str
    kind: str
    settings: BaseModel
    carrier_group: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Running:
    wanted: Wanted
    connector: Connector
    profile: TextProfile


class Connections:
    """Keeps the running connectors as the rows want them."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._running: dict[str, _Running] = {}
        self._up: set[str] = set()  # kept by ``note``: asked for every message, so it must cost nothing
        self._lock = asyncio.Lock()

    async def want(self, wanted: Iterable[Wanted], *, grace: float = 5.0) -> None:
        """Start, stop and restart so that exactly these run, with these settings."""
        async with self._lock:
            by_id = {one.connector_id: one for one in wanted}
            for connector_id, running in list(self._running.items()):
                if by_id.get(connector_id) != running.wanted:
                    del self._running[connector_id]
                    self._up.discard(connector_id)
                    await running.connector.stop(grace)
            for connector_id, one in by_id.items():
                if connector_id not in self._running:
                    await self._start(one)

    async def _start(self, wanted: Wanted) -> None:
        kind = registry.kinds()[wanted.kind]
        connector = kind.build(wanted.connector_id, wanted.settings, self._sink)
        profile = registry.text_profile(wanted.kind, wanted.settings)
        self._running[wanted.connector_id] = _Running(wanted, connector, profile)
        await connector.start()
        log.info("connector started", action="connector.start", connector=wanted.connector_id, kind=wanted.kind)

    async def stop(self, grace: float) -> None:
        """Drain and close all, at the same time."""
        async with self._lock:
            await asyncio.gather(*(running.connector.stop(grace) for running in self._running.values()))
            self._running.clear()
            self._up.clear()

    def get(self, connector_id: str) -> Connector | None:
        running = self._running.get(connector_id)
        return running.connector if running else None

    def ids(self) -> tuple[str, ...]:
        return tuple(self._running)

    def note(self, connector_id: str) -> None:
        """A connector told that its state moved."""
        running = self._running.get(connector_id)
        if running is not None and running.connector.status().up:
            self._up.add(connector_id)
        else:
            self._up.discard(connector_id)

    def up(self, connector_id: str) -> bool:
        return connector_id in self._up

    def profile(self, connector_id: str) -> TextProfile:
        running = self._running.get(connector_id)
        return running.profile if running else DEFAULT_PROFILE

    def simulated(self, connector_id: str) -> bool:
        running = self._running.get(connector_id)
        return running is not None and running.wanted.simulated

    def group(self, connector_id: str) -> str:
        running = self._running.get(connector_id)
        return running.wanted.carrier_group if running else connector_id

    def rate(self, connector_id: str) -> float | None:
        """Parts a second that the carrier allows, over all binds."""
        running = self._running.get(connector_id)
        return getattr(running.wanted.settings, "rate", None) if running else None

    def id_base(self, carrier_group: str) -> IdBase:
        """How ids in receipts differ from those in answers, where a connector of the group sets it; "" learns it."""
        for running in self._running.values():
            base: Any = getattr(running.wanted.settings, "id_base", "auto")
            if running.wanted.carrier_group == carrier_group and base != "auto":
                return cast("IdBase", base)
        return ""

    def statuses(self) -> list[ConnectorStatus]:
        return [running.connector.status() for running in self._running.values()]
