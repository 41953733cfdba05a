"""Parts of long inbound texts, in any order, doubled or never complete.

Rule 1: a part is kept before it is acknowledged. The key has the source, so two people who text one short code with
        the same reference at the same time are not mixed up.
Rule 2: the same part again is no news; another part under the same number is a new text (references come round again).
        Of a text that was given and acknowledged, the same part is no news for ten minutes; later it is a new text.
Rule 3: a text whose parts have not all come in ten minutes is given as it is, marked incomplete; it is given again
        when the rest comes within a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, select, update

from carriers import text
from gateway.store.tables import inbound_messages, inbound_parts
from gateway.store.texts import storable
from gateway.store.times import HOUR, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from carriers.types import InboundMessage

UCS2 = 0x08  # data_coding, SMPP 3.4 section 5.2.19
INCOMPLETE_AFTER = 600 * SECOND
KEPT_FOR = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Whole:
    """A text with all its parts, or as many as came."""

    assembly: str
    generation: int
    body: str
    octets: bytes
    parts: int
    complete: bool
    inbound_id: str = ""  # of the text that was given before as incomplete


def assembly_key(carrier_group: str, message: InboundMessage) -> str:
    """The key of the text that a part belongs to; "" for a text of one part."""
    key = text.reassembly_key(message)
    if key is None:
        return ""
    whose = storable(key.source), storable(key.destination)
    return orjson.dumps([carrier_group, *whose, key.kind, key.reference, key.total]).decode()


def ends(assembly: str) -> tuple[str, str, str]:
    """The carrier group, the source and the destination of an assembly key."""
    group, source, destination, *_ = orjson.loads(assembly)
    return group, source, destination


async def add_part(connection: AsyncConnection, assembly: str, message: InboundMessage, now: int) -> Whole | None:
    """Keep a part; the whole text if this was the last that was missing."""
    part = message.concatenation
    assert part is not None  # noqa: S101 -- an assembly key exists only for a part
    rows = await _parts(connection, assembly, now)
    generation = max((row.generation for row in rows), default=0)
    current = {row.number: row for row in rows if row.generation == generation}
    same, body = current.get(part.number), storable(message.text)
    if same is not None:
        alike = (same.octets, same.body) == (message.octets, body)
        if alike and (len(current) < part.total or not await _is_over(connection, same, now)):
            return None  # the carrier sent it again
        generation, current = generation + 1, {}
    row = {
        "assembly": assembly, "number": part.number, "generation": generation, "body": body,
        "octets": message.octets, "received_at": now,
        "inbound_id": next((row.inbound_id for row in current.values()), ""),
    }  # fmt: skip
    await connection.execute(inbound_parts.insert().values(row))
    if len(current) + 1 < part.total:
        return None
    return _join(assembly, await _parts(connection, assembly, now), generation, part.total, message.data_coding)


async def _is_over(connection: AsyncConnection, part: Any, now: int) -> bool:  # noqa: ANN401 -- a row of inbound_parts
    """Whether the whole text that a part belongs to was acknowledged, and long enough ago that no copy is under way."""
    t = inbound_messages.c
    acknowledged = await connection.scalar(select(t.acknowledged).where(t.id == part.inbound_id))
    return bool(acknowledged) and part.received_at < now - INCOMPLETE_AFTER


async def _parts(connection: AsyncConnection, assembly: str, now: int) -> Sequence[Any]:
    fresh = inbound_parts.c.received_at > now - KEPT_FOR
    query = select(inbound_parts).where(inbound_parts.c.assembly == assembly, fresh)
    return (await connection.execute(query.order_by(inbound_parts.c.number))).all()


def _join(assembly: str, rows: Sequence[Any], generation: int, total: int, data_coding: int) -> Whole:
    mine = [row for row in rows if row.generation == generation]
    octets = b"".join(row.octets or b"" for row in mine)
    # Some senders cut a surrogate pair between parts: decode the octets of all together where there are any.
    body = text.decode(octets, data_coding) if octets and data_coding == UCS2 else "".join(r.body for r in mine)
    given = next((row.inbound_id for row in mine if row.inbound_id), "")
    return Whole(assembly, generation, body, octets, len(mine), complete=len(mine) == total, inbound_id=given)


async def settle(connection: AsyncConnection, whole: Whole, inbound_id: str) -> None:
    """Remember that these parts were given as this text."""
    await connection.execute(
        update(inbound_parts)
        .where(inbound_parts.c.assembly == whole.assembly, inbound_parts.c.generation == whole.generation)
        .values(inbound_id=inbound_id)
    )


async def overdue(connection: AsyncConnection, now: int) -> list[Whole]:
    """Texts whose parts have stopped coming, to be given as they are."""
    t = inbound_parts.c
    waiting = (
        select(t.assembly, t.generation)
        .where(t.inbound_id == "")
        .group_by(t.assembly, t.generation)
        .having(func.max(t.received_at) < now - INCOMPLETE_AFTER)
        .limit(100)
    )
    found = []
    for assembly, generation in (await connection.execute(waiting)).all():
        total = orjson.loads(assembly)[-1]
        found.append(_join(assembly, await _parts(connection, assembly, now), generation, total, 0))
    return found


async def clean(connection: AsyncConnection, now: int) -> None:
    """Forget parts that were given, or can no longer become a text."""
    await connection.execute(delete(inbound_parts).where(inbound_parts.c.received_at < now - KEPT_FOR))
