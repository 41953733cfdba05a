"""A gateway without its faces: the lanes, the worker and the sweeper, on a real store, with a pretend carrier."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from carriers.text import DEFAULT_PROFILE
from carriers.types import ConnectorStatus, Outcome, SubmissionResult
from gateway.config import Settings
from gateway.inbound.receive import Inbound
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.model import Dispatch, Status
from gateway.outbound.accept import Outbound
from gateway.outbound.admission import Admission
from gateway.outbound.claim import Claim, Claims
from gateway.outbound.decision import Links
from gateway.outbound.request import Accepted, Order
from gateway.outbound.settle import Judgement, LateAnswers, Settled, Settlements
from gateway.queue.memory import MemoryQueue
from gateway.receipts import Arrived, Receipts
from gateway.resources import phone_numbers, routes
from gateway.store import tables
from gateway.store.times import HOUR
from gateway.throttle import Throttle
from gateway.throttle.file import FileBuckets
from gateway.worker.loading import Loader
from gateway.worker.refill import Refill
from gateway.worker.sweeper import Sweeper
from gateway.worker.worker import Lanes, Worker
from tests.support.clock import Clock
from tests.support.factories import request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from sqlalchemy import Table

    from carriers.connector import Sink
    from carriers.text import TextProfile
    from carriers.types import DeliveryReceipt, Submission
    from gateway.model import OriginationIdentity
    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

OUR_NUMBER = "+12065550100"
FENCE = 1  # of every lease


class FakeConnector:
    """A carrier that answers as its script says; None keeps silent. Fails when it is given more than its window."""

    def __init__(self, connector_id: str, sink: Sink, *, window: int = 10) -> None:
        self.connector_id, self.window, self.is_up = connector_id, window, True
        self.submitted: list[Submission] = []
        self.outstanding: dict[str, Submission] = {}
        self.most_outstanding = 0
        self.pauses_when_throttled = self.is_paused = False
        self.script: Callable[[Submission], SubmissionResult | None] = accept_all
        self._sink = sink

    async def start(self) -> None:
        self.up()

    async def stop(self, grace: float) -> None:  # noqa: ARG002 -- a Connector's signature
        self.down()

    def up(self) -> None:
        self.is_up = True
        self._sink.changed(self.connector_id)

    def down(self, outcome: Outcome = Outcome.UNKNOWN) -> None:
        """The link goes; what is outstanding ends with ``outcome``."""
        self.is_up = False
        for reference in list(self.outstanding):
            self.answer(reference, outcome)
        self._sink.changed(self.connector_id)

    def free(self) -> int:
        return self.window - len(self.outstanding) if self.is_up and not self.is_paused else 0

    def resume(self) -> None:
        self.is_paused = self.pauses_when_throttled = False
        self._sink.changed(self.connector_id)

    def submit(self, submissions: Sequence[Submission]) -> None:
        assert len(submissions) <= self.free(), "more than the window"
        for one in submissions:
            self.submitted.append(one)
            self.outstanding[one.reference] = one
            if result := self.script(one):
                asyncio.get_running_loop().call_soon(self._settle, result)
        self.most_outstanding = max(self.most_outstanding, len(self.outstanding))

    def answer(self, reference: str, outcome: Outcome = Outcome.ACCEPTED, **more: Any) -> None:
        if outcome is Outcome.ACCEPTED:
            more.setdefault("carrier_id", reference)
        self._settle(SubmissionResult(reference, outcome, **more))

    def status(self) -> ConnectorStatus:
        return ConnectorStatus(self.connector_id, self.is_up, self.free())

    @property
    def bodies(self) -> list[str]:
        return [one.segment.text for one in self.submitted]

    def _settle(self, result: SubmissionResult) -> None:
        if result.outcome is Outcome.THROTTLED and self.pauses_when_throttled:
            self.is_paused = True
        if self.outstanding.pop(result.reference, None) or result.late:
            self._sink.settled(self.connector_id, [result])
            self._sink.changed(self.connector_id)


def accept_all(one: Submission) -> SubmissionResult:
    return SubmissionResult(one.reference, Outcome.ACCEPTED, carrier_id=one.reference)


def silence(_one: Submission) -> None:
    return None


class FakeConnections:
    """What ``gateway.worker.connections.Connections`` answers, with connectors that a test puts there."""

    def __init__(self) -> None:
        self.connectors: dict[str, FakeConnector] = {}
        self.groups: dict[str, str] = {}
        self.rates: dict[str, float] = {}
        self.text_profile: TextProfile = DEFAULT_PROFILE

    def get(self, connector_id: str) -> FakeConnector | None:
        return self.connectors.get(connector_id)

    def ids(self) -> tuple[str, ...]:
        return tuple(self.connectors)

    def note(self, connector_id: str) -> None:
        """Asked each time; nothing to remember."""

    def up(self, connector_id: str) -> bool:
        return connector_id in self.connectors and self.connectors[connector_id].is_up

    def profile(self, connector_id: str) -> TextProfile:  # noqa: ARG002 -- one for all
        return self.text_profile

    def simulated(self, connector_id: str) -> bool:  # noqa: ARG002 -- none is
        return False

    def group(self, connector_id: str) -> str:
        return self.groups.get(connector_id, connector_id)

    def rate(self, connector_id: str) -> float | None:
        return self.rates.get(connector_id)


@dataclass
class House:
    """The parts as the application puts them together. ``offered`` is what acceptance announced."""

    desk: Desk
    clock: Clock
    settings: Settings
    connections: FakeConnections
    queue: MemoryQueue
    outbound: Outbound
    inbound: Inbound
    receipts: Receipts
    lanes: Lanes
    worker: Worker
    refill: Refill
    sweeper: Sweeper
    intake: Intake
    identity: OriginationIdentity
    offered: list[Dispatch] = field(default_factory=list)
    leased: dict[str, int] = field(default_factory=dict)  # fences of the leases that stand, by connector
    feeding: bool = False  # whether what is accepted goes to the worker

    # Sending.

    async def send(self, body: str = "Your code is 1234", **more: Any) -> Accepted:
        return await self.outbound.accept(request(body, **more))

    async def queued(self, body: str = "Your code is 1234", **more: Any) -> Dispatch:
        """Accept one message, and give it as it waits to be claimed."""
        accepted = await self.send(body, **more)
        assert accepted.status is Status.QUEUED, accepted.decision
        return next(one for one in self.offered if one.id == accepted.message_id)

    async def claim(self, *messages: Dispatch, connector_id: str = "one") -> tuple[Dispatch, ...]:
        return await self.desk.store.submit(self.lanes.claims, Claim(connector_id, FENCE, messages))

    async def settle(
        self, message: Dispatch, *results: SubmissionResult, connector_id: str = "one", jitter: float = 1.0
    ) -> Judgement:
        """Record these answers, the first for part 1 and so on."""
        by_part = dict(enumerate(results, 1))
        group = self.connections.group(connector_id)
        settled = Settled(message, connector_id, group, by_part, jitter, 72 * HOUR, FENCE)
        return await self.desk.store.submit(self.lanes.settlements, settled)

    async def submitted(self, carrier_id: str, body: str = "Hi", *, connector_id: str = "one", **more: Any) -> Dispatch:
        """A message of one part that the carrier took under this id."""
        message = await self.queued(body, **more)
        await self.claim(message, connector_id=connector_id)
        result = SubmissionResult(f"{message.id}:1", Outcome.ACCEPTED, carrier_id=carrier_id)
        await self.settle(message, result, connector_id=connector_id)
        return message

    async def receipt(self, receipt: DeliveryReceipt, group: str = "one") -> bool:
        return await self.desk.store.submit(self.receipts, Arrived(group, receipt))

    # Looking.

    async def rows(self, table: Table, **equal: Any) -> list[Mapping[str, Any]]:
        query = select(table).where(*(table.c[name] == value for name, value in equal.items()))
        async with self.desk.store.reading() as connection:
            return list((await connection.execute(query.order_by(*table.primary_key.columns))).mappings())

    async def row(self, message_id: str) -> Mapping[str, Any]:
        (row,) = await self.rows(tables.messages, id=message_id)
        return row

    async def status(self, message_id: str) -> str:
        return str((await self.row(message_id))["status"])

    async def statuses(self) -> list[str]:
        """Of all messages, in the order of their ids."""
        return [row["status"] for row in await self.rows(tables.messages)]

    async def count(self, table: Table) -> int:
        async with self.desk.store.reading() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())

    async def events(self, subject_id: str) -> list[str]:
        return [row["type"] for row in await self.rows(tables.events, subject_id=subject_id)]

    async def until(self, look: Callable[[], Any], *, wanted: Any = True) -> None:
        """Wait until ``look`` gives what is wanted, or what it gives awaits to that; fail after ten seconds."""
        found = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while True:
                    found = look()
                    found = await found if asyncio.iscoroutine(found) else found
                    if found == wanted:
                        return
                    await asyncio.sleep(0.005)  # what is waited for happens in tasks of the worker's own
        raise AssertionError(f"{found!r} is not {wanted!r}")

    # Carriers.

    def connector(self, connector_id: str = "one", **more: Any) -> FakeConnector:
        """Add a connector to the pretend carrier; before ``run``."""
        sink: Any = self.intake
        connector = FakeConnector(connector_id, sink, **more)
        self.connections.connectors[connector_id] = connector
        return connector

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The worker at work."""
        self.feeding = True
        self.worker.start()
        self.worker.follow()
        self.worker.offer(self.offered)
        refilling = asyncio.create_task(self.refill.run())
        try:
            yield
        finally:
            refilling.cancel()
            await asyncio.wait([refilling])  # it may be reading
            await self.worker.stop(0.0)


