"""One connector's pump: fills its window from its line, within the rates, and only with what is claimed.

Rule 1: nothing is submitted before its claim is committed.
Rule 2: no more is claimed than the connector has room for, so a crash leaves no more UNKNOWN than the window.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from carriers.types import Outcome, SubmissionResult
from gateway.errors import Unavailable
from gateway.outbound.claim import Claim
from gateway.queue import QueueError
from gateway.store.times import SECOND
from gateway.worker.backlog import Line
from gateway.worker.flights import Flight, read_reference, submissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carriers.connector import Connector
    from carriers.types import Submission
    from gateway.model import Dispatch
    from gateway.worker.worker import Worker

log = structlog.get_logger()

STORE_DOWN_WAIT = 1.0  # seconds before asking an unavailable database again
QUEUE_DOWN_WAIT = 1.0
LONGEST_WAIT = 2.0


class Pump:
    """Runs until cancelled."""

    def __init__(self, connector_id: str, worker: Worker) -> None:
        self.line = Line(connector_id)
        self.wake = asyncio.Event()
        self._id = connector_id
        self._worker = worker
        self._stopping = False
        self._looked = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"pump-{connector_id}")
        self._ear = asyncio.create_task(self._listen(), name=f"ear-{connector_id}")

    async def stop(self) -> None:
        """Claim no more. What is being claimed is handed over first: a claim that nobody follows up is UNKNOWN."""
        self._stopping = True
        self.wake.set()
        self._ear.cancel()
        await asyncio.gather(self._task, self._ear, return_exceptions=True)

    def give_back(self) -> None:
        """Parts that found no room have not left: say so, since nobody else will answer for them."""
        left = [not_sent(one.reference) for one in self.line.overflow]
        self.line.overflow.clear()
        if left:
            self._worker.settled(self._id, left)

    async def _run(self) -> None:
        while not self._stopping:
            self.wake.clear()
            try:
                if not await self._fill():
                    await self._rest()
            except Unavailable:
                await self._pause(STORE_DOWN_WAIT)
            except Exception:
                log.exception("pump failed", action="worker.pump", connector=self._id)
                await self._pause(STORE_DOWN_WAIT)

    async def _listen(self) -> None:
        """Wake the pump when the queue has something for it, and then not before it has looked."""
        while True:
            try:
                await self._worker.queue.wait(self._id, LONGEST_WAIT)
            except QueueError as error:
                log.warning("queue unavailable", action="worker.listen", error=str(error))
                self._worker.behind = True
                await asyncio.sleep(QUEUE_DOWN_WAIT)
                continue
            self._looked.clear()
            self.wake.set()
            await self._looked.wait()

    async def _rest(self) -> None:
        at = self.line.wake_at()
        await self._pause(1.0 if at is None else min(1.0, max(0.001, (at - self._worker.now()) / SECOND)))

    async def _pause(self, seconds: float) -> None:
        if not self._stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), seconds)

    async def _fill(self) -> bool:
        """Fill the window once. False when there was no room or nothing to send."""
        connector = self._worker.connections.get(self._id)
        fence = self._worker.fence(self._id)
        room = connector.free() if connector else 0
        if connector is None or fence is None or room <= 0:
            return False
        if self.line.overflow:
            self._submit(connector, [])
            return True
        wanted = await self._next(room)
        if not wanted:
            return False
        try:
            taken = await self._claim(Claim(self._id, fence, tuple(wanted)))
        except BaseException:
            self.line.hold(wanted)
            raise
        self._worker.memory.forget({message.id for message in wanted} - {message.id for message in taken})
        self._depart(connector, taken, fence)
        return True

    async def _claim(self, claim: Claim) -> Sequence[Dispatch]:
        """Those that may leave. A claim without an answer may be stored, so it is made until it has one."""
        try:
            return await self._worker.store.submit(self._worker.lanes.claims, claim)
        except Unavailable:
            doubtful = {message.id for message in claim.messages}
        self._worker.doubtful |= doubtful
        try:
            return await self._claim_again(claim)
        finally:
            self._worker.doubtful -= doubtful

    async def _claim_again(self, claim: Claim) -> Sequence[Dispatch]:
        while True:
            await asyncio.sleep(STORE_DOWN_WAIT)
            # What is announced twice may have left by its other claim.
            left = tuple(message for message in claim.messages if message.id not in self._worker.flights)
            with contextlib.suppress(Unavailable):
                again = claim._replace(messages=left, again=True)
                return await self._worker.store.submit(self._worker.lanes.claims, again)

    async def _next(self, room: int) -> list[Dispatch]:
        """Messages whose parts fit the room, or one that is larger than it; the rates have been asked."""
        now = self._worker.now()
        if self.line.paused_until > now:
            return []
        self.line.paused_until = 0
        found = self.line.due(now, room)
        if len(found) < room:
            found += await self._take(room - len(found))
        fitting = _fit(found, room)
        self.line.hold(found[len(fitting) :])
        return await self._throttled(fitting, now)

    async def _take(self, count: int) -> list[Dispatch]:
        self._looked.set()
        try:
            ids = await self._worker.queue.take(self._id, count)  # the claim, not the queue, decides who sends
        except QueueError as error:
            log.warning("queue unavailable", action="worker.take", error=str(error))
            self._worker.behind = True
            return []
        try:
            return await self._worker.resolve(ids)
        except Unavailable:
            self._worker.behind = True  # the hints are used up, the messages wait in the database
            raise

    async def _throttled(self, messages: list[Dispatch], now: int) -> list[Dispatch]:
        rate = self._worker.connections.rate(self._id)
        if rate is None and all(message.rate is None for message in messages):
            return messages
        allowed: list[Dispatch] = []
        for index, message in enumerate(messages):
            wait = await self._ask_rates(message, rate, now)
            if not wait:
                allowed.append(message)
            elif message.rate is None:  # the connector's own rate holds everybody back
                self.line.hold(messages[index:])
                self.line.paused_until = now + int(wait * SECOND)
                break
            elif not self.line.park(message, now + int(wait * SECOND)):
                self._worker.memory.forget({message.id})
                self._worker.behind = True
        return allowed

    async def _ask_rates(self, message: Dispatch, rate: float | None, now: int) -> float:
        """Seconds to wait for the connector's rate and the identity's own."""
        limits = [(f"connector:{self._id}", rate)] if rate else []
        if message.rate is not None:
            if self.line.must_wait(message):
                return 0.01  # behind those of the same sender that wait already
            limits.append((f"identity:{message.identity_id}", message.rate))
        return await self._worker.throttle.take(limits, message.parts - len(message.sent_parts), now / SECOND)

    def _depart(self, connector: Connector, taken: Sequence[Dispatch], fence: int) -> None:
        worker, now = self._worker, self._worker.now()
        profile = worker.connections.profile(self._id)
        out: list[Submission] = []
        for message in taken:
            reference = worker.references.next(self._id, message.destination) if message.parts > 1 else 0
            each = submissions(message, profile, reference, now)
            numbers = {read_reference(one.reference)[1] for one in each}
            worker.flights[message.id] = Flight(message, self._id, fence, numbers)
            worker.metrics.accept_to_submit.observe((now - message.created_at) / SECOND)
            out += each
        self._submit(connector, out)

    def _submit(self, connector: Connector, out: list[Submission]) -> None:
        """As much as there is room for, in order; the rest waits in front of everything else."""
        overflow = self.line.overflow
        overflow.extend(out)
        connector.submit([overflow.popleft() for _ in range(min(connector.free(), len(overflow)))])


def not_sent(reference: str) -> SubmissionResult:
    return SubmissionResult(reference, Outcome.NOT_SENT, detail="The link went down before it could leave.")


def _fit(messages: list[Dispatch], room: int) -> list[Dispatch]:
    """The first messages whose parts fit; at least one."""
    used = 0
    for index, message in enumerate(messages):
        used += message.parts - len(message.sent_parts)
        if used > room and index:
            return messages[:index]
    return messages
