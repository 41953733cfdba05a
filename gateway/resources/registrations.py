"""Registrations: what a company tells carriers and registries of itself and its texts, reviewed by staff.

Rule 1: a registration has versions, numbered from 1. Only the last can be a DRAFT, and only a DRAFT can be filled in.
Rule 2: a version goes DRAFT -> SUBMITTED -> APPROVED or DENIED, or DRAFT -> DISCARDED. Approving one makes the one
approved before ARCHIVED.
Rule 3: a new version starts as a copy of the last that was not discarded, so that a denial costs one field and not
the whole form.
Rule 4: what waits for staff can be neither changed nor deleted.
Rule 5: the status of a registration follows from its versions (``status_of``).
(pinpoint-sms-voice-v2 model: RegistrationStatus, RegistrationVersionStatus, CreateRegistrationVersion.)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.errors import Conflict, Invalid
from gateway.resources import checks, registration_types, rows, tags
from gateway.resources.opt_outs import LONGEST_REASON
from gateway.resources.registration_types import REQUIRED, Answer
from gateway.store.tables_registrations import (
    registration_associations,
    registration_attachments,
    registration_versions,
    registrations,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

KIND = "registration"  # as ARNs name it
DRAFT, SUBMITTED, APPROVED, DENIED = "DRAFT", "SUBMITTED", "APPROVED", "DENIED"
DISCARDED, ARCHIVED = "DISCARDED", "ARCHIVED"
OUTCOMES = (APPROVED, DENIED)
_v = registration_versions.c


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    status: str
    answers: Mapping[str, Answer]  # by the field's path
    times: Mapping[str, int]  # microseconds at which it came to each status
    reason: str = ""  # why staff decided as they did
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    id: str
    account_id: str
    kind: str
    created_at: int  # microseconds
    versions: tuple[Version, ...]  # by number; there is always one

    @property
    def last(self) -> Version:
        return self.versions[-1]

    @property
    def status(self) -> str:
        return status_of(self.versions)

    def latest(self, *statuses: str) -> Version | None:
        """The last version that has one of these."""
        return next((one for one in reversed(self.versions) if one.status in statuses), None)


def status_of(versions: Sequence[Version]) -> str:
    """CREATED until a version is submitted; then what became of the last that was."""
    for one in reversed(versions):
        if one.status in _TOLD:
            return _TOLD[one.status]
    return "CREATED"


_TOLD = {SUBMITTED: "SUBMITTED", APPROVED: "COMPLETE", DENIED: "REQUIRES_UPDATES"}


async def create(
    desk: Desk, *, account_id: str, kind: str, now: int, tagged: Mapping[str, str] = tags.NO_TAGS
) -> Registration:
    """A registration with an empty draft.

    Raises:
        NotFound: there is no such kind (``registration_type_not_found``).
        Conflict: too many tags.
    """
    registration_types.of(kind)
    registration_id = rows.resource_id("registration")
    values = {"id": registration_id, "account_id": account_id, "kind": kind, "created_at": now}

    async def work(tx: Tx) -> Registration:
        await desk.quotas.require(tx.conn, "REGISTRATIONS_PER_ACCOUNT", registrations.c.account_id == account_id)
        await rows.insert(tx.conn, registrations, values)
        await _insert(tx.conn, account_id, registration_id, Version(1, DRAFT, {}, {DRAFT: now}))
        await tags.put(tx, account_id, f"{KIND}/{registration_id}", tagged)
        return await require(tx.conn, account_id, registration_id)

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, registration_id: str) -> Registration:
    """Raises NotFound."""
    async with desk.store.reading() as conn:
        return await require(conn, account_id, registration_id)


async def find(desk: Desk, *, account_id: str) -> tuple[Registration, ...]:
    """All of the account, oldest first."""
    t = registrations
    async with desk.store.reading() as conn:
        found = (await conn.execute(select(t).where(t.c.account_id == account_id).order_by(t.c.id))).all()
        query = select(registration_versions).where(_v.account_id == account_id).order_by(_v.number)
        versions: dict[str, list[Version]] = {}
        for row in await conn.execute(query):
            versions.setdefault(row.registration_id, []).append(_version(row))
    return tuple(_of(row, versions[row.id]) for row in found)


async def waiting(desk: Desk, *, account_id: str) -> tuple[Registration, ...]:
    """Those that wait for staff, the one that waits longest first."""
    found = [one for one in await find(desk, account_id=account_id) if one.last.status == SUBMITTED]
    return tuple(sorted(found, key=lambda one: one.last.times[SUBMITTED]))


async def delete(desk: Desk, *, account_id: str, registration_id: str) -> Registration:
    """Delete a registration with its versions and associations; gives what it was.

    Raises:
        NotFound: there is none.
        Conflict: it is with staff, or another registration rests on it (``registration_in_use``).
    """

    async def work(tx: Tx) -> Registration:
        found = await _locked(tx.conn, account_id, registration_id)
        resource = f"{KIND}/{registration_id}"
        await _check_deletable(tx.conn, found, resource)
        for table in (registration_versions, registration_associations):
            await tx.conn.execute(table.delete().where(table.c.registration_id == registration_id))
        await tags.drop(tx, account_id, resource)
        await rows.remove(tx.conn, registrations, registration_id)
        return found

    return await desk.store.write(work)


async def new_version(desk: Desk, *, account_id: str, registration_id: str, now: int) -> Version:
    """A draft to go on with. Raises NotFound, or Conflict (``version_open``) when the last is a draft or with staff."""

    async def work(tx: Tx) -> Version:
        found = await _locked(tx.conn, account_id, registration_id)
        if found.last.status in {DRAFT, SUBMITTED}:
            raise Conflict("version_open", f"Version {found.last.number} is {found.last.status}.")
        before = found.latest(APPROVED, DENIED, ARCHIVED)
        made = Version(found.last.number + 1, DRAFT, before.answers if before else {}, {DRAFT: now})
        await _insert(tx.conn, account_id, registration_id, made)
        return made

    return await desk.store.write(work)


async def discard(desk: Desk, *, account_id: str, registration_id: str, now: int) -> Version:
    """Give up the draft. Raises NotFound, or Conflict (``version_not_draft``)."""

    async def work(tx: Tx) -> Version:
        found = await _locked(tx.conn, account_id, registration_id)
        if found.last.status != DRAFT:
            raise Conflict("version_not_draft", f"Version {found.last.number} is {found.last.status}.")
        return await _move(tx.conn, found, found.last, DISCARDED, now)

    return await desk.store.write(work)


async def submit(desk: Desk, *, account_id: str, registration_id: str, now: int) -> Version:
    """Give the draft to staff.

    Raises:
        NotFound: there is no such registration.
        Conflict: it is with staff (``already_submitted``), has no draft (``not_submittable``), or lacks an association
            that it needs first (``association_missing``).
        Invalid: fields are missing or do not fit (``form_incomplete``); ``extra`` has the ``faults`` by path.
    """

    async def work(tx: Tx) -> Version:
        found = await _locked(tx.conn, account_id, registration_id)
        if found.last.status != DRAFT:
            code = "already_submitted" if found.last.status == SUBMITTED else "not_submittable"
            raise Conflict(code, f"Version {found.last.number} is {found.last.status}.")
        await _check_complete(tx.conn, found)
        return await _move(tx.conn, found, found.last, SUBMITTED, now)

    return await desk.store.write(work)


async def put_answer(desk: Desk, *, account_id: str, registration_id: str, path: str, answer: Answer) -> Version:
    """Fill in a field of the draft.

    Raises:
        NotFound: there is no such registration, or no such attachment.
        Conflict: it has no draft (``not_editable``).
        Invalid: as ``registration_types.check`` says.
    """

    async def work(tx: Tx) -> Version:
        found = await _editable(tx.conn, account_id, registration_id)
        registration_types.check(registration_types.of(found.kind), path, answer)
        if answer.attachment_id:
            table = registration_attachments
            await rows.one(tx.conn, table, account_id, answer.attachment_id, "registration_attachment")
        return await _write(tx.conn, found, {**found.last.answers, path: answer})

    return await desk.store.write(work)


async def delete_answer(desk: Desk, *, account_id: str, registration_id: str, path: str) -> tuple[Version, Answer]:
    """Empty a field of the draft that need not be filled in; gives what it said.

    Raises:
        NotFound: there is no such registration.
        Conflict: it has no draft (``not_editable``).
        Invalid: the form has no such field, or needs it (``required_field``).
    """

    async def work(tx: Tx) -> tuple[Version, Answer]:
        found = await _editable(tx.conn, account_id, registration_id)
        asked = registration_types.of(found.kind).fields.get(path)
        if asked is None:
            raise Invalid("unknown_field", f"The form has no field {path}.", field="path")
        if asked.requirement == REQUIRED:
            raise Invalid("required_field", f"{asked.title} is required.", field="path", remedy="Change it instead.")
        left = {**found.last.answers}
        was = left.pop(path, Answer())
        return await _write(tx.conn, found, left), was

    return await desk.store.write(work)


async def decide(
    desk: Desk, *, account_id: str, registration_id: str, outcome: str, actor: str, reason: str, now: int
) -> Registration:
    """What staff say of a submitted version; the reason is told to who registered.

    Raises:
        Invalid: an unknown outcome, or no reason.
        NotFound: there is no such registration.
        Conflict: it does not wait for staff (``not_submitted``).
    """
    checks.one_of(outcome, OUTCOMES, "outcome")
    why = checks.prose(reason, "reason", LONGEST_REASON, required=True)

    async def work(tx: Tx) -> Registration:
        found = await _locked(tx.conn, account_id, registration_id)
        if found.last.status != SUBMITTED:
            raise Conflict("not_submitted", "This registration does not wait for a decision any more.")
        before = found.latest(APPROVED)
        if outcome == APPROVED and before is not None:
            await _move(tx.conn, found, before, ARCHIVED, now)
        await _move(tx.conn, found, found.last, outcome, now, reason=why, actor=actor)
        return await require(tx.conn, account_id, registration_id)

    return await desk.store.write(work)


async def require(conn: AsyncConnection, account_id: str, registration_id: str) -> Registration:
    """Raises NotFound (``registration_not_found``)."""
    row = await rows.one(conn, registrations, account_id, registration_id, "registration")
    query = select(registration_versions).where(_v.registration_id == registration_id).order_by(_v.number)
    return _of(row, [_version(one) for one in await conn.execute(query)])


async def _locked(conn: AsyncConnection, account_id: str, registration_id: str) -> Registration:
    """As ``require``; nobody else changes it meanwhile."""
    await conn.execute(select(registrations.c.id).where(registrations.c.id == registration_id).with_for_update())
    return await require(conn, account_id, registration_id)


async def _editable(conn: AsyncConnection, account_id: str, registration_id: str) -> Registration:
    found = await _locked(conn, account_id, registration_id)
    if found.last.status != DRAFT:
        remedy = "Wait for the decision." if found.last.status == SUBMITTED else "Make a new version."
        raise Conflict("not_editable", f"Version {found.last.number} is {found.last.status}.", remedy=remedy)
    return found


async def _check_complete(conn: AsyncConnection, found: Registration) -> None:
    kind = registration_types.of(found.kind)
    if faults := registration_types.faults(kind, found.last.answers):
        told = " ".join(sentence for _, sentence in faults)
        raise Invalid("form_incomplete", told, extra={"faults": faults}, remedy="Fill in the form.")
    first = {one.resource for one in kind.associations if one.behavior == "ASSOCIATE_BEFORE_SUBMIT"}
    t = registration_associations.c
    there = await conn.execute(select(t.resource_type).where(t.registration_id == found.id))
    if missing := first - set(there.scalars()):
        raise Conflict("association_missing", f"Associate it first with {', '.join(sorted(missing))}.")


async def _check_deletable(conn: AsyncConnection, found: Registration, resource: str) -> None:
    if found.last.status == SUBMITTED:
        raise Conflict("registration_in_review", "It waits for a decision.", remedy="Delete it after that.")
    t = registration_associations.c
    query = select(t.registration_id).where(t.account_id == found.account_id, t.resource == resource).limit(1)
    if (other := (await conn.execute(query)).scalar_one_or_none()) is not None:
        raise Conflict("registration_in_use", f"{other} rests on it.", remedy="Delete that one first.")


async def _insert(conn: AsyncConnection, account_id: str, registration_id: str, made: Version) -> None:
    values = {
        "registration_id": registration_id, "number": made.number, "account_id": account_id, "status": made.status,
        "answers": _to_json(made.answers), "times": orjson.dumps(dict(made.times)).decode(),
    }  # fmt: skip
    await rows.insert(conn, registration_versions, values)


async def _move(
    conn: AsyncConnection, of: Registration, one: Version, to: str, now: int, *, reason: str = "", actor: str = ""
) -> Version:
    values = {"status": to, "times": orjson.dumps({**one.times, to: now}).decode()}
    said = {"reason": reason, "actor": actor} if reason else {}
    return await _change(conn, of, one, values | said)


async def _write(conn: AsyncConnection, of: Registration, answers: Mapping[str, Answer]) -> Version:
    return await _change(conn, of, of.last, {"answers": _to_json(answers)})


async def _change(conn: AsyncConnection, of: Registration, one: Version, values: Mapping[str, str]) -> Version:
    same = _v.registration_id == of.id, _v.number == one.number
    await conn.execute(registration_versions.update().where(*same).values(values))
    return _version((await conn.execute(select(registration_versions).where(*same))).one())


def _to_json(answers: Mapping[str, Answer]) -> str:
    return orjson.dumps({path: asdict(answer) for path, answer in answers.items()}).decode()


def _version(row: Row[Any]) -> Version:
    answers = {
        path: Answer(one["text"], tuple(one["choices"]), one["attachment_id"])
        for path, one in orjson.loads(row.answers).items()
    }
    return Version(row.number, row.status, answers, orjson.loads(row.times), row.reason, row.actor)


def _of(row: Row[Any], versions: Sequence[Version]) -> Registration:
    return Registration(row.id, row.account_id, row.kind, row.created_at, tuple(versions))
