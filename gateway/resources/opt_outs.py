"""Opt-outs as staff and apps work with them: add, lift, find, import and export.

Rule 1: staff and apps lift only with a reason.
Rule 2: an import only ever adds: a file that lacks a number, or says it may be texted, lifts nothing.
Rule 3: where a lock is asked for, whom staff or an app took off a list is not taken off it again so soon
(pinpoint-sms-voice-v2 model, DeleteOptedOutNumber: "once every 30 days"). A person's own START is never locked out.
How they are kept, and what a STOP does: gateway.resources.standing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway import numbers
from gateway.errors import Conflict, GatewayError, Invalid, NotFound
from gateway.model import DEFAULT_OPT_OUT_LIST
from gateway.resources import checks
from gateway.resources.consent import OPT_IN, PERSON, Consent, history
from gateway.resources.desk import Page
from gateway.resources.opt_out_lists import names_in, require
from gateway.resources.standing import (
    COUNT_CONFIRMATION,
    STANDING,
    Known,
    OptOut,
    add_in,
    add_known_in,
    among_in,
    keyed,
    lift_in,
    of_row,
    standing_in,
)
from gateway.store.tables_consent import consent_log, opt_outs
from gateway.store.times import DAY, iso, to_micros

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

__all__ = [
    "COLUMNS",
    "COUNT_CONFIRMATION",
    "STANDING",
    "Consent",
    "ImportResult",
    "Known",
    "OptOut",
    "add",
    "add_in",
    "add_known",
    "count_new",
    "e164",
    "export_rows",
    "find",
    "get",
    "history",
    "import_rows",
    "lift",
    "lift_in",
    "standing_in",
]

LONGEST_REASON = 500
LONGEST_HOW = 200
COLUMNS = ("phone", "list", "opted_out_at", "how")  # of a file
_CHUNK = 500  # rows a transaction: an import of a million numbers holds nobody up
_SUFFIX = 7  # digits without a country code that are enough to look for at the end of a number


async def add(
    desk: Desk,
    *,
    account_id: str,
    phone: str,
    actor: str,
    how: str,
    now: int,
    list_name: str = DEFAULT_OPT_OUT_LIST,
    reason: str = "",
) -> tuple[OptOut, bool]:
    """Opt a person out for them: what stands now, and whether it is new.

    Raises:
        Invalid: ``phone`` is not in the international form, or ``reason`` is too long.
        NotFound: there is no such list.
    """
    number = e164(phone)
    why = checks.prose(reason, "reason", LONGEST_REASON)

    async def work(tx: Tx) -> tuple[OptOut, bool]:
        await require(tx.conn, account_id, list_name, "list")
        new = await add_in(
            tx, account_id=account_id, phone=number, list_name=list_name, at=now, by_end_user=False, actor=actor,
            how=how, reason=why,
        )  # fmt: skip
        row = (await tx.conn.execute(select(opt_outs).where(*keyed(account_id, number, list_name)))).one()
        return of_row(row), new

    return await desk.store.write(work)


async def lift(
    desk: Desk,
    *,
    account_id: str,
    phone: str,
    actor: str,
    how: str,
    reason: str,
    now: int,
    list_name: str = DEFAULT_OPT_OUT_LIST,
    lock_days: int = 0,
) -> None:
    """Let a person have texts again.

    Raises:
        Invalid: no ``reason``, or ``phone`` is not in the international form.
        NotFound: the person is not on the list (``not_opted_out``), or there is no such list.
        Conflict: the person was taken off less than ``lock_days`` ago (``opt_in_locked``).
    """
    number = e164(phone)
    why = checks.prose(reason, "reason", LONGEST_REASON, required=True)

    async def work(tx: Tx) -> None:
        await require(tx.conn, account_id, list_name, "list")
        await _check_unlocked(tx.conn, account_id, number, now - lock_days * DAY)
        stood = await lift_in(
            tx, account_id=account_id, phone=number, list_name=list_name, at=now, actor=actor, how=how, reason=why
        )
        if not stood:
            raise NotFound("not_opted_out", "The number is not on that opt-out list.", field="phone")

    await desk.store.write(work)


async def _check_unlocked(conn: AsyncConnection, account_id: str, phone: str, since: int) -> None:
    t = consent_log.c
    query = select(t.seq).where(
        t.account_id == account_id, t.phone == phone, t.action == OPT_IN, t.actor != PERSON, t.at > since
    )
    if (await conn.execute(query.limit(1))).first() is not None:
        raise Conflict(
            "opt_in_locked",
            "The person was opted in of late already.",
            field="phone",
            remedy="Ask them to reply START.",
        )


async def get(desk: Desk, *, account_id: str, phone: str, list_name: str = DEFAULT_OPT_OUT_LIST) -> OptOut:
    """Raises NotFound (``not_opted_out``) when none stands, Invalid when ``phone`` is no number."""
    number = e164(phone)
    async with desk.store.reading() as conn:
        await require(conn, account_id, list_name, "list")
        found = await conn.execute(select(opt_outs).where(*keyed(account_id, number, list_name)))
        if (row := found.one_or_none()) is None:
            raise NotFound("not_opted_out", "The number is not on that opt-out list.", field="phone")
        return of_row(row)


async def find(
    desk: Desk,
    *,
    account_id: str,
    query: str = "",
    list_name: str = "",
    limit: int = 100,
    after: str = "",
    region: str = "",
    by_end_user: bool | None = None,
) -> Page[OptOut]:
    """What stands, by number and list.

    Args:
        desk: where.
        account_id: whose.
        query: a number as anyone writes it, or the first digits of one with or without plus; "" finds all.
        list_name: "" finds on all lists.
        limit: 1 to 1000.
        after: the ``next`` of the page before.
        region: the country to assume for a number in its national form.
        by_end_user: only what people said themselves, or only what they did not.
    """
    checks.whole_number(limit, "limit", 1, checks.MOST_PER_PAGE)
    t = opt_outs.c
    wanted = select(opt_outs).where(t.account_id == account_id, *_asked(query, region), *_behind(after))
    if list_name:
        wanted = wanted.where(t.list_name == (list_name if checks.is_storable(list_name) else ""))
    if by_end_user is not None:
        wanted = wanted.where(t.by_end_user == int(by_end_user))
    async with desk.store.reading() as conn:
        found = (await conn.execute(wanted.order_by(t.phone, t.list_name).limit(limit + 1))).all()
    last = found[limit - 1] if len(found) > limit else None
    return Page(tuple(map(of_row, found[:limit])), f"{last.phone} {last.list_name}" if last else "")


def e164(phone: str, field: str = "phone") -> str:
    """A number to opt out, in E.164. Any that is possible is taken: whoever texted us has a number.

    Raises:
        Invalid: as ``numbers.parse_destination``.
    """
    if phone.lstrip(" (").startswith("+") and (number := numbers.find(phone)) is not None:
        return number
    return numbers.parse_destination(phone, field).e164


def _asked(query: str, region: str) -> Iterator[ColumnElement[bool]]:
    if not query.strip():
        return
    t = opt_outs.c.phone
    digits = "".join(str(int(character)) for character in query if character.isdecimal())
    number = numbers.find(query, region)
    if number and "+" in query:
        yield t == number
        return
    # A national number may read as another country's international one, so every reading is looked for.
    clause = t == (number or "")
    if digits:
        clause |= t.startswith(f"+{digits}")
    if len(digits.lstrip("0")) >= _SUFFIX and "+" not in query:
        clause |= t.endswith(digits.lstrip("0"))
    yield clause


def _behind(after: str) -> Iterator[ColumnElement[bool]]:
    if not after:
        return
    phone, _, list_name = after.partition(" ")
    if not checks.is_storable(after) or not list_name:
        raise Invalid(
            "bad_cursor", "after is no cursor of ours.", field="after", remedy="Use the next of a page before."
        )
    t = opt_outs.c
    yield (t.phone > phone) | ((t.phone == phone) & (t.list_name > list_name))


async def export_rows(desk: Desk, *, account_id: str, list_name: str = "") -> AsyncIterator[dict[str, str]]:
    """All that stands, as rows of a file with ``COLUMNS``; ``import_rows`` takes them back."""
    after = ""
    while True:
        page = await find(desk, account_id=account_id, list_name=list_name, limit=checks.MOST_PER_PAGE, after=after)
        for one in page.items:
            yield dict(zip(COLUMNS, (one.phone, one.list_name, iso(one.opted_out_at), one.how), strict=True))
        if not page.next:
            return
        after = page.next


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or with ``dry_run`` would do."""

    added: int
    already: int
    rejected: tuple[tuple[int, str], ...]  # line and why; never the number itself


