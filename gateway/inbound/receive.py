"""Receiving a text: the message, the opt-out, the event and the answer are one transaction.

Rule 1: a text that its carrier sent twice is stored once: by the carrier's id of it, or, where there is none, because
        an equal one was stored and never acknowledged.
Rule 2: every text is stored and becomes an event, whatever it says and whoever it is for.
Rule 3: what automatic answer it gets goes the ordinary way of every message, with the purpose that the rules ask for.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import func, select, update

from gateway.errors import GatewayError
from gateway.events.log import append
from gateway.events.record import Event, EventType
from gateway.inbound import assembly
from gateway.inbound.replies import PURPOSES, is_person, reply_text
from gateway.model import DEFAULT_ACCOUNT, OriginationIdentity, Purpose, Status
from gateway.numbers import mask, parse_destination
from gateway.outbound.request import Order, SendRequest
from gateway.resources import opt_outs, reviews, two_way_channels
from gateway.resources.consent import PERSON
from gateway.store.tables import inbound_messages, messages
from gateway.store.texts import storable
from gateway.store.times import HOUR, new_id
from keywords import engine
from keywords.types import KeywordSet, Meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carriers.types import InboundMessage
    from gateway.config import Settings
    from gateway.inbound.assembly import Whole
    from gateway.outbound.accept import Outbound
    from gateway.resources.catalog import Catalog
    from gateway.resources.opt_outs import OptOut
    from gateway.store.store import Store
    from gateway.store.writer import Tx
    from keywords.types import KeywordMatch

log = structlog.get_logger()

REDELIVERED_WITHIN = 24 * HOUR  # carriers try again for so long (Rakuten's SMPP guide)


@dataclass(frozen=True, slots=True)
class ArrivedText:
    connector_id: str
    carrier_group: str
    message: InboundMessage


@dataclass(frozen=True, slots=True)
class Received:
    """A whole text, as it is stored."""

    id: str
    account_id: str
    identity: OriginationIdentity | None  # None: nobody here has that number
    source: str
    destination: str
    body: str
    octets: bytes
    parts: int
    complete: bool
    connector_id: str
    carrier_id: str
    fingerprint: str
    at: int
    completes: str = ""  # id under which it was given before, incomplete


class Inbound:
    """A lane of the store's writer. Gives the id under which each text was stored; "" for a part or a copy."""

    rank = 30  # before new messages: a STOP counts for what is accepted in the same commit
    patience = 0.0
    hot = False
    outward = False

    def __init__(
        self, store: Store, catalog: Catalog, outbound: Outbound, settings: Settings, *, now: Callable[[], int]
    ) -> None:
        self._store, self._catalog, self._outbound, self._settings, self._now = store, catalog, outbound, settings, now

    async def apply(self, tx: Tx, arrived: Sequence[ArrivedText]) -> list[str]:
        return [await self._receive(tx, one, self._now()) for one in arrived]

    async def acknowledged(self, inbound_ids: Sequence[str]) -> None:
        """The carrier was told that we have these: an equal text from now on is a new one."""
        change = update(inbound_messages).where(inbound_messages.c.id.in_(inbound_ids)).values(acknowledged=1)
        await self._store.write(lambda tx: tx.conn.execute(change))

    async def give_overdue(self) -> None:
        """Give what is there of long texts whose parts have stopped coming."""
        await self._store.write(self._give_overdue)

    async def _give_overdue(self, tx: Tx) -> None:
        now = self._now()
        for whole in await assembly.overdue(tx.conn, now):
            group, source, destination = assembly.ends(whole.assembly)
            text = self._read(group, source, destination, "", whole, now)
            await self._keep(tx, text, whole)
        await assembly.clean(tx.conn, now)

    async def _receive(self, tx: Tx, one: ArrivedText, now: int) -> str:
        message = one.message
        whole = await _assembled(tx, one, now)
        if whole is None:
            return ""
        text = self._read(one.connector_id, message.source, message.destination, message.carrier_id, whole, now)
        return await _stored_before(tx, text) or await self._keep(tx, text, whole)

    def _read(
        self, connector_id: str, source: str, destination: str, carrier_id: str, whole: Whole, now: int
    ) -> Received:
        source, destination, body = storable(source), storable(destination), storable(whole.body)
        found = self._catalog.identity_by_sender(destination)
        account_id, identity = found or (DEFAULT_ACCOUNT, None)
        if identity is None:
            log.warning(
                "text for a number that nobody has",
                action="inbound.receive",
                to=mask(destination),
                connector=connector_id,
            )
        sign = f"{connector_id}\0{source}\0{destination}\0{body}".encode()
        return Received(
            id=new_id(), account_id=account_id, identity=identity, source=source, destination=destination,
            body=body, octets=whole.octets, parts=whole.parts, complete=whole.complete,
            connector_id=connector_id, carrier_id=storable(carrier_id),
            fingerprint=hashlib.blake2b(sign + whole.octets, digest_size=16).hexdigest(), at=now,
            completes=whole.inbound_id,
        )  # fmt: skip

    async def _keep(self, tx: Tx, text: Received, whole: Whole) -> str:
        match, opted = await self._match(tx, text)
        reply_to = await _last_message(tx, text)
        await tx.conn.execute(inbound_messages.insert().values(_row(text, match, reply_to)))
        if whole.assembly:
            await assembly.settle(tx.conn, whole, text.id)
        if channel := two_way_channels.channel_of(text.identity):
            await two_way_channels.open_in(tx, text.account_id, channel, text.at)
        append(tx, [_event(text, match, reply_to)])
        if text.identity is not None and not text.identity.self_managed_opt_outs and not text.completes:
            await self._act(tx, text, match, opted)
        return text.id

    async def _match(self, tx: Tx, text: Received) -> tuple[KeywordMatch, OptOut | None]:
        if text.identity is None:
            return engine.match(text.body, KeywordSet(())), None
        standing = await opt_outs.standing_in(tx, [text.source])
        opted = standing.get((text.account_id, text.source, text.identity.opt_out_list))
        keywords = self._catalog.keywords(text.identity)
        region = _region(text.source)
        return engine.match(text.body, keywords, opted_out=opted is not None, region=region), opted

    async def _act(self, tx: Tx, text: Received, match: KeywordMatch, opted: OptOut | None) -> None:
        identity = text.identity
        assert identity is not None  # noqa: S101 -- the caller has looked
        whom: dict[str, Any] = {
            "account_id": text.account_id, "phone": text.source, "list_name": identity.opt_out_list, "at": text.at,
            "inbound_id": text.id, "words": text.body,
        }  # fmt: skip
        if match.meaning is Meaning.OPT_OUT:
            await opt_outs.add_in(tx, **whom, by_end_user=True, actor=PERSON, how=f"keyword {match.word}")
        elif match.meaning is Meaning.OPT_IN:
            await opt_outs.lift_in(tx, **whom, actor=PERSON, how=f"keyword {match.word}")
        elif match.meaning is Meaning.REVIEW:
            await reviews.open_in(tx, **whom, why=match.how)
        confirmed = match.meaning is Meaning.OPT_OUT and opted is not None and opted.confirmations > 0
        if (body := reply_text(match)) and not confirmed:
            await self._reply(tx, text, identity, PURPOSES[match.meaning], body)

    async def _reply(self, tx: Tx, text: Received, identity: OriginationIdentity, purpose: Purpose, body: str) -> None:
        if not is_person(text.source):
            log.info("no reply to a machine", action="inbound.reply", inbound=text.id)
            return
        if await self._replies_of_late(tx, text, identity) >= self._settings.automatic_replies_per_hour:
            log.warning("too many automatic replies", action="inbound.reply", inbound=text.id)
            return
        request = SendRequest(
            account_id=text.account_id, to=text.source, body=body, origination=identity.id, purpose=purpose,
            in_reply_to=text.id,
        )  # fmt: skip
        (answer,) = await self._outbound.apply(tx, [Order((request,))])
        outcome = answer if isinstance(answer, GatewayError) else answer.outcomes[0]
        if isinstance(outcome, GatewayError):
            log.warning("cannot reply", action="inbound.reply", inbound=text.id, code=outcome.code)

    async def _replies_of_late(self, tx: Tx, text: Received, identity: OriginationIdentity) -> int:
        m = messages.c
        query = select(func.count()).where(
            m.account_id == text.account_id, m.destination == text.source, m.created_at > text.at - HOUR,
            m.sender == identity.sender, m.purpose != Purpose.MESSAGE.value, m.status != Status.REFUSED.value,
        )  # fmt: skip
        return int((await tx.conn.execute(query)).scalar_one())


