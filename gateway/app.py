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
from gateway.console import add_console
from gateway.errors import Unavailable
from gateway.events.log import Feed
from gateway.events.post import Post
from gateway.inbound.receive import Inbound
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.outbound.accept import Outbound
from gateway.outbound.claim import Claims
from gateway.outbound.decision import Links
from gateway.outbound.settle import LateAnswers, Settlements
from gateway.queue import open_queue
from gateway.receipts import Receipts
from gateway.resources import accounts, connectors
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.services import SERVICES, Services
from gateway.store import migrate
from gateway.store.lock import InstanceLock
from gateway.store.secrets import Vault
from gateway.store.store import Store
from gateway.throttle import open_throttle
from gateway.worker.connections import Connections, Wanted
from gateway.worker.sweeper import Sweeper
from gateway.worker.worker import Lanes, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from carriers.types import SubmissionResult
    from gateway.config import Settings
    from gateway.model import Dispatch
    from gateway.queue import Queue
    from gateway.quickstart import Quickstart
    from gateway.throttle import Throttle

log = structlog.get_logger()

FOLLOW_SECONDS = 1.0
MAX_REQUEST = 4 * 1024 * 1024  # octets: a batch of 1,000 long texts with their context


def now_micros() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Instance:
    """A running gateway."""

    services: Services
    worker: Worker
    connections: Connections
    quickstart: Quickstart | None


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Instance]:
    """Everything but the HTTP server, started; stopped in the opposite order.

    Raises:
        Unavailable: the database cannot be opened.
        Conflict: another process serves this database.
    """
    async with contextlib.AsyncExitStack() as stack:
        desk = await _open_desk(settings, stack)
        simulator = await _open_simulator(settings, stack)
        welcome = None
        if simulator:
            welcome = await quickstart.prepare(desk, settings, now_micros())
        builder = _Builder(settings, desk, simulator)
        yield await builder.start(stack, welcome)


async def _open_desk(settings: Settings, stack: contextlib.AsyncExitStack) -> Desk:
    lock = InstanceLock(settings.database)
    await lock.acquire()
    stack.push_async_callback(lock.release)
    await migrate.upgrade(settings.database)
    store = Store(settings.database)
    store.start()
    stack.push_async_callback(store.close)
    desk = Desk(store, Vault.of(settings), await Catalog.load(store))
    await accounts.ensure_default(desk, now_micros())
    return desk


async def _open_simulator(settings: Settings, stack: contextlib.AsyncExitStack) -> Simulator | None:
    if not settings.simulator:
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
        store.writer.on_commit = self.feed.notify
        self.connections = Connections(_Door(self))
        self.receipts = Receipts(
            store, now=now_micros, observe=self.metrics.submit_to_receipt.observe, id_base=self.connections.id_base
        )
        links = Links(self.connections.up, self.connections.profile, self.connections.simulated)
        self.outbound = Outbound(store, catalog, links, now=now_micros, offer=self._offer)
        self.inbound = Inbound(store, catalog, self.outbound, settings, now=now_micros)
        self.queue: Queue = open_queue(settings.queue_url)
        self.throttle: Throttle = open_throttle(settings.queue_url)
        self.worker = self._worker()
        self.sweeper = Sweeper(store, self.worker, self.receipts, self.inbound, catalog, now=now_micros)
        self.post = Post(
            store, self.feed, self._decrypt, folder=settings.data_dir / "events",
            allow_private=settings.allow_private_webhooks, clock=now_micros,
        )  # fmt: skip
        self.intake = Intake(
            store, self.receipts, self.inbound, self.metrics, group_of=self.connections.group,
            settled=self.worker.settled, changed=self.worker.changed,
        )  # fmt: skip

    def _worker(self) -> Worker:
        lanes = Lanes(
            Claims(self.desk.catalog, now=now_micros),
            Settlements(now=now_micros),
            LateAnswers(now=now_micros),
            self.receipts,
        )
        return Worker(
            store=self.desk.store, lanes=lanes, queue=self.queue, throttle=self.throttle, connections=self.connections,
            settings=self.settings, metrics=self.metrics, now=now_micros, rng=self.rng,
        )  # fmt: skip

    def _offer(self, messages: Sequence[Dispatch]) -> None:
        self.worker.offer(messages)

    def _decrypt(self, destination_id: str, sealed: bytes) -> str:
        return self.desk.vault.open("event_destinations", destination_id, sealed).decode()

    async def start(self, stack: contextlib.AsyncExitStack, welcome: Quickstart | None) -> Instance:
        recovered = await self.sweeper.recover()
        log.info("started", action="app.start", database=self.desk.store.reader.dialect.name, unknown=recovered)
        stack.push_async_callback(self.queue.close)
        stack.push_async_callback(self.throttle.close)
        await self.post.start()
        stack.push_async_callback(self.post.stop)
        await self.restart_connectors()
        stack.push_async_callback(self.connections.stop, self.settings.drain_seconds)
        self.worker.start()
        stack.push_async_callback(self.worker.stop, self.settings.drain_seconds)
        for work in (self.sweeper.run(), self._follow()):
            stack.callback(asyncio.create_task(work).cancel)
        return Instance(self._services(), self.worker, self.connections, welcome)

    async def restart_connectors(self) -> None:
        """Run the connectors as their rows say now."""
        wanted = []
        for loaded in await connectors.load_all(self.desk):
            values: dict[str, Any] = dict(loaded.settings)
            simulated = loaded.id == quickstart.CONNECTOR
            if simulated and self.simulator is None:
                continue  # made by an earlier start, when the simulated carrier was on
            if simulated and self.simulator:
                values["port"] = self.simulator.port
            model = registry.kinds()[loaded.kind].settings.model_validate(values)
            wanted.append(Wanted(loaded.id, loaded.kind, model, loaded.group, simulated=simulated))
        await self.connections.want(wanted)
        self.worker.follow()

    async def _follow(self) -> None:
        """Take up what other processes, such as the command line, change in the database."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                if await self.desk.catalog.follow():
                    await self.restart_connectors()
                    await self.post.refresh()
            except Unavailable:
                continue
            except Exception:
                log.exception("cannot follow", action="app.follow")

    def _services(self) -> Services:
        return Services(
            settings=self.settings, desk=self.desk, outbound=self.outbound, post=self.post, feed=self.feed,
            metrics=self.metrics, links=self.connections, restart_connectors=self.restart_connectors,
            simulator=self.simulator, now=now_micros,
        )  # fmt: skip


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
