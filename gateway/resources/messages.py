"""Messages: the one door to a status, and how they are found.

Every change of a status goes through ``move_in``: it checks the table of legal moves, writes the row and appends the
event in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson
from sqlalchemy import Integer, Text, bindparam, func, literal_column, or_, select, update

from gateway.errors import Conflict, NotFound
from gateway.events.log import append
from gateway.events.record import message_event
from gateway.model import FINAL, WAITING, Dispatch, Status, move
from gateway.store.hot import Hot, among, given
from gateway.store.tables import decisions, events, messages, parts
from gateway.store.tables_numbers import phone_numbers, sender_ids
from gateway.store.times import LAST_ID, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Executable, RowMapping, Select
    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.store.store import Store
    from gateway.store.writer import Tx


class MessageLike(Protocol):
    """What an event tells of a message."""

    @property
    def id(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def parts(self) -> int: ...
    @property
    def message_type(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def context(self) -> Mapping[str, str]: ...


class Move(NamedTuple):
    """One message goes from one status to another."""

    message: MessageLike
    was: Status
    to: Status
    at: int
    was_at: int = 0  # since when it was so; matters for corrections of a final status only
    code: str = ""
    reason: str = ""
    connector_id: str = ""
    next_at: int | None = None
    attempts: int = 0
    possible_duplicate: bool = False
    final: bool | None = None  # None: as the status says; False: an UNKNOWN that will be resent


_MOVED = ("status", "status_at", "reason_code", "reason", "connector_id", "next_at", "attempts", "possible_duplicate")


_MOVE_PARAMS = (
    "p_status", "p_status_at", "p_reason_code", "p_reason", "p_connector_id", "p_possible_duplicate", "p_attempts",
    "p_next_at", "p_submitted_at", "p_final_at", "p_id", "p_was",
)  # fmt: skip


def _move(dialect: Dialect) -> Executable:
    columns = {"p_was": messages.c.status} | {f"p_{one.name}": one for one in messages.c}
    row = given(dialect, "given_move", {name: columns[name].type for name in _MOVE_PARAMS})
    values: dict[str, Any] = {name: row[f"p_{name}"] for name in _MOVED}
    # Who took it stays on record when nobody takes it further.
    values["connector_id"] = func.coalesce(
        func.nullif(row["p_connector_id"], literal_column("''")), messages.c.connector_id
    )
    values["submitted_at"] = func.coalesce(row["p_submitted_at"], messages.c.submitted_at)
    values["final_at"] = row["p_final_at"]
    return update(messages).where(messages.c.id == row["p_id"], messages.c.status == row["p_was"]).values(values)


# A message may move twice in one commit: then one after the other.
MOVE = Hot("move message", _MOVE_PARAMS, _move, ("p_id",))


async def move_in(tx: Tx, moves: Sequence[Move]) -> None:
    """Write moves and their events.

    The caller has read ``was`` in this transaction, or holds the message (SUBMITTING).

    Raises:
        IllegalMove: nothing of it was written.
    """
    await tx.many(MOVE, [_row(one) for one in moves])
    append(tx, [_event(one) for one in moves])


def _row(one: Move) -> tuple[Any, ...]:
    if one.was is not one.to:
        move(one.was, one.to, since=elapsed(one.was_at or one.at, one.at))
    final = one.to in FINAL if one.final is None else one.final
    return (
        one.to.value, one.at, one.code, one.reason, one.connector_id, int(one.possible_duplicate), one.attempts,
        one.next_at, one.at if one.to is Status.SUBMITTED else None, one.at if final else None,
        one.message.id, one.was.value,
    )  # fmt: skip


def _event(one: Move) -> Any:  # noqa: ANN401 -- gateway.events.record.Event
    message = one.message
    return message_event(
        account_id=message.account_id, message_id=message.id, to=message.destination, sender=message.sender,
        status=one.to, at=one.at, parts=message.parts, message_type=message.message_type, purpose=message.purpose,
        context=message.context, reason_code=one.code, reason=one.reason, connector=one.connector_id,
        possible_duplicate=one.possible_duplicate,
    )  # fmt: skip


_DISPATCH = (
    "id", "account_id", "destination", "sender", "identity_id", "body", "parts", "message_type", "purpose",
    "opt_out_list", "connectors", "created_at", "expires_at", "attempts", "on_unknown", "possible_duplicate", "country",
    "context", "country_parameters",
)  # fmt: skip


def dispatchable() -> Select[Any]:
    """The columns that ``to_dispatch`` takes, with the message's present status last."""
    return select(*(messages.c[name] for name in _DISPATCH), messages.c.status, messages.c.status_at)


