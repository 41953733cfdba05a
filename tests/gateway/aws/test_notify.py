"""Notify as boto3 sees it: configurations, templates, countries, and a code that is really sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from gateway.resources import notify_templates, pools
from gateway.resources.protect_configurations import COUNTRIES
from gateway.store.tables import messages
from tests.support.aws import PERSON

if TYPE_CHECKING:
    from tests.support.aws import Aws

ENGLISH = "notify-code-verification-english-001"
GIVEN = {"DisplayName": "Example", "UseCase": "CODE_VERIFICATION", "EnabledChannels": ["SMS"]}
CODE = {"code": "123456"}


async def new(aws: Aws, **more: Any) -> str:
    return str((await aws.call("create_notify_configuration", **{**GIVEN, **more}))["NotifyConfigurationId"])


async def send(aws: Aws, one: str, **more: Any) -> dict[str, Any]:
    given = {"DestinationPhoneNumber": PERSON, "TemplateId": ENGLISH, "TemplateVariables": CODE} | more
    return await aws.call("send_notify_text_message", NotifyConfigurationId=one, **given)


async def refused(aws: Aws, one: str, **more: Any) -> dict[str, Any]:
    given = {"DestinationPhoneNumber": PERSON, "TemplateId": ENGLISH, "TemplateVariables": CODE} | more
    return await aws.refused("send_notify_text_message", NotifyConfigurationId=one, **given)


async def new_pool(aws: Aws) -> tuple[str, str]:
    """A pool, and the number that it sends from."""
    number = await aws.new_number("+12065550177")
    pool = await pools.create(aws.desk, account_id="main", identity_id=number.id, now=aws.services.now())
    return pool.id, number.sender


async def test_a_whole_life(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    pool, number = await new_pool(aws)
    made = await aws.call(
        "create_notify_configuration", **GIVEN, DefaultTemplateId=ENGLISH, PoolId=pool, EnabledCountries=["US", "CA"],
        Tags=[{"Key": "of", "Value": "us"}],
    )  # fmt: skip
    one, arn = made["NotifyConfigurationId"], made["NotifyConfigurationArn"]
    assert (made["Status"], made["Tier"], made["EnabledCountries"]) == ("ACTIVE", "BASIC", ["CA", "US"])
    assert (await aws.call("list_tags_for_resource", ResourceArn=arn))["Tags"] == made["Tags"]
    sent = await aws.call(
        "send_notify_text_message", NotifyConfigurationId=arn, DestinationPhoneNumber=PERSON, TemplateVariables=CODE
    )
    body = "Example: Your verification code is 123456."
    assert (sent["TemplateId"], sent["ResolvedMessageBody"]) == (ENGLISH, body)
    async with aws.desk.store.reading() as conn:
        query = select(messages.c.body, messages.c.sender, messages.c.status).where(messages.c.id == sent["MessageId"])
        assert tuple((await conn.execute(query)).one()) == (body, number, "QUEUED")
    told = await aws.refused("delete_notify_configuration", NotifyConfigurationId="nc-none")
    assert (told["ResourceType"], told["ResourceId"]) == ("notify-configuration", "nc-none")

    changed = await aws.call(
        "update_notify_configuration", NotifyConfigurationId=one, DefaultTemplateId="UNSET_DEFAULT_TEMPLATE",
        EnabledCountries=[], EnabledChannels=["SMS", "VOICE"], DeletionProtectionEnabled=True,
    )  # fmt: skip
    assert "DefaultTemplateId" not in changed
    assert (changed["PoolId"], changed["EnabledChannels"]) == (pool, ["SMS", "VOICE"])
    told = await aws.refused("delete_notify_configuration", NotifyConfigurationId=one)
    assert (told["Reason"], told["ResourceId"]) == ("DELETION_PROTECTION_ENABLED", one)
    await aws.call(
        "update_notify_configuration", NotifyConfigurationId=one, PoolId="UNSET_DEFAULT_POOL_FOR_NOTIFY",
        DeletionProtectionEnabled=False,
    )  # fmt: skip
    gone = await aws.call("delete_notify_configuration", NotifyConfigurationId=one)
    assert "PoolId" not in gone
    assert (await aws.call("describe_notify_configurations"))["NotifyConfigurations"] == []


async def test_a_pool_that_codes_are_sent_from_stays(aws: Aws) -> None:
    pool, _ = await new_pool(aws)
    one = await new(aws, PoolId=pool)
    told = await aws.refused("delete_pool", PoolId=pool)
    assert (told["Reason"], told["ResourceId"]) == ("POOL_ASSOCIATED_TO_NOTIFY_CONFIGURATION", pool)
    await aws.call("delete_notify_configuration", NotifyConfigurationId=one)
    await pools.delete(aws.desk, account_id="main", pool_id=pool)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"TemplateId": "none"}, ("ResourceNotFoundException", None)),
        ({"NotifyConfigurationId": "nc-none"}, ("ResourceNotFoundException", None)),
        ({"ConfigurationSetName": "none"}, ("ResourceNotFoundException", None)),
        ({"TemplateId": ""}, ("ValidationException", "MISSING_PARAMETER")),
        ({"TemplateVariables": {}}, ("ValidationException", "INVALID_PARAMETER")),
        ({"TemplateVariables": {"code": "1", "x": "1"}}, ("ValidationException", "INVALID_PARAMETER")),
        ({"TemplateVariables": {"code": "see http://x"}}, ("ValidationException", "INVALID_PARAMETER")),
        ({"DestinationPhoneNumber": "+447860019066"}, ("ValidationException", "COUNTRY_NOT_ENABLED")),
        ({"DestinationPhoneNumber": "+1206"}, ("ValidationException", "INVALID_PARAMETER")),
    ],
)
async def test_a_send_that_cannot_be(aws: Aws, more: dict[str, Any], told: tuple[str, str | None]) -> None:
    more = {**more}
    one = await new(aws, EnabledCountries=["US"])
    answer = await refused(aws, more.pop("NotifyConfigurationId", one), **more)
    assert (answer["Error"]["Code"], answer.get("Reason")) == told


async def test_a_dry_run_sends_nothing(aws: Aws) -> None:
    answer = await send(aws, await new(aws), DryRun=True)
    assert answer["MessageId"]
    async with aws.desk.store.reading() as conn:
        assert (await conn.execute(select(messages.c.id))).first() is None


async def test_what_protects_the_account_protects_its_codes(aws: Aws) -> None:
    made = await aws.call("create_protect_configuration")
    protect = {"ProtectConfigurationId": made["ProtectConfigurationId"]}
    await aws.call(
        "update_protect_configuration_country_rule_set", **protect, NumberCapability="SMS",
        CountryRuleSetUpdates={"US": {"ProtectStatus": "BLOCK"}},
    )  # fmt: skip
    await aws.call("set_account_default_protect_configuration", **protect)
    answer = await refused(aws, await new(aws))
    assert answer["Reason"] == "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"


async def test_channels_are_those_that_are_enabled(aws: Aws) -> None:
    texts, calls = await new(aws), await new(aws, EnabledChannels=["VOICE"])
    assert (await refused(aws, calls))["Reason"] == "CHANNEL_NOT_ENABLED"
    given = {"DestinationPhoneNumber": PERSON, "TemplateVariables": CODE}
    for one, told in ((texts, "CHANNEL_NOT_ENABLED"), (calls, "VOICE_CAPABILITY_NOT_AVAILABLE")):
        answer = await aws.refused("send_notify_voice_message", NotifyConfigurationId=one, **given)
        assert (answer["Error"]["Code"], answer["Reason"]) == ("ValidationException", told)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"PoolId": "pool-none"}, ("ResourceNotFoundException", "pool", "pool-none")),
        ({"DefaultTemplateId": "none"}, ("ResourceNotFoundException", "notify-template", "none")),
        ({"EnabledChannels": ["MMS"]}, ("ValidationException", None, None)),
        ({"EnabledCountries": ["XX"]}, ("ValidationException", None, None)),
    ],
)
async def test_a_configuration_that_cannot_be(aws: Aws, more: dict[str, Any], told: tuple[str, ...]) -> None:
    answer = await aws.refused("create_notify_configuration", **{**GIVEN, **more})
    assert (answer["Error"]["Code"], answer.get("ResourceType"), answer.get("ResourceId")) == told


async def test_configurations_are_listed_by_pages_ids_and_filters(aws: Aws) -> None:
    pool, _ = await new_pool(aws)
    ids = [
        await new(aws, DefaultTemplateId=ENGLISH, EnabledCountries=["US"]),
        await new(aws, DisplayName="Other", PoolId=pool, EnabledChannels=["VOICE"], DeletionProtectionEnabled=True),
    ]
    pages = await aws.pages("describe_notify_configurations")
    assert [one["NotifyConfigurationId"] for page in pages for one in page["NotifyConfigurations"]] == ids
    for name, value, found in (
        ("display-name", "Other", ids[1:]),
        ("enabled-countries", "US", ids[:1]),
        ("enabled-channels", "VOICE", ids[1:]),
        ("default-template", ENGLISH, ids[:1]),
        ("default-pool", pool, ids[1:]),
        ("use-case", "CODE_VERIFICATION", ids),
        ("status", "PENDING", []),
        ("deletion-protection-enabled", "true", ids[1:]),
        ("tier-upgrade-status", "BASIC", ids),
    ):
        answer = await aws.call("describe_notify_configurations", Filters=[{"Name": name, "Values": [value]}])
        assert [one["NotifyConfigurationId"] for one in answer["NotifyConfigurations"]] == found, name
    found = await aws.call("describe_notify_configurations", NotifyConfigurationIds=[ids[1]])
    assert [one["DisplayName"] for one in found["NotifyConfigurations"]] == ["Other"]


async def test_templates_are_listed_by_pages_ids_and_filters(aws: Aws) -> None:
    pages = await aws.pages("describe_notify_templates")
    listed = [one for page in pages for one in page["NotifyTemplates"]]
    assert [one["TemplateId"] for one in listed] == sorted(notify_templates.templates())
    assert all(one["Variables"]["code"]["Required"] and "{{code}}" in one["Content"] for one in listed)
    for name, value, count in (
        ("template-type", "OTP_VERIFICATION", len(listed)),
        ("channels", "VOICE", 0),
        ("tier-access", "BASIC", len(listed)),
        ("supported-countries", "FR", len(listed)),
        ("language-code", "de", 1),
        ("supported-voice-ids", "AMY", 0),
    ):
        answer = await aws.call("describe_notify_templates", Filters=[{"Name": name, "Values": [value]}])
        assert len(answer["NotifyTemplates"]) == count, name
    found = await aws.call("describe_notify_templates", TemplateIds=[ENGLISH])
    assert [one["LanguageCode"] for one in found["NotifyTemplates"]] == ["en"]
    told = await aws.refused("describe_notify_templates", TemplateIds=["none"])
    assert (told["ResourceType"], told["ResourceId"]) == ("notify-template", "none")


@pytest.mark.parametrize("template", notify_templates.templates())
async def test_each_template_says_who_and_the_code(aws: Aws, template: str) -> None:
    answer = await send(aws, await new(aws), TemplateId=template, DryRun=True)
    assert answer["ResolvedMessageBody"].startswith("Example")
    assert "123456" in answer["ResolvedMessageBody"]
    assert "{" not in answer["ResolvedMessageBody"]


async def test_countries_are_all_that_texts_go_to(aws: Aws) -> None:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = await aws.call("list_notify_countries", MaxResults=100, **token)
        found += [one["IsoCountryCode"] for one in answer["NotifyCountries"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert tuple(found) == COUNTRIES
    assert (await aws.call("list_notify_countries", Channels=["VOICE"]))["NotifyCountries"] == []
    (first,) = (await aws.call("list_notify_countries", MaxResults=1))["NotifyCountries"]
    assert (first["IsoCountryCode"], first["CountryName"]) == ("AC", "Ascension Island")
