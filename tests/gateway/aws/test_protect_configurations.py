"""Protect configurations as boto3 sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from compliance.rules.destination_protected import NEIGHBOURS
from gateway.resources.protect_configurations import COUNTRIES
from gateway.store.tables import messages
from tests.support.aws import PERSON

if TYPE_CHECKING:
    from tests.support.aws import Aws

PARIS, LYON, LONDON = "+33755512501", "+33755512502", "+447860019066"
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


async def new(aws: Aws, **rules: str) -> str:
    made = await aws.call("create_protect_configuration")
    if rules:
        await change(aws, made["ProtectConfigurationId"], **rules)
    return str(made["ProtectConfigurationId"])


async def change(aws: Aws, one: str, capability: str = "SMS", **rules: str) -> dict[str, Any]:
    return await aws.call(
        "update_protect_configuration_country_rule_set", ProtectConfigurationId=one, NumberCapability=capability,
        CountryRuleSetUpdates={country: {"ProtectStatus": status} for country, status in rules.items()},
    )  # fmt: skip


async def put(aws: Aws, one: str, phone: str, action: str = "ALLOW", **more: Any) -> dict[str, Any]:
    return await aws.call(
        "put_protect_configuration_rule_set_number_override", ProtectConfigurationId=one,
        DestinationPhoneNumber=phone, Action=action, **more,
    )  # fmt: skip


async def send(aws: Aws, phone: str = PERSON, **more: Any) -> dict[str, Any]:
    return await aws.call("send_text_message", DestinationPhoneNumber=phone, MessageBody="Hello", **more)


async def send_refused(aws: Aws, phone: str = PERSON, **more: Any) -> dict[str, Any]:
    return await aws.refused("send_text_message", DestinationPhoneNumber=phone, MessageBody="Hello", **more)


def not_allowed(answer: dict[str, Any]) -> dict[str, str]:
    rules = answer["CountryRuleSet"]
    assert set(rules) == set(COUNTRIES)
    return {country: rule["ProtectStatus"] for country, rule in rules.items() if rule["ProtectStatus"] != "ALLOW"}


async def test_a_whole_life(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    made = await aws.call("create_protect_configuration", Tags=[{"Key": "Name", "Value": "Codes"}])
    one, arn = made["ProtectConfigurationId"], made["ProtectConfigurationArn"]
    assert arn.endswith(f":protect-configuration/{one}")
    assert (made["AccountDefault"], made["DeletionProtectionEnabled"]) == (False, False)
    assert made["Tags"] == [{"Key": "Name", "Value": "Codes"}]
    assert (await aws.call("list_tags_for_resource", ResourceArn=arn))["Tags"] == made["Tags"]

    assert not_allowed(await change(aws, arn, FR="BLOCK", DE="FILTER")) == {"FR": "BLOCK", "DE": "FILTER"}
    assert not_allowed(await change(aws, one, FR="MONITOR")) == {"FR": "MONITOR", "DE": "FILTER"}
    asked = {"ProtectConfigurationId": one, "NumberCapability": "VOICE"}
    assert not_allowed(await aws.call("get_protect_configuration_country_rule_set", **asked)) == {}

    default = await aws.call("set_account_default_protect_configuration", ProtectConfigurationId=arn)
    assert default == {"DefaultProtectConfigurationArn": arn, "DefaultProtectConfigurationId": one}
    changed = await aws.call("update_protect_configuration", ProtectConfigurationId=one, DeletionProtectionEnabled=True)
    assert (changed["AccountDefault"], changed["DeletionProtectionEnabled"]) == (True, True)
    assert (await aws.call("update_protect_configuration", ProtectConfigurationId=one)) == changed

    refused = await aws.refused("delete_protect_configuration", ProtectConfigurationId=one)
    assert (refused["Reason"], refused["ResourceId"]) == ("DELETION_PROTECTION_ENABLED", one)
    await aws.call("update_protect_configuration", ProtectConfigurationId=one, DeletionProtectionEnabled=False)
    refused = await aws.refused("delete_protect_configuration", ProtectConfigurationId=one)
    assert refused["Reason"] == "PROTECT_CONFIGURATION_IS_ACCOUNT_DEFAULT"
    assert await aws.call("delete_account_default_protect_configuration") == default
    assert (await aws.call("delete_protect_configuration", ProtectConfigurationId=one))["ProtectConfigurationId"] == one
    refused = await aws.refused("delete_protect_configuration", ProtectConfigurationId=one)
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert (refused["ResourceType"], refused["ResourceId"]) == ("protect-configuration", one)


async def test_there_may_be_no_default(aws: Aws) -> None:
    refused = await aws.refused("delete_account_default_protect_configuration")
    assert refused["Error"]["Code"] == "ResourceNotFoundException"


async def test_they_are_listed_by_pages_ids_and_filters(aws: Aws) -> None:
    ids = [await new(aws) for _ in range(3)]
    await aws.call("set_account_default_protect_configuration", ProtectConfigurationId=ids[1])
    pages = await aws.pages("describe_protect_configurations")
    assert [one["ProtectConfigurationId"] for page in pages for one in page["ProtectConfigurations"]] == ids
    for flag, wanted in (("true", ids[1:2]), ("false", [ids[0], ids[2]])):
        filters = [{"Name": "account-default", "Values": [flag]}]
        found = await aws.call("describe_protect_configurations", Filters=filters)
        assert [one["ProtectConfigurationId"] for one in found["ProtectConfigurations"]] == wanted
    refused = await aws.refused("describe_protect_configurations", ProtectConfigurationIds=[ids[0], "protect-none"])
    assert (refused["Error"]["Code"], refused["ResourceId"]) == ("ResourceNotFoundException", "protect-none")


async def test_an_unknown_country_is_told(aws: Aws) -> None:
    refused = await aws.refused(
        "update_protect_configuration_country_rule_set", ProtectConfigurationId=await new(aws),
        NumberCapability="SMS", CountryRuleSetUpdates={"XX": {"ProtectStatus": "BLOCK"}},
    )  # fmt: skip
    assert (refused["Reason"], refused["Fields"][0]["Name"]) == ("INVALID_PARAMETER", "CountryRuleSetUpdates")


async def test_overrides_are_put_listed_and_deleted(aws: Aws) -> None:
    one = await new(aws)
    first = await put(aws, one, PARIS.removeprefix("+"), "BLOCK", ExpirationTimestamp=LATER)
    assert (first["DestinationPhoneNumber"], first["IsoCountryCode"], first["Action"]) == (PARIS, "FR", "BLOCK")
    assert first["ExpirationTimestamp"] == LATER
    await put(aws, one, LYON)
    await put(aws, one, LONDON)
    pages = await aws.pages("list_protect_configuration_rule_set_number_overrides", ProtectConfigurationId=one)
    assert [each["DestinationPhoneNumber"] for page in pages for each in page["RuleSetNumberOverrides"]] == [
        PARIS, LYON, LONDON,
    ]  # fmt: skip
    gone = await aws.call(
        "delete_protect_configuration_rule_set_number_override", ProtectConfigurationId=one,
        DestinationPhoneNumber=PARIS,
    )  # fmt: skip
    assert gone == first
    refused = await aws.refused(
        "delete_protect_configuration_rule_set_number_override", ProtectConfigurationId=one,
        DestinationPhoneNumber=PARIS,
    )  # fmt: skip
    assert refused["Error"]["Code"] == "ResourceNotFoundException"


SOON, MUCH_LATER = LATER - timedelta(hours=1), LATER + timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("iso-country-code", ["GB"], [LONDON]),
        ("iso-country-code", ["GB", "FR"], [PARIS, LYON, LONDON]),
        ("destination-phone-number-begins-with", ["+3375551"], [PARIS, LYON]),
        ("destination-phone-number-begins-with", ["44"], [LONDON]),
        ("action", ["BLOCK"], [PARIS]),
        ("expires-before", [MUCH_LATER.isoformat()], [PARIS]),
        ("expires-before", [SOON.isoformat()], []),
        ("expires-after", [SOON.isoformat()], [PARIS]),
        ("expires-after", [str(int(MUCH_LATER.timestamp()))], []),
        ("created-before", [LATER.isoformat()], [PARIS, LYON, LONDON]),
        ("created-before", ["2026-01-01T00:00:00Z"], []),
        ("created-after", ["2026-01-01T00:00:00Z"], [PARIS, LYON, LONDON]),
        ("created-after", [LATER.isoformat()], []),
    ],
)
async def test_overrides_are_found_by_each_filter(aws: Aws, name: str, values: list[str], found: list[str]) -> None:
    one = await new(aws)
    await put(aws, one, PARIS, "BLOCK", ExpirationTimestamp=LATER)
    await put(aws, one, LYON)
    await put(aws, one, LONDON)
    filters = [{"Name": name, "Values": values}]
    answer = await aws.call(
        "list_protect_configuration_rule_set_number_overrides", ProtectConfigurationId=one, Filters=filters
    )
    assert [each["DestinationPhoneNumber"] for each in answer["RuleSetNumberOverrides"]] == found


@pytest.mark.parametrize("value", ["tomorrow", "2026-01-01T00:00:00"])
async def test_a_filter_that_is_no_time_is_told(aws: Aws, value: str) -> None:
    one = await new(aws)
    await put(aws, one, LYON, ExpirationTimestamp=LATER)
    refused = await aws.refused(
        "list_protect_configuration_rule_set_number_overrides", ProtectConfigurationId=one,
        Filters=[{"Name": "expires-after", "Values": [value]}],
    )  # fmt: skip
    assert refused["Reason"] == "INVALID_FILTER_VALUES"


async def test_what_it_blocks_is_refused_with_the_reason_and_the_configuration(aws: Aws) -> None:
    one = await new(aws, US="BLOCK")
    await aws.call("set_account_default_protect_configuration", ProtectConfigurationId=one)
    refused = await send_refused(aws)
    assert refused["Error"]["Code"] == "ConflictException"
    assert refused["Reason"] == "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"
    assert (refused["ResourceType"], refused["ResourceId"]) == ("protect-configuration", one)
    await put(aws, one, PERSON)
    assert (await send(aws))["MessageId"]
    await put(aws, one, PERSON, "BLOCK")
    await change(aws, one, US="ALLOW")
    refused = await send_refused(aws)
    assert refused["Reason"] == "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE"


async def test_the_requests_beats_the_sets_which_beats_the_default(aws: Aws) -> None:
    blocks, allows = await new(aws, US="BLOCK"), await new(aws)
    await aws.call("create_configuration_set", ConfigurationSetName="codes")
    await aws.call("set_account_default_protect_configuration", ProtectConfigurationId=allows)
    named = {"ProtectConfigurationId": blocks, "ConfigurationSetName": "codes"}
    associated = await aws.call("associate_protect_configuration", **named)
    assert associated["ConfigurationSetArn"].endswith(":configuration-set/codes")
    (found,) = (await aws.call("describe_configuration_sets"))["ConfigurationSets"]
    assert found["ProtectConfigurationId"] == blocks

    assert (await send(aws))["MessageId"]
    refused = await send_refused(aws, ProtectConfigurationId=blocks)
    assert refused["Reason"] == "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"
    refused = await aws.refused("delete_protect_configuration", ProtectConfigurationId=blocks)
    assert refused["Reason"] == "PROTECT_CONFIGURATION_ASSOCIATED_WITH_CONFIGURATION_SET"

    assert await aws.call("disassociate_protect_configuration", **named) == associated
    refused = await aws.refused("disassociate_protect_configuration", **named)
    assert refused["Reason"] == "PROTECT_CONFIGURATION_NOT_ASSOCIATED_WITH_CONFIGURATION_SET"


async def test_associating_needs_both(aws: Aws) -> None:
    one = await new(aws)
    refused = await aws.refused("associate_protect_configuration", ProtectConfigurationId=one, ConfigurationSetName="x")
    assert (refused["ResourceType"], refused["ResourceId"]) == ("configuration-set", "x")
    await aws.call("create_configuration_set", ConfigurationSetName="x")
    refused = await aws.refused(
        "associate_protect_configuration", ProtectConfigurationId="no", ConfigurationSetName="x"
    )
    assert (refused["ResourceType"], refused["ResourceId"]) == ("protect-configuration", "no")


async def test_an_unknown_one_is_not_found(aws: Aws) -> None:
    refused = await send_refused(aws, ProtectConfigurationId="protect-none")
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert (refused["ResourceType"], refused["ResourceId"]) == ("protect-configuration", "protect-none")


async def test_what_it_filters_is_taken_and_blocked(aws: Aws) -> None:
    one = await new(aws, US="FILTER")
    for last in range(NEIGHBOURS):
        await send(aws, f"+1206555{2000 + last}", ProtectConfigurationId=one)
    answer = await send(aws, "+12065552999", ProtectConfigurationId=one)
    async with aws.desk.store.reading() as conn:
        query = select(messages.c.status, messages.c.reason_code).where(messages.c.id == answer["MessageId"])
        assert tuple((await conn.execute(query)).one()) == ("REFUSED", "inflated_traffic_filtered")
