"""The connectors: known from their rows, run where this process owns them, asked for their state."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
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

GRACE = 5.0  # seconds for a connector whose settings have changed

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
class _Known:
    """A connector that is set up, whether it runs in this process or not."""

    wanted: Wanted
    profile: TextProfile


@dataclass(frozen=True, slots=True)
class _Running:
    wanted: Wanted
    connector: Connector


class Connections:
    """Knows the connectors that are set up, and keeps those of them running that this process owns."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._known: dict[str, _Known] = {}
        self._owned: frozenset[str] = frozenset()
        self._running: dict[str, _Running] = {}
        self._up: set[str] = set()  # kept by ``note``: asked for every message, so it must cost nothing
        self._lock = asyncio.Lock()

    async def want(self, wanted: Iterable[Wanted]) -> None:
        """Exactly these are set up, with these settings. Those that run with others are started anew."""
        self._known = {
            one.connector_id: _Known(one, registry.kinds()[one.kind].profile(one.settings)) for one in wanted
        }
        await self._align(GRACE)

    async def own(self, connector_ids: Iterable[str], *, grace: float) -> None:
        """Run these, as far as they are set up, and no others; one that is stopped has ``grace`` seconds to finish."""
        self._owned = frozenset(connector_ids)
        await self._align(grace)

    async def _align(self, grace: float) -> None:
        async with self._lock:
            due = {key: known.wanted for key, known in self._known.items() if key in self._owned}
            stale = [key for key, running in self._running.items() if due.get(key) != running.wanted]
            await asyncio.gather(*(self._stop(key, grace) for key in stale))
            for connector_id, wanted in due.items():
                if connector_id not in self._running:
                    await self._start(wanted)

    async def _stop(self, connector_id: str, grace: float) -> None:
        running = self._running.pop(connector_id)
        self._up.discard(connector_id)
        await running.connector.stop(grace)

    async def _start(self, wanted: Wanted) -> None:
        kind = registry.kinds()[wanted.kind]
        connector = kind.build(wanted.connector_id, wanted.settings, self._sink)
        self._running[wanted.connector_id] = _Running(wanted, connector)
        await connector.start()
        log.info("connector started", action="connector.start", connector=wanted.connector_id, kind=wanted.kind)

    async def stop(self, grace: float) -> None:
        """Drain and close all, at the same time."""
        await self.own((), grace=grace)

    def get(self, connector_id: str) -> Connector | None:
        running = self._running.get(connector_id)
        return running.connector if running else None

    def ids(self) -> tuple[str, ...]:
        """Those that run here."""
        return tuple(self._running)

    def known(self) -> tuple[str, ...]:
        """Those that are set up, wherever they run."""
        return tuple(self._known)

    def busiest_first(self) -> list[str]:
        """Those that are set up, by what their carriers allow, without a limit first; those alike by name.

        Of a connector's load no more is known to all processes: what it carries is known where it runs.
        """
        return sorted(self._known, key=lambda connector_id: (-(self.rate(connector_id) or inf), connector_id))

    def note(self, connector_id: str) -> None:
        """A connector told that its state moved."""
        running = self._running.get(connector_id)
        if running is not None and running.connector.status().up:
            self._up.add(connector_id)
        else:
            self._up.discard(connector_id)

    def up(self, connector_id: str) -> bool:
        """Whether it runs here and takes messages."""
        return connector_id in self._up

    def profile(self, connector_id: str) -> TextProfile:
        known = self._known.get(connector_id)
        return known.profile if known else DEFAULT_PROFILE

    def simulated(self, connector_id: str) -> bool:
        known = self._known.get(connector_id)
        return known is not None and known.wanted.simulated

    def group(self, connector_id: str) -> str:
        known = self._known.get(connector_id)
        return known.wanted.carrier_group if known else connector_id

    def rate(self, connector_id: str) -> float | None:
        """Parts a second that the carrier allows, over all binds."""
        known = self._known.get(connector_id)
        return getattr(known.wanted.settings, "rate", None) if known else None

    def id_base(self, carrier_group: str) -> IdBase:
        """How ids in receipts differ from those in answers, where a connector of the group sets it; "" learns it."""
        for known in self._known.values():
            base: Any = getattr(known.wanted.settings, "id_base", "auto")
            if known.wanted.carrier_group == carrier_group and base != "auto":
                return cast("IdBase", base)
        return ""

    def statuses(self) -> list[ConnectorStatus]:
        """Of those that run here."""
        return [running.connector.status() for running in self._running.values()]
