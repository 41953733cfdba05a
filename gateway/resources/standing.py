"""Opt-outs as a transaction sees them: what stands against these people now, adding and lifting.

Rule 1: an opt-out is keyed on account, phone and list, whatever becomes of numbers and pools.
Rule 2: adding what stands changes neither its time nor the confirmations counted; lifting what does not stand changes
nothing. Each act is recorded all the same (gateway.resources.consent).
Rule 3: a person's own STOP is worth more than a number that staff put there: it marks what stood as the person's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, literal_column, select

from gateway.events.log import append
from gateway.events.record import Event, EventType
from gateway.resources import consent, rows
from gateway.store.hot import Hot, among, each_of, inserting, inserting_once
from gateway.store.tables import accounts
from gateway.store.tables_consent import consent_log, opt_outs
from gateway.store.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from sqlalchemy import ColumnElement, Executable, Row
    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.model import Dispatch
    from gateway.resources.consent import Act
    from gateway.store.writer import Tx


@dataclass(frozen=True, slots=True)
class OptOut:
    """One that stands."""

    account_id: str
    phone: str
    list_name: str
    opted_out_at: int  # microseconds
    by_end_user: bool  # the person said so, not staff, an app or an import
    how: str
    confirmations: int  # sent since; one is allowed


def _standing(dialect: Dialect) -> Executable:
    # The key begins with the account, so the accounts (few) are named: else every look-up would read the whole table.
    t = opt_outs.c
    columns = t.account_id, t.phone, t.list_name, t.opted_out_at, t.by_end_user, t.how, t.confirmations
    if dialect.name == "sqlite":
        return select(*columns).where(t.account_id.in_(select(accounts.c.id)), among(t.phone, "phones", dialect))
    source, found = each_of(
        "phones", lambda phone: select(*columns).where(t.account_id == accounts.c.id, t.phone == phone), accounts
    )
    return select(*found.c).select_from(source)


STANDING = Hot("opt-outs standing", ("phones",), _standing)
COUNT_CONFIRMATION = Hot(
    "count opt-out confirmation",
    ("account", "person", "list"),
    lambda _dialect: (
        opt_outs.update()
        .values(confirmations=opt_outs.c.confirmations + literal_column("1"))
        .where(
            opt_outs.c.account_id == bindparam("account"),
            opt_outs.c.phone == bindparam("person"),
            opt_outs.c.list_name == bindparam("list"),
        )
    ),
)


_INSERT = inserting_once(
    opt_outs, "account_id", "phone", "list_name", "opted_out_at", "by_end_user", "how", "confirmations"
)
_RECORD = inserting(
    consent_log, "account_id", "phone", "list_name", "action", "at", "actor", "how", "reason", "message_id"
)


async def standing_in(tx: Tx, phones: Sequence[str]) -> dict[tuple[str, str, str], OptOut]:
    """What stands against any of these numbers (E.164), by account, phone and list."""
    if not phones:
        return {}
    found = await tx.rows(STANDING, tx.listed(phones))
    return {
        (account_id, phone, name): OptOut(account_id, phone, name, at, bool(by_end_user), how, confirmations)
        for account_id, phone, name, at, by_end_user, how, confirmations in found
    }


async def add_in(tx: Tx, *, by_end_user: bool, opted_out_at: int | None = None, **act: Unpack[Act]) -> bool:
    """Add an opt-out within somebody's transaction; True when it is new, and then there is an event of it.

    Args:
        tx: the transaction.
        by_end_user: the person said so.
        opted_out_at: microseconds, where that was before the act.
        act: what is recorded, whether it is new or not.
    """
    key, at, how = _key(act), act["at"], act["how"]
    since = at if opted_out_at is None else opted_out_at
    values = {"opted_out_at": since, "by_end_user": int(by_end_user), "how": how, "confirmations": 0}
    new = await rows.insert_new(tx.conn, opt_outs, key | values)
    if not new and by_end_user:
        claim = opt_outs.update().where(*keyed(**key), opt_outs.c.by_end_user == 0)
        await tx.conn.execute(claim.values(by_end_user=1, how=how))
    await consent.record_in(tx, action=consent.OPT_OUT, **act)
    if new:
        inbound_id = act.get("inbound_id", "")
        append(tx, [_added(**key, at=at, since=since, how=how, by_end_user=by_end_user, inbound_id=inbound_id)])
    return new


@dataclass(frozen=True, slots=True)
class Known:
    """An opt-out that some other system has kept until now."""

    phone: str  # E.164
    list_name: str
    opted_out_at: int  # microseconds
    how: str
    by_end_user: bool = False


async def add_known_in(tx: Tx, known: Sequence[Known], *, account_id: str, actor: str, at: int) -> int:
    """What ``add_in`` does, for many at a time with a few statements; how many are new."""
    fresh = {(one.phone, one.list_name): one for one in reversed(known)}  # the first of two that are alike
    for phone, list_name in await among_in(tx.conn, account_id, [one.phone for one in known]):
        fresh.pop((phone, list_name), None)
    rows_new = [
        (account_id, one.phone, one.list_name, one.opted_out_at, int(one.by_end_user), one.how, 0)
        for one in fresh.values()
    ]
    await tx.many(_INSERT, rows_new)
    await tx.many(_RECORD, [
        (
            account_id, one.phone, one.list_name, consent.OPT_OUT, at, actor, one.how,
            f"import: {iso(one.opted_out_at)}", "",
        )
        for one in known
    ])  # fmt: skip
    append(tx, [
        _added(account_id, one.phone, one.list_name, at, one.opted_out_at, one.how, by_end_user=one.by_end_user)
        for one in fresh.values()
    ])  # fmt: skip
    return len(fresh)


class Refusal(NamedTuple):
    """A carrier did not take or deliver a message because the person has opted out there."""

    account_id: str
    phone: str  # E.164
    list_name: str  # of the number that the message left from
    message_id: str
    connector_id: str
    code: str  # the carrier's own

    @classmethod
    def of(cls, message: Dispatch, connector_id: str, code: str) -> Refusal:
        return cls(message.account_id, message.destination, message.opt_out_list, message.id, connector_id, code)

    @property
    def how(self) -> str:
        return f"refused by the carrier, code {self.code}"


async def add_refused_in(tx: Tx, refusals: Sequence[Refusal], *, at: int) -> None:
    """What ``add_in`` does, by hot statements: whom a carrier will not let us text, nobody is to try again."""
    if not refusals:
        return
    stood = await standing_in(tx, list({one.phone for one in refusals}))
    told = {(one.account_id, one.phone, one.list_name): one for one in reversed(refusals)}
    fresh = {key: one for key, one in told.items() if key not in stood}
    await tx.many(_INSERT, [(*key, at, 0, one.how, 0) for key, one in fresh.items()])
    await tx.many(_RECORD, [
        (*key, consent.OPT_OUT, at, f"carrier:{one.connector_id}", one.how, "", one.message_id)
        for key, one in told.items()
    ])  # fmt: skip
    append(tx, [_added(*key, at=at, since=at, how=one.how) for key, one in fresh.items()])


async def among_in(conn: AsyncConnection, account_id: str, phones: Sequence[str]) -> set[tuple[str, str]]:
    """Phone and list of what stands against any of these numbers."""
    t = opt_outs.c
    found = await conn.execute(select(t.phone, t.list_name).where(t.account_id == account_id, t.phone.in_(phones)))
    return {(row.phone, row.list_name) for row in found}


async def lift_in(tx: Tx, **act: Unpack[Act]) -> bool:
    """Lift an opt-out within somebody's transaction; True when one stood, and then there is an event of it."""
    lifted = await tx.conn.execute(opt_outs.delete().where(*keyed(**_key(act))))
    await consent.record_in(tx, action=consent.OPT_IN, **act)
    stood = lifted.rowcount > 0
    if stood:
        phone = act["phone"]
        data = {"phone": phone, "list": act["list_name"], "how": act["how"], "inbound_id": act.get("inbound_id", "")}
        append(tx, [Event(EventType.OPT_OUT_LIFTED, act["account_id"], phone, act["at"], data)])
    return stood


def _added(
    account_id: str,
    phone: str,
    list_name: str,
    at: int,
    since: int,
    how: str,
    *,
    by_end_user: bool = False,
    inbound_id: str = "",
) -> Event:
    data = {
        "phone": phone, "list": list_name, "opted_out_at": iso(since), "by_end_user": by_end_user, "how": how,
        "inbound_id": inbound_id,
    }  # fmt: skip
    return Event(EventType.OPT_OUT_ADDED, account_id, phone, at, data)


def of_row(row: Row[Any]) -> OptOut:
    return OptOut(
        account_id=row.account_id, phone=row.phone, list_name=row.list_name, opted_out_at=row.opted_out_at,
        by_end_user=bool(row.by_end_user), how=row.how, confirmations=row.confirmations,
    )  # fmt: skip


def _key(act: Act) -> dict[str, str]:
    return {"account_id": act["account_id"], "phone": act["phone"], "list_name": act["list_name"]}


def keyed(account_id: str, phone: str, list_name: str) -> tuple[ColumnElement[bool], ...]:
    """The condition for one row."""
    t = opt_outs.c
    return t.account_id == account_id, t.phone == phone, t.list_name == list_name
