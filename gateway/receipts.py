"""Delivery receipts: which part is meant, and what becomes of its message.

Rule 1: a part is found by the carrier's id, in every form carriers write it (carriers.smpp.receipt.candidates), within
        the connector's group and for the handset that the receipt names.
Rule 2: no part, or more than one, is an orphan: kept, answered as received, and asked again when an answer is recorded.
        Of several, the base in which the carrier writes its ids decides, once it is set or learned.
        Messages of the last days are asked first, those of the last day before all: carriers use their ids again.
Rule 3: a receipt never moves a status back; the same receipt twice has one effect.
Rule 4: a person who has opted out at the carrier, as a receipt may say, has opted out here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Text, bindparam, delete, literal_column, select, update

from carriers.smpp.idbase import IdBases
from carriers.smpp.receipt import candidates, canonical
from carriers.types import DeliveryReceipt, ReceiptState
from gateway.model import Status, can_move, slowest
from gateway.resources.messages import LOCK_IDS, Move, move_in, to_dispatch
from gateway.resources.standing import Refusal, add_refused_in
from gateway.store.hot import Hot, among, each_of, given, inserting
from gateway.store.tables import messages, orphans, parts
from gateway.store.texts import storable
from gateway.store.times import DAY, LAST_ID, SECOND, elapsed, first_id, next_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Executable
    from sqlalchemy.engine import Dialect

    from carriers.smpp.receipt import IdBase
    from gateway.store.store import Store
    from gateway.store.writer import Tx

# Nearly every receipt is for a message of the last day, nearly all others for one of the last four; older ones are
# looked for when none of those fits, so that PostgreSQL need not look into the partition of each day that is kept.
RECENT = (DAY, 4 * DAY)
ASKED_AT_ONCE = 1000  # orphans in one transaction
LEAST_DIGITS = 7  # of a national number, to know a person by

# A receipt that is not final says only that the message is on its way.
STATUS_OF: Mapping[ReceiptState, Status | None] = {
    ReceiptState.SCHEDULED: None,
    ReceiptState.ENROUTE: None,
    ReceiptState.ACCEPTED: None,
    ReceiptState.DELIVERED: Status.DELIVERED,
    ReceiptState.EXPIRED: Status.EXPIRED,
    ReceiptState.DELETED: Status.UNDELIVERED,
    ReceiptState.UNDELIVERED: Status.UNDELIVERED,
    ReceiptState.REJECTED: Status.REJECTED,
    ReceiptState.SKIPPED: Status.UNDELIVERED,
    ReceiptState.UNKNOWN: Status.UNKNOWN,
}

_OF_PART = ("message_id", "carrier_key", "carrier_group", "number", "status", "status_at")
_OF_MESSAGE = (
    "id", "account_id", "destination", "sender", "parts", "message_type", "purpose", "context", "status", "status_at",
    "connector_id", "attempts", "possible_duplicate", "next_at",
)  # fmt: skip


def _find(dialect: Dialect) -> Executable:
    # Written out, not a parameter: only so do planners see that the partial index serves.
    with_key = parts.c.carrier_key != literal_column("''")
    since, before = bindparam("since", type_=Text), bindparam("before", type_=Text)
    within = with_key, parts.c.message_id >= since, parts.c.message_id < before
    if dialect.name == "sqlite":
        keyed = among(parts.c.carrier_key, "keys", dialect), *within
        return select(*(parts.c[name] for name in _OF_PART)).where(*keyed)
    source, found = each_of("keys", lambda key: select(parts).where(parts.c.carrier_key == key, *within))
    return select(*(found.c[name] for name in _OF_PART)).select_from(source)


FIND = Hot("parts by carrier key", ("keys", "since", "before"), _find)


def _of_parts(dialect: Dialect) -> Executable:
    query = select(*(messages.c[name] for name in _OF_MESSAGE)).where(among(messages.c.id, "ids", dialect))
    # In order, so that two processes with receipts for the same messages wait for, and not on, each other.
    return query.order_by(messages.c.id).with_for_update()


# A statement of its own: one that names the ids opens their days only, a join every day that is kept.
OF_PARTS = Hot("messages of parts", ("ids",), _of_parts)


def _siblings(dialect: Dialect) -> Executable:
    return select(parts.c.message_id, parts.c.number, parts.c.status).where(among(parts.c.message_id, "ids", dialect))


SIBLINGS = Hot("parts of messages", ("ids",), _siblings)
_RECEIVED = {
    "p_status": "status", "p_at": "status_at", "p_state": "raw_state", "p_error": "raw_error",
    "p_message": "message_id", "p_number": "number",
}  # fmt: skip


def _received(dialect: Dialect) -> Executable:
    row = given(dialect, "given_receipt", {param: parts.c[name].type for param, name in _RECEIVED.items()})
    values = {name: row[param] for param, name in list(_RECEIVED.items())[:4]}
    return update(parts).where(parts.c.message_id == row["p_message"], parts.c.number == row["p_number"]).values(values)


PART = Hot("part received", tuple(_RECEIVED), _received, ("p_message", "p_number"))
ORPHAN = inserting(
    orphans, "carrier_group", "carrier_id", "carrier_key", "handset", "state", "raw", "why", "received_at"
)


class Arrived(NamedTuple):
    """A receipt and the connector group that it came by."""

    carrier_group: str
    receipt: DeliveryReceipt


@dataclass(slots=True)
class _Message:
    """A message as it is while a batch of receipts is applied."""

    id: str
    account_id: str
    destination: str
    sender: str
    parts: int
    message_type: str
    purpose: str
    context: Mapping[str, str]
    status: Status
    status_at: int
    connector_id: str
    attempts: int
    possible_duplicate: bool
    next_at: int | None
    part_statuses: dict[int, Status] = field(default_factory=dict)


@dataclass(slots=True)
class _Part:
    message: _Message
    number: int
    key: str
    carrier_group: str
    status_at: int

    @property
    def status(self) -> Status:
        return self.message.part_statuses[self.number]


class Receipts:
    """A lane of the store's writer. Gives True for each receipt that found its part."""

    rank = 20
    patience = 0.005
    hot = True
    outward = True

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], int],
        observe: Callable[[float], None],
        id_base: Callable[[str], IdBase] = lambda _group: "",
    ) -> None:
        """What to work with.

        Args:
            store: where the parts are.
            now: microseconds.
            observe: is told the seconds from the carrier's answer to each final receipt.
            id_base: the base that is set for a carrier group; "" lets it be learned.
        """
        self._store, self._now, self._observe, self._set_base = store, now, observe, id_base
        self._learned = IdBases()
        self.orphans = True  # whether there may be any; spares the look-up while there are none
        self.base_learned = False  # since orphans were last all asked
        self._asked = 0  # the last orphan asked, where there are too many to ask at once

    @property
    def bases(self) -> Mapping[str, IdBase]:
        """The bases learned so far, by carrier group."""
        return self._learned.known()

    async def apply(self, tx: Tx, arrived: Sequence[Arrived]) -> list[bool]:
        now = self._now()
        counts = await self._settle(tx, arrived, now)
        lost = [(one, count) for one, count in zip(arrived, counts, strict=True) if count != 1]
        await tx.many(ORPHAN, [_orphan(one, "ambiguous" if count else "no match yet", now) for one, count in lost])
        if lost:
            self.orphans = True
        return [count == 1 for count in counts]

    async def _settle(self, tx: Tx, arrived: Sequence[Arrived], now: int) -> list[int]:
        """Let each receipt that means one part take effect; how many parts each may mean."""
        matches: list[list[_Part]] = [[] for _ in arrived]
        for since, before in [*((first_id(now - recent), next_id()) for recent in RECENT), ("", LAST_ID)]:
            lost = [place for place, its in enumerate(matches) if not its]
            if not lost:
                break
            found = await self._load(tx, _keys(arrived[place] for place in lost), since, before)
            for place in lost:
                matches[place] = self._matches(arrived[place], found)
        changes = _Changes()
        for one, its in zip(arrived, matches, strict=True):
            if len(its) == 1:
                _apply(its[0], one.receipt, now, changes)
        await changes.write(tx, now)
        for seconds in changes.waits:
            self._observe(seconds)
        return [len(its) for its in matches]

    def _matches(self, one: Arrived, found: Mapping[str, list[_Part]]) -> list[_Part]:
        """Every part that the receipt may mean. More than one is never guessed at."""
        carrier_id, group = storable(one.receipt.carrier_id), one.carrier_group
        if base := self._set_base(group):
            return _parts_of(one, candidates(carrier_id, base), found)
        matches = _parts_of(one, candidates(carrier_id), found)
        if len(matches) > 1 and (base := self._learned.of(group)):
            return _parts_of(one, candidates(carrier_id, base), found)
        if len(matches) == 1 and self._learned.note(group, carrier_id, matches[0].key):
            self.base_learned = True
        return matches

    async def reclaim(self, carrier_ids: Iterable[str]) -> int:
        """Ask again for orphans that may belong to these just recorded ids. Returns how many did."""
        keys = {key for carrier_id in carrier_ids for key in candidates(carrier_id)}
        if not self.orphans or not keys:
            return 0
        wanted = orphans.c.carrier_key.in_(keys)
        return await self._store.write(lambda tx: self._reclaim_in(tx, wanted))

    async def reclaim_all(self) -> int:
        """Ask again for all orphans, or for the next ``ASKED_AT_ONCE`` of them. Returns how many found their part."""
        self.base_learned = False
        return await self._store.write(self._reclaim_next)

    async def _reclaim_next(self, tx: Tx) -> int:
        query = select(orphans.c.seq).where(orphans.c.seq > self._asked).order_by(orphans.c.seq).limit(ASKED_AT_ONCE)
        chunk = list((await tx.conn.execute(query)).scalars())
        self.orphans = bool(chunk or self._asked)
        after, self._asked = self._asked, chunk[-1] if len(chunk) == ASKED_AT_ONCE else 0
        return await self._reclaim_in(tx, (orphans.c.seq > after) & (orphans.c.seq <= chunk[-1])) if chunk else 0

    async def _reclaim_in(self, tx: Tx, wanted: ColumnElement[bool]) -> int:
        """Those that find no part stay as they are, with the time they came."""
        query = select(orphans).where(wanted).order_by(orphans.c.seq).limit(ASKED_AT_ONCE)
        rows = list(await tx.conn.execute(query))
        if not rows:
            return 0
        counts = await self._settle(tx, [_arrived(row) for row in rows], self._now())
        found = [row.seq for row, count in zip(rows, counts, strict=True) if count == 1]
        await tx.conn.execute(delete(orphans).where(orphans.c.seq.in_(found)))
        return len(found)

    async def _load(self, tx: Tx, keys: set[str], since: str, before: str) -> dict[str, list[_Part]]:
        rows = await tx.rows(FIND, tx.listed(keys), since, before)
        if not rows:
            return {}
        messages_of = await tx.rows(OF_PARTS, tx.listed({row[0] for row in rows}))
        known = {row[0]: _message(row) for row in messages_of}
        found: dict[str, list[_Part]] = defaultdict(list)
        for message_id, key, group, number, status, status_at in rows:
            if message := known.get(message_id):
                message.part_statuses[number] = Status(status)
                found[key].append(_Part(message, number, key, group, status_at))
        several = [message.id for message in known.values() if message.parts > 1]
        if several:
            for message_id, number, status in await tx.rows(SIBLINGS, tx.listed(several)):
                known[message_id].part_statuses[number] = Status(status)
        return found


