"""What an account has at AWS End User Messaging SMS, read by its own Describe and List operations.

Only what the account owns is read, and nothing is changed. AWS answers about one request a second of each operation
(https://docs.aws.amazon.com/sms-voice/latest/userguide/quotas.html): the client waits and tries again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

from gateway.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "pinpoint-sms-voice-v2"
CAPABILITIES = ("SMS", "VOICE", "MMS")
_PATIENCE = AioConfig(retries={"mode": "adaptive", "total_max_attempts": 10})
# What this import does not take over: operation, and the member of its answer.
_LEFT = {
    "registrations": ("describe_registrations", "Registrations"),
    "RCS agents": ("describe_rcs_agents", "RcsAgents"),
    "Notify configurations": ("describe_notify_configurations", "NotifyConfigurations"),
    "verified destination numbers": ("describe_verified_destination_numbers", "VerifiedDestinationNumbers"),
}

Entry = dict[str, Any]  # of an answer, with the model's names


@dataclass(slots=True)
class AwsAccount:
    """Entries of AWS's answers; what belongs to one of them is found by its id or name."""

    opt_out_lists: list[Entry] = field(default_factory=list)
    opted_out: dict[str, list[Entry]] = field(default_factory=dict)  # by list
    numbers: list[Entry] = field(default_factory=list)
    sender_ids: list[Entry] = field(default_factory=list)
    pools: list[Entry] = field(default_factory=list)
    members: dict[str, list[Entry]] = field(default_factory=dict)  # by pool
    keywords: dict[str, list[Entry]] = field(default_factory=dict)  # by number or pool
    protect_configurations: list[Entry] = field(default_factory=list)
    country_rules: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)  # by configuration, capability
    overrides: dict[str, list[Entry]] = field(default_factory=dict)  # by configuration
    configuration_sets: list[Entry] = field(default_factory=list)
    left: dict[str, int | None] = field(default_factory=dict)  # what is not taken over; None: cannot be read


async def read(*, region: str = "", endpoint_url: str = "", profile: str = "") -> AwsAccount:
    """The whole account, with the credentials that AWS's own clients would find.

    Raises:
        Conflict: AWS cannot be reached or refuses (``aws_unreadable``), with what it said.
    """
    made = AioSession(profile=profile or None).create_client(
        SERVICE, region_name=region or None, endpoint_url=endpoint_url or None, config=_PATIENCE
    )
    try:
        async with made as client:
            return await _read(_Reader(client))
    except (BotoCoreError, ClientError) as error:
        raise Conflict("aws_unreadable", f"AWS cannot be read: {error}", remedy="See to it, and try again.") from error


class _Reader:
    def __init__(self, client: Any) -> None:  # noqa: ANN401 -- botocore makes its clients' classes
        self._client = client

    async def all(self, operation: str, member: str, **asked: str) -> list[Entry]:
        """The entries of all pages."""
        pages = self._client.get_paginator(operation).paginate(**asked)
        return [entry async for page in pages for entry in page[member]]

    async def rules(self, configuration_id: str, capability: str) -> dict[str, str]:
        answer = await self._client.get_protect_configuration_country_rule_set(
            ProtectConfigurationId=configuration_id, NumberCapability=capability
        )
        return {country: rule["ProtectStatus"] for country, rule in answer["CountryRuleSet"].items()}

    async def count(self, operation: str, member: str) -> int | None:
        """None for what these credentials may not read."""
        try:
            return len(await self.all(operation, member))
        except ClientError:
            return None


async def _read(reader: _Reader) -> AwsAccount:
    found = AwsAccount(
        opt_out_lists=await reader.all("describe_opt_out_lists", "OptOutLists", Owner="SELF"),
        numbers=await reader.all("describe_phone_numbers", "PhoneNumbers", Owner="SELF"),
        sender_ids=await reader.all("describe_sender_ids", "SenderIds", Owner="SELF"),
        pools=await reader.all("describe_pools", "Pools", Owner="SELF"),
        protect_configurations=await reader.all("describe_protect_configurations", "ProtectConfigurations"),
        configuration_sets=await reader.all("describe_configuration_sets", "ConfigurationSets"),
    )
    for one in found.opt_out_lists:
        name = one["OptOutListName"]
        found.opted_out[name] = await reader.all("describe_opted_out_numbers", "OptedOutNumbers", OptOutListName=name)
    await _read_pools(reader, found)
    await _read_protection(reader, found)
    found.left = {what: await reader.count(*how) for what, how in _LEFT.items()}
    return found


async def _read_pools(reader: _Reader, found: AwsAccount) -> None:
    for pool in found.pools:
        found.members[pool["PoolId"]] = await reader.all(
            "list_pool_origination_identities", "OriginationIdentities", PoolId=pool["PoolId"]
        )
    owners = [pool["PoolId"] for pool in found.pools] + [one["PhoneNumberId"] for one in found.numbers if _free(one)]
    for owner in owners:
        found.keywords[owner] = await reader.all("describe_keywords", "Keywords", OriginationIdentity=owner)


async def _read_protection(reader: _Reader, found: AwsAccount) -> None:
    for one in found.protect_configurations:
        known_as = one["ProtectConfigurationId"]
        found.country_rules[known_as] = {which: await reader.rules(known_as, which) for which in CAPABILITIES}
        found.overrides[known_as] = await reader.all(
            "list_protect_configuration_rule_set_number_overrides", "RuleSetNumberOverrides",
            ProtectConfigurationId=known_as,
        )  # fmt: skip


def _free(number: Mapping[str, Any]) -> bool:
    """Whether the number has keywords of its own: in a pool, they are the pool's."""
    return not number.get("PoolId")