async def import_rows(
    desk: Desk,
    rows: Iterable[Mapping[str, str | None]],
    *,
    account_id: str,
    actor: str,
    now: int,
    dry_run: bool = False,
) -> ImportResult:
    """Add opt-outs from a file. What cannot be read is passed over and told; the rest is added.

    Args:
        desk: where.
        rows: as ``csv.DictReader`` gives them: ``phone`` is needed; ``list`` is ``Default``, ``opted_out_at`` (ISO
            8601, UTC where no offset is given) is now and ``how`` is "import" where they are missing or empty.
        account_id: whose.
        actor: who imports.
        now: microseconds.
        dry_run: only say what would happen.
    """
    async with desk.store.reading() as conn:
        lists = await names_in(conn, account_id)
    entries: list[Known] = []
    rejected: list[tuple[int, str]] = []
    for line, row in enumerate(rows, start=2):  # the heading is line 1
        try:
            entries.append(_known(row, lists, now))
        except GatewayError as error:
            rejected.append((line, error.detail))
    if dry_run:
        added = await count_new(desk, entries, account_id=account_id)
    else:
        added = await add_known(desk, entries, account_id=account_id, actor=actor, now=now)
    return ImportResult(added, len(entries) - added, tuple(rejected))


async def add_known(desk: Desk, known: Sequence[Known], *, account_id: str, actor: str, now: int) -> int:
    """Add what some other system has kept until now, on lists that are there; how many are new."""
    return sum([await _store(desk, account_id, chunk, actor, now) for chunk in _chunks(known)])


