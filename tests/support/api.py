"""The HTTP API over a real store, without carriers: what is accepted stays QUEUED.

``serving`` gives a ``Bench``: a running aiohttp application, an HTTP client for it, and keys to call it with.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select

from carriers.text import DEFAULT_PROFILE
from carriers.types import ConnectorStatus, LinkStatus
from gateway.api import LARGEST_BODY, Front, add_api, quick_table
from gateway.config import Settings
from gateway.events.aws_delivery import AwsDelivery
from gateway.events.log import Feed
from gateway.events.post import Post
from gateway.metrics import Metrics
from gateway.outbound.accept import Outbound
from gateway.outbound.admission import Admission
from gateway.outbound.decision import Links
from gateway.resources import accounts, api_keys, connectors, phone_numbers, routes, sender_ids
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.resources.quotas import Quotas
from gateway.services import SERVICES, Services
from gateway.store import migrate, tables
from gateway.store.secrets import Vault
from gateway.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from gateway.model import Dispatch

MAIN, OTHER = "main", "other"
NUMBER = "+12065550100"
PERSON = "+12065550142"


@dataclass
class LinkBoard:
    """Links as a test wants them."""

    shown: list[ConnectorStatus] = field(default_factory=list)

    def statuses(self) -> list[ConnectorStatus]:
        return self.shown

    def up(self, connector_id: str) -> bool:
        return any(status.connector_id == connector_id and status.up for status in self.shown)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    octets: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.octets)


@dataclass
class Bench:
    """A running application and the means to call it."""

    services: Services
    client: TestClient[web.Request, web.Application]
    keys: dict[str, str]  # secrets: "all" scopes, one for each, a "spare" one, and "other" of the other account
    key_ids: dict[str, str]
    links: LinkBoard
    restarts: list[int]
    offered: list[Dispatch]
    numbers: dict[str, str]  # "number" and "sender", to their ids; those of the other account with "other_" in front

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "all",
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if key and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.keys[key]}"
        data = raw if raw is not None else (orjson.dumps(body) if body is not None else None)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.client.request(method, path, data=data, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def counts(self) -> dict[str, int]:
        """Rows of every table."""
        async with self.services.desk.store.reading() as conn:
            return {
                table.name: (await conn.execute(select(func.count()).select_from(table))).scalar_one()
                for table in tables.metadata.sorted_tables
            }


@contextlib.asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Bench]:
    """An instance with one connector "c1" that is up, a number, a sender ID and a route in each of two accounts.

    ``settings`` go to Settings; with a ``database_url`` among them it is that database, which is migrated and empty.
    """
    config = _settings(folder, **settings)
    furnished = await asyncio.to_thread(_furnished)
    if not config.database_url:
        for name, octets in furnished.files.items():
            (folder / name).write_bytes(octets)
    store = Store(config.database)
    store.start()
    desk = Desk(store, Vault.of(config), await Catalog.load(store), Quotas.of(config))
    if config.database_url:
        furnished = _Furnished({}, *await _furnish(desk))
    links = LinkBoard([ConnectorStatus("c1", up=True, free=10, links=(LinkStatus(0, "BOUND_TRX", 0, 10),))])
    offered: list[Dispatch] = []
    restarts: list[int] = []
    services = _services(config, desk, links, restarts, offered)
    await services.post.start()
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SERVICES] = services
    add_api(app)
    client = TestClient(_Server(app))
    await client.start_server()
    try:
        yield Bench(services, client, furnished.keys, furnished.key_ids, links, restarts, offered, furnished.names)
    finally:
        await client.close()
        await services.post.stop()
        await store.close()


class _Runner(web.AppRunner):
    """Serves as the program does: sends are answered by the front, all else by aiohttp."""

    @property
    def server(self) -> Any:
        return Front(quick_table(self.app[SERVICES]), super().server, keep_alive=75.0)


class _Server(TestServer):
    async def _make_runner(self, **kwargs: Any) -> web.AppRunner:
        return _Runner(self.app, **kwargs)


def _settings(folder: Path, **more: Any) -> Settings:
    return Settings(data_dir=folder, simulator=False, allow_private_webhooks=True, **more)


@dataclass(frozen=True)
class _Furnished:
    """The files of an instance that has been set up once, to begin every test with."""

    files: dict[str, bytes]
    names: dict[str, str]
    keys: dict[str, str]
    key_ids: dict[str, str]


@functools.cache
def _furnished() -> _Furnished:
    return asyncio.run(_set_up())


async def _set_up() -> _Furnished:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = _settings(folder)
        await migrate.upgrade(settings.database)
        store = Store(settings.database)
        store.start()
        names, keys, key_ids = await _furnish(Desk(store, Vault.of(settings), await Catalog.load(store)))
        await store.close()
        return _Furnished(_read_all(folder), names, keys, key_ids)


def now() -> int:
    return time.time_ns() // 1000


def _services(
    settings: Settings, desk: Desk, links: LinkBoard, restarts: list[int], offered: list[Dispatch]
) -> Services:
    feed = Feed()
    desk.store.on_commit(feed.notify)

    def offer(messages: Sequence[Dispatch]) -> None:
        offered.extend(messages)

    async def restart() -> None:
        restarts.append(len(restarts))

    metrics = Metrics()
    admission = Admission(desk.catalog, settings, metrics)
    ways = Links(up=links.up, profile=lambda _connector: DEFAULT_PROFILE, simulated=lambda _connector: False)
    outbound = Outbound(desk.store, desk.catalog, ways, admission, metrics, now=now, offer=offer)
    post = Post(
        desk.store, feed, lambda row, sealed: desk.vault.open("event_destinations", row, sealed).decode(),
        folder=settings.data_dir / "events", allow_private=True, clock=now, aws=AwsDelivery.of(settings),
    )  # fmt: skip
    return Services(
        settings=settings, desk=desk, outbound=outbound,
        post=post, feed=feed, metrics=metrics, links=links, restart_connectors=restart, simulator=None, now=now,
    )  # fmt: skip


async def _furnish(desk: Desk) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    await accounts.ensure_default(desk, now())
    await accounts.create(desk, account_id=OTHER, name="Other", now=now())
    smpp = {"host": "127.0.0.1", "port": 2775, "system_id": "test", "password": "secret1"}
    await connectors.create(desk, connector_id="c1", kind="smpp", settings=smpp, now=now())
    names: dict[str, str] = {}
    for account_id, number, sender, prefix in ((MAIN, NUMBER, "ACME", ""), (OTHER, "+12065550199", "OTHER", "other_")):
        one = await phone_numbers.create(
            desk, account_id=account_id, number=number, kind="LONG_CODE", country="US", now=now()
        )
        two = await sender_ids.create(desk, account_id=account_id, sender=sender, now=now())
        await routes.create(desk, account_id=account_id, connectors=["c1"], now=now())
        names |= {f"{prefix}number": one.id, f"{prefix}sender": two.id}
    keys, key_ids = {}, {}
    for name, account_id, scopes in (
        ("all", MAIN, api_keys.SCOPES), ("other", OTHER, api_keys.SCOPES), ("spare", MAIN, {"read"}), *((one, MAIN, {one}) for one in sorted(api_keys.SCOPES)),
    ):  # fmt: skip
        key, secret = await api_keys.create(desk, account_id=account_id, name=name, scopes=scopes, now=now())
        keys[name], key_ids[name] = secret, key.id
    return names, keys, key_ids


def _read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def filled(path: str, bench: Bench, account: str = "") -> str:
    """A path of the table with its parameters filled in; ``account`` "other_" takes ids of the other account."""
    kind = path.split("/")[2]
    ids = {
        "phone-numbers": bench.numbers[f"{account}number"], "sender-ids": bench.numbers[f"{account}sender"],
        "connectors": "c1", "api-keys": bench.key_ids["other" if account else "spare"],
    }  # fmt: skip
    return (
        path.replace("{id}", ids.get(kind, "nothing-of-this-id"))
        .replace("{identity_id}", bench.numbers[f"{account}number"])
        .replace("{name}", "Default")
        .replace("{number}", "%2B12065550142")
        .replace("{word}", "INFO")
    )
