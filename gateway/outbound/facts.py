"""What must be known of the people that a batch of messages goes to: a few statements for the whole batch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select, text

from compliance.types import Recent
from gateway.model import STICKY_FOR, Purpose, Status
from gateway.outbound.draft import Draft
from gateway.resources import opt_outs, reviews
from gateway.resources.protection import Watch
from gateway.store.hot import Hot, among, upsert
from gateway.store.tables import idempotency_keys, spend
from gateway.store.times import HOUR, first_id, from_micros, next_id, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect

    from gateway.outbound.draft import Drafted
    from gateway.resources.opt_outs import OptOut
    from gateway.store.writer import Tx

RECENT = 200  # messages to one person that are looked at; recipient limits above it could not be told from it
IDEMPOTENT_FOR = 24 * HOUR

# The latest messages to each of some people. The limit is per person: a busy number costs no more than another.
# The ids of that time say the same again, so that PostgreSQL looks into the partitions of those days only.
_RECENT = {
    "sqlite": f"""
        SELECT x.destination, x.created_at, x.body_hash, x.message_type, x.identity_id, x.status, x.purpose
        FROM json_each(:people) AS person JOIN messages AS x ON x.rowid IN (
            SELECT m.rowid FROM messages AS m
            WHERE m.account_id = :account_id AND m.destination = person.value AND m.created_at > :since
              AND m.id >= :first AND m.id < :before
            ORDER BY m.created_at DESC LIMIT {RECENT})""",  # noqa: S608 -- a constant of ours
    "postgresql": f"""
        SELECT x.destination, x.created_at, x.body_hash, x.message_type, x.identity_id, x.status, x.purpose
        FROM unnest(CAST(:people AS TEXT[])) AS person(value) CROSS JOIN LATERAL (
            SELECT m.destination, m.created_at, m.body_hash, m.message_type, m.identity_id, m.status, m.purpose
            FROM messages AS m
            WHERE m.account_id = CAST(:account_id AS TEXT) AND m.destination = person.value
              AND m.created_at > CAST(:since AS BIGINT) AND m.id >= CAST(:first AS TEXT)
              AND m.id < CAST(:before AS TEXT)
            ORDER BY m.created_at DESC LIMIT {RECENT}) AS x""",  # noqa: S608 -- as above
}
RECENT_OF = Hot(
    "recent of people",
    ("people", "account_id", "since", "first", "before"),
    lambda dialect: text(_RECENT[dialect.name]),
)


def _keys(dialect: Dialect) -> Executable:
    t = idempotency_keys.c
    return select(t.key, t.request_hash, t.response).where(
        t.account_id == bindparam("account_id"), among(t.key, "keys", dialect), t.created_at > bindparam("since")
    )


KEYS = Hot("idempotency keys", ("account_id", "keys", "since"), _keys)
LOCK_KEYS = Hot(
    "lock idempotency keys",
    ("keys",),
    lambda _dialect: text(
        "SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(CAST(:keys AS TEXT[])) key"
    ),
)
# A key may be used again after 24 hours: the old answer gives way.
_KEY_COLUMNS = ("account_id", "key", "request_hash", "status", "response", "created_at")


def _keep_key(dialect: Dialect) -> Executable:
    insert = upsert(dialect, idempotency_keys)
    row = insert.values({name: bindparam(name) for name in _KEY_COLUMNS})
    fresh = {name: row.excluded[name] for name in ("request_hash", "status", "response", "created_at")}
    statement: Executable = row.on_conflict_do_update(index_elements=["account_id", "key"], set_=fresh)
    return statement


KEEP_KEY = Hot("keep idempotency key", _KEY_COLUMNS, _keep_key)
SPENT = Hot(
    "spent",
    ("account_id", "month"),
    lambda _dialect: select(spend.c.amount).where(
        spend.c.account_id == bindparam("account_id"), spend.c.month == bindparam("month")
    ),
)


def _add_spend(dialect: Dialect) -> Executable:
    insert = upsert(dialect, spend)
    row = insert.values({name: bindparam(name) for name in ("account_id", "month", "amount")})
    more = {"amount": spend.c.amount + row.excluded.amount}
    statement: Executable = row.on_conflict_do_update(index_elements=["account_id", "month"], set_=more)
    return statement


ADD_SPEND = Hot("add spend", ("account_id", "month", "amount"), _add_spend)


class Sticky(NamedTuple):
    """The latest delivery to a person within 25 hours."""

    identity_id: str = ""
    at: int = 0


NOT_STICKY = Sticky()


@dataclass(slots=True)
class Facts:
    """Everything the database knows that a batch of orders needs; grows as the batch is decided."""

    now: int
    moment: datetime  # the same
    # By account and number, what the person got of late.
    recent: dict[tuple[str, str], list[Recent]] = field(default_factory=lambda: defaultdict(list))
    sticky: dict[tuple[str, str], Sticky] = field(default_factory=dict)
    opted: dict[tuple[str, str, str], OptOut] = field(default_factory=dict)
    in_review: set[tuple[str, str, str]] = field(default_factory=set)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # -> request hash, stored response
    spent: dict[str, int] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)

    @property
    def month(self) -> str:
        return f"{self.moment:%Y-%m}"


async def gather(tx: Tx, orders: Sequence[Drafted], now: int, lookback: int) -> Facts:
    """Look up all at once.

    Args:
        tx: the transaction in which the orders are decided.
        orders: for the people they go to, and for their Idempotency-Keys.
        now: microseconds.
        lookback: microseconds that the accounts' limits look back.
    """
    facts = Facts(now, from_micros(now))
    people = _people(orders)
    phones = list({phone for of_account in people.values() for phone in of_account})
    facts.opted = await opt_outs.standing_in(tx, phones)
    facts.in_review = await reviews.standing_in(tx, phones)
    since = now - max(lookback, span(STICKY_FOR))
    ids = first_id(since), next_id()
    for account_id, of_account in people.items():
        rows = await tx.rows(RECENT_OF, tx.listed(of_account), account_id, since, *ids)
        _remember(facts, account_id, rows)
        spent = await tx.rows(SPENT, account_id, facts.month)
        facts.spent[account_id] = spent[0][0] if spent else 0
    await _load_keys(tx, facts, {(_account(order), order.order.idempotency_key) for order in orders})
    return facts


def _account(one: Drafted) -> str:
    return one.order.requests[0].account_id


def _people(orders: Sequence[Drafted]) -> dict[str, set[str]]:
    """E.164 numbers by account."""
    people: dict[str, set[str]] = {}
    for order in orders:
        for draft in order.drafts:
            if isinstance(draft, Draft):
                people.setdefault(draft.request.account_id, set()).add(draft.destination.e164)
    return people


def _remember(facts: Facts, account_id: str, rows: Iterable[tuple[str, int, str, str, str, str, str]]) -> None:
    sticky_since = facts.now - span(STICKY_FOR)
    for destination, created_at, body_hash, message_type, identity_id, status, purpose in rows:
        person = account_id, destination
        if status == Status.DELIVERED and created_at > max(sticky_since, facts.sticky.get(person, NOT_STICKY).at):
            facts.sticky[person] = Sticky(identity_id, created_at)
        if purpose == Purpose.MESSAGE and status not in {Status.REFUSED, Status.CANCELLED}:
            facts.recent[person].append(Recent(from_micros(created_at), body_hash, message_type))  # type: ignore[arg-type]


async def _load_keys(tx: Tx, facts: Facts, asked: set[tuple[str, str]]) -> None:
    wanted: dict[str, list[str]] = {}
    for account_id, key in asked:
        if key:
            wanted.setdefault(account_id, []).append(key)
    if wanted and tx.dialect.name != "sqlite":
        # The same request may be at two processes: a client that waited in vain asks the next one.
        await tx.rows(LOCK_KEYS, sorted({key for keys in wanted.values() for key in keys}))
    for account_id, keys in wanted.items():
        found = await tx.rows(KEYS, account_id, tx.listed(keys), facts.now - IDEMPOTENT_FOR)
        facts.keys |= {(account_id, key): (request_hash, response) for key, request_hash, response in found}
