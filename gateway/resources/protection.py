"""Protect configurations as a send asks them, from memory, and the neighbours of whom it texts, in the database.

Neighbours are counted where a configuration watches the destination's country (MONITOR, FILTER), and nowhere else: what
no account watches costs nothing. A number is counted once however often it is texted, and when it was refused too, so
that who keeps trying stays suspect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from compliance.rules.destination_protected import BLOCK_DIGITS, WINDOW
from compliance.types import Protection
from gateway.resources.protect_configurations import override_of
from gateway.store.hot import Hot, among, upsert
from gateway.store.tables_protect import (
    protect_configurations,
    protect_country_rules,
    protect_number_overrides,
    watched_numbers,
)
from gateway.store.times import span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Executable
    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from compliance.types import ProtectStatus
    from gateway.resources.protect_configurations import NumberOverride
    from gateway.store.writer import Tx

TEXTS = "SMS"  # the capability whose rules are for texts


@dataclass(frozen=True, slots=True)
class Guard:
    """One protect configuration, as far as it is about texts."""

    id: str
    countries: dict[str, ProtectStatus] = field(default_factory=dict)  # one that is not there is allowed
    overrides: dict[str, NumberOverride] = field(default_factory=dict)  # by number

    def watches(self, country: str) -> bool:
        """Whether neighbours are counted there."""
        return self.countries.get(country) in {"MONITOR", "FILTER"}

    def says(self, phone: str, country: str, now: int, neighbours: int) -> Protection:
        override = self.overrides.get(phone)
        holds = override is not None and (override.expires_at is None or override.expires_at > now)
        action = override.action if override and holds else ""
        return Protection(self.id, self.countries.get(country, "ALLOW"), action, neighbours)


@dataclass(slots=True)
class Guards:
    """All of one account."""

    by_id: dict[str, Guard] = field(default_factory=dict)
    default: Guard | None = None

    def of_send(self, asked: str) -> Guard | None:
        """The one that is asked for (None when there is no such one), else the account's default."""
        return self.by_id.get(asked) if asked else self.default


async def load(conn: AsyncConnection) -> Mapping[str, Guards]:
    """The guards of each account that has a protect configuration."""
    accounts: dict[str, Guards] = {}
    guards: dict[str, Guard] = {}
    for row in await conn.execute(select(protect_configurations)):
        guard = guards[row.id] = Guard(row.id)
        of_account = accounts.setdefault(row.account_id, Guards())
        of_account.by_id[row.id] = guard
        if row.account_default:
            of_account.default = guard
    rules = protect_country_rules
    for row in await conn.execute(select(rules).where(rules.c.capability == TEXTS)):
        guards[row.configuration_id].countries[row.country] = row.status
    for row in await conn.execute(select(protect_number_overrides)):
        guards[row.configuration_id].overrides[row.phone] = override_of(row)
    return accounts


def block_of(phone: str) -> str:
    """What a number has in common with its neighbours."""
    return phone[:-BLOCK_DIGITS]


def _neighbours(dialect: Dialect) -> Executable:
    t = watched_numbers.c
    return select(t.block, t.phone).where(
        t.account_id == bindparam("account_id"), among(t.block, "blocks", dialect), t.texted_at > bindparam("since")
    )


def _watch(dialect: Dialect) -> Executable:
    row = upsert(dialect, watched_numbers).values({name: bindparam(name) for name in WATCH_COLUMNS})
    newer = {"texted_at": row.excluded.texted_at}
    statement: Executable = row.on_conflict_do_update(index_elements=["account_id", "phone"], set_=newer)
    return statement


WATCH_COLUMNS = ("account_id", "phone", "block", "texted_at")
NEIGHBOURS = Hot("neighbours", ("account_id", "blocks", "since"), _neighbours)
WATCH = Hot("watch a number", WATCH_COLUMNS, _watch)


class Watch:
    """The watched numbers that a batch of messages is about; grows as the batch is decided."""

    def __init__(self) -> None:
        self._texted: dict[tuple[str, str], set[str]] = {}  # by account and block
        self._new: set[tuple[str, str, str]] = set()

    async def gather(self, tx: Tx, wanted: Iterable[tuple[str, str]], now: int) -> None:
        """Look up the neighbours of these people (account and number), all at once for each account."""
        blocks: dict[str, set[str]] = {}
        for account_id, phone in wanted:
            blocks.setdefault(account_id, set()).add(block_of(phone))
        for account_id, of_account in blocks.items():
            for block in of_account:
                self._texted[account_id, block] = set()
            rows = await tx.rows(NEIGHBOURS, account_id, tx.listed(of_account), now - span(WINDOW))
            for block, phone in rows:
                self._texted[account_id, block].add(phone)

    def neighbours(self, account_id: str, phone: str) -> int:
        """How many others of its block were texted within the hour; 0 where nobody watches."""
        texted = self._texted.get((account_id, block_of(phone)))
        return len(texted - {phone}) if texted else 0

    def note(self, account_id: str, phone: str) -> None:
        """A message to it was decided; counts for what follows, if it is watched."""
        block = block_of(phone)
        if (texted := self._texted.get((account_id, block))) is not None:
            texted.add(phone)
            self._new.add((account_id, phone, block))

    async def keep(self, tx: Tx, now: int) -> None:
        """In one order everywhere: two processes that write the same rows must not wait for each other."""
        await tx.many(WATCH, [(*one, now) for one in sorted(self._new)])