def to_dispatch(row: Any, sent_parts: Iterable[int] = (), by: str = "") -> Dispatch:  # noqa: ANN401 -- a row of ``dispatchable``
    """A message as the worker takes it. The connector that took ``sent_parts``, ``by``, takes the others too."""
    return Dispatch(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9],
        (by,) if by else tuple(orjson.loads(row[10])), row[11], row[12], row[13], row[14],
        possible_duplicate=bool(row[15]), country=row[16], sent_parts=frozenset(sent_parts),
        context=orjson.loads(row[17]), country_parameters=orjson.loads(row[18]),
    )  # fmt: skip


def _by_ids(dialect: Dialect) -> Select[Any]:
    return dispatchable().where(among(messages.c.id, "ids", dialect)).order_by(messages.c.id)


BY_IDS = Hot("messages by ids", ("ids",), _by_ids)
LOCK_IDS = Hot("messages by ids, to be moved", ("ids",), lambda dialect: _by_ids(dialect).with_for_update())


@dataclass(frozen=True, slots=True)
class Search:
    """What staff and apps look messages up by. Empty conditions hold for all."""

    account_id: str
    number: str = ""  # E.164 of the person, or our sender
    status: str = ""
    after: int | None = None  # created at or after
    before: int | None = None
    cursor: str = ""  # the last id of the page before
    limit: int = 50


async def find(store: Store, search: Search) -> list[Mapping[str, Any]]:
    """Newest first; a page ends where the next one's ``cursor`` is its last id."""
    # One of the two only: with OR, no index would help.
    by_sender = bool(search.number) and await _is_ours(store, search.number)
    if search.number and not by_sender:
        return await _of_person(store, search)
    query = select(messages).where(messages.c.account_id == search.account_id)
    if by_sender:
        query = query.where(messages.c.sender == search.number)
    if search.status:
        query = query.where(messages.c.status == search.status)
    if search.after is not None:
        query = query.where(messages.c.created_at >= search.after)
    if search.before is not None:
        query = query.where(messages.c.created_at < search.before)
    if search.cursor:
        query = query.where(messages.c.id < search.cursor)
    async with store.reading() as connection:
        rows = await connection.execute(query.order_by(messages.c.id.desc()).limit(search.limit))
        return [dict(row) for row in rows.mappings()]


_ALL = tuple(column.name for column in messages.c)
_LATEST = 2**62  # microseconds: 146,000 years


def _to_person(_dialect: Dialect) -> Select[Any]:
    t = messages.c
    return (
        select(messages)
        .where(
            t.account_id == bindparam("account"),
            t.destination == bindparam("person"),
            t.created_at >= bindparam("after"),
            t.created_at < bindparam("before"),
            t.id < bindparam("cursor"),
            or_(bindparam("any_status", type_=Text) == literal_column("''"), t.status == bindparam("status")),
        )
        .order_by(t.id.desc())
        .limit(bindparam("most", type_=Integer))
        .offset(literal_column("0"))  # left out, SQLAlchemy would make it a parameter on SQLite
    )


TO_PERSON = Hot(
    "messages to a person",
    ("account", "person", "after", "before", "cursor", "any_status", "status", "most"),
    _to_person,
)


async def _of_person(store: Store, search: Search) -> list[Mapping[str, Any]]:
    """What was sent to one person: few rows by an index, and asked all day, so by the bare driver."""
    found = await store.peek(
        TO_PERSON, search.account_id, search.number, search.after or 0,
        _LATEST if search.before is None else search.before, search.cursor or LAST_ID, search.status, search.status,
        search.limit,
    )  # fmt: skip
    return [dict(zip(_ALL, row, strict=True)) for row in found]


