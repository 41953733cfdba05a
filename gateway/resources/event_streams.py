"""Event streams: what happens to the messages of an application, given to a stream of AWS's in Pinpoint's records.

Rule 1: an application has one stream at most; another put in its place goes on where the last one was, or with what
happens from then on where that one was switched off.
Rule 2: applications are not kept: one is there as soon as an app names it in a send, and its stream before that.
Rule 3: an account has ``MOST`` streams at most, as AWS has that many applications
(https://docs.aws.amazon.com/pinpoint/latest/developerguide/quotas.html): each is a reader of the log.
(pinpoint model: PutEventStream.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from gateway.errors import Invalid, NotFound, QuotaExceeded
from gateway.events.destinations import FIREHOSE, KINESIS, set_of_application
from gateway.events.log import last_seq
from gateway.resources import event_destinations, rows
from gateway.store import tables

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

_T = tables.event_destinations

MOST = 100
_NAME = "event-stream"
_APPLICATION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STREAM = re.compile(
    r"arn:aws[a-z-]*:(kinesis:[a-z0-9-]+:\d{12}:stream|firehose:[a-z0-9-]+:\d{12}:deliverystream)/\S{1,128}"
)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S{1,1024}")


@dataclass(frozen=True, slots=True)
class EventStream:
    application_id: str
    stream_arn: str  # of a Kinesis data stream, or a Firehose delivery stream
    role_arn: str  # as AWS's clients gave it; records are given with the credentials of Settings


async def put(
    desk: Desk, *, account_id: str, application_id: str, stream_arn: str, role_arn: str, now: int
) -> EventStream:
    """Give an application a stream, in place of any before.

    Raises:
        Invalid: an ARN is of something else.
        NotFound: there can be no such application.
        QuotaExceeded: the account has as many streams as it may have.
    """
    values, mine = _values(stream_arn, role_arn), _of(account_id, application_id)

    async def work(tx: Tx) -> None:
        before = (await tx.conn.execute(select(_T.c.id, _T.c.enabled).where(mine))).one_or_none()
        if before is None:
            await _check_room(tx.conn, account_id)
            # One that another process put at the same time stays: it counts as put after this one.
            fresh = _fresh(account_id, application_id, now) | {"cursor": await last_seq(tx.conn)}
            await rows.insert_new(tx.conn, _T, values | fresh)
        else:
            anew = {} if before.enabled else {"enabled": 1, "cursor": await last_seq(tx.conn), "trouble": ""}
            await rows.change(tx.conn, _T, before.id, values | anew)

    await desk.change(work)
    return await get(desk, account_id=account_id, application_id=application_id)


async def get(desk: Desk, *, account_id: str, application_id: str) -> EventStream:
    """Raises NotFound."""
    async with desk.store.reading() as conn:
        return (await _require(conn, account_id, application_id))[1]


async def delete(desk: Desk, *, account_id: str, application_id: str) -> EventStream:
    """Forget an application's stream and what waits for it; gives it back. Raises NotFound."""

    async def work(tx: Tx) -> EventStream:
        destination_id, before = await _require(tx.conn, account_id, application_id)
        await event_destinations.remove(tx, destination_id)
        return before

    return await desk.change(work)


def check_application(application_id: str) -> str:
    """The id as it was given. Raises NotFound when no application can have it."""
    if not _APPLICATION.fullmatch(application_id):
        raise NotFound(
            "application_not_found", "The id of an application has 1 to 64 letters, digits, hyphens and underscores.",
            field="application_id",
        )  # fmt: skip
    return application_id


async def _require(conn: AsyncConnection, account_id: str, application_id: str) -> tuple[str, EventStream]:
    """The destination's id, and the stream."""
    row = (await conn.execute(select(_T).where(_of(account_id, application_id)))).one_or_none()
    if row is None:
        raise NotFound("event_stream_not_found", "The application has no event stream.", remedy="Put one first.")
    return row.id, EventStream(application_id, row.target, row.role_arn)


def _of(account_id: str, application_id: str) -> ColumnElement[bool]:
    configuration_set = set_of_application(check_application(application_id))
    return (_T.c.account_id == account_id) & (_T.c.configuration_set == configuration_set)


async def _check_room(conn: AsyncConnection, account_id: str) -> None:
    of_applications = _T.c.configuration_set.startswith(set_of_application(""))
    streams = select(func.count()).where(_T.c.account_id == account_id, of_applications)
    if (await conn.execute(streams)).scalar_one() >= MOST:
        raise QuotaExceeded(
            "event_streams_per_account", f"An account has {MOST} event streams at most.", remedy="Delete one first."
        )


def _fresh(account_id: str, application_id: str, now: int) -> dict[str, Any]:
    return {
        "id": rows.resource_id("destination"), "account_id": account_id, "name": _NAME, "created_at": now,
        "configuration_set": set_of_application(application_id),
    }  # fmt: skip


def _values(stream_arn: str, role_arn: str) -> dict[str, Any]:
    for field, arn, form in (("destination_stream_arn", stream_arn, _STREAM), ("role_arn", role_arn, _ROLE)):
        if not form.fullmatch(arn):
            raise Invalid("bad_arn", f"{field} is the ARN of something else, or none.", field=field)
    kind = KINESIS if ":kinesis:" in stream_arn else FIREHOSE
    return {"kind": kind, "target": stream_arn, "role_arn": role_arn}