async def _assembled(tx: Tx, one: ArrivedText, now: int) -> Whole | None:
    """The whole text; None while parts are missing."""
    message = one.message
    if key := assembly.assembly_key(one.carrier_group, message):
        return await assembly.add_part(tx.conn, key, message, now)
    return assembly.Whole("", 0, message.text, message.octets, 1, complete=True)


async def _stored_before(tx: Tx, text: Received) -> str:
    """The id of the same text when the carrier sends it again; "" when it is new."""
    t = inbound_messages.c
    recent = t.received_at > text.at - REDELIVERED_WITHIN
    same = t.fingerprint == text.fingerprint
    if text.carrier_id:
        query = select(t.id).where(same, recent, t.connector_id == text.connector_id, t.carrier_id == text.carrier_id)
    else:
        query = select(t.id).where(same, recent, t.acknowledged == 0)
    return (await tx.conn.execute(query.limit(1))).scalar() or ""


async def _last_message(tx: Tx, text: Received) -> str:
    """The message that this answers: the last one from that number to this person."""
    m = messages.c
    query = select(m.id).where(
        m.account_id == text.account_id, m.destination == text.source, m.sender == text.destination,
        m.status.not_in([Status.REFUSED.value, Status.CANCELLED.value]),
    )  # fmt: skip
    return (await tx.conn.execute(query.order_by(m.created_at.desc()).limit(1))).scalar() or ""