def _ours(_dialect: Dialect) -> Select[Any]:
    numbers: Select[Any] = select(literal_column("1")).where(phone_numbers.c.number == bindparam("p_number"))
    names: Select[Any] = select(literal_column("1")).where(sender_ids.c.sender == bindparam("p_name"))
    return select(numbers.exists() | names.exists())


OURS = Hot("is a sender", ("p_number", "p_name"), _ours)


async def _is_ours(store: Store, number: str) -> bool:
    """Whether texts are sent from this, rather than to it."""
    return bool((await store.peek(OURS, number, number))[0][0])


@dataclass(frozen=True, slots=True)
class Story:
    """One message and all that happened to it."""

    message: RowMapping
    parts: tuple[RowMapping, ...]
    timeline: tuple[RowMapping, ...]  # seq, type, at, data
    decision: Mapping[str, Any]


async def get(store: Store, account_id: str, message_id: str) -> Story:
    """Raises NotFound, also for a message of another account."""
    async with store.reading() as connection:
        query = select(messages).where(messages.c.id == message_id, messages.c.account_id == account_id)
        message = (await connection.execute(query)).mappings().first()
        if message is None:
            raise NotFound("message_not_found", "There is no message with this id.", field="id")
        part_rows = await connection.execute(
            select(parts).where(parts.c.message_id == message_id).order_by(parts.c.number)
        )
        log = select(events.c.seq, events.c.type, events.c.at, events.c.data).where(events.c.subject_id == message_id)
        timeline = await connection.execute(log.order_by(events.c.seq))
        body = await connection.scalar(select(decisions.c.body).where(decisions.c.id == message["decision_id"]))
        return Story(
            message, tuple(part_rows.mappings()), tuple(timeline.mappings()), orjson.loads(body) if body else {}
        )


async def cancel(store: Store, account_id: str, message_id: str, *, now: int) -> None:
    """Stop a message that has not left.

    Raises:
        NotFound: no such message.
        Conflict: it has left already, or is leaving this moment.
    """

    async def work(tx: Tx) -> None:
        query = dispatchable().where(messages.c.id == message_id, messages.c.account_id == account_id)
        row = (await tx.conn.execute(query.with_for_update())).first()
        if row is None:
            raise NotFound("message_not_found", "There is no message with this id.", field="id")
        status = Status(row.status)
        if status not in WAITING:
            raise Conflict(
                "too_late", f"The message is {status}; only a waiting message can be cancelled.",
                remedy="Nothing can call back a text that has left.",
            )  # fmt: skip
        await move_in(tx, [Move(to_dispatch(row), status, Status.CANCELLED, now, code="cancelled")])

    await store.write(work)


async def counts(store: Store) -> dict[str, int]:
    """How many messages are not final, by status."""
    query = select(messages.c.status, func.count()).where(messages.c.final_at.is_(None)).group_by(messages.c.status)
    async with store.reading() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


async def load(store: Store, query: Select[Any]) -> list[Dispatch]:
    """Dispatches of a query over ``dispatchable``, with the parts that were taken before."""
    async with store.reading() as connection:
        rows = list(await connection.execute(query))
        taken = await taken_parts(connection, [row.id for row in rows if row.parts > 1])
    return [to_dispatch(row, *taken.get(row.id, ())) for row in rows]


async def taken_parts(connection: AsyncConnection, message_ids: Sequence[str]) -> dict[str, tuple[set[int], str]]:
    """Which parts of these messages a carrier took, whatever became of them, and the connector they left by."""
    found: dict[str, tuple[set[int], str]] = {}
    if not message_ids:
        return found
    taken = or_(parts.c.status != Status.UNKNOWN.value, parts.c.carrier_id != "")
    query = select(parts.c.message_id, parts.c.number, parts.c.connector_id)
    for message_id, number, connector_id in await connection.execute(
        query.where(parts.c.message_id.in_(message_ids), taken)
    ):
        found.setdefault(message_id, (set(), connector_id))[0].add(number)
    return found
