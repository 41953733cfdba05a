"""Events, destinations and a destination's far end, made up for tests."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select

from gateway.events.destinations import TAKEN, Destination, Outcome
from gateway.events.log import append
from gateway.events.record import Event, EventType, message_event
from gateway.model import Status
from gateway.store.tables import event_destinations, event_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.events.destinations import Entry
    from gateway.events.log import Feed
    from gateway.store.store import Store
    from gateway.store.writer import Tx

AT = 1_795_000_000_123_456
DOWN = Outcome(ok=False, error="The server answered 500.", status=500)


def delivered(subject: str = "m1", **more: Any) -> Event:
    values: dict[str, Any] = {
        "account_id": "main",
        "message_id": subject,
        "to": "+447700900123",
        "sender": "ACME",
        "status": Status.DELIVERED,
        "at": AT,
        "parts": 1,
        "message_type": "TRANSACTIONAL",
        "purpose": "MESSAGE",
        "context": {"order": "7"},
    }
    return message_event(**(values | more))


def of_type(kind: EventType, subject: str = "m1", account_id: str = "main", at: int = AT) -> Event:
    return Event(kind, account_id, subject, at, {"n": 1})


async def log_events(store: Store, *events: Event, feed: Feed | None = None) -> None:
    async def work(tx: Tx) -> None:
        append(tx, events, feed)

    await store.write(work)


async def add_destination(store: Store, **more: Any) -> Destination:
    values: dict[str, Any] = {
        "id": "dest-1",
        "account_id": "main",
        "kind": "webhook",
        "target": "https://example.com/hook",
        "secret": b"sealed",
        "types": (),
        "batch_size": 1,
    }
    values |= {key: value for key, value in more.items() if key != "cursor"}
    row = values | {"types": orjson.dumps(values["types"]).decode(), "cursor": more.get("cursor", 0)}

    async def work(tx: Tx) -> None:
        await tx.conn.execute(insert(event_destinations).values(row))

    await store.write(work)
    return Destination(**values)


async def rows_of_destination(store: Store, destination_id: str = "dest-1") -> dict[str, Any]:
    async with store.reading() as connection:
        query = select(event_destinations).where(event_destinations.c.id == destination_id)
        return dict((await connection.execute(query)).one()._mapping)


async def aside_of(store: Store, destination_id: str = "dest-1") -> dict[int, Any]:
    async with store.reading() as connection:
        query = select(event_retries).where(event_retries.c.destination_id == destination_id)
        return {row.seq: row for row in await connection.execute(query)}


class FakeSender:
    """Remembers what it is given, and takes it unless told otherwise.

    ``taken`` and ``tries`` are numbers of events, a list for each call.
    """

    def __init__(self, most: int = 1, lanes: int = 1) -> None:
        self.most = most
        self.lanes = lanes
        self.tries: list[list[int]] = []
        self.taken: list[list[int]] = []
        self.rule: Callable[[Sequence[Entry]], Outcome] = lambda _entries: TAKEN
        self._script: deque[Outcome] = deque()

    def script(self, *outcomes: Outcome) -> None:
        self._script.extend(outcomes)

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:  # noqa: ARG002 -- a Sender's signature
        seqs = [entry.seq for entry in entries]
        self.tries.append(seqs)
        outcome = self._script.popleft() if self._script else self.rule(entries)
        if outcome.ok:
            self.taken.append(seqs)
        return outcome

    @property
    def order(self) -> list[int]:
        return [seq for seqs in self.taken for seq in seqs]
