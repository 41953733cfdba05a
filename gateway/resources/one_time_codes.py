"""One-time codes: made, kept as a digest, and checked once.

Rule 1: a code is known by an application, a person's number and the app's own reference; a new one takes the place of
the last.
Rule 2: it counts within its validity, for so many tries, and once: a right try uses it up. Each try is counted in the
transaction that judges it, so that two at the same moment are two.
Rule 3: the limits are AWS's (Pinpoint API reference, SendOTPMessageRequestParameters).
The sending is ``gateway.outbound.one_time_codes``.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from gateway import numbers
from gateway.resources import checks
from gateway.resources.event_streams import check_application
from gateway.store.tables_one_time_codes import one_time_codes
from gateway.store.times import span

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.secrets import Vault
    from gateway.store.writer import Tx

_T = one_time_codes
_LONGEST_REFERENCE = 48
_DIGITS = 5, 8
_MINUTES = 5, 60
_ATTEMPTS = 1, 5


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a code is, and how long and how often it may be tried."""

    code_length: int = 6  # digits
    validity_period: int = 15  # minutes
    allowed_attempts: int = 3

    def check(self) -> None:
        """Raises Invalid, naming the field."""
        checks.whole_number(self.code_length, "code_length", *_DIGITS)
        checks.whole_number(self.validity_period, "validity_period", *_MINUTES)
        checks.whole_number(self.allowed_attempts, "allowed_attempts", *_ATTEMPTS)

    @property
    def validity(self) -> timedelta:
        return timedelta(minutes=self.validity_period)


@dataclass(frozen=True, slots=True)
class Key:
    """What a code is known by: whoever checks it must name the same."""

    account_id: str
    application_id: str
    phone: str  # E.164
    reference: str

    @classmethod
    def of(cls, account_id: str, application_id: str, phone: str, reference: str) -> Key:
        """The key, checked. Raises Invalid, or NotFound where there can be no such application."""
        return cls(
            account_id,
            check_application(application_id),
            numbers.parse_destination(phone, "destination_identity").e164,
            checks.line(reference, "reference_id", _LONGEST_REFERENCE),
        )

    @property
    def row(self) -> str:
        return f"{self.account_id}/{self.application_id}/{self.phone}/{self.reference}"


def new_code(digits: int) -> str:
    return f"{secrets.randbelow(10**digits):0{digits}d}"


async def keep(conn: AsyncConnection, vault: Vault, key: Key, code: str, terms: Terms, now: int) -> None:
    """From now on this code counts, and none before it; in the transaction that has it texted."""
    fresh: dict[str, Any] = {
        "digest": _digest(vault, key, code), "attempts_left": terms.allowed_attempts,
        "expires_at": now + span(terms.validity),
    }  # fmt: skip
    insert = (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(_T).values(**asdict(key), **fresh)
    await conn.execute(insert.on_conflict_do_update(index_elements=list(asdict(key)), set_=fresh))


async def verify(desk: Desk, key: Key, code: str, now: int) -> bool:
    """Whether this is the code. A right one is used up, a wrong one has used up a try.

    Raises:
        Unavailable: nothing could be stored, so nothing is said of the code.
    """

    async def work(tx: Tx) -> bool:
        open_one = _mine(key) & (_T.c.attempts_left > 0) & (_T.c.expires_at > now)
        count = _T.update().where(open_one).values(attempts_left=_T.c.attempts_left - 1).returning(_T.c.digest)
        kept = (await tx.conn.execute(count)).scalar_one_or_none()
        right = kept is not None and hmac.compare_digest(kept, _digest(desk.vault, key, code))
        if right:
            await tx.conn.execute(_T.delete().where(_mine(key)))
        return right

    return await desk.store.write(work)


def _mine(key: Key) -> ColumnElement[bool]:
    t = _T.c
    whose = (t.account_id == key.account_id) & (t.application_id == key.application_id)
    return whose & (t.phone == key.phone) & (t.reference == key.reference)


def _digest(vault: Vault, key: Key, code: str) -> str:
    return vault.digest(_T.name, key.row, code.encode())
