"""The service as a user starts it: a process of its own, spoken to over HTTP and SMPP and known only from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from carriers.simulator import Simulator
from gateway.quickstart import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
CONNECTOR = "carrier"
NUMBER = "+12065550111"
PATIENCE = 60.0  # seconds: what a start may take on a machine with other work to do
FINALS = (
    "message.delivered", "message.undelivered", "message.expired", "message.rejected", "message.failed",
    "message.unknown", "message.refused", "message.cancelled",
)  # fmt: skip
LIVE = ("SCHEDULED", "QUEUED", "SUBMITTING", "SUBMITTED")
_BATCH = 1000  # the most that one request may hold


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered. ``body`` is the JSON document, or None when there is none."""

    status: int
    body: Any
    headers: Any


async def eventually(look: Callable[[], Any], *, seconds: float = 15, what: str = "", every: float = 0.02) -> Any:
    """Ask until ``look`` gives something true, and give that. Fails, with what it gave last, when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        assert time.monotonic() < deadline, f"{what or look} did not come within {seconds} s; last: {found!r}"
        await asyncio.sleep(every)


def free_port(in_a_row: int = 1) -> int:
    """One that nobody listens on, below those that the system gives to outgoing connections: it stays free a while."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for number in range(in_a_row):
                stack.enter_context(socket.create_server(("127.0.0.1", port + number)))
            return port
    raise OSError("no free port found")


