"""Delivery receipts: which part is meant, and what becomes of its message.

Rule 1: a part is found by the carrier's id, in every form carriers write it (carriers.smpp.receipt.candidates), within
        the connector's group and for the handset that the receipt names.
Rule 2: no part, or more than one, is an orphan: kept, answered as received, and asked again when an answer is recorded.
Rule 3: a receipt never moves a status back; the same receipt twice has one effect.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from carriers.smpp.receipt import candidates, canonical
from carriers.types import DeliveryReceipt, ReceiptState
from gateway.model import Status, can_move, slowest
from gateway.resources.messages import Move, move_in
from gateway.store.hot import Hot, among, inserting
from gateway.store.tables import messages, orphans, parts
from gateway.store.times import SECOND, from_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from gateway.store.store import Store
    from gateway.store.writer import Tx

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

_FOUND = (
    parts.c.carrier_key, parts.c.carrier_group, parts.c.number, parts.c.status, parts.c.status_at, messages.c.id,
    messages.c.account_id, messages.c.destination, messages.c.sender, messages.c.parts, messages.c.message_type,
    messages.c.purpose, messages.c.context, messages.c.status, messages.c.status_at, messages.c.connector_id,
    messages.c.attempts, messages.c.possible_duplicate, messages.c.next_at,
)  # fmt: skip


def _find(dialect: Dialect) -> Executable:
    joined = parts.join(messages, parts.c.message_id == messages.c.id)
    return (
        select(*_FOUND)
        .select_from(joined)
        .where(among(parts.c.carrier_key, "keys", dialect), parts.c.carrier_key != "")
    )


FIND = Hot("parts by carrier key", ("keys", "carrier_key_1"), _find)


def _siblings(dialect: Dialect) -> Executable:
    return select(parts.c.message_id, parts.c.number, parts.c.status).where(among(parts.c.message_id, "ids", dialect))


SIBLINGS = Hot("parts of messages", ("ids",), _siblings)
PART = Hot(
    "part received",
    ("p_status", "p_at", "p_state", "p_error", "p_message", "p_number"),
    lambda _dialect: update(parts)
    .where(parts.c.message_id == bindparam("p_message"), parts.c.number == bindparam("p_number"))
    .values(
        status=bindparam("p_status"), status_at=bindparam("p_at"), raw_state=bindparam("p_state"),
        raw_error=bindparam("p_error"),
    ),
)  # fmt: skip
ORPHAN = inserting(
    orphans, "carrier_group", "carrier_id", "carrier_key", "handset", "state", "raw", "why", "received_at"
)


@dataclass(frozen=True, slots=True)
class Arrived:
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
    hot = True

    def __init__(self, store: Store, *, now: Callable[[], int], observe: Callable[[float], None]) -> None:
        """``observe`` is told the seconds from the carrier's answer to each final receipt."""
        self._store, self._now, self._observe = store, now, observe
        self.orphans = True  # whether there may be any; spares the look-up while there are none

    async def apply(self, tx: Tx, arrived: Sequence[Arrived]) -> list[bool]:
        now = self._now()
        wanted = {one.receipt.carrier_id: candidates(one.receipt.carrier_id) for one in arrived}
        found = await self._load(tx, {key for keys in wanted.values() for key in keys})
        changes = _Changes()
        results = []
        for one in arrived:
            matches = _matches(one, wanted[one.receipt.carrier_id], found)
            if len(matches) == 1:
                _apply(matches[0], one.receipt, now, changes)
            else:
                changes.orphans.append(_orphan(one, "ambiguous" if matches else "no match yet", now))
            results.append(len(matches) == 1)
        await changes.write(tx)
        for seconds in changes.waits:
            self._observe(seconds)
        if changes.orphans:
            self.orphans = True
        return results

    async def reclaim(self, carrier_ids: Iterable[str]) -> int:
        """Ask again for orphans that may belong to these just recorded ids (empty: for all). Returns how many did."""
        if not self.orphans:
            return 0
        keys = {key for carrier_id in carrier_ids for key in candidates(carrier_id)}
        return await self._store.write(lambda tx: self._reclaim_in(tx, keys))

    async def _reclaim_in(self, tx: Tx, keys: set[str]) -> int:
        query = select(orphans).order_by(orphans.c.seq).limit(1000)
        rows = list(await tx.conn.execute(query.where(orphans.c.carrier_key.in_(keys)) if keys else query))
        if not rows:
            self.orphans = bool(keys)
            return 0
        await tx.conn.execute(delete(orphans).where(orphans.c.seq.in_([row.seq for row in rows])))
        return sum(await self.apply(tx, [_arrived(row) for row in rows]))

    async def _load(self, tx: Tx, keys: set[str]) -> dict[str, list[_Part]]:
        known: dict[str, _Message] = {}
        found: dict[str, list[_Part]] = defaultdict(list)
        for row in await tx.rows(FIND, tx.listed(keys), ""):
            message = known.get(row[5]) or known.setdefault(row[5], _message(row))
            message.part_statuses[row[2]] = Status(row[3])
            found[row[0]].append(_Part(message, row[2], row[0], row[1], row[4]))
        several = [message.id for message in known.values() if message.parts > 1]
        if several:
            for message_id, number, status in await tx.rows(SIBLINGS, tx.listed(several)):
                known[message_id].part_statuses[number] = Status(status)
        return found