@contextlib.asynccontextmanager
async def open_house(
    desk: Desk, *, connector_ids: Sequence[str] = ("one", "two"), **settings: Any
) -> AsyncIterator[House]:
    """A house with one number of ours and one route over these connectors. Its rows need no connector to be there."""
    clock, connections, offered = Clock(), FakeConnections(), []
    now = lambda: clock.micros  # noqa: E731 -- the clock as the gateway asks it
    await _add_connectors(desk, connector_ids)
    identity = await phone_numbers.create(desk, account_id="main", number=OUR_NUMBER, kind="LONG_CODE", now=now())
    await routes.create(desk, account_id="main", connectors=list(connector_ids), now=now())
    house: House

    def offer(messages: Sequence[Dispatch]) -> None:
        house.offered.extend(messages)
        if house.feeding:
            house.worker.offer(messages)

    options = Settings.model_construct(**{**Settings().model_dump(), **settings})
    metrics, queue = Metrics(), MemoryQueue()
    links = Links(connections.up, connections.profile, connections.simulated)
    admission = Admission(desk.catalog, options, metrics)
    outbound = Outbound(desk.store, desk.catalog, links, admission, metrics, now=now, offer=offer)
    inbound = Inbound(desk.store, desk.catalog, outbound, options, now=now)
    receipts = Receipts(desk.store, now=now, observe=metrics.submit_to_receipt.observe)
    leased = dict.fromkeys(connector_ids, FENCE)

    async def standing(_tx: Tx) -> Mapping[str, int]:
        return leased

    claims, settlements = Claims(desk.catalog, standing, now=now), Settlements(standing, now=now)
    lanes = Lanes(claims, settlements, LateAnswers(now=now), receipts)
    pretended: Any = connections
    loader = Loader(desk.store, desk.catalog)
    worker = Worker(
        store=desk.store, lanes=lanes, loader=loader, queue=queue, throttle=Throttle(FileBuckets()), connections=pretended,
        up=connections.up, fence=leased.get, settings=options, metrics=metrics, now=now, rng=random.Random(7),
    )  # fmt: skip
    refill = Refill(desk.store, worker, loader, lambda: connector_ids, now=now)
    sweeper = Sweeper(desk.store, receipts, inbound, loader, offer, now=now)
    intake = Intake(
        desk.store, receipts, inbound, metrics, group_of=connections.group, settled=worker.settled,
        changed=worker.changed,
    )  # fmt: skip
    house = House(
        desk, clock, options, connections, queue, outbound, inbound, receipts, lanes, worker, refill, sweeper, intake,
        identity, offered, leased,
    )  # fmt: skip
    yield house
    await queue.close()


async def _add_connectors(desk: Desk, connector_ids: Sequence[str]) -> None:
    async def work(tx: Tx) -> None:
        for connector_id in connector_ids:
            row = {"id": connector_id, "kind": "smpp", "carrier_group": connector_id, "created_at": 0}
            await tx.conn.execute(insert(tables.connectors).values(row))

    await desk.change(work)


async def accept_many(house: House, *requests: Any) -> list[Any]:
    """The outcomes of requests made together."""
    return list((await house.outbound.accept_all(Order(tuple(requests)))).outcomes)
