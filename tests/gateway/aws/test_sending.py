"""SendTextMessage through boto3: what is taken, what is refused with which Reason, and what is refused first."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import select

from compliance.types import AccountLimits
from gateway.resources import accounts, phone_numbers, routes
from gateway.store.tables import messages
from tests.support.api import MAIN, NUMBER, now
from tests.support.aws import PERSON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.support.aws import Aws, Key

PART = Decimal("0.05")  # US dollars, where a test has messages cost something
HELLO = {"DestinationPhoneNumber": PERSON, "MessageBody": "Hello"}


async def stored(aws: Aws) -> list[Any]:
    async with aws.desk.store.reading() as conn:
        return list((await conn.execute(select(messages).order_by(messages.c.id))).all())


async def cost(aws: Aws) -> None:
    """From now on each part costs ``PART``."""
    for one in await routes.find(aws.desk, account_id=MAIN):
        await routes.delete(aws.desk, account_id=MAIN, route_id=one.id)
    await routes.create(aws.desk, account_id=MAIN, connectors=["c1"], price=PART, now=now())


async def limit(aws: Aws, **limits: Any) -> None:
    await accounts.update(aws.desk, account_id=MAIN, limits=replace(AccountLimits(), **limits))


# --- taken -----------------------------------------------------------------------------------------------------------
async def test_all_that_a_send_says_is_kept_with_the_message(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    await aws.call("create_configuration_set", ConfigurationSetName="shop")
    answer = await aws.call(
        "send_text_message", **HELLO, OriginationIdentity=NUMBER, MessageType="TRANSACTIONAL", TimeToLive=60,
        MaxPrice="0.10", Context={"order": "7"}, ConfigurationSetName="shop", Keyword="JOIN",
        DestinationCountryParameters={"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"}, MessageFeedbackEnabled=True,
    )  # fmt: skip
    (row,) = await stored(aws)
    assert answer == {"MessageId": row.id}
    assert (row.destination, row.sender, row.body, row.configuration_set) == (PERSON, NUMBER, "Hello", "shop")
    assert row.expires_at - row.created_at == 60_000_000
    assert orjson.loads(row.context) == {"order": "7"}
    assert orjson.loads(row.country_parameters) == {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"}
    assert aws.bench.offered[0].country_parameters == {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"}


async def test_a_number_may_come_without_its_plus(aws: Aws) -> None:
    await aws.call("send_text_message", DestinationPhoneNumber=PERSON[1:], MessageBody="Hello")
    assert [row.destination for row in await stored(aws)] == [PERSON]


async def test_a_dry_run_has_an_id_and_stores_nothing(aws: Aws) -> None:
    assert (await aws.call("send_text_message", **HELLO, DryRun=True))["MessageId"]
    assert await stored(aws) == []


async def test_a_dry_run_is_refused_as_the_send_would_be(aws: Aws) -> None:
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=PERSON)
    assert (await aws.refused("send_text_message", **HELLO, DryRun=True))["Reason"] == (
        "DESTINATION_PHONE_NUMBER_OPTED_OUT"
    )


@pytest.mark.parametrize("form", ["number", "id", "arn"])
async def test_an_origination_number_is_named_in_three_forms(aws: Aws, form: str) -> None:
    await aws.new_number("+12065550177")
    known = {one["PhoneNumber"]: one for one in (await aws.call("describe_phone_numbers"))["PhoneNumbers"]}
    one = known["+12065550177"]
    name = {"number": one["PhoneNumber"], "id": one["PhoneNumberId"], "arn": one["PhoneNumberArn"]}[form]
    await aws.call("send_text_message", **HELLO, OriginationIdentity=name)
    assert [row.sender for row in await stored(aws)] == ["+12065550177"]


async def test_a_sender_id_is_named_by_its_name_or_arn(aws: Aws) -> None:
    await aws.call("request_sender_id", SenderId="SHOP", IsoCountryCode="GB")
    (one,) = [one for one in (await aws.call("describe_sender_ids"))["SenderIds"] if one["SenderId"] == "SHOP"]
    for name in ("SHOP", one["SenderIdArn"]):
        await aws.call(
            "send_text_message", DestinationPhoneNumber="+447400123456", MessageBody="Hello", OriginationIdentity=name
        )
    assert [row.sender for row in await stored(aws)] == ["SHOP", "SHOP"]


async def test_a_configuration_set_says_what_the_send_does_not(aws: Aws) -> None:
    await aws.call("create_configuration_set", ConfigurationSetName="ads")
    await aws.call("set_default_message_type", ConfigurationSetName="ads", MessageType="PROMOTIONAL")
    await aws.call("set_default_sender_id", ConfigurationSetName="ads", SenderId="ACME")
    await aws.new_number("+12065550166", message_type="PROMOTIONAL")
    await aws.call("send_text_message", **HELLO, ConfigurationSetName="ads")
    await aws.call("send_text_message", **HELLO, ConfigurationSetName="ads", MessageType="TRANSACTIONAL")
    await aws.call(
        "send_text_message", DestinationPhoneNumber="+447400123456", MessageBody="Hello", ConfigurationSetName="ads",
        MessageType="TRANSACTIONAL",
    )  # fmt: skip
    assert [row.sender for row in await stored(aws)] == ["+12065550166", NUMBER, "ACME"]


# --- refused ---------------------------------------------------------------------------------------------------------
async def opted_out(aws: Aws) -> dict[str, Any]:
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=PERSON)
    return {}


async def country_blocked(aws: Aws) -> dict[str, Any]:
    made = await aws.call("create_protect_configuration")
    one = made["ProtectConfigurationId"]
    await aws.call(
        "update_protect_configuration_country_rule_set", ProtectConfigurationId=one, NumberCapability="SMS",
        CountryRuleSetUpdates={"US": {"ProtectStatus": "BLOCK"}},
    )  # fmt: skip
    return {"ProtectConfigurationId": one}


async def number_blocked(aws: Aws) -> dict[str, Any]:
    made = await aws.call("create_protect_configuration")
    one = made["ProtectConfigurationId"]
    await aws.call(
        "put_protect_configuration_rule_set_number_override", ProtectConfigurationId=one,
        DestinationPhoneNumber=PERSON, Action="BLOCK",
    )  # fmt: skip
    return {"ProtectConfigurationId": made["ProtectConfigurationArn"]}


async def sandbox(aws: Aws) -> dict[str, Any]:
    await limit(aws, sandbox=True)
    return {}


async def elsewhere(aws: Aws) -> dict[str, Any]:
    await limit(aws, enabled_countries=frozenset({"GB"}))
    return {}


async def dear(aws: Aws) -> dict[str, Any]:
    await cost(aws)
    return {"MaxPrice": ".049"}


async def spent(aws: Aws) -> dict[str, Any]:
    await cost(aws)
    await aws.call("set_text_message_spend_limit_override", MonthlyLimit=0)
    return {}


async def inactive(aws: Aws) -> dict[str, Any]:
    one = await aws.new_number("+12065550155")
    await phone_numbers.update(aws.desk, account_id=MAIN, phone_number_id=one.id, active=False)
    return {"OriginationIdentity": one.id}


async def pool_of_another_country(aws: Aws) -> dict[str, Any]:
    made = await aws.call("create_pool", OriginationIdentity=NUMBER, IsoCountryCode="US", MessageType="TRANSACTIONAL")
    return {"DestinationPhoneNumber": "+447400123456", "OriginationIdentity": made["PoolId"]}


def asking(**members: Any) -> Callable[[Aws], Awaitable[dict[str, Any]]]:
    async def prepare(_aws: Aws) -> dict[str, Any]:
        return members

    return prepare


CONFLICT, INVALID, QUOTA = "ConflictException", "ValidationException", "ServiceQuotaExceededException"


@pytest.mark.parametrize(
    ("prepare", "code", "reason"),
    [
        (opted_out, CONFLICT, "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        (country_blocked, CONFLICT, "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"),
        (number_blocked, CONFLICT, "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE"),
        (sandbox, CONFLICT, "DESTINATION_PHONE_NUMBER_NOT_VERIFIED"),
        (pool_of_another_country, CONFLICT, "NO_ORIGINATION_IDENTITIES_FOUND"),
        (asking(MessageType="PROMOTIONAL"), CONFLICT, "NO_ORIGINATION_IDENTITIES_FOUND"),
        (asking(MessageType="PROMOTIONAL", OriginationIdentity=NUMBER), CONFLICT, "MESSAGE_TYPE_MISMATCH"),
        (inactive, CONFLICT, "RESOURCE_NOT_ACTIVE"),
        (elsewhere, INVALID, "DESTINATION_COUNTRY_BLOCKED"),
        (dear, INVALID, "PRICE_OVER_THRESHOLD"),
        (asking(OriginationIdentity="ACME"), INVALID, "SENDER_ID_NOT_SUPPORTED"),
        (asking(DestinationPhoneNumber="+15555"), INVALID, "INVALID_PARAMETER"),
        (asking(TimeToLive=4), INVALID, "INVALID_PARAMETER"),
        (asking(MessageBody=None), INVALID, "MISSING_PARAMETER"),
        (asking(OriginationIdentity="arn:aws:sms-voice:us-east-1:1:opt-out-list/Default"), INVALID, "INVALID_ARN"),
        (spent, QUOTA, "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"),
    ],
)
async def test_each_refusal_has_its_reason(
    aws: Aws, prepare: Callable[[Aws], Awaitable[Mapping[str, Any]]], code: str, reason: str
) -> None:
    members = {name: value for name, value in {**HELLO, **await prepare(aws)}.items() if value is not None}
    response = await aws.refused("send_text_message", **members)
    assert (response["Error"]["Code"], response["Reason"]) == (code, reason)
    assert f'Reason="{reason}"' in response["Error"]["Message"]
    assert aws.bench.offered == []


@pytest.mark.parametrize(
    ("members", "thing", "name"),
    [
        ({"OriginationIdentity": "phone-0123"}, "phone-number", "phone-0123"),
        ({"OriginationIdentity": "+12065550001"}, "phone-number", "+12065550001"),
        ({"OriginationIdentity": "pool-0123"}, "pool", "pool-0123"),
        ({"OriginationIdentity": "NOBODY"}, "sender-id", "NOBODY"),
        ({"OriginationIdentity": "arn:aws:sms-voice:us-east-1:1:sender-id/NOBODY/GB"}, "sender-id", "NOBODY/GB"),
        ({"ConfigurationSetName": "none"}, "configuration-set", "none"),
        ({"ProtectConfigurationId": "protect-0123"}, "protect-configuration", "protect-0123"),
    ],
)
async def test_what_is_not_there_is_named(aws: Aws, members: dict[str, str], thing: str, name: str) -> None:
    response = await aws.refused("send_text_message", **HELLO, **members)
    assert response["Error"]["Code"] == "ResourceNotFoundException"
    assert (response["ResourceType"], response["ResourceId"]) == (thing, name)


async def test_what_belongs_to_another_account_is_not_there(aws: Aws) -> None:
    other: Key = await aws.new_account("third")
    response = await aws.refused("send_text_message", other, **HELLO, OriginationIdentity=NUMBER)
    assert (response["Error"]["Code"], response["ResourceId"]) == ("ResourceNotFoundException", NUMBER)
    response = await aws.refused("send_text_message", other, **HELLO)
    assert response["Reason"] == "NO_ORIGINATION_IDENTITIES_FOUND"


async def test_what_is_wrong_first_is_told_first(aws: Aws) -> None:
    """Validation, resources, identity, sandbox, opt-out, protection, price, spend limit: each told once it is first."""
    await opted_out(aws)
    await sandbox(aws)
    protected = await country_blocked(aws)
    await spent(aws)
    asked: dict[str, Any] = {
        **HELLO, "TimeToLive": 4, "ConfigurationSetName": "none", "OriginationIdentity": NUMBER,
        "MessageType": "PROMOTIONAL", "MaxPrice": ".01", **protected,
    }  # fmt: skip

    async def told() -> str:
        response = await aws.refused("send_text_message", **asked)
        return response.get("Reason") or response["ResourceType"]

    assert await told() == "INVALID_PARAMETER"
    del asked["TimeToLive"]
    assert await told() == "configuration-set"
    del asked["ConfigurationSetName"]
    assert await told() == "MESSAGE_TYPE_MISMATCH"
    del asked["MessageType"]
    assert await told() == "DESTINATION_PHONE_NUMBER_NOT_VERIFIED"
    await limit(aws)
    assert await told() == "DESTINATION_PHONE_NUMBER_OPTED_OUT"
    await aws.call("delete_opted_out_number", OptOutListName="Default", OptedOutNumber=PERSON)
    assert await told() == "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"
    del asked["ProtectConfigurationId"]
    assert await told() == "PRICE_OVER_THRESHOLD"
    del asked["MaxPrice"]
    assert await told() == "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"
    await aws.call("delete_text_message_spend_limit_override")
    assert (await aws.call("send_text_message", **asked))["MessageId"]


# --- media and voice -------------------------------------------------------------------------------------------------
async def test_no_connector_sends_media_and_none_calls(aws: Aws) -> None:
    media = {"DestinationPhoneNumber": PERSON, "OriginationIdentity": NUMBER, "MediaUrls": ["s3://bucket/cat.png"]}
    response = await aws.refused("send_media_message", **media)
    assert (response["Reason"], response["ResourceType"]) == ("NUMBER_CAPABILITIES_MISMATCH", "phone-number")
    voice = {"DestinationPhoneNumber": PERSON, "OriginationIdentity": NUMBER, "MessageBody": "Hello"}
    assert (await aws.refused("send_voice_message", **voice))["Reason"] == "VOICE_CAPABILITY_NOT_AVAILABLE"
    for operation, given in (("send_media_message", media), ("send_voice_message", voice)):
        response = await aws.refused(operation, **given | {"OriginationIdentity": "phone-0123"})
        assert response["ResourceType"] == "phone-number"
    assert await stored(aws) == []


# --- what may be spent -----------------------------------------------------------------------------------------------
async def spend_limits(aws: Aws) -> dict[str, tuple[int, int, bool]]:
    found = (await aws.call("describe_spend_limits"))["SpendLimits"]
    return {one["Name"].partition("_")[0]: (one["EnforcedLimit"], one["MaxLimit"], one["Overridden"]) for one in found}


async def test_spend_limits_are_set_below_the_operators(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    await limit(aws, monthly_spend_limit=Decimal(100))
    assert set((await spend_limits(aws)).values()) == {(100, 100, False)}
    assert await aws.call("set_text_message_spend_limit_override", MonthlyLimit=7) == {"MonthlyLimit": 7}
    assert (await spend_limits(aws))["TEXT"] == (7, 100, True)
    assert (await spend_limits(aws))["RCS"] == (100, 100, False)
    response = await aws.refused("set_text_message_spend_limit_override", MonthlyLimit=101)
    assert response["Reason"] == "REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT"
    assert await aws.call("delete_text_message_spend_limit_override") == {"MonthlyLimit": 100}
    assert (await spend_limits(aws))["TEXT"] == (100, 100, False)


async def test_spending_stops_before_the_limit_is_passed(aws: Aws) -> None:
    await cost(aws)
    await aws.call("set_text_message_spend_limit_override", MonthlyLimit=1)
    for _ in range(int(1 / PART)):
        await aws.call("send_text_message", **HELLO)
    response = await aws.refused("send_text_message", **HELLO)
    assert (response["Error"]["Code"], response["Reason"]) == (QUOTA, "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")
    await aws.call("set_text_message_spend_limit_override", MonthlyLimit=2)
    assert await aws.call("send_text_message", **HELLO)


@pytest.mark.parametrize("channel", ["voice", "media", "notify", "rcs"])
async def test_the_limit_of_another_channel_stops_no_text(aws: Aws, channel: str) -> None:
    await cost(aws)
    await aws.call(f"set_{channel}_message_spend_limit_override", MonthlyLimit=0)
    assert (await spend_limits(aws))[channel.upper()][0] == 0
    assert await aws.call("send_text_message", **HELLO)
    await aws.call(f"delete_{channel}_message_spend_limit_override")
    assert (await spend_limits(aws))[channel.upper()][2] is False


# --- what is known of a number ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "cleanse", "found"),
    [
        ("+33 6 12 34 56 78", False, ("+33612345678", "MOBILE", "FR", "33", "SFR")),
        ("+44 (0) 7400 123456", True, ("+447400123456", "MOBILE", "GB", "44", "Three")),
        ("+44 (0) 7400 123456", False, ("+4407400123456", "INVALID", None, None, None)),
        ("+12065550142", False, ("+12065550142", "MOBILE", "US", "1", None)),
        ("+493012345678", False, ("+493012345678", "LANDLINE", "DE", "49", None)),
        ("+18005550199", False, ("+18005550199", "OTHER", "US", "1", None)),
        ("+15555", False, ("+15555", "INVALID", None, None, None)),
    ],
)
async def test_a_number_is_looked_up(aws: Aws, asked: str, cleanse: bool, found: tuple[str, ...]) -> None:
    answer = await aws.call("carrier_lookup", PhoneNumber=asked, EnableCleansing=cleanse)
    names = ("E164PhoneNumber", "PhoneNumberType", "IsoCountryCode", "DialingCountryCode", "Carrier")
    assert tuple(answer.get(name) for name in names) == found
    assert answer.get("OriginalPhoneNumber") == (asked if cleanse else None)


async def test_the_account_says_what_it_is_and_what_it_has(aws: Aws) -> None:
    attributes = {
        one["Name"]: one["Value"] for one in (await aws.call("describe_account_attributes"))["AccountAttributes"]
    }
    assert attributes == {"ACCOUNT_TIER": "PRODUCTION"}
    await sandbox(aws)
    attributes = {
        one["Name"]: one["Value"] for one in (await aws.call("describe_account_attributes"))["AccountAttributes"]
    }
    assert attributes == {"ACCOUNT_TIER": "SANDBOX"}
    limits = {one["Name"]: one["Used"] for one in (await aws.call("describe_account_limits"))["AccountLimits"]}
    assert limits == {
        "PHONE_NUMBERS": 1, "POOLS": 0, "CONFIGURATION_SETS": 0, "OPT_OUT_LISTS": 1, "SENDER_IDS": 1,
        "REGISTRATIONS": 0, "REGISTRATION_ATTACHMENTS": 0, "VERIFIED_DESTINATION_NUMBERS": 0,
    }  # fmt: skip