async def count_new(desk: Desk, known: Sequence[Known], *, account_id: str) -> int:
    """How many ``add_known`` would add."""
    seen: set[tuple[str, str]] = set()
    return sum([await _count(desk, account_id, chunk, seen) for chunk in _chunks(known)])


def _chunks(known: Sequence[Known]) -> Iterator[Sequence[Known]]:
    return (known[start : start + _CHUNK] for start in range(0, len(known), _CHUNK))


def _known(row: Mapping[str, str | None], lists: frozenset[str], now: int) -> Known:
    """One row read. Raises Invalid with what is wrong."""
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    list_name = values["list"] or DEFAULT_OPT_OUT_LIST
    if list_name not in lists:
        raise Invalid("opt_out_list_not_found", "There is no opt-out list of that name.", field="list")
    at = _moment(values["opted_out_at"], now)
    how = checks.line(values["how"] or "import", "how", LONGEST_HOW)
    return Known(e164(values["phone"]), list_name, at, how)


def _moment(written: str, now: int) -> int:
    if not written:
        return now
    try:
        moment = datetime.fromisoformat(written)
        at = to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise Invalid("bad_time", "opted_out_at is not a time in ISO 8601.", field="opted_out_at") from error
    if not 0 <= at <= now:
        raise Invalid("bad_time", "opted_out_at is before 1970 or in the future.", field="opted_out_at")
    return at


async def _store(desk: Desk, account_id: str, known: Sequence[Known], actor: str, now: int) -> int:
    return await desk.store.write(lambda tx: add_known_in(tx, known, account_id=account_id, actor=actor, at=now))


async def _count(desk: Desk, account_id: str, known: Sequence[Known], seen: set[tuple[str, str]]) -> int:
    """How many would be new; ``seen`` grows, so that a number that stands twice in the file counts once."""
    async with desk.store.reading() as conn:
        standing = await among_in(conn, account_id, [one.phone for one in known])
    fresh = {(one.phone, one.list_name) for one in known} - standing - seen
    seen |= fresh
    return len(fresh)
