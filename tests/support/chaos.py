"""Blows at a cluster under load, and clients that go on through all of them.

Rule 1: a client sends again only what was not answered, or was answered 503, and always with the Idempotency-Key that
it had before; so whatever the SMSC gets twice, the gateway has doubled.
Rule 2: blows come at random moments, but each run of one seed has the same blows in the same order.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.cluster import LEFT, RIGHT

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from carriers.simulator import Simulator
    from tests.support.cluster import Cluster, RedisServer, Told
    from tests.support.postgres_server import PostgresServer
    from tests.support.service import Answer

WINDOW = 30  # submits without an answer, at most, of each connector
CONNECTORS = 2
BEYOND_THE_LEASE = 11.0  # seconds; a node is buried after 8 (gateway.nodes.leases.LIFE)
OUTAGE = 2.0  # seconds that a server is away when it is restarted
DROP_EVERY = 4.0  # seconds between two moments at which the SMSC cuts every link
_UNIT = 50  # texts that a client sends at a time: in one request, or each in its own
_SINGLES = 10  # every so many units, each text has its own request
_RESEND = 10  # every so many texts, on_unknown is resend_once
_CLIENTS = 12
_PATIENCE = 120.0  # seconds
PEOPLE = 24  # who write STOP
BEFORE, AFTER = 900_000, 950_000  # numbers of the texts to those people, before and after their STOP


def ref_of(number: int) -> str:
    return f"ref{number:06d}"


def number_of(ref: str) -> int:
    return int(ref[3:])


def may_be_resent(ref: str) -> bool:
    return number_of(ref) % _RESEND == 0


async def until(done: Callable[[], bool]) -> None:
    """For as long as it takes: who has given up waiting cancels it."""
    while not done():  # noqa: ASYNC110 -- looks at what other processes do
        await asyncio.sleep(0.1)


def text(number: int, to: str = "", sender: str = "") -> dict[str, Any]:
    """A text to somebody of its own, by which it is known at the SMSC and in every event."""
    ref = ref_of(number)
    return {
        "to": to or f"+1206{2_000_000 + number}",
        "from": sender or (LEFT, RIGHT)[number % 2],
        "body": f"Your code, {ref}",
        "on_unknown": "resend_once" if may_be_resent(ref) else "report",
        "context": {"ref": ref},
    }


@dataclass
class Load:
    """``total`` texts, spread evenly over ``seconds``, or as fast as they are taken when that is slower.

    Attributes:
        accepted: ids by ref.
        other: statuses that no client should see, with their codes.
        again: requests that had to be made again, by why.
    """

    cluster: Cluster
    total: int
    seconds: float
    accepted: dict[str, str] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        units = iter([range(at, min(at + _UNIT, self.total)) for at in range(0, self.total, _UNIT)])
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as clients:
            for _ in range(_CLIENTS):
                clients.create_task(self._client(units, began))

    async def _client(self, units: Iterator[range], began: float) -> None:
        for numbers in units:
            due = began + self.seconds * numbers.start / self.total
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            if numbers.start // _UNIT % _SINGLES:
                await self._send_together(numbers)
            else:
                for number in numbers:
                    await self.send(text(number))

    async def send(self, message: dict[str, Any]) -> Answer:
        """One text in a request of its own."""
        ref = message["context"]["ref"]
        answer = await self.post("/v1/messages", message, ref)
        if answer.status == 202:
            self.accepted[ref] = answer.body["id"]
        elif answer.status != 409:
            self.other[f"{answer.status} {answer.body.get('code')}"] += 1
        return answer

    async def _send_together(self, numbers: range) -> None:
        messages = [text(number) for number in numbers]
        answer = await self.post("/v1/messages/batch", {"messages": messages}, f"batch-{numbers.start}")
        if answer.status != 202:
            self.other[f"{answer.status} {answer.body.get('code')}"] += 1
            return
        for message, result in zip(messages, answer.body["results"], strict=True):
            if "error" in result:
                self.other[result["error"]["code"]] += 1
            else:
                self.accepted[message["context"]["ref"]] = result["id"]

    async def post(self, path: str, body: Any, key: str) -> Answer:
        """Until it is answered with anything but 503, at one process after the other."""
        while True:
            try:
                answer = await self.cluster.api.call("POST", path, body, **{"Idempotency-Key": key})
            except (aiohttp.ClientError, OSError) as error:
                self.again[type(error).__name__] += 1
            else:
                if answer.status != 503:
                    return answer
                self.again["503" if "Retry-After" in answer.headers else "503 without Retry-After"] += 1
            await asyncio.sleep(0.1)


@dataclass
class People:
    """They get a text and write STOP; what is sent to them once the carrier has the acknowledgement must not arrive."""

    load: Load
    carrier: Simulator
    told: Told
    stopped: set[str] = field(default_factory=set)
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)  # to what was sent after a STOP

    async def run(self, seconds: float) -> None:
        """All of them, evenly over so many seconds. Whoever is not done long after that is given up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds + _PATIENCE), asyncio.TaskGroup() as all_of_them:
                for one in range(PEOPLE):
                    all_of_them.create_task(self._person(one, seconds * one / PEOPLE))

    async def _person(self, one: int, after: float) -> None:
        await asyncio.sleep(after)
        phone = f"+1206{7_000_000 + one}"
        sent = await self.load.send(text(BEFORE + one, phone, LEFT))
        if one % 2:  # the others write at once: their text may wait still
            await until(lambda: sent.body["id"] in self.told.ended)
        shown = await self.carrier.reply(phone, LEFT, "STOP")
        assert shown.state == "ACKNOWLEDGED"
        self.stopped.add(phone)
        for number, sender in enumerate((LEFT, RIGHT, LEFT, RIGHT)):
            answer = await self.load.send(text(AFTER + one * 10 + number, phone, sender))
            self.answers[answer.status, answer.body.get("code", "")] += 1


