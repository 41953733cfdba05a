"""The composition root: builds everything from Settings, starts it and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from carriers import registry
from carriers.simulator import Simulator
from gateway import quickstart
from gateway.api import add_api
from gateway.api.health import add_health
from gateway.config import ROLES
from gateway.console import add_console
from gateway.events.aws_delivery import AwsDelivery
from gateway.events.log import Feed
from gateway.events.post import Post
from gateway.inbound.receive import Inbound
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.nodes.board import Board
from gateway.nodes.keeper import Keeper
from gateway.nodes.leases import BIND, EVENTS, SCHEDULER, standing_in
from gateway.outbound.accept import Outbound
from gateway.outbound.admission import Admission
from gateway.outbound.census import Census
from gateway.outbound.claim import Claims
from gateway.outbound.decision import Links
from gateway.outbound.interrupted import interrupt_in
from gateway.outbound.settle import LateAnswers, Settlements
from gateway.queue import LocalQueue, open_queue
from gateway.receipts import Receipts
from gateway.resources import accounts, connectors
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.resources.quotas import Quotas
from gateway.retention import Retention
from gateway.services import SERVICES, Services
from gateway.store import migrate
from gateway.store.lock import Presence
from gateway.store.repeat import repeat
from gateway.store.secrets import Vault
from gateway.store.store import Store
from gateway.throttle import open_throttle
from gateway.worker.connections import Connections, Wanted
from gateway.worker.loading import Loader
from gateway.worker.refill import Refill
from gateway.worker.sweeper import Sweeper
from gateway.worker.worker import Lanes, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

    from carriers.types import SubmissionResult
    from gateway.config import Settings
    from gateway.model import Dispatch
    from gateway.queue import Queue
    from gateway.quickstart import Quickstart
    from gateway.store.writer import Tx

log = structlog.get_logger()

FOLLOW_SECONDS = 0.5
MAX_REQUEST = 4 * 1024 * 1024  # octets: a batch of 1,000 long texts with their context


def now_micros() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Instance:
    """A running gateway, or the part of it that this process is."""

    services: Services
    quickstart: Quickstart | None


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Instance]:
    """Everything but the HTTP server, started; stopped in the opposite order.

    Raises:
        Unavailable: the database cannot be opened.
    """
    async with contextlib.AsyncExitStack() as stack:
        presence = Presence(settings.database)
        first = await presence.arrive()
        stack.callback(presence.leave)
        desk = await _open_desk(settings, stack)
        simulator = await _open_simulator(settings, stack)
        welcome = None
        if simulator:
            welcome = await quickstart.prepare(desk, settings, now_micros())
        builder = _Builder(settings, desk, simulator)
        await builder.start(stack, first=first)
        await presence.settled()
        yield Instance(builder.services(), welcome)


async def _open_desk(settings: Settings, stack: contextlib.AsyncExitStack) -> Desk:
    await migrate.upgrade(settings.database)
    store = Store(settings.database)
    store.start()
    stack.push_async_callback(store.close)
    desk = Desk(store, Vault.of(settings), await Catalog.load(store), Quotas.of(settings))
    await accounts.ensure_default(desk, now_micros())
    return desk


async def _open_simulator(settings: Settings, stack: contextlib.AsyncExitStack) -> Simulator | None:
    """Only where everything is in one process: the handsets that the console shows are in its memory."""
    if not settings.simulator or settings.roles != ROLES:
        return None
    simulator = Simulator()
    await simulator.start("127.0.0.1", settings.simulator_port)
    stack.push_async_callback(simulator.stop)
    return simulator


class _Builder:
    """Puts the parts together. They meet here and nowhere else."""

    def __init__(self, settings: Settings, desk: Desk, simulator: Simulator | None) -> None:
        self.settings, self.desk, self.simulator = settings, desk, simulator
        self.metrics, self.feed = Metrics(), Feed()
        self.rng = random.Random()  # noqa: S311 -- spreads retries; nothing is kept secret by it
        store, catalog = desk.store, desk.catalog
        store.on_commit(self.feed.notify)
        self.keeper = Keeper(store, settings.roles, _Duties(self), self._bury, now=now_micros)
        self.connections = Connections(_Door(self))
        self.board = Board(store, self.connections.statuses, self.connections.up)
        self.receipts = Receipts(
            store, now=now_micros, observe=self.metrics.submit_to_receipt.observe, id_base=self.connections.id_base
        )
        links = Links(self.board.up, self.connections.profile, self.connections.simulated)
        self.admission = Admission(catalog, settings, self.metrics)
        self.outbound = Outbound(store, catalog, links, self.admission, self.metrics, now=now_micros, offer=self._offer)
        self.inbound = Inbound(store, catalog, self.outbound, settings, now=now_micros)
        self.queue: Queue = open_queue(settings.queue_url, settings.database)
        self.throttle = open_throttle(settings.queue_url, settings.database)
        self.loader = Loader(store, catalog)
        self.worker = self._worker()
        if isinstance(self.queue, LocalQueue):
            self.queue.on_lost, self.queue.on_contents = self.worker.fall_behind, self.worker.hear
        self.refill = Refill(store, self.worker, self.loader, self.connections.known, now=now_micros)
        self.sweeper = Sweeper(store, self.receipts, self.inbound, self.loader, self._offer, now=now_micros)
        self.retention = Retention(store, days=settings.retention_days, now=now_micros)
        self.post = Post(
            store, self.feed, self._decrypt, folder=settings.data_dir / "events",
            allow_private=settings.allow_private_webhooks, clock=now_micros, aws=AwsDelivery.of(settings),
            owns=lambda destination_id: self.keeper.holds(EVENTS + destination_id),
        )  # fmt: skip
        self.intake = Intake(
            store, self.receipts, self.inbound, self.metrics, group_of=self.connections.group,
            settled=self.worker.settled, changed=self.worker.changed,
        )  # fmt: skip

    def _worker(self) -> Worker:
        lanes = Lanes(
            Claims(self.desk.catalog, self._standing, now=now_micros),
            Settlements(self._standing, now=now_micros),
            LateAnswers(now=now_micros),
            self.receipts,
        )
        return Worker(
            store=self.desk.store, lanes=lanes, loader=self.loader, queue=self.queue, throttle=self.throttle,
            connections=self.connections, up=self.board.up, fence=lambda one: self.keeper.fence(BIND + one),
            settings=self.settings, metrics=self.metrics, now=now_micros, rng=self.rng,
        )  # fmt: skip

    def _offer(self, messages: Iterable[Dispatch]) -> None:
        self.worker.offer(messages)

    async def _standing(self, tx: Tx) -> Mapping[str, int]:
        return await standing_in(tx, self.keeper.id)

    async def _bury(self, tx: Tx, names: Collection[str]) -> None:
        """A node died: what its connectors were sending is UNKNOWN."""
        binds = [name.removeprefix(BIND) for name in names if name.startswith(BIND)]
        if unknown := await interrupt_in(tx, binds, now_micros()):
            log.warning("messages interrupted", action="app.bury", unknown=unknown)

    def _decrypt(self, destination_id: str, sealed: bytes) -> str:
        return self.desk.vault.open("event_destinations", destination_id, sealed).decode()

    async def start(self, stack: contextlib.AsyncExitStack, *, first: bool) -> None:
        grace = self.settings.drain_seconds
        stack.push_async_callback(self.queue.close)
        stack.push_async_callback(self.throttle.close)
        self.worker.start()
        await self.post.start()
        stack.push_async_callback(self.keeper.stop)
        stack.push_async_callback(self.post.stop)
        stack.push_async_callback(self.connections.stop, grace)
        await self.reload_connectors()
        await self.keeper.start(first=first)
        stack.push_async_callback(self.worker.stop, grace)
        following = repeat(self._follow, every=FOLLOW_SECONDS, action="app.follow")
        tasks = [following, *([self.refill.run()] if "worker" in self.settings.roles else [])]
        if "api" in self.settings.roles:
            tasks.append(Census(self.desk.store, self.admission).run())
        for work in tasks:
            stack.callback(asyncio.create_task(work).cancel)
        log.info("started", action="app.start", database=self.desk.store.reader.dialect.name, role=self.settings.role)

    async def reload_connectors(self) -> None:
        """Know the connectors as their rows say now, and run those that are ours."""
        wanted = []
        for loaded in await connectors.load_all(self.desk):
            values: dict[str, Any] = dict(loaded.settings)
            simulated = loaded.id == quickstart.CONNECTOR
            if simulated and self.simulator is None:
                continue  # made by an earlier start, when the simulated carrier was on
            if simulated and self.simulator:
                values["port"] = self.simulator.port
            model = registry.read_settings(loaded.kind, values)
            wanted.append(Wanted(loaded.id, loaded.kind, model, loaded.group, simulated=simulated))
        await self.connections.want(wanted)
        self.worker.follow()

    async def change_connectors(self) -> None:
        """After a connector's row has changed."""
        await self.reload_connectors()
        await self.keeper.beat()

    async def _follow(self) -> None:
        """Take up what other processes, such as the command line, change in the database."""
        await self.board.exchange(self.keeper.id, now_micros())
        if await self.desk.catalog.follow():
            await self.change_connectors()
            await self.post.refresh()

    def services(self) -> Services:
        return Services(
            settings=self.settings, desk=self.desk, outbound=self.outbound, post=self.post, feed=self.feed,
            metrics=self.metrics, links=self.board, restart_connectors=self.change_connectors,
            simulator=self.simulator, now=now_micros,
        )  # fmt: skip