@dataclass(slots=True)
class _Changes:
    parts: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    orphans: list[tuple[Any, ...]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # seconds from answer to receipt

    async def write(self, tx: Tx) -> None:
        await tx.many(PART, self.parts)
        await move_in(tx, self.moves)
        await tx.many(ORPHAN, self.orphans)


def _message(row: Any) -> _Message:  # noqa: ANN401 -- a row of FIND
    return _Message(
        id=row[5], account_id=row[6], destination=row[7], sender=row[8], parts=row[9], message_type=row[10],
        purpose=row[11], context=orjson.loads(row[12]), status=Status(row[13]), status_at=row[14],
        connector_id=row[15], attempts=row[16], possible_duplicate=bool(row[17]), next_at=row[18],
    )  # fmt: skip


def _matches(one: Arrived, keys: Sequence[str], found: Mapping[str, list[_Part]]) -> list[_Part]:
    """Every part that the receipt may mean. More than one is never guessed at."""
    handset = one.receipt.handset
    return [
        part
        for key in keys
        for part in found.get(key, ())
        if part.carrier_group == one.carrier_group and handset in {"", part.message.destination}
    ]


def _apply(part: _Part, receipt: DeliveryReceipt, now: int, changes: _Changes) -> None:
    to = STATUS_OF[receipt.state]
    since = from_micros(now) - from_micros(part.status_at)
    if to is None or to is part.status or not can_move(part.status, to, since=since):
        return  # on its way still, said before, or too late to change anything
    message = part.message
    message.part_statuses[part.number] = to
    changes.waits.append((now - part.status_at) / SECOND)
    changes.parts.append((to.value, now, receipt.raw_state, receipt.raw_error, message.id, part.number))
    # Rows are written for all parts of a message at once; only a message given up as UNKNOWN may lack some of them.
    if message.status is Status.UNKNOWN and len(message.part_statuses) < message.parts:
        return
    whole = slowest(message.part_statuses.values())
    if whole is message.status or not can_move(
        message.status, whole, since=from_micros(now) - from_micros(message.status_at)
    ):
        return
    code = receipt.raw_error if whole is not Status.DELIVERED else ""
    reason = "" if whole is Status.DELIVERED else f"The carrier reported {receipt.raw_state or receipt.state}."
    changes.moves.append(Move(
        message, message.status, whole, now, was_at=message.status_at, code=code, reason=reason,
        connector_id=message.connector_id, next_at=message.next_at, attempts=message.attempts,
        possible_duplicate=message.possible_duplicate,
    ))  # fmt: skip
    message.status, message.status_at = whole, now


def _orphan(one: Arrived, why: str, now: int) -> tuple[Any, ...]:
    receipt = one.receipt
    raw = orjson.dumps([receipt.raw_state, receipt.raw_error, receipt.raw_text]).decode()
    return (
        one.carrier_group, receipt.carrier_id, canonical(receipt.carrier_id), receipt.handset, receipt.state.value,
        raw, why, now,
    )  # fmt: skip


def _arrived(row: Any) -> Arrived:  # noqa: ANN401 -- a row of orphans
    raw_state, raw_error, raw_text = orjson.loads(row.raw)
    receipt = DeliveryReceipt(
        row.carrier_id,
        ReceiptState(row.state),
        row.handset,
        "",
        raw_state=raw_state,
        raw_error=raw_error,
        raw_text=raw_text,
    )
    return Arrived(row.carrier_group, receipt)
