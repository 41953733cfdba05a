"""Verified destination numbers: whom an account in the sandbox may text.

Rule 1: a number is there once in its account, and once more for each RCS agent whose test device it is.
Rule 2: it is verified by a code that was texted to it, within ``LIFE`` and with ``GUESSES`` tries; a new code takes the
place of the last, and no more than ``CODES_A_DAY`` go to one number in a day of UTC.
Rule 3: in the sandbox a number stays for ``STAYS`` at least, else the few it may have could be changed with each text
(https://docs.aws.amazon.com/sms-voice/latest/userguide/verify-destination-phone-number.html).
The sending is ``gateway.outbound.verification``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from carriers.simulator.numbers import aws_fates
from gateway import numbers
from gateway.errors import Conflict, Invalid, QuotaExceeded
from gateway.resources import rows, tags
from gateway.store.tables_channels import rcs_agents
from gateway.store.tables_protect import verified_numbers
from gateway.store.times import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

SIMULATOR_NUMBERS = frozenset(aws_fates())
KIND = "verified-destination-number"  # as ARNs name it
PENDING, VERIFIED = "PENDING", "VERIFIED"
DIGITS = 6
LIFE = 15 * 60 * SECOND
GUESSES = 5
CODES_A_DAY = 5
STAYS = DAY


@dataclass(frozen=True, slots=True)
class VerifiedNumber:
    id: str
    account_id: str
    phone: str  # E.164
    rcs_agent_id: str  # "" where it is for texts
    status: str  # PENDING or VERIFIED
    created_at: int  # microseconds


async def create(
    desk: Desk,
    *,
    account_id: str,
    phone: str,
    now: int,
    rcs_agent_id: str = "",
    tagged: Mapping[str, str] = tags.NO_TAGS,
) -> VerifiedNumber:
    """A number that is to be verified.

    Raises:
        Invalid: it is no number.
        NotFound: there is no such RCS agent.
        Conflict: it is there (``verified_number_exists``), or has too many tags.
    """
    values = {
        "id": rows.resource_id("vdn"), "account_id": account_id, "rcs_agent_id": rcs_agent_id, "status": PENDING,
        "phone": numbers.parse_destination(phone, "phone").e164, "created_at": now,
    }  # fmt: skip

    async def work(tx: Tx) -> VerifiedNumber:
        if rcs_agent_id:
            await rows.one(tx.conn, rcs_agents, account_id, rcs_agent_id, "rcs_agent")
        mine = verified_numbers.c.account_id == account_id
        await desk.quotas.require(tx.conn, "VERIFIED_DESTINATION_NUMBERS_PER_ACCOUNT", mine)
        if not await rows.insert_new(tx.conn, verified_numbers, values):
            raise Conflict("verified_number_exists", "The number is there already.", field="phone")
        await tags.put(tx, account_id, f"{KIND}/{values['id']}", tagged)
        return _of(await require(tx.conn, account_id, str(values["id"])))

    return await desk.change(work)


async def get(desk: Desk, *, account_id: str, number_id: str) -> VerifiedNumber:
    async with desk.store.reading() as conn:
        return _of(await require(conn, account_id, number_id))


async def find(desk: Desk, *, account_id: str) -> tuple[VerifiedNumber, ...]:
    """All of the account, oldest first."""
    async with desk.store.reading() as conn:
        return await rows.of_account(conn, verified_numbers, account_id, _of)


async def delete(desk: Desk, *, account_id: str, number_id: str, now: int) -> VerifiedNumber:
    """Take a number away; gives what it was.

    Raises:
        NotFound: there is none.
        Conflict: the account is in the sandbox, and the number was added within the last day (``too_new``).
    """
    sandbox = desk.catalog.limits(account_id).sandbox

    async def work(tx: Tx) -> VerifiedNumber:
        found = _of(await require(tx.conn, account_id, number_id))
        if sandbox and now < found.created_at + STAYS:
            raise Conflict("too_new", "In the sandbox a number stays for a day.", remedy="Delete it tomorrow.")
        await tags.drop(tx, account_id, f"{KIND}/{number_id}")
        await rows.remove(tx.conn, verified_numbers, number_id)
        return found

    return await desk.change(work)


async def verify(desk: Desk, *, account_id: str, number_id: str, code: str, now: int) -> VerifiedNumber:
    """Verify a number with the code that it was sent. A wrong guess counts, and is remembered.

    Raises:
        NotFound: there is no such number.
        Conflict: ``already_verified``; ``code_expired``: none was sent, it is too old or was guessed at too often.
        Invalid: ``wrong_code``.
    """

    async def work(tx: Tx) -> bool:
        row = await require(tx.conn, account_id, number_id)
        _check_open(row, now)
        right = hmac.compare_digest(row.code_hash, _hash(row.id, code))
        values = {"status": VERIFIED, "code_hash": ""} if right else {"guesses": row.guesses + 1}
        await rows.change(tx.conn, verified_numbers, number_id, values)
        return right

    if not await desk.change(work):
        raise Invalid("wrong_code", "The code is not the one that was sent.", field="code", remedy="Type it again.")
    return await get(desk, account_id=account_id, number_id=number_id)


async def require(conn: AsyncConnection, account_id: str, number_id: str) -> Row[Any]:
    """The row. Raises NotFound (``verified_number_not_found``)."""
    return await rows.one(conn, verified_numbers, account_id, number_id, "verified_number")


async def new_code(conn: AsyncConnection, row: Row[Any], now: int) -> str:
    """A code for this number in place of any before, to be sent in the same transaction.

    Raises:
        Conflict: it is verified (``already_verified``).
        QuotaExceeded: it has had its codes of the day.
    """
    _check_pending(row)
    sent = row.codes_today if row.code_sent_at // DAY == now // DAY else 0
    if sent >= CODES_A_DAY:
        told = f"{CODES_A_DAY} codes were sent to the number today."
        raise QuotaExceeded("verification_attempts_per_day", told, remedy="Wait a day.")
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    values = {"code_hash": _hash(row.id, code), "code_sent_at": now, "guesses": 0, "codes_today": sent + 1}
    await rows.change(conn, verified_numbers, row.id, values)
    return code


async def load(conn: AsyncConnection) -> frozenset[tuple[str, str]]:
    """Account and number of each that is verified for texts: what the catalog keeps."""
    t = verified_numbers.c
    query = select(t.account_id, t.phone).where(t.status == VERIFIED, t.rcs_agent_id == "")
    return frozenset((row.account_id, row.phone) for row in await conn.execute(query))


def _check_open(row: Row[Any], now: int) -> None:
    _check_pending(row)
    if not row.code_hash or now >= row.code_sent_at + LIFE or row.guesses >= GUESSES:
        raise Conflict("code_expired", "No code of this number counts any more.", remedy="Have a new one sent.")


def _check_pending(row: Row[Any]) -> None:
    if row.status == VERIFIED:
        raise Conflict("already_verified", "The number is verified.")


def _hash(number_id: str, code: str) -> str:
    """What is kept of a code. It is short, so the hash hides it from a glance only; it lives for minutes."""
    return hashlib.sha256(f"{number_id} {code}".encode()).hexdigest()


def _of(row: Row[Any]) -> VerifiedNumber:
    return VerifiedNumber(row.id, row.account_id, row.phone, row.rcs_agent_id, row.status, row.created_at)