def _region(source: str) -> str:
    try:
        return parse_destination(source).country
    except GatewayError:
        return ""


def _row(text: Received, match: KeywordMatch, reply_to: str) -> dict[str, Any]:
    return {
        "id": text.id, "account_id": text.account_id, "identity": text.destination,
        "identity_id": text.identity.id if text.identity else "", "source": text.source, "body": text.body,
        "raw": base64.b64encode(text.octets).decode(), "parts": text.parts, "complete": int(text.complete),
        "connector_id": text.connector_id, "carrier_id": text.carrier_id, "keyword": match.word,
        "meaning": match.meaning.value, "match": orjson.dumps(match_document(match)).decode(), "reply_to": reply_to,
        "received_at": text.at, "acknowledged": 0, "fingerprint": text.fingerprint,
    }  # fmt: skip


def match_document(match: KeywordMatch) -> dict[str, Any]:
    """What matched and why, for the record."""
    return {
        "meaning": match.meaning.value, "word": match.word, "matched_text": storable(match.matched_text),
        "how": storable(match.how), "rule": match.rule, "language": match.language, "sources": list(match.sources),
        "note": match.note,
    }  # fmt: skip


def _event(text: Received, match: KeywordMatch, reply_to: str) -> Event:
    data = {
        "inbound_id": text.id, "from": text.source, "to": text.destination, "body": text.body,
        "raw": base64.b64encode(text.octets).decode(), "parts": text.parts, "complete": text.complete,
        "completes": text.completes, "keyword": match.word, "meaning": match.meaning.value, "rule": match.rule,
        "reply_to": reply_to, "connector": text.connector_id,
    }  # fmt: skip
    if channel := two_way_channels.channel_of(text.identity):
        data["two_way_channel"] = channel
    return Event(EventType.INBOUND_RECEIVED, text.account_id, text.id, text.at, data)
