"""What a destination is given of the log, and in whose words.

Rule: the log is the only queue there is. A source picks events of it and says them anew each time they are read, so
that what is put aside is kept once, as the log has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson
from sqlalchemy import bindparam, select, text

from gateway.events.aws_records import OUR_TYPES, Sent, record_of, two_way_message, wants
from gateway.events.destinations import TWO_WAY
from gateway.events.log import Page, Row, fresh, page
from gateway.events.pinpoint_records import Text, message_of, stream_record
from gateway.events.record import EventType
from gateway.store.hot import Hot, among
from gateway.store.tables import connectors, decisions, messages
from gateway.store.tables_numbers import phone_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from gateway.events.destinations import Destination
    from gateway.events.retries import Waiting
    from gateway.store.store import Store

_MOST_KNOWN = 4096  # decisions kept in memory


class Source(Protocol):
    """The events of one destination."""

    async def page(self, after: int, limit: int) -> Page:
        """Events beyond ``after``, oldest first, as they are to be given.

        Raises:
            Unavailable: the database cannot be read.
        """

    async def again(self, rows: Sequence[Waiting]) -> Sequence[Waiting]:
        """Events put aside, as they are to be given; ``data`` is "" for what is not to be given any more."""


def open_source(store: Store, destination: Destination) -> Source:
    if destination.application:
        return OfApplication(store, destination)
    if destination.configuration_set:
        return OfConfigurationSet(store, destination)
    return OfChannel(store, destination) if destination.kind == TWO_WAY else OfAccount(store, destination)


class OfAccount:
    """All events of an account, or those of some types, in our words."""

    def __init__(self, store: Store, destination: Destination) -> None:
        self._store, self._wanted = store, destination

    async def page(self, after: int, limit: int) -> Page:
        wanted = self._wanted
        return await page(self._store, after=after, limit=limit, account_id=wanted.account_id, types=wanted.types)

    async def again(self, rows: Sequence[Waiting]) -> Sequence[Waiting]:
        return rows


class OfChannel:
    """Texts that people sent to numbers whose two-way channel this is."""

    def __init__(self, store: Store, destination: Destination) -> None:
        self._store, self._wanted = store, destination

    async def page(self, after: int, limit: int) -> Page:
        wanted = self._wanted
        types = (EventType.INBOUND_RECEIVED.value,)
        found = await page(self._store, after=after, limit=limit, account_id=wanted.account_id, types=types)
        rows = [row._replace(data=said) for row in found.rows if (said := self._say(row.data))]
        return found._replace(rows=rows)

    async def again(self, rows: Sequence[Waiting]) -> Sequence[Waiting]:
        return [row._replace(data=self._say(row.data)) for row in rows]

    def _say(self, data: str) -> str:
        if not data:
            return ""
        event = orjson.loads(data)
        mine = event["data"].get("two_way_channel") == self._wanted.target
        return orjson.dumps(two_way_message(event)).decode() if mine else ""


_SENT = ("country", "encoding", "price", "created_at", "on_unknown", "connector_id", "identity_id", "decision_id")
_TOLD = ", ".join(f"m.{name}" for name in _SENT)
# CROSS JOIN: SQLite then goes through the events, and never through all messages.
_FRESH_OF_SET = f"""
    SELECT e.seq, e.subject_id, e.type, e.data, {_TOLD} FROM events AS e CROSS JOIN messages AS m
    WHERE e.seq > CAST(:after AS BIGINT) AND e.seq <= CAST(:upto AS BIGINT) AND e.at >= CAST(:since AS BIGINT)
      AND e.at < CAST(:before AS BIGINT) AND e.account_id = CAST(:account_id AS TEXT) AND {{types}}
      AND m.id = e.subject_id AND m.account_id = e.account_id AND m.configuration_set = CAST(:configuration_set AS TEXT)
    ORDER BY e.seq LIMIT CAST(:most AS INTEGER)"""  # noqa: S608 -- names of ours
_OF_TYPES = {
    "sqlite": "e.type IN (SELECT value FROM json_each(:types))",
    "postgresql": "e.type = ANY (CAST(:types AS TEXT[]))",
}
FRESH_OF_SET = Hot(
    "fresh events of a configuration set",
    ("after", "upto", "since", "before", "account_id", "types", "configuration_set", "most"),
    lambda dialect: text(_FRESH_OF_SET.format(types=_OF_TYPES[dialect.name])),
)


def _sent(*names: str) -> Callable[[Dialect], Executable]:
    """The statement for these columns of some messages of a configuration set."""
    m = messages.c

    def build(dialect: Dialect) -> Executable:
        mine = m.account_id == bindparam("account_id"), m.configuration_set == bindparam("configuration_set")
        return select(m.id, *(m[name] for name in names)).where(among(m.id, "ids", dialect), *mine)

    return build


_OF_SENT = ("ids", "account_id", "configuration_set")
SENT = Hot("messages of a configuration set", _OF_SENT, _sent(*_SENT))
_TEXT = ("destination", "sender", "parts", "message_type", "context")
TEXTS = Hot("messages of an application", _OF_SENT, _sent(*_TEXT, *_SENT))


class OfConfigurationSet:
    """What happens to the messages that name a configuration set, as AWS's records."""

    def __init__(self, store: Store, destination: Destination) -> None:
        self._store, self._wanted, self._around = store, destination, _Around(store)

    async def page(self, after: int, limit: int) -> Page:
        wanted, types = self._wanted, self._store.listed(OUR_TYPES)
        whose = wanted.account_id, types, wanted.configuration_set
        found = await fresh(self._store, FRESH_OF_SET, after, *whose, limit=limit)
        if not found.rows:
            return found
        await self._around.look_up([row[4:] for row in found.rows])
        said = [(row, self._say(row[3], row[4:])) for row in found.rows]
        return found._replace(rows=[Row(row[0], row[1], row[2], record) for row, record in said if record])

    async def again(self, rows: Sequence[Waiting]) -> Sequence[Waiting]:
        ids = self._store.listed({row.subject_id for row in rows})
        wanted = self._wanted
        found = await self._store.peek(SENT, ids, wanted.account_id, wanted.configuration_set)
        sent = {row[0]: row[1:] for row in found}
        await self._around.look_up(list(sent.values()))
        return [row._replace(data=self._say(row.data, sent.get(row.subject_id))) for row in rows]

    def _say(self, data: str, sent: Sequence[Any] | None) -> str:
        """The record as JSON; "" when there is none, or the destination does not want it."""
        if not data or sent is None:
            return ""
        whole, receipts = self._around.complete(sent)
        record = record_of(orjson.loads(data), whole, receipts=receipts)
        if record is None or not wants(self._wanted.types, record["eventType"]):
            return ""
        return orjson.dumps(record).decode()


