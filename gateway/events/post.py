"""The post office: keeps one runner at work for each enabled destination."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import orjson
import structlog

from gateway.events import destinations
from gateway.events.aws_delivery import AwsDelivery
from gateway.events.destinations import FILE, OF_AWS, WEBHOOK, Destination, Outcome, Sender, find
from gateway.events.files import FileSender
from gateway.events.log import watch
from gateway.events.record import timestamp
from gateway.events.runner import DestinationRunner
from gateway.events.sources import open_source
from gateway.events.webhooks import WebhookSender, open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import ClientSession
    from aiohttp.abc import AbstractResolver

    from gateway.events.log import Feed
    from gateway.store.store import Store

TEST_TYPE = "destination.test"
GRACE_SECONDS = 1.0  # for requests under way when a runner is stopped; what is cut off is given again

log = structlog.get_logger()


class _Sample(NamedTuple):
    seq: int
    subject_id: str
    data: str


class _Desk(NamedTuple):
    runner: DestinationRunner
    task: asyncio.Task[None]


class Post:
    """Starts and stops runners as ``event_destinations`` changes.

    Args:
        store: where the log and the destinations are.
        feed: told by ``gateway.events.log.append`` what was committed.
        decrypt: gives the "whsec_…" of a destination's id and sealed octets; a secret is sealed to its row.
        folder: event files may only be in here.
        allow_private: webhooks may go to private addresses and by http.
        clock: microseconds since 1970.
        aws: gives records to AWS, or to the webhooks that stand for it.
        owns: whether this process serves a destination, by its id.
        random: for jitter.
        resolver: looks names up for webhooks; None for the system's.
    """

    def __init__(
        self,
        store: Store,
        feed: Feed,
        decrypt: Callable[[str, bytes], str],
        *,
        folder: Path,
        allow_private: bool,
        clock: Callable[[], int],
        aws: AwsDelivery | None = None,
        owns: Callable[[str], bool] = lambda _destination_id: True,
        random: Random | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._store = store
        self._feed = feed
        self._decrypt = decrypt
        self._folder = folder
        self._allow_private = allow_private
        self._clock = clock
        self._aws = aws or AwsDelivery()
        self._owns = owns
        self._random = random or Random()  # noqa: S311 -- spreads retries; nothing is kept secret by it
        self._resolver = resolver
        self._session: ClientSession | None = None
        self._desks: dict[Destination, _Desk] = {}
        self.enabled: frozenset[str] = frozenset()  # ids of all that somebody should serve
        self._refreshing = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @property
    def destinations(self) -> list[Destination]:
        """Those at work."""
        return list(self._desks)

    async def start(self) -> None:
        """Begin to deliver to those that this process serves.

        Raises:
            Unavailable: the database cannot be read.
        """
        self._session = open_session(allow_private=self._allow_private, resolver=self._resolver)
        self._watch = asyncio.create_task(watch(self._store, self._feed), name="events-watch")
        await self.refresh()

    async def stop(self) -> None:
        """Stop delivering and store how far each destination is."""
        async with self._refreshing:
            await asyncio.gather(*(self._close(destination, keep=True) for destination in list(self._desks)))
        if self._watch:
            await _cancelled(self._watch)
        if self._session:
            await self._session.close()
        await self._aws.close()

    async def refresh(self) -> None:
        """Take up what has changed in ``event_destinations``. Call it after each change.

        Raises:
            Unavailable: the database cannot be read; nothing has changed.
        """
        async with self._refreshing:
            wanted = await self._wanted()
            for destination, desk in list(self._desks.items()):
                if destination not in wanted or desk.task.done():
                    await self._close(destination, keep=destination.id in self.enabled)
            if wanted.keys() - self._desks.keys():
                wanted = await self._wanted()  # with the progress that was stored just now
            for destination, cursor in wanted.items():
                if destination not in self._desks:
                    self._open(destination, cursor)

    async def test(self, destination_id: str, account_id: str | None = None) -> Outcome:
        """Give one sample event to a destination now, signed as any other, and say what came of it.

        Raises:
            NotFound: the account has no such destination.
            RuntimeError: before ``start``.
        """
        destination = await find(self._store, destination_id, account_id)
        now = self._clock()
        data = {
            "type": TEST_TYPE,
            "timestamp": timestamp(now),
            "account_id": destination.account_id,
            "data": {"destination_id": destination.id},
        }
        # The time stands for the number: no event has it, and no two tests share it.
        sample = _Sample(now, destination.id, orjson.dumps(data).decode())
        return await self._sender(destination).send([sample], now)

    async def drop(self) -> None:
        """Stop what this process does not serve any more, at once and without storing how far it is."""
        async with self._refreshing:
            for destination in [one for one in self._desks if not self._owns(one.id)]:
                await _cancelled(self._desks.pop(destination).task)

    async def _wanted(self) -> dict[Destination, int]:
        enabled = await destinations.active(self._store)
        self.enabled = frozenset(destination.id for destination in enabled)
        return {destination: cursor for destination, cursor in enabled.items() if self._owns(destination.id)}

    def _open(self, destination: Destination, cursor: int) -> None:
        try:
            sender = self._sender(destination)
        except Exception:  # whatever is wrong with one destination, the others are served
            log.exception("destination cannot be served", action="events.open", destination=destination.id)
            return
        runner = DestinationRunner(
            destination,
            cursor,
            sender,
            open_source(self._store, destination),
            store=self._store,
            feed=self._feed,
            clock=self._clock,
            random=self._random,
        )
        task = asyncio.create_task(runner.run(), name=f"events-{destination.id}")
        self._desks[destination] = _Desk(runner, task)

    async def _close(self, destination: Destination, *, keep: bool) -> None:
        desk = self._desks.pop(destination)
        if desk.runner.stop():
            await asyncio.wait({desk.task}, timeout=GRACE_SECONDS)
        await _cancelled(desk.task)
        if keep and not desk.runner.progress.gone:
            await desk.runner.save()

    def _sender(self, destination: Destination) -> Sender:
        if self._session is None:
            raise RuntimeError("start() comes first")
        if destination.kind == WEBHOOK:
            secret = self._decrypt(destination.id, destination.secret or b"")
            return WebhookSender(self._session, destination, secret, allow_private=self._allow_private)
        if destination.kind == FILE:
            return FileSender(destination, self._folder)
        if destination.kind in OF_AWS:
            return self._aws.sender(destination)
        raise ValueError(f"no such kind of destination: {destination.kind}")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
