"""Several processes of the service at one database, each with roles of its own, to be killed, paused and stopped apart."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from base64 import urlsafe_b64encode
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import redis

from tests.support.cli import Heliograph
from tests.support.redis_server import running_redis, short_folder
from tests.support.service import FINALS, Service, environment, eventually
from tests.support.webhook_sink import OK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from tests.support.webhook_sink import Answer, Delivery, WebhookSink

SCOPES = ("send", "read", "compliance", "admin")
LEFT, RIGHT = "+12065550111", "+12065550112"  # our numbers, which share an opt-out list
WAYS = {LEFT: ("left", "right"), RIGHT: ("right", "left")}  # the connectors of each, first to last
QUICK = {"bind_interval": 0.1, "backoff_cap": 0.5}


@dataclass
class Node(Service):
    """One process, or one supervisor of some: the port is its own, the data are everybody's."""

    role: str = "all"
    words: Sequence[str] = ()

    async def launch(self) -> None:
        own = {"HELIOGRAPH_DATA_DIR": str(self.folder), "HELIOGRAPH_PORT": str(self.port), "HELIOGRAPH_ROLE": self.role}
        await self.process.start("-m", "gateway", "serve", *self.words, env=environment(**own, **self.settings))

    async def until_ready(self) -> None:
        await eventually(self._is_ready, seconds=90, what=f"the process with role {self.role}")

    async def knows_key(self) -> bool:
        return await self.status("/v1/connectors") == 200

    async def stop(self) -> float:
        """SIGTERM. Gives the seconds until it has ended, which it must do as one that was asked to."""
        began = time.monotonic()
        await self.process.send(signal.SIGTERM)
        assert await self.process.exit_code() == 0, self.process.output[-2000:]
        return time.monotonic() - began

    @property
    def accepts(self) -> bool:
        return self.role == "all" or "api" in self.role.split(",")


class Cluster:
    """The processes by name. ``settings`` are those of all of them, ``words`` go behind ``serve``."""

    def __init__(self, folder: Path, roles: Mapping[str, str], words: Sequence[str] = (), **settings: str) -> None:
        common = {
            "HELIOGRAPH_SECRET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "HELIOGRAPH_SIMULATOR": "false",
            "HELIOGRAPH_ALLOW_PRIVATE_WEBHOOKS": "true",
            "HELIOGRAPH_LOG_FORMAT": "json",
        }
        self._folder, self._settings, self._words = folder, common | settings, words
        self.nodes = {name: self._node(name, role) for name, role in roles.items()}
        self._turn = count()

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    @property
    def api(self) -> Node:
        """Each that accepts, in turn."""
        faces = [node for node in self.nodes.values() if node.accepts]
        return faces[next(self._turn) % len(faces)]

    @property
    def database_url(self) -> str:
        embedded = f"sqlite+aiosqlite:///{self._folder / 'data' / 'heliograph.db'}"
        return self._settings.get("HELIOGRAPH_DATABASE_URL", embedded)

    async def start(self) -> None:
        """The first alone: it makes the database. Then the others, all at once."""
        first, *others = self.nodes.values()
        await first.start()
        key = await self._make_key()
        await asyncio.gather(*(node.start() for node in others))
        for node in self.nodes.values():
            node.key = key
        # It was made by the command line; a process sees that within half a second.
        faces = [node for node in self.nodes.values() if node.accepts]
        await asyncio.gather(*(eventually(node.knows_key, what="a known key") for node in faces))

    async def add(self, name: str, role: str) -> None:
        """One more."""
        self.nodes[name] = self._node(name, role)
        await self.nodes[name].start()

    def _node(self, name: str, role: str) -> Node:
        log = self._folder / f"{name}.log"
        return Node(self._folder / "data", log, dict(self._settings), role=role, words=self._words)

    async def _make_key(self) -> str:
        line = Heliograph(self._folder / "data", **self._settings)
        words = [word for scope in SCOPES for word in ("--scope", scope)]
        return str((await asyncio.to_thread(line.json, "keys", "create", "test", *words))["secret"])

    async def close(self) -> None:
        await asyncio.gather(*(node.close() for node in self.nodes.values()))

    async def connect(self, port: int, ways: Mapping[str, Sequence[str]] = WAYS, **settings: Any) -> None:
        """Two connectors of one carrier, and two numbers: each number goes by its own connector first."""
        for name in ("left", "right"):
            account = {"host": "127.0.0.1", "port": port, "system_id": name, "password": "secret", **QUICK, **settings}
            new = {"id": name, "kind": "smpp", "group": "carrier", "settings": account}
            await self.api.good("POST", "/v1/connectors", new)
        for number, connectors in ways.items():
            identity_id = await self.api.add_number(number)
            await self.api.good("POST", "/v1/routes", {"connectors": connectors, "identity_id": identity_id})

    async def until_linked(self) -> None:
        await eventually(self._is_linked, seconds=60, what="the links")

    async def _is_linked(self) -> bool:
        found = (await self.api.good("GET", "/v1/connectors"))["items"]
        return bool(found) and all(one["up"] for one in found)

    async def add_webhook(self, url: str) -> None:
        new = {"kind": "webhook", "target": url, "batch_size": 100}
        await self.api.good("POST", "/v1/event-destinations", new)


async def prepare(one: Cluster, told: Told, port: int, **connect: Any) -> None:
    """The carrier at this port connected, and the webhook told of everything."""
    await one.connect(port, **connect)
    await one.add_webhook(told.url)
    await one.until_linked()


@asynccontextmanager
async def cluster(
    folder: Path, roles: Mapping[str, str], words: Sequence[str] = (), **settings: str
) -> AsyncIterator[Cluster]:
    """Started and ready; every process is killed at the end."""
    one = Cluster(folder, roles, words, **settings)
    try:
        await one.start()
        yield one
    finally:
        await one.close()


class RedisServer:
    """Use ``stoppable_redis``. What it held is gone when it is started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, ExitStack()
        self.url = ""

    def start(self) -> None:
        self.url = self._stack.enter_context(running_redis(self._folder))

    def stop(self) -> None:
        self._stack.close()

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


@asynccontextmanager
async def stoppable_redis() -> AsyncIterator[RedisServer]:
    with short_folder() as folder:
        one = RedisServer(folder)
        one.start()
        try:
            yield one
        finally:
            one.stop()


@dataclass
class Told:
    """What a webhook was told: the events by number, and the numbers of each message's in the order in which they came."""

    events: dict[int, dict[str, Any]] = field(default_factory=dict)
    order: dict[str, list[int]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)  # messages of which a last event came
    again: int = 0  # events that came more than once
    url: str = ""

    def listen(self, sink: WebhookSink) -> None:
        self.url, sink.rule = sink.url, self._take

    def _take(self, delivery: Delivery) -> Answer:
        for event in delivery.events:
            if event["seq"] in self.events:
                self.again += 1
                continue
            self.events[event["seq"]] = event
            if message_id := event["data"].get("message_id"):
                self.order.setdefault(message_id, []).append(event["seq"])
                if event["type"] in FINALS:
                    self.ended.add(message_id)
        return OK
