"""Console users and their sessions.

Rule 1: passwords are kept as argon2id with the parameters of OWASP's Password Storage Cheat Sheet (19 MiB, 2 passes).
Rule 2: five failures in a row lock a user out for 15 minutes. An attempt counts before its password is looked at, so
that many at once count as many.
Rule 3: an unknown name, a wrong password and a locked user take the same work and get the same answer.
Rule 4: a session is known by the SHA-256 of its cookie, carries its own CSRF token and ends after 12 hours.
(https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html)
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select

from gateway.errors import Conflict, Unauthorized
from gateway.resources import accounts, checks, rows
from gateway.store.tables_access import sessions, staff
from gateway.store.times import HOUR, SECOND

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

ROLES = ("viewer", "compliance", "admin")
MOST_FAILURES = 5
LOCKED_FOR = 15 * 60 * SECOND
SESSION_FOR = 12 * HOUR
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
LONGEST_NAME = 64
_MOST_OCTETS = 4 * LONGEST_PASSWORD  # of an attempt that are looked at

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Of a password that nobody has: what is worked on for a name that nobody has.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$ruS1KcRzOI44qf284woxjQ$ayCQYCrIZhzH5zIG/pjo8MGMxDEaR2whYbdk1V9OKQ8"


@dataclass(frozen=True, slots=True)
class Staff:
    id: str  # "staff-…"
    name: str
    account_id: str
    role: str  # one of ROLES
    locked_until: int  # microseconds; 0 when not locked
    created_at: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody at the console."""

    staff: Staff
    csrf: str = field(repr=False)
    expires_at: int  # microseconds


async def create(desk: Desk, *, account_id: str, name: str, password: str, role: str, now: int) -> Staff:
    """A new console user.

    Raises:
        Invalid: the name, the password (12 to 256 characters) or the role cannot be.
        NotFound: there is no such account.
        Conflict: there is a user of that name (``staff_exists``).
    """
    values: dict[str, Any] = {
        "id": rows.resource_id("staff"), "account_id": account_id, "created_at": now,
        "name": checks.line(name, "name", LONGEST_NAME).casefold(), "role": checks.one_of(role, ROLES, "role"),
        "password_hash": await _hash(password),
    }  # fmt: skip

    async def work(tx: Tx) -> Staff:
        await accounts.require(tx.conn, account_id)
        if not await rows.insert_new(tx.conn, staff, values):
            raise Conflict("staff_exists", "There is a user of that name.", field="name")
        return await _get(tx.conn, account_id, values["id"])

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, staff_id: str) -> Staff:
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, staff_id)


async def find(desk: Desk, *, account_id: str, limit: int = 100, after: str = "") -> Page[Staff]:
    query = select(staff).where(staff.c.account_id == account_id)
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, staff.c.id, _of, limit=limit, after=after)


async def update(
    desk: Desk, *, account_id: str, staff_id: str, role: str | None = None, password: str | None = None
) -> Staff:
    """Change the role, the password or both. A new password unlocks the user and ends all sessions.

    Raises:
        Invalid: the role or the password cannot be.
        NotFound: there is no such user.
    """
    values: dict[str, Any] = {}
    if role is not None:
        values["role"] = checks.one_of(role, ROLES, "role")
    if password is not None:
        values |= {"password_hash": await _hash(password), "failures": 0, "locked_until": 0}

    async def work(tx: Tx) -> Staff:
        await _get(tx.conn, account_id, staff_id)
        await rows.change(tx.conn, staff, staff_id, values)
        if password is not None:
            await _end_sessions(tx.conn, staff_id)
        return await _get(tx.conn, account_id, staff_id)

    return await desk.store.write(work)


async def delete(desk: Desk, *, account_id: str, staff_id: str) -> None:
    """Remove a user and end the sessions. What the user did stays on record."""

    async def work(tx: Tx) -> None:
        await _get(tx.conn, account_id, staff_id)
        await _end_sessions(tx.conn, staff_id)
        await rows.remove(tx.conn, staff, staff_id)

    await desk.store.write(work)


