"""Quotas: how many resources of a kind an account may have.

AWS's numbers come from its contracts with carriers, and are no limits of ours: ours only keep a runaway loop from
filling the memory that the catalog is in. An operator who wants an app to meet AWS's own sets ``quotas`` to "aws".
(https://docs.aws.amazon.com/sms-voice/latest/userguide/quotas.html)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateway.errors import QuotaExceeded
from gateway.store.tables_configuration_sets import configuration_sets
from gateway.store.tables_consent import opt_out_lists
from gateway.store.tables_numbers import phone_numbers, pools, sender_ids
from gateway.store.tables_protect import verified_numbers
from gateway.store.tables_registrations import registration_attachments, registrations

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.config import Settings

GENEROUS = 10_000

# By the Reasons of AWS's ServiceQuotaExceededException.
AWS = {
    "ASSOCIATIONS_PER_REGISTRATION": 100,
    "CONFIGURATION_SETS_PER_ACCOUNT": 25,
    "EVENT_DESTINATIONS_PER_CONFIGURATION_SET": 5,
    "NOTIFY_CONFIGURATIONS_PER_ACCOUNT": 25,
    "OPT_OUT_LISTS_PER_ACCOUNT": 25,
    "ORIGINATION_IDENTITIES_PER_POOL": 100,
    "PHONE_NUMBERS_PER_ACCOUNT": 25,
    "POOLS_PER_ACCOUNT": 25,
    "PROTECT_CONFIGURATIONS_PER_ACCOUNT": 25,
    "RCS_AGENTS_PER_ACCOUNT": 25,
    "REGISTRATIONS_PER_ACCOUNT": 25,
    "REGISTRATION_ATTACHMENTS_PER_ACCOUNT": 25,
    "SENDER_IDS_PER_ACCOUNT": 200,
    "VERIFIED_DESTINATION_NUMBERS_PER_ACCOUNT": 10,
}

# What DescribeAccountLimits tells of, by AWS's name: the rows of an account that count, and the quota.
COUNTED: dict[str, tuple[Table, str]] = {
    "PHONE_NUMBERS": (phone_numbers, "PHONE_NUMBERS_PER_ACCOUNT"),
    "POOLS": (pools, "POOLS_PER_ACCOUNT"),
    "OPT_OUT_LISTS": (opt_out_lists, "OPT_OUT_LISTS_PER_ACCOUNT"),
    "SENDER_IDS": (sender_ids, "SENDER_IDS_PER_ACCOUNT"),
    "CONFIGURATION_SETS": (configuration_sets, "CONFIGURATION_SETS_PER_ACCOUNT"),
    "REGISTRATIONS": (registrations, "REGISTRATIONS_PER_ACCOUNT"),
    "REGISTRATION_ATTACHMENTS": (registration_attachments, "REGISTRATION_ATTACHMENTS_PER_ACCOUNT"),
    "VERIFIED_DESTINATION_NUMBERS": (verified_numbers, "VERIFIED_DESTINATION_NUMBERS_PER_ACCOUNT"),
}


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas that hold on this server."""

    as_aws: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Quotas:
        return cls(settings.quotas == "aws")

    def most(self, name: str) -> int:
        """How many there may be, by a key of ``AWS``."""
        return AWS[name] if self.as_aws else max(AWS[name], GENEROUS)

    async def require(self, conn: AsyncConnection, name: str, *conditions: ColumnElement[bool]) -> None:
        """That there is room for one more row of those that meet the conditions.

        ``await desk.quotas.require(tx.conn, "POOLS_PER_ACCOUNT", pools.c.account_id == account_id)``

        Raises:
            QuotaExceeded: its code is the name in lower case; on the AWS wire, the name is the Reason.
        """
        count = (await conn.execute(select(func.count()).where(*conditions))).scalar_one()
        if count >= self.most(name):
            raise QuotaExceeded(
                name.lower(), f"There are {count} already, and {self.most(name)} are the most.",
                remedy="Remove some, or have the operator raise the quota.",
            )  # fmt: skip


async def used(conn: AsyncConnection, account_id: str) -> dict[str, int]:
    """How many rows the account has of each kind in ``COUNTED``."""
    return {
        name: (await conn.execute(select(func.count()).where(table.c.account_id == account_id))).scalar_one()
        for name, (table, _quota) in COUNTED.items()
    }