@dataclass(slots=True)
class _Changes:
    parts: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # seconds from answer to receipt
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)  # by message: connector and error of an opt-out

    async def write(self, tx: Tx, now: int) -> None:
        await tx.many(PART, self.parts)
        await move_in(tx, self.moves)
        if self.refused:
            found = [to_dispatch(row) for row in await tx.rows(LOCK_IDS, tx.listed(self.refused))]
            await add_refused_in(tx, [Refusal.of(one, *self.refused[one.id]) for one in found], at=now)


def _message(row: Any) -> _Message:  # noqa: ANN401 -- a row of OF_PARTS
    return _Message(
        id=row[0], account_id=row[1], destination=row[2], sender=row[3], parts=row[4], message_type=row[5],
        purpose=row[6], context=orjson.loads(row[7]), status=Status(row[8]), status_at=row[9],
        connector_id=row[10], attempts=row[11], possible_duplicate=bool(row[12]), next_at=row[13],
    )  # fmt: skip


def _keys(arrived: Iterable[Arrived]) -> set[str]:
    """Everything that the carrier ids of these may be written as."""
    return {key for one in arrived for key in candidates(storable(one.receipt.carrier_id))}


def _parts_of(one: Arrived, keys: Sequence[str], found: Mapping[str, list[_Part]]) -> list[_Part]:
    """The parts with one of these keys, of this carrier, to this handset."""
    return [
        part
        for key in keys
        for part in found.get(key, ())
        if part.carrier_group == one.carrier_group and _is_for(one.receipt.handset, part.message.destination)
    ]