async def sign_in(desk: Desk, *, name: str, password: str, now: int) -> tuple[Session, str]:
    """A new session and the token for its cookie.

    Raises:
        Unauthorized: the name or password is wrong, or the user is locked out (``sign_in_failed``, for all alike).
    """
    row = await _count_attempt(desk, name, now)
    known = await _verify(row.password_hash if row else NOBODY, password)
    if row is None or not known or row.locked_until > now:
        raise Unauthorized(
            "sign_in_failed",
            "The name or password is wrong, or the user is locked.",
            remedy=f"After {MOST_FAILURES} failures a user is locked for 15 minutes.",
        )
    token = secrets.token_urlsafe(32)
    values: dict[str, Any] = {
        "id": _key(token), "staff_id": row.id, "csrf": secrets.token_urlsafe(32), "created_at": now,
        "expires_at": now + SESSION_FOR,
    }  # fmt: skip

    async def work(tx: Tx) -> Session:
        await rows.change(tx.conn, staff, row.id, {"failures": 0, "locked_until": 0})
        await rows.insert(tx.conn, sessions, values)
        user = _of((await tx.conn.execute(select(staff).where(staff.c.id == row.id))).one())
        return Session(user, values["csrf"], values["expires_at"])

    return await desk.store.write(work), token


async def session(desk: Desk, *, token: str, now: int) -> Session | None:
    """The session of a cookie; None when it is unknown or over."""
    query = select(sessions.c.csrf, sessions.c.expires_at, staff).join(staff, sessions.c.staff_id == staff.c.id)
    async with desk.store.reading() as conn:
        found = await conn.execute(query.where(sessions.c.id == _key(token), sessions.c.expires_at > now))
    row = found.one_or_none()
    return Session(_of(row), row.csrf, row.expires_at) if row is not None else None


async def sign_out(desk: Desk, *, token: str) -> None:
    """End a session; an unknown one is over already."""

    async def work(tx: Tx) -> None:
        await rows.remove(tx.conn, sessions, _key(token))

    await desk.store.write(work)


async def _count_attempt(desk: Desk, name: str, now: int) -> Row[Any] | None:
    """The user as before this attempt, which counts as a failure until it has succeeded (rule 2)."""
    called = name.strip().casefold()
    if not checks.is_storable(called):
        called = ""

    async def work(tx: Tx) -> Row[Any] | None:
        row = (await tx.conn.execute(select(staff).where(staff.c.name == called))).one_or_none()
        if row is not None and row.locked_until <= now:
            last = row.failures + 1 >= MOST_FAILURES
            values = {"failures": 0, "locked_until": now + LOCKED_FOR} if last else {"failures": row.failures + 1}
            await rows.change(tx.conn, staff, row.id, values)
        return row

    return await desk.store.write(work)


async def _verify(password_hash: str, password: str) -> bool:
    def work() -> bool:
        try:
            return HASHER.verify(password_hash, password.encode("utf-8", "surrogatepass")[:_MOST_OCTETS])
        except (VerificationError, InvalidHashError):
            return False

    return await asyncio.to_thread(work)


async def _hash(password: str) -> str:
    checks.length(password, "password", SHORTEST_PASSWORD, LONGEST_PASSWORD)
    return await asyncio.to_thread(HASHER.hash, password.encode("utf-8", "surrogatepass"))


async def _get(conn: AsyncConnection, account_id: str, staff_id: str) -> Staff:
    return _of(await rows.one(conn, staff, account_id, staff_id, "staff"))


async def _end_sessions(conn: AsyncConnection, staff_id: str) -> None:
    await conn.execute(sessions.delete().where(sessions.c.staff_id == staff_id))


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _of(row: Row[Any]) -> Staff:
    return Staff(
        id=row.id, name=row.name, account_id=row.account_id, role=row.role, locked_until=row.locked_until,
        created_at=row.created_at,
    )  # fmt: skip
