"""One-time codes as boto3 sends and verifies them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from gateway.store.tables import messages
from tests.support.aws import PERSON

if TYPE_CHECKING:
    from tests.support.aws import Aws, Key

SHOP = {"service": "pinpoint", "ApplicationId": "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"}
OURS = "+12065550100"
ASKED = {
    "Channel": "SMS", "BrandName": "ExampleCorp", "DestinationIdentity": PERSON, "OriginationIdentity": OURS,
    "ReferenceId": "login-7",
}  # fmt: skip


async def send(aws: Aws, **more: Any) -> dict[str, Any]:
    """What is told of the one number."""
    given = {name: value for name, value in (ASKED | more).items() if value is not None}
    answer = await aws.call("send_otp_message", **SHOP, SendOTPMessageRequestParameters=given)
    response = answer["MessageResponse"]
    assert response["ApplicationId"] == SHOP["ApplicationId"]
    assert response["RequestId"]
    ((address, result),) = response["Result"].items()
    assert address == given["DestinationIdentity"]
    return dict(result)


async def message(aws: Aws, result: dict[str, Any]) -> Any:
    async with aws.desk.store.reading() as conn:
        return (await conn.execute(select(messages).where(messages.c.id == result["MessageId"]))).one()


async def code(aws: Aws, **more: Any) -> str:
    return re.search(r"\d{5,}", (await message(aws, await send(aws, **more))).body)[0]  # type: ignore[index]


async def verify(aws: Aws, otp: str, key: Key | None = None, **more: Any) -> bool:
    given = {"ReferenceId": "login-7", "Otp": otp, "DestinationIdentity": PERSON} | more
    answer = await aws.call("verify_otp_message", key, **SHOP, VerifyOTPMessageRequestParameters=given)
    return bool(answer["VerificationResponse"]["Valid"])


async def test_a_code_is_sent_and_verified_once(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    result = await send(aws)
    assert (result["DeliveryStatus"], result["StatusCode"]) == ("SUCCESSFUL", 200)
    assert result["StatusMessage"] == f"MessageId: {result['MessageId']}"
    sent = await message(aws, result)
    right = re.fullmatch(r"This is your One Time Password: (\d{6}) from ExampleCorp", sent.body)[1]  # type: ignore[index]
    assert (sent.sender, sent.message_type) == (OURS, "TRANSACTIONAL")
    assert sent.configuration_set == f"app/{SHOP['ApplicationId']}"
    assert sent.expires_at - sent.created_at == 15 * 60 * 1_000_000
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert [await verify(aws, one) for one in (wrong, right, right)] == [False, True, False]


async def test_all_that_can_be_asked_for(aws: Aws) -> None:
    result = await send(
        aws, CodeLength=8, ValidityPeriod=60, AllowedAttempts=1, Language="de-DE", EntityId="1101", TemplateId="1107"
    )
    sent = await message(aws, result)
    right = re.fullmatch(r"Ihr Einmalpasswort von ExampleCorp: (\d{8})", sent.body)[1]  # type: ignore[index]
    assert sent.expires_at - sent.created_at == 60 * 60 * 1_000_000
    assert sent.country_parameters == '{"IN_ENTITY_ID":"1101","IN_TEMPLATE_ID":"1107"}'
    assert not await verify(aws, "0")
    assert not await verify(aws, right)


async def test_a_code_counts_for_its_reference_number_and_application(aws: Aws) -> None:
    right = await code(aws)
    assert not await verify(aws, right, ReferenceId="login-8")
    assert not await verify(aws, right, DestinationIdentity="+12065550143")
    other = {"ReferenceId": "login-7", "Otp": right, "DestinationIdentity": PERSON}
    elsewhere = SHOP | {"ApplicationId": "other"}
    answer = await aws.call("verify_otp_message", **elsewhere, VerifyOTPMessageRequestParameters=other)
    assert answer["VerificationResponse"]["Valid"] is False
    assert await verify(aws, right)


async def test_many_guesses_at_once_are_each_counted(aws_anywhere: Aws) -> None:
    right = await code(aws_anywhere, AllowedAttempts=5)
    wrong = [f"{(int(right) + by) % 10**6:06d}" for by in range(1, 6)]
    assert not any(await asyncio.gather(*(verify(aws_anywhere, one) for one in wrong)))
    assert not await verify(aws_anywhere, right)


async def test_who_opted_out_gets_no_code(aws: Aws) -> None:
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=PERSON)
    result = await send(aws)
    assert result["DeliveryStatus"] != "SUCCESSFUL"
    assert "opted out" in result["StatusMessage"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"Channel": "VOICE"}, "Channel"),
        ({"BrandName": "x" * 21}, "brand_name"),
        ({"CodeLength": 4}, "code_length"),
        ({"ValidityPeriod": 61}, "validity_period"),
        ({"AllowedAttempts": 6}, "allowed_attempts"),
        ({"Language": "nl-NL"}, "language"),
        ({"ReferenceId": "r" * 49}, "reference_id"),
        ({"ReferenceId": None}, "ReferenceId"),
        ({"EntityId": "x" * 65}, "entity_id"),
    ],
)
async def test_what_cannot_be_asked_for(aws: Aws, more: dict[str, Any], told: str) -> None:
    with pytest.raises(ClientError) as caught:
        await send(aws, **more)
    assert caught.value.response["Error"]["Code"] == "BadRequestException"
    assert told in caught.value.response["Error"]["Message"]


async def test_a_key_that_may_send_may_verify_and_no_other(aws: Aws) -> None:
    right = await code(aws)
    with pytest.raises(ClientError) as caught:
        await verify(aws, right, await aws.new_key(scopes=["read"]))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert await verify(aws, right, await aws.new_key(scopes=["send"]))
