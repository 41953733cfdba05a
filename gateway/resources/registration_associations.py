"""What a registration is about: numbers, sender IDs, or another registration that it rests on.

Rule 1: each kind of registration says what it can be about, of which country, and when (``registration_types``).
Rule 2: what is associated after completion needs a complete registration; a registration rests on a complete one.
Rule 3: a thing is associated with a registration once.
(pinpoint-sms-voice-v2 model: CreateRegistrationAssociation, RegistrationAssociationBehavior.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.errors import Conflict, Invalid
from gateway.resources import phone_numbers, registration_types, registrations, rows
from gateway.store.tables_registrations import registration_associations

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.resources.registrations import Registration
    from gateway.store.writer import Tx

_t = registration_associations.c


@dataclass(frozen=True, slots=True)
class Associated:
    """One thing that a registration is about.

    Attributes:
        resource: as at the end of its ARN: "phone-number/phone-…", "sender-id/ACME/ID", "registration/registration-…".
        resource_type: the kind of number, SENDER_ID, or the kind of registration.
    """

    resource: str
    resource_type: str
    country: str
    phone: str  # E.164; "" for what is no number


async def create(desk: Desk, *, account_id: str, registration_id: str, resource: str, now: int) -> Associated:
    """Associate a registration with a thing of the account, named as at the end of its ARN.

    Raises:
        NotFound: there is no such registration or thing.
        Invalid: the registration cannot be about it (``association_unsupported``).
        Conflict: it is associated already, or one of the two is not complete (``registration_not_complete``).
    """
    return await desk.store.write(lambda tx: create_in(desk, tx, account_id, registration_id, resource, now))


async def create_in(desk: Desk, tx: Tx, account_id: str, registration_id: str, resource: str, now: int) -> Associated:
    """Associate within somebody's transaction. Raises as ``create``."""
    registration = await registrations.require(tx.conn, account_id, registration_id)
    thing = await _thing(tx.conn, desk, account_id, resource)
    _check_supported(registration, thing)
    await desk.quotas.require(tx.conn, "ASSOCIATIONS_PER_REGISTRATION", _t.registration_id == registration_id)
    values = {
        "registration_id": registration_id, "resource": thing.resource, "account_id": account_id,
        "resource_type": thing.resource_type, "country": thing.country, "phone": thing.phone, "created_at": now,
    }  # fmt: skip
    if not await rows.insert_new(tx.conn, registration_associations, values):
        raise Conflict("already_associated", "The two are associated already.", field="resource")
    return thing


async def of_numbers(desk: Desk, *, account_id: str) -> dict[str, str]:
    """The registration of each of the account's numbers that has one, by the number's id; the first of several."""
    query = select(_t.resource, _t.registration_id).where(
        _t.account_id == account_id, _t.resource.startswith("phone-number/")
    )
    async with desk.store.reading() as conn:
        found = (await conn.execute(query.order_by(_t.created_at.desc()))).all()
    return {row.resource.removeprefix("phone-number/"): row.registration_id for row in found}


async def find(desk: Desk, *, account_id: str, registration_id: str) -> tuple[Associated, ...]:
    """What a registration is about. Raises NotFound."""
    async with desk.store.reading() as conn:
        await registrations.require(conn, account_id, registration_id)
        query = select(registration_associations).where(_t.registration_id == registration_id).order_by(_t.resource)
        return tuple(map(_of, await conn.execute(query)))


def _check_supported(registration: Registration, thing: Associated) -> None:
    kind = registration_types.of(registration.kind)
    for one in kind.associations:
        if one.resource == thing.resource_type and thing.country in {one.country, ""}:
            break
    else:
        detail = f"A {kind.name} is not about a {thing.resource_type} of {thing.country or 'no country'}."
        raise Invalid("association_unsupported", detail, field="resource")
    if one.behavior == "ASSOCIATE_AFTER_COMPLETE" and registration.status != "COMPLETE":
        raise Conflict("registration_not_complete", "The registration is not complete.", remedy="Wait for approval.")


async def _thing(conn: AsyncConnection, desk: Desk, account_id: str, resource: str) -> Associated:
    word, _, name = resource.partition("/")
    if word == "registration":
        other = await registrations.require(conn, account_id, name)
        if other.status != "COMPLETE":
            raise Conflict("registration_not_complete", f"{name} is not complete.", remedy="Wait for its approval.")
        return Associated(resource, other.kind, "", "")
    if word == "phone-number":
        number = phone_numbers.of_row(await phone_numbers.require(conn, account_id, name))
        return Associated(resource, str(number.kind), number.country, number.sender)
    if word == "sender-id":
        return _sender_id(desk, account_id, name)
    raise Invalid("association_unsupported", "A registration is about numbers and sender IDs.", field="resource")


def _sender_id(desk: Desk, account_id: str, name: str) -> Associated:
    sender, _, country = name.partition("/")
    for one in desk.catalog.directory(account_id).identities_by_sender.get(sender.upper(), ()):
        if one.country in {country, ""} or not country:
            return Associated(f"sender-id/{one.sender}/{one.country}", "SENDER_ID", one.country, "")
    raise rows.missing("sender_id", "resource")


def _of(row: Row[Any]) -> Associated:
    return Associated(row.resource, row.resource_type, row.country, row.phone)