class OfApplication:
    """What happens to the messages of an application, as the records of its event stream."""

    def __init__(self, store: Store, destination: Destination) -> None:
        self._store, self._wanted, self._around = store, destination, _Around(store)

    async def page(self, after: int, limit: int) -> Page:
        types = (*OUR_TYPES, EventType.INBOUND_RECEIVED.value)
        found = await page(self._store, after=after, limit=limit, account_id=self._wanted.account_id, types=types)
        said = zip(found.rows, await self._said([row.data for row in found.rows]), strict=True)
        # An answer is of the same subject as what it answers, and comes behind it.
        rows = [row._replace(subject_id=subject, data=record) for row, (subject, record) in said if record]
        return found._replace(rows=rows)

    async def again(self, rows: Sequence[Waiting]) -> Sequence[Waiting]:
        said = zip(rows, await self._said([row.data for row in rows]), strict=True)
        return [row._replace(data=record) for row, (_, record) in said]

    async def _said(self, told: Sequence[str]) -> list[tuple[str, str]]:
        """The message of each event, and its record as JSON; "" where there is none."""
        events = [orjson.loads(data) if data else {} for data in told]
        ids = [message_of(event) if event else "" for event in events]
        wanted = self._wanted
        found = await self._store.peek(TEXTS, self._store.listed(set(ids)), wanted.account_id, wanted.configuration_set)
        texts = {row[0]: row for row in found}
        await self._around.look_up([row[-len(_SENT) :] for row in found])
        return [(one, self._say(event, texts.get(one))) for one, event in zip(ids, events, strict=True)]

    def _say(self, event: Mapping[str, Any], row: Sequence[Any] | None) -> str:
        if row is None:
            return ""
        sent, receipts = self._around.complete(row[-len(_SENT) :])
        text = Text(row[0], self._wanted.application, self._wanted.account_id, *row[1 : -len(_SENT)])
        record = stream_record(event, text, sent, receipts=receipts)
        return orjson.dumps(record).decode() if record else ""


class _Around:
    """What many messages share: connectors, numbers and decisions, looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._silent: frozenset[str] = frozenset()  # connectors whose carrier sends no receipts
        self._countries: dict[str, str] = {}  # by phone number
        self._protection: dict[str, Mapping[str, str] | None] = {}  # by decision

    def complete(self, sent: Sequence[Any]) -> tuple[Sent, bool]:
        """The message as its record tells it, and whether its carrier sends receipts."""
        country, encoding, price, created_at, on_unknown, connector_id, identity_id, decision_id = sent
        ours, protection = self._countries.get(identity_id, ""), self._protection.get(decision_id)
        whole = Sent(country, encoding, price, created_at, on_unknown, ours, protection)
        return whole, connector_id not in self._silent

    async def look_up(self, sent: Sequence[Sequence[Any]]) -> None:
        """Learn what is not known yet of these. Raises Unavailable."""
        if not sent:
            return
        if len(self._protection) > _MOST_KNOWN:
            self._protection.clear()
        identities = {row[-2] for row in sent} - self._countries.keys()
        ruled = {row[-1] for row in sent} - self._protection.keys()
        async with self._store.reading() as connection:
            settings = await connection.execute(select(connectors.c.id, connectors.c.settings))
            self._silent = frozenset(one.id for one in settings if _is_silent(one.settings))
            if identities:
                query = select(phone_numbers.c.id, phone_numbers.c.country).where(phone_numbers.c.id.in_(identities))
                self._countries |= dict.fromkeys(identities, "") | {
                    row[0]: row[1] for row in await connection.execute(query)
                }
            if ruled:
                query = select(decisions.c.id, decisions.c.body).where(decisions.c.id.in_(ruled))
                found = await connection.execute(query)
                self._protection |= {row[0]: orjson.loads(row[1]).get("protection") for row in found}


def _is_silent(settings: str) -> bool:
    return bool(orjson.loads(settings).get("registered_delivery") == 0)
