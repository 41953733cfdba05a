"""Event destinations: who is given events. Giving them is gateway.events.

Rule 1: whoever calls ``create`` or changes a target has asked gateway.events.network.check_destination (webhook) or
gateway.events.files.check_path (file) before: those need the network and the settings.
Rule 2: a new destination is given what happens from now on.
Rule 3: a webhook's secret ("whsec_…", Standard Webhooks 1.0.0) is shown once, and kept sealed for its row.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import orjson
from sqlalchemy import select

from gateway.errors import Conflict, Invalid
from gateway.events.destinations import FILE, MAX_BATCH, OF_AWS, WEBHOOK
from gateway.events.log import last_seq
from gateway.events.record import EventType
from gateway.resources import checks, rows
from gateway.store.tables import event_destinations, event_retries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.secrets import Vault
    from gateway.store.writer import Tx

KINDS = (WEBHOOK, FILE)
LONGEST_TARGET = 2048
_TABLE = "event_destinations"
_SECRET_OCTETS = 32  # Standard Webhooks: 24 to 64


@dataclass(frozen=True, slots=True)
class EventDestination:
    id: str  # "destination-…"
    account_id: str
    kind: str
    target: str
    types: tuple[str, ...]  # empty: all
    batch_size: int
    enabled: bool
    cursor: int  # the last event given, or put aside
    trouble: str  # why it does not get through now
    created_at: int  # microseconds
    configuration_set: str = ""  # gateway.resources.set_destinations; "" for one that is told of everything
    name: str = ""
    role_arn: str = ""


class EventDestinationChanges(TypedDict, total=False):
    """What may be changed; what is left out stays."""

    target: str
    types: Iterable[str]
    batch_size: int
    enabled: bool


async def create(
    desk: Desk,
    *,
    account_id: str,
    kind: str,
    target: str,
    now: int,
    types: Iterable[str] = (),
    batch_size: int = 1,
) -> tuple[EventDestination, str]:
    """A new destination and its secret; "" for a file. Raises Invalid; see rule 1 for what must be asked before."""
    values = _values({"target": target, "types": types, "batch_size": batch_size})
    values |= {
        "id": rows.resource_id("destination"), "account_id": account_id, "kind": checks.one_of(kind, KINDS, "kind"),
        "created_at": now,
    }  # fmt: skip
    secret = ""
    if kind == WEBHOOK:
        secret, values["secret"] = _new_secret(desk.vault, values["id"])

    async def work(tx: Tx) -> EventDestination:
        await rows.insert(tx.conn, event_destinations, values | {"cursor": await last_seq(tx.conn)})
        return await _get(tx.conn, account_id, values["id"])

    return await desk.change(work), secret


async def get(desk: Desk, *, account_id: str, destination_id: str) -> EventDestination:
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, destination_id)


async def find(desk: Desk, *, account_id: str, limit: int = 100, after: str = "") -> Page[EventDestination]:
    query = select(event_destinations).where(event_destinations.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, event_destinations.c.id, of_row, limit=limit, after=after)


async def update(
    desk: Desk, *, account_id: str, destination_id: str, **changes: Unpack[EventDestinationChanges]
) -> EventDestination:
    """Change what is given.

    See rule 1 for what must be asked before a new target.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such destination.
        Conflict: it is one of AWS's (``aws_event_destination``), of which nothing but ``enabled`` is changed here.
    """
    values = _values(dict(changes))

    async def work(tx: Tx) -> EventDestination:
        before = await _get(tx.conn, account_id, destination_id)
        if before.kind in OF_AWS and values.keys() - {"enabled"}:
            raise Conflict(
                "aws_event_destination", f"A destination of the kind {before.kind} is changed on the AWS wire.",
                remedy="Call UpdateEventDestination, PutEventStream, or UpdatePhoneNumber for a two-way channel.",
            )  # fmt: skip
        await rows.change(tx.conn, event_destinations, destination_id, values)
        return await _get(tx.conn, account_id, destination_id)

    return await desk.change(work)


async def rotate_secret(desk: Desk, *, account_id: str, destination_id: str) -> str:
    """A new secret for a webhook; the old one signs nothing more. Raises NotFound, or Invalid for a file."""
    secret, sealed = _new_secret(desk.vault, destination_id)

    async def work(tx: Tx) -> None:
        if (await _get(tx.conn, account_id, destination_id)).kind != WEBHOOK:
            raise Invalid("no_secret", "Only webhooks have a secret.", field="destination_id")
        await rows.change(tx.conn, event_destinations, destination_id, {"secret": sealed})

    await desk.change(work)
    return secret


async def delete(desk: Desk, *, account_id: str, destination_id: str) -> None:
    """Forget a destination, what waits for it and its dead letters."""

    async def work(tx: Tx) -> None:
        await _get(tx.conn, account_id, destination_id)
        await remove(tx, destination_id)

    await desk.change(work)


async def remove(tx: Tx, destination_id: str) -> None:
    await tx.conn.execute(event_retries.delete().where(event_retries.c.destination_id == destination_id))
    await rows.remove(tx.conn, event_destinations, destination_id)


async def by_set(conn: AsyncConnection, account_id: str) -> dict[str, tuple[EventDestination, ...]]:
    """The destinations of each configuration set of the account, by the set's name."""
    t = event_destinations.c
    query = select(event_destinations).where(t.account_id == account_id, t.configuration_set != "").order_by(t.name)
    found: dict[str, tuple[EventDestination, ...]] = {}
    for row in await conn.execute(query):
        found[row.configuration_set] = (*found.get(row.configuration_set, ()), of_row(row))
    return found


async def remove_of_set(tx: Tx, account_id: str, configuration_set: str) -> tuple[EventDestination, ...]:
    """Forget all destinations of a configuration set; gives them back."""
    found = (await by_set(tx.conn, account_id)).get(configuration_set, ())
    for one in found:
        await remove(tx, one.id)
    return found


def open_secret(vault: Vault, destination_id: str, sealed: bytes) -> str:
    """The "whsec_…" of a webhook. Raises SecretUnreadable."""
    return vault.open(_TABLE, destination_id, sealed).decode()


async def _get(conn: AsyncConnection, account_id: str, destination_id: str) -> EventDestination:
    return of_row(await rows.one(conn, event_destinations, account_id, destination_id, "event_destination"))


def of_row(row: Row[Any]) -> EventDestination:
    return EventDestination(
        id=row.id, account_id=row.account_id, kind=row.kind, target=row.target, types=tuple(orjson.loads(row.types)),
        batch_size=row.batch_size, enabled=bool(row.enabled), cursor=row.cursor, trouble=row.trouble,
        created_at=row.created_at, configuration_set=row.configuration_set, name=row.name, role_arn=row.role_arn,
    )  # fmt: skip


def _new_secret(vault: Vault, destination_id: str) -> tuple[str, bytes]:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_OCTETS)).decode()
    return secret, vault.seal(_TABLE, destination_id, secret.encode())


def _values(changes: dict[str, Any]) -> dict[str, Any]:
    values = rows.columns(changes)
    if "target" in values:
        values["target"] = checks.line(values["target"], "target", LONGEST_TARGET)
    if "types" in values:
        wanted = {checks.one_of(one, EventType, "types") for one in values["types"]}
        values["types"] = orjson.dumps(sorted(wanted)).decode()
    if "batch_size" in values:
        checks.whole_number(values["batch_size"], "batch_size", 1, MAX_BATCH)
    return values