def _is_for(handset: str, destination: str) -> bool:
    """Whether a receipt's handset may be this one. Some carriers leave it out, others write it in the national form."""
    if handset in {"", destination}:
        return True
    digits = handset.lstrip("+0")
    return len(digits) >= LEAST_DIGITS and digits.isdigit() and destination.endswith(digits)


def _apply(part: _Part, receipt: DeliveryReceipt, now: int, changes: _Changes) -> None:
    to = STATUS_OF[receipt.state]
    since = elapsed(part.status_at, now)
    if to is None or to is part.status or not can_move(part.status, to, since=since):
        return  # on its way still, said before, or too late to change anything
    message = part.message
    was = message.part_statuses[part.number]
    message.part_statuses[part.number] = to
    changes.waits.append((now - part.status_at) / SECOND)
    part.status_at = now
    raw = storable(receipt.raw_state), storable(receipt.raw_error)
    changes.parts.append((to.value, now, *raw, message.id, part.number))
    if receipt.opted_out:
        changes.refused[message.id] = message.connector_id, raw[1]
    if _lacks_parts(message, was):
        return
    whole = slowest(message.part_statuses.values())
    if whole is message.status or not can_move(message.status, whole, since=elapsed(message.status_at, now)):
        return
    raw_state, raw_error = raw
    code = raw_error if whole is not Status.DELIVERED else ""
    reason = "" if whole is Status.DELIVERED else f"The carrier reported {raw_state or receipt.state}."
    changes.moves.append(Move(
        message, message.status, whole, now, was_at=message.status_at, code=code, reason=reason,
        connector_id=message.connector_id, next_at=message.next_at, attempts=message.attempts,
        possible_duplicate=message.possible_duplicate,
    ))  # fmt: skip
    message.status, message.status_at = whole, now