def environment(**settings: str) -> dict[str, str]:
    """Ours without settings of the gateway, and with these. Compiled modules are kept, so that starts are quick."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | settings


@dataclass
class Process:
    """A command of ours under way. Its output goes to a file, so that nothing ever waits for a reader."""

    log: Path
    running: asyncio.subprocess.Process | None = None

    async def start(self, *command: str, env: dict[str, str] | None = None) -> None:
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                sys.executable, *command, cwd=ROOT, env=env or environment(), stdout=log, stderr=log
            )

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def has_ended(self) -> bool:
        return self.running is None or self.running.returncode is not None

    async def exit_code(self, seconds: float = PATIENCE) -> int:
        assert self.running is not None
        return await asyncio.wait_for(self.running.wait(), seconds)

    async def send(self, number: int) -> None:
        """A signal, and wait until it has ended."""
        if self.running is not None and self.running.returncode is None:
            self.running.send_signal(number)
            await self.exit_code()

    async def kill(self) -> None:
        """kill -9."""
        await self.send(signal.SIGKILL)


@dataclass
class Service:
    """``python -m gateway serve`` on a folder of its own."""

    folder: Path
    log: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    key: str = ""
    process: Process = field(init=False)
    http: aiohttp.ClientSession = field(init=False)

    def __post_init__(self) -> None:
        self.process = Process(self.log)
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64), timeout=aiohttp.ClientTimeout(total=PATIENCE)
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        await self.launch()
        await self.until_ready()

    async def launch(self) -> None:
        """Start it and wait for nothing."""
        own = {"HELIOGRAPH_DATA_DIR": str(self.folder), "HELIOGRAPH_PORT": str(self.port)}
        await self.process.start("-m", "gateway", "serve", env=environment(**(own | self.settings)))

    async def until_ready(self) -> None:
        await eventually(self._is_ready, seconds=PATIENCE, what="the service")
        self.key = json.loads((self.folder / FILE).read_bytes())["api_key"]

    async def _is_ready(self) -> bool:
        assert not self.process.has_ended, self.process.output[-2000:]
        return await self.status("/readyz") == 200

    async def status(self, path: str) -> int:
        """The HTTP status of a GET; 0 when nobody answers."""
        try:
            return (await self.call("GET", path)).status
        except (aiohttp.ClientError, OSError):
            return 0

    async def kill(self) -> None:
        await self.process.kill()

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.key}", **headers}
        async with self.http.request(method, self.url + path, json=body, headers=sent) as response:
            raw = await response.read()
            return Answer(response.status, json.loads(raw) if raw else None, response.headers)

    async def text(self, url: str) -> str:
        async with self.http.get(url, raise_for_status=True) as response:
            return await response.text()

    async def good(self, method: str, path: str, body: Any = None) -> Any:
        """The document of an answer that says yes."""
        answer = await self.call(method, path, body)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer.body

    # --- what a user does with it ---

    async def connect(self, port: int, number: str = NUMBER, **settings: Any) -> str:
        """A connector to the SMSC on this port, a number, and the only route, over it. Gives the number's id."""
        account = {"host": "127.0.0.1", "port": port, "system_id": "esme", "password": "secret"}
        quick = {"bind_interval": 0.1, "backoff_cap": 0.5}
        values = {"id": CONNECTOR, "kind": "smpp", "settings": {**account, **quick, **settings}}
        await self.good("POST", "/v1/connectors", values)
        for route in (await self.good("GET", "/v1/routes"))["items"]:
            await self.good("DELETE", f"/v1/routes/{route['id']}")
        await self.good("POST", "/v1/routes", {"connectors": [CONNECTOR]})
        return await self.add_number(number)

    async def add_number(self, number: str, **more: Any) -> str:
        made = await self.good("POST", "/v1/phone-numbers", {"number": number, "kind": "LONG_CODE", **more})
        return str(made["id"])

    async def until_linked(self) -> None:
        async def is_up() -> bool:
            return bool((await self.good("GET", f"/v1/connectors/{CONNECTOR}"))["up"])

        await eventually(is_up, seconds=30, what="the link")

    async def send(self, to: str, body: str, sender: str = NUMBER, **more: Any) -> Answer:
        return await self.call("POST", "/v1/messages", {"to": to, "body": body, "from": sender, **more})

    async def send_all(self, texts: Sequence[tuple[str, str]], sender: str = NUMBER) -> list[str]:
        """These (number, body), in as few requests as may be. Gives their ids."""
        ids: list[str] = []
        for at in range(0, len(texts), _BATCH):
            messages = [{"to": to, "body": body} for to, body in texts[at : at + _BATCH]]
            answer = await self.good("POST", "/v1/messages/batch", {"messages": messages, "defaults": {"from": sender}})
            assert answer["accepted"] == len(messages), answer
            ids += [result["id"] for result in answer["results"]]
        return ids

    async def message(self, message_id: str) -> Any:
        return await self.good("GET", f"/v1/messages/{message_id}")

    async def until_status(self, message_id: str, status: str, seconds: float = 15) -> Any:
        """The message, once it has this status."""

        async def look() -> Any:
            found = await self.message(message_id)
            return found if found["status"] == status else None

        return await eventually(look, seconds=seconds, what=f"{message_id} {status}")

    async def events(self, *types: str, after: int = 0) -> list[Any]:
        """Every event of these types behind this number."""
        wanted = "".join(f"&types={one}" for one in types)
        found: list[Any] = []
        while True:
            page = await self.good("GET", f"/v1/events?limit=1000&after={after}{wanted}")
            found += page["items"]
            if len(page["items"]) < 1000:
                return found
            after = page["last"]

    async def until_idle(self, seconds: float = 60) -> None:
        """Wait until no message is on its way any more: nothing can leave, and no receipt is awaited."""

        async def is_idle() -> bool:
            pages = [await self.good("GET", f"/v1/messages?limit=1&status={status}") for status in LIVE]
            return not any(page["items"] for page in pages)

        await eventually(is_idle, seconds=seconds, what="a store without live messages", every=0.1)

    async def close(self) -> None:
        await self.http.close()
        await self.process.kill()


@asynccontextmanager
async def service(folder: Path, **settings: str) -> AsyncIterator[Service]:
    """A service, started and ready, with its data in ``folder``; killed at the end."""
    one = Service(folder / "data", folder / "serve.log", settings)
    try:
        await one.start()
        yield one
    finally:
        await one.close()


@asynccontextmanager
async def smsc(**options: Any) -> AsyncIterator[Simulator]:
    """An SMSC in the process of the test; its ledger is a list."""
    simulator = Simulator(**{"ledger": [], **options})
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()
