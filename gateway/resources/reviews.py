"""Texts that read like a revocation, but not for certain: staff decide, and until then promotional texts are held.

Rule 1: at most one review is open for a person and list; another doubtful text is recorded with it.
Rule 2: closing it with OPT_OUT adds the opt-out, with the person's words, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from gateway.errors import Conflict
from gateway.events.log import append
from gateway.events.record import Event, EventType
from gateway.model import Status
from gateway.resources import checks, consent, rows
from gateway.resources.opt_outs import LONGEST_REASON, add_in
from gateway.store.hot import Hot, among, each_of
from gateway.store.tables import accounts, messages
from gateway.store.tables_consent import reviews
from gateway.store.times import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Executable, Row
    from sqlalchemy.engine import Dialect

    from gateway.resources.desk import Desk, Page
    from gateway.store.writer import Tx

OUTCOMES = ("OPT_OUT", "KEEP")


@dataclass(frozen=True, slots=True)
class Review:
    id: str
    account_id: str
    phone: str
    list_name: str
    inbound_id: str
    words: str  # what the person wrote
    why: str  # what it reads like
    opened_at: int  # microseconds
    closed_at: int | None = None
    outcome: str = ""  # OPT_OUT or KEEP
    actor: str = ""  # who closed it


def _standing(dialect: Dialect) -> Executable:
    # The index begins with the account: see gateway.resources.standing.
    t = reviews.c
    if dialect.name == "sqlite":
        mine = t.account_id.in_(select(accounts.c.id)), among(t.phone, "phones", dialect)
        return select(t.account_id, t.phone, t.list_name).where(*mine, t.closed_at.is_(None))
    source, found = each_of(
        "phones", lambda phone: select(reviews).where(t.account_id == accounts.c.id, t.phone == phone), accounts
    )
    wanted = select(found.c.account_id, found.c.phone, found.c.list_name).select_from(source)
    return wanted.where(found.c.closed_at.is_(None))


STANDING = Hot("reviews open", ("phones",), _standing)


async def standing_in(tx: Tx, phones: Sequence[str]) -> set[tuple[str, str, str]]:
    """Account, phone and list of each review that is open for any of these numbers (E.164)."""
    if not phones:
        return set()
    return {(row[0], row[1], row[2]) for row in await tx.rows(STANDING, tx.listed(phones))}


async def open_in(
    tx: Tx, *, account_id: str, phone: str, list_name: str, inbound_id: str, words: str, why: str, at: int
) -> bool:
    """Open a review within somebody's transaction; False when one is open already. The text is recorded either way."""
    t = reviews.c
    same = (t.account_id == account_id, t.phone == phone, t.list_name == list_name, t.closed_at.is_(None))
    new = (await tx.conn.execute(select(t.id).where(*same).limit(1))).first() is None
    if new:
        values = {
            "id": new_id(), "account_id": account_id, "phone": phone, "list_name": list_name,
            "inbound_id": inbound_id, "words": words, "why": why, "opened_at": at,
        }  # fmt: skip
        await rows.insert(tx.conn, reviews, values)
        data = {"review_id": values["id"], "phone": phone, "list": list_name, "why": why, "inbound_id": inbound_id}
        append(tx, [Event(EventType.REVIEW_OPENED, account_id, phone, at, data)])
    await consent.record_in(
        tx, account_id=account_id, phone=phone, list_name=list_name, action=consent.REVIEW_OPENED, at=at,
        actor=consent.PERSON, how=why, words=words, inbound_id=inbound_id,
    )  # fmt: skip
    return new


async def close(
    desk: Desk,
    *,
    account_id: str,
    review_id: str,
    outcome: Literal["OPT_OUT", "KEEP"],
    actor: str,
    reason: str,
    now: int,
) -> Review:
    """Decide a review.

    Raises:
        Invalid: an unknown outcome, or no reason.
        NotFound: there is no such review.
        Conflict: it is closed already (``review_closed``).
    """
    checks.one_of(outcome, OUTCOMES, "outcome")
    why = checks.prose(reason, "reason", LONGEST_REASON, required=True)

    async def work(tx: Tx) -> Review:
        review = _of(await rows.one(tx.conn, reviews, account_id, review_id, "review"))
        if review.closed_at is not None:
            raise Conflict("review_closed", f"{review.actor} has closed this review with {review.outcome}.")
        await rows.change(tx.conn, reviews, review_id, {"closed_at": now, "outcome": outcome, "actor": actor})
        closed = _of(await rows.one(tx.conn, reviews, account_id, review_id, "review"))
        await _record(tx, closed, why)
        await _release(tx, closed, now)
        return closed

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, review_id: str) -> Review:
    async with desk.store.reading() as conn:
        return _of(await rows.one(conn, reviews, account_id, review_id, "review"))


async def find(
    desk: Desk, *, account_id: str, only_open: bool = True, limit: int = 100, after: str = ""
) -> Page[Review]:
    """Reviews in the order they were opened; by default those that wait for a decision."""
    query = select(reviews).where(reviews.c.account_id == account_id)
    if only_open:
        query = query.where(reviews.c.closed_at.is_(None))
    async with desk.store.reading() as conn:
        return await rows.page(conn, query, reviews.c.id, _of, limit=limit, after=after)


async def _record(tx: Tx, review: Review, reason: str) -> None:
    """Put a decision on record and let it take effect. ``review`` is as closed."""
    at = review.closed_at or 0
    about: dict[str, Any] = {
        "account_id": review.account_id, "phone": review.phone, "list_name": review.list_name, "at": at,
        "actor": review.actor, "words": review.words, "reason": reason, "inbound_id": review.inbound_id,
    }  # fmt: skip
    how = f"review closed with {review.outcome}"
    await consent.record_in(tx, **about, action=consent.REVIEW_CLOSED, how=how)
    data = {"review_id": review.id, "phone": review.phone, "list": review.list_name, "outcome": review.outcome}
    append(tx, [Event(EventType.REVIEW_CLOSED, review.account_id, review.phone, at, data)])
    if review.outcome == "OPT_OUT":
        await add_in(tx, **about, by_end_user=True, how="text read as STOP by staff")


async def _release(tx: Tx, review: Review, now: int) -> None:
    """What was held for the decision may leave now; if it was OPT_OUT, the last check before that refuses it."""
    t = messages.c
    held = (t.account_id == review.account_id, t.destination == review.phone, t.opt_out_list == review.list_name)
    waiting = (t.status == Status.SCHEDULED.value, t.next_at.is_(None), t.final_at.is_(None))
    await tx.conn.execute(messages.update().where(*held, *waiting).values(next_at=now))


def _of(row: Row[Any]) -> Review:
    return Review(**row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