def _lacks_parts(message: _Message, was: Status) -> bool:
    """Whether parts never left, so that one part's receipt says nothing of the whole.

    Only of a message that was given up may parts be missing: as UNKNOWN, or EXPIRED before all of it had left. One
    that is EXPIRED by its receipts has a part that is (``was``). One that goes as message_payload has a single row.
    """
    given_up = message.status is Status.UNKNOWN or (message.status is Status.EXPIRED and was is not Status.EXPIRED)
    return given_up and len(message.part_statuses) < message.parts


def _orphan(one: Arrived, why: str, now: int) -> tuple[Any, ...]:
    receipt = one.receipt
    raw = orjson.dumps([receipt.raw_state, receipt.raw_error, receipt.raw_text, receipt.opted_out]).decode()
    carrier_id = storable(receipt.carrier_id)
    return (
        one.carrier_group, carrier_id, canonical(carrier_id), storable(receipt.handset), receipt.state.value, raw, why,
        now,
    )  # fmt: skip


def _arrived(row: Any) -> Arrived:  # noqa: ANN401 -- a row of orphans
    raw_state, raw_error, raw_text, opted_out = orjson.loads(row.raw)
    receipt = DeliveryReceipt(
        row.carrier_id,
        ReceiptState(row.state),
        row.handset,
        "",
        raw_state=raw_state,
        raw_error=raw_error,
        raw_text=raw_text,
        opted_out=opted_out,
    )
    return Arrived(row.carrier_group, receipt)
