"""Whether an account has a resource of that name, for what may hang on any resource: tags and policies.

A resource is named as at the end of its ARN, kind and id: "pool/pool-…", "opt-out-list/News", "sender-id/ACME/GB".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Table, and_, select

from gateway.resources import rows
from gateway.resources.checks import is_storable
from gateway.store.tables_channels import notify_configurations, rcs_agents
from gateway.store.tables_configuration_sets import configuration_sets
from gateway.store.tables_consent import opt_out_lists
from gateway.store.tables_numbers import phone_numbers, pools, sender_ids
from gateway.store.tables_protect import protect_configurations, verified_numbers
from gateway.store.tables_registrations import registration_attachments, registrations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Column, ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection


EVERY_COUNTRY = "ZZ"


class Kind(NamedTuple):
    """Where resources of a kind are: a table with ``account_id``, and the condition that an id stands for."""

    table: Table
    named: Callable[[str], ColumnElement[bool]]


def _by(column: Column[str]) -> Kind:
    return Kind(column.table, lambda name: column == name)


def sender_id(sender: str, country: str) -> str:
    """How a sender ID is named: "sender-id/ACME/GB"; one of every country as of ZZ, which is none (CLDR)."""
    return f"sender-id/{sender}/{country or EVERY_COUNTRY}"


def _by_sender_and_country(name: str) -> ColumnElement[bool]:
    sender, _, country = name.partition("/")
    return and_(sender_ids.c.sender == sender, sender_ids.c.country == ("" if country == EVERY_COUNTRY else country))


# The kind as ARNs write it; one row for each kind that can be tagged.
KINDS: Mapping[str, Kind] = {
    "phone-number": _by(phone_numbers.c.id),
    "pool": _by(pools.c.id),
    "configuration-set": _by(configuration_sets.c.name),
    "opt-out-list": _by(opt_out_lists.c.name),
    "protect-configuration": _by(protect_configurations.c.id),
    "notify-configuration": _by(notify_configurations.c.id),
    "rcs-agent": _by(rcs_agents.c.id),
    "registration": _by(registrations.c.id),
    "registration-attachment": _by(registration_attachments.c.id),
    "verified-destination-number": _by(verified_numbers.c.id),
    "sender-id": Kind(sender_ids, _by_sender_and_country),
}


async def require(conn: AsyncConnection, account_id: str, resource: str) -> None:
    """Raises NotFound: ``pool_not_found`` and so on, or ``resource_not_found`` for a kind that nothing has."""
    word, _, name = resource.partition("/")
    kind = KINDS.get(word)
    if kind is None:
        raise rows.missing("resource", "resource")
    if is_storable(name):
        query = select(1).where(kind.table.c.account_id == account_id, kind.named(name))
        if (await conn.execute(query)).first() is not None:
            return
    raise rows.missing(word.replace("-", "_"), "resource")