class _Duties:
    """What this process does with the leases that it holds: a ``gateway.nodes.keeper.Owner``."""

    def __init__(self, builder: _Builder) -> None:
        self._of = builder
        self._scheduled: list[asyncio.Task[None]] = []

    def wanted(self) -> Mapping[str, Sequence[str]]:
        return {
            "worker": [BIND + connector_id for connector_id in self._of.connections.busiest_first()],
            "events": [EVENTS + destination_id for destination_id in sorted(self._of.post.enabled)],
            "scheduler": [SCHEDULER],
        }

    async def took(self, names: Collection[str]) -> None:
        await self._align(names, grace=0.0)
        if any(name.startswith(EVENTS) for name in names):
            await self._of.post.refresh()
        if SCHEDULER in names and not self._scheduled:
            self._scheduled = [asyncio.create_task(work) for work in (self._of.sweeper.run(), self._of.retention.run())]

    async def giving(self, names: Collection[str]) -> None:
        grace = self._of.settings.drain_seconds
        await self._of.worker.finish([name.removeprefix(BIND) for name in names if name.startswith(BIND)], grace)
        await self._align(names, grace=grace)
        if any(name.startswith(EVENTS) for name in names):
            await self._of.post.refresh()
        self._rest(names)

    async def lost(self, names: Collection[str]) -> None:
        self._rest(names)
        await self._align(names, grace=0.0)
        await self._of.post.drop()

    async def _align(self, names: Collection[str], *, grace: float) -> None:
        """Run the connectors that are held, and those only."""
        if any(name.startswith(BIND) for name in names):
            of = self._of
            held = [one for one in of.connections.known() if of.keeper.holds(BIND + one)]
            await of.connections.own(held, grace=grace)
            of.worker.follow()

    def _rest(self, names: Collection[str]) -> None:
        if SCHEDULER in names:
            for task in self._scheduled:
                task.cancel()
            self._scheduled = []


class _Door:
    """The sink of every connector: the intake, which is built after the connectors' keeper that needs a sink."""

    def __init__(self, builder: _Builder) -> None:
        self._builder = builder

    def settled(self, connector_id: str, results: Sequence[SubmissionResult]) -> None:
        self._builder.intake.settled(connector_id, results)

    async def received(self, connector_id: str, events: Sequence[Any]) -> None:
        await self._builder.intake.received(connector_id, events)

    def changed(self, connector_id: str) -> None:
        self._builder.intake.changed(connector_id)


def web_app(services: Services) -> web.Application:
    """The HTTP face of a running instance."""
    app = web.Application(client_max_size=MAX_REQUEST)
    app[SERVICES] = services
    add_api(app)
    add_console(app)
    return app


def health_app(services: Services) -> web.Application:
    """What machines ask of a process that has no other face."""
    app = web.Application()
    app[SERVICES] = services
    add_health(app)
    return app
