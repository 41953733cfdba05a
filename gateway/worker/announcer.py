"""Tells the queue what is ready to leave, by the connector that it should leave through.

A process that only accepts messages announces and forgets; one that runs the connector keeps the message as well, so
that it need not be read back.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING

import structlog

from gateway.model import MessageType
from gateway.queue import QueueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.model import Dispatch
    from gateway.queue import Queue

log = structlog.get_logger()


def announce_all(_lane: str, _message: Dispatch) -> bool:
    """What ``keep`` is where no connector runs."""
    return True


def drop(_lane: str, _messages: Sequence[Dispatch]) -> None:
    """What ``unheard`` is where no connector runs: whoever runs it finds them in the database."""


class Announcer:
    """Messages in, hints out.

    Args:
        queue: where to announce.
        up: whether a connector takes messages, wherever it runs.
        keep: asked before a message is announced; False leaves it to the database.
        unheard: given what the queue would not take.
    """

    def __init__(
        self,
        queue: Queue,
        up: Callable[[str], bool],
        keep: Callable[[str, Dispatch], bool] = announce_all,
        unheard: Callable[[str, Sequence[Dispatch]], None] = drop,
    ) -> None:
        self._queue, self._up, self._keep, self._unheard = queue, up, keep, unheard
        self._news: deque[tuple[str, Dispatch]] = deque()
        self._event = asyncio.Event()

    def offer(self, messages: Iterable[Dispatch]) -> None:
        """These are committed as QUEUED."""
        for message in messages:
            lane = self.lane(message)
            if self._keep(lane, message):
                self._news.append((lane, message))
        self._event.set()

    def again(self, messages: Iterable[Dispatch]) -> None:
        """Announce messages that are kept already, by the way that is up now."""
        self._news.extend((self.lane(message), message) for message in messages)
        self._event.set()

    def lane(self, message: Dispatch) -> str:
        """The first connector of the route that is up; the first of all while none is."""
        return next((one for one in message.connectors if self._up(one)), message.connectors[0])

    def waiting(self) -> set[str]:
        """The ids of what is not announced yet."""
        return {message.id for _, message in self._news}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._event.wait()
            self._event.clear()
            lanes: defaultdict[tuple[str, bool, str], list[Dispatch]] = defaultdict(list)
            while self._news:
                lane, message = self._news.popleft()
                urgent = message.message_type == MessageType.TRANSACTIONAL
                lanes[lane, urgent, message.account_id].append(message)
            for (lane, urgent, account), messages in lanes.items():
                await self._put(lane, messages, urgent=urgent, account=account)

    async def _put(self, lane: str, messages: list[Dispatch], *, urgent: bool, account: str) -> None:
        try:
            await self._queue.put(
                lane,
                [message.id for message in messages],
                urgent=urgent,
                account=account,
                contents=lambda start, end: list(messages[start:end]),
            )
        except QueueError as error:  # the queue is a hint: go on without it
            log.warning("queue unavailable", action="worker.announce", error=str(error))
            self._unheard(lane, messages)
