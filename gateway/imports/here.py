"""What an import finds here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.resources import (
    configuration_sets,
    opt_out_lists,
    phone_numbers,
    pools,
    protect_configurations,
    rows,
    sender_ids,
)
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import OriginationIdentity, Pool
    from gateway.resources.configuration_sets import ConfigurationSet
    from gateway.resources.desk import Desk
    from gateway.resources.event_destinations import EventDestination


@dataclass(frozen=True, slots=True)
class Here:
    """One account as it is before the import, and who imports when."""

    desk: Desk
    account_id: str
    actor: str
    now: int
    lists: frozenset[str]
    numbers: Mapping[str, OriginationIdentity]  # by number
    sender_ids: Mapping[tuple[str, str], OriginationIdentity]  # by name in upper case, and country
    pools: Mapping[str, Pool]  # by id
    protect_ids: frozenset[str]
    default_protect_id: str
    sets: Mapping[str, tuple[ConfigurationSet, tuple[EventDestination, ...]]]  # by name

    @classmethod
    async def read(cls, desk: Desk, *, account_id: str, actor: str, now: int) -> Here:
        protects = await protect_configurations.find(desk, account_id=account_id)
        return cls(
            desk, account_id, actor, now,
            lists=frozenset(one.name for one in await everything(opt_out_lists.find, desk, account_id=account_id)),
            numbers={one.sender: one for one in await everything(phone_numbers.find, desk, account_id=account_id)},
            sender_ids={_key(one): one for one in await everything(sender_ids.find, desk, account_id=account_id)},
            pools={one.id: one for one in await everything(pools.find, desk, account_id=account_id)},
            protect_ids=frozenset(one.id for one in protects),
            default_protect_id=next((one.id for one in protects if one.account_default), ""),
            sets=await configuration_sets.all_of(desk, account_id=account_id),
        )  # fmt: skip

    def identity_now(self, number: str, sender: str, country: str) -> OriginationIdentity:
        """A number, or else a sender ID, as it is when a step is done: an earlier step may have made it.

        Raises:
            NotFound: it is not here.
        """
        identities = self.desk.catalog.directory(self.account_id).identities_by_sender
        for one in identities.get((number or sender).upper(), ()):
            if number or one.country == country:
                return one
        raise rows.missing("phone_number" if number else "sender_id")


def _key(one: OriginationIdentity) -> tuple[str, str]:
    return one.sender.upper(), one.country