@dataclass
class Field:
    """What blows fall on."""

    cluster: Cluster
    carrier: Simulator
    postgres: PostgresServer | None = None
    redis: RedisServer | None = None
    server: asyncio.Lock = field(default_factory=asyncio.Lock)  # a database is not stopped while it starts


@dataclass(frozen=True)
class Blow:
    """``windows``: how many windows of each connector it leaves in doubt."""

    name: str
    strike: Callable[[Field], Awaitable[None]]
    windows: int = 0


def kill(name: str, *, windows: int) -> Blow:
    """kill -9, and a new one at once."""

    async def strike(on: Field) -> None:
        await on.cluster[name].kill()
        await on.cluster[name].launch()

    return Blow(f"kill -9 {name}", strike, windows)


def pause(name: str, *, windows: int) -> Blow:
    """It sleeps until others have buried it, and then goes on as if nothing had been."""

    async def strike(on: Field) -> None:
        paused = on.cluster[name].process.running
        assert paused is not None
        with contextlib.suppress(ProcessLookupError):  # another blow may have killed it
            paused.send_signal(signal.SIGSTOP)
            await asyncio.sleep(BEYOND_THE_LEASE)
            paused.send_signal(signal.SIGCONT)

    return Blow(f"pause {name}", strike, windows)


async def _restart_redis(on: Field) -> None:
    async with on.server:
        assert on.redis is not None
        await asyncio.to_thread(on.redis.stop)
        await asyncio.sleep(OUTAGE)
        await asyncio.to_thread(on.redis.start)


async def _flush_redis(on: Field) -> None:
    async with on.server:
        assert on.redis is not None
        await asyncio.to_thread(on.redis.flush)


async def _restart_postgres(on: Field) -> None:
    async with on.server:
        assert on.postgres is not None
        await on.postgres.stop()
        await asyncio.sleep(OUTAGE)
        await on.postgres.start()


async def _crash_postgres(on: Field) -> None:
    async with on.server:
        assert on.postgres is not None
        await on.postgres.restart("immediate")


RESTART_REDIS = Blow("restart Redis", _restart_redis)
FLUSH_REDIS = Blow("flush Redis", _flush_redis)
RESTART_POSTGRES = Blow("restart PostgreSQL", _restart_postgres)
CRASH_POSTGRES = Blow("crash PostgreSQL", _crash_postgres)


async def drop_links(carrier: Simulator, seconds: float) -> int:
    """Cut every link again and again for so many seconds; how often."""
    times = int(seconds / DROP_EVERY)
    for _ in range(times):
        await asyncio.sleep(DROP_EVERY)
        carrier.drop_links()
    return times


def tell(what: str, figures: object) -> None:
    print(f"{what}: {figures}")  # noqa: T201 -- for the reader of the run; pytest shows it when the run fails


async def rain(blows: Sequence[Blow], on: Field, seconds: float, rng: random.Random) -> None:
    """All of them within so many seconds, in an order and at moments that ``rng`` draws; those that last may overlap.

    Returns when every process is ready again.
    """
    began, each = asyncio.get_running_loop().time(), seconds / len(blows)
    async with asyncio.TaskGroup() as falling:
        for at, blow in enumerate(rng.sample(blows, len(blows))):
            await asyncio.sleep(began + (at + rng.random()) * each - asyncio.get_running_loop().time())
            tell("blow", blow.name)
            falling.create_task(blow.strike(on))
    for node in on.cluster.nodes.values():
        await node.until_ready()
