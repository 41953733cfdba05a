"""Files that registrations refer to: letters, screenshots. Kept here, or as the address of a file elsewhere.

Rule 1: a file is a PDF, JPEG or PNG of 5 MB at most, told by its first octets
(pinpoint-sms-voice-v2 model: CreateRegistrationAttachment).
Rule 2: what a form refers to stays.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import select

from gateway.errors import Conflict, Invalid
from gateway.resources import rows, tags
from gateway.store.tables_registrations import registration_attachments, registration_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

KIND = "registration-attachment"  # as ARNs name it
LARGEST = 5 * 1024 * 1024  # octets
_MAGIC = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_t = registration_attachments
_SHOWN = (_t.c.id, _t.c.account_id, _t.c.url, _t.c.content_type, _t.c.created_at)  # all but the file


@dataclass(frozen=True, slots=True)
class Attachment:
    id: str
    account_id: str
    url: str  # "" when the file is here
    content_type: str  # "" when it is elsewhere
    created_at: int  # microseconds


async def create(
    desk: Desk, *, account_id: str, now: int, body: bytes = b"", url: str = "", tagged: Mapping[str, str] = tags.NO_TAGS
) -> Attachment:
    """Keep a file, or the address of one: ``s3://bucket/key`` or ``https://…``.

    Raises:
        Invalid: ``one_source`` unless one of the two is given, ``wrong_file_type``, ``file_too_large``, ``bad_url``.
        Conflict: too many tags.
    """
    content_type = _checked(body, url)
    made = Attachment(rows.resource_id("attachment"), account_id, url, content_type, now)

    async def work(tx: Tx) -> Attachment:
        await desk.quotas.require(tx.conn, "REGISTRATION_ATTACHMENTS_PER_ACCOUNT", _t.c.account_id == account_id)
        await rows.insert(tx.conn, _t, {**asdict(made), "body": body or None})
        await tags.put(tx, account_id, f"{KIND}/{made.id}", tagged)
        return made

    return await desk.store.write(work)


async def find(desk: Desk, *, account_id: str) -> tuple[Attachment, ...]:
    """All of the account, oldest first."""
    async with desk.store.reading() as conn:
        found = await conn.execute(select(*_SHOWN).where(_t.c.account_id == account_id).order_by(_t.c.id))
        return tuple([_of(row) for row in found])


async def read(desk: Desk, *, account_id: str, attachment_id: str) -> tuple[Attachment, bytes]:
    """An attachment with its file; b"" when that is elsewhere. Raises NotFound."""
    async with desk.store.reading() as conn:
        row = await rows.one(conn, _t, account_id, attachment_id, "registration_attachment")
        return _of(row), row.body or b""


async def delete(desk: Desk, *, account_id: str, attachment_id: str) -> Attachment:
    """Gives what it was. Raises NotFound, or Conflict (``attachment_in_use``)."""

    async def work(tx: Tx) -> Attachment:
        found = _of(await rows.one(tx.conn, _t, account_id, attachment_id, "registration_attachment"))
        await _check_unused(tx.conn, account_id, attachment_id)
        await tags.drop(tx, account_id, f"{KIND}/{attachment_id}")
        await rows.remove(tx.conn, _t, attachment_id)
        return found

    return await desk.store.write(work)


def _checked(body: bytes, url: str) -> str:
    """The type of the file, "" for an address."""
    if bool(body) == bool(url):
        raise Invalid("one_source", "Give the file, or its address.", field="url")
    if url:
        parts = urlsplit(url)
        if parts.scheme not in {"s3", "https"} or not parts.netloc or not parts.path.strip("/"):
            raise Invalid("bad_url", "This is no address of a file.", field="url", remedy="Write s3://bucket/key.")
        return ""
    if len(body) > LARGEST:
        raise Invalid("file_too_large", f"The file has {len(body)} octets; {LARGEST} are the most.", field="body")
    for magic, content_type in _MAGIC.items():
        if body.startswith(magic):
            return content_type
    raise Invalid("wrong_file_type", "The file is no PDF, JPEG or PNG.", field="body")


async def _check_unused(conn: AsyncConnection, account_id: str, attachment_id: str) -> None:
    t = registration_versions.c
    query = select(t.registration_id).where(t.account_id == account_id, t.answers.contains(f'"{attachment_id}"'))
    if (user := (await conn.execute(query.limit(1))).scalar_one_or_none()) is not None:
        raise Conflict("attachment_in_use", f"{user} refers to it.", remedy="Delete that registration first.")


def _of(row: Any) -> Attachment:  # noqa: ANN401 -- a row of all columns, or of those that are shown
    return Attachment(row.id, row.account_id, row.url, row.content_type, row.created_at)
