"""What machines ask of a running process: is it alive, can it store, and how is it doing?

``/healthz`` and ``/readyz`` need no key and tell nothing of the configuration. ``/metrics`` names connectors and
destinations, so it takes a key with the scope ``read``, or a request from this very machine that no proxy passed on.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select, update

from gateway.api.auth import authenticate, require_scope
from gateway.api.problems import NotReady, respond
from gateway.errors import Unavailable
from gateway.events.log import last_seq
from gateway.model import DEFAULT_ACCOUNT, Status
from gateway.resources import messages
from gateway.services import SERVICES
from gateway.store.tables import accounts, event_destinations
from gateway.store.tables import messages as messages_table
from gateway.store.times import SECOND

if TYPE_CHECKING:
    from gateway.services import Services
    from gateway.store.store import Store
    from gateway.store.writer import Tx

_PROBE_SECONDS = 5.0  # to wait for the store before it counts as stuck
_PROBE_EVERY = SECOND  # microseconds: anybody may ask, so no more than one write a second comes of it
_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
_METRICS_SCOPE = "read"


class Probe:
    """Whether the store takes a write now. Asks at most once a second, however often it is asked."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._at: int | None = None
        self._trouble = ""

    async def trouble(self, store: Store, now: int) -> str:
        """Why nothing can be stored, or ""."""
        async with self._lock:
            if self._at is None or now - self._at >= _PROBE_EVERY:
                self._at, self._trouble = now, await _try(store)
            return self._trouble


PROBE: web.AppKey[Probe] = web.AppKey("probe")


async def healthz(_request: web.Request) -> web.StreamResponse:
    """The process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.StreamResponse:
    """The store takes writes. Links are told, not judged: without any, messages are taken and wait."""
    services = request.app[SERVICES]
    if trouble := await request.app[PROBE].trouble(services.desk.store, services.now()):
        return respond(
            NotReady("not_ready", trouble, remedy="See the log; check the database and its disk."), {"Retry-After": "5"}
        )
    up = [status.up for status in services.links.statuses()]
    return web.json_response({"status": "ready", "links": {"up": sum(up), "down": len(up) - sum(up)}})


async def metrics(request: web.Request) -> web.StreamResponse:
    """Prometheus's text format."""
    services = request.app[SERVICES]
    if not _is_local(request):
        require_scope(authenticate(services.desk.catalog, request.headers.get("Authorization")), _METRICS_SCOPE)
    _measure_links(services)
    await _measure_store(services)
    return web.Response(body=generate_latest(services.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_health(app: web.Application) -> None:
    app[PROBE] = Probe()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


async def _try(store: Store) -> str:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await store.write(_touch)
    except Unavailable as error:
        return error.detail
    except TimeoutError:
        return "The database does not answer."
    return "The disk of the database is full." if store.full else ""


async def _touch(tx: Tx) -> None:
    """Change something and change it back: a full or read-only disk shows only when something is written.

    SQLite writes no page for a row that is set to what it is already.
    """
    t = accounts.c
    for step in (1, -1):
        change = update(accounts).where(t.id == DEFAULT_ACCOUNT).values(created_at=t.created_at + step)
        await tx.conn.execute(change)


def _is_local(request: web.Request) -> bool:
    """Whether a process of this machine asks, for itself."""
    if any(name in request.headers for name in _PROXIED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _measure_links(services: Services) -> None:
    gauges = services.metrics
    for gauge in (gauges.link_up, gauges.window, gauges.outstanding):
        gauge.clear()  # a connector that is gone shall not be shown as it was
    for status in services.links.statuses():
        gauges.link_up.labels(status.connector_id).set(int(status.up))
        for link in status.links:
            gauges.window.labels(status.connector_id, str(link.index)).set(link.window)
            gauges.outstanding.labels(status.connector_id, str(link.index)).set(link.outstanding)


async def _measure_store(services: Services) -> None:
    gauges, store = services.metrics, services.desk.store
    live = await messages.counts(store)
    for status in (Status.SCHEDULED, Status.QUEUED, Status.SUBMITTING, Status.SUBMITTED):
        gauges.live.labels(status.value).set(live.get(status.value, 0))
    t = messages_table.c
    waiting = select(func.min(t.next_at)).where(t.status == Status.QUEUED.value, t.final_at.is_(None))
    async with store.reading() as conn:
        oldest = (await conn.execute(waiting)).scalar_one()
        last = await last_seq(conn)
        d = event_destinations.c
        cursors = (await conn.execute(select(d.id, d.cursor).where(d.enabled == 1))).all()
    gauges.oldest.set(max(0.0, (services.now() - oldest) / SECOND) if oldest is not None else 0.0)
    gauges.event_lag.clear()
    for destination_id, cursor in cursors:
        gauges.event_lag.labels(destination_id).set(last - cursor)
