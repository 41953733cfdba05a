"""The sandbox and verified destination numbers as boto3 sees them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from compliance.types import AccountLimits
from gateway.resources import accounts
from gateway.store.tables import messages
from tests.support.aws import PERSON

if TYPE_CHECKING:
    from tests.support.aws import Aws

OTHER = "+12065550143"


@pytest.fixture
async def sandbox(aws: Aws) -> Aws:
    await accounts.update(aws.desk, account_id="main", limits=AccountLimits(sandbox=True))
    return aws


async def new(aws: Aws, phone: str = PERSON, **more: Any) -> str:
    made = await aws.call("create_verified_destination_number", DestinationPhoneNumber=phone, **more)
    return str(made["VerifiedDestinationNumberId"])


async def code(aws: Aws, one: str, **more: Any) -> tuple[str, str]:
    """The code and the text with it."""
    answer = await aws.call(
        "send_destination_number_verification_code", VerifiedDestinationNumberId=one, VerificationChannel="TEXT", **more
    )
    async with aws.desk.store.reading() as conn:
        body = (await conn.execute(select(messages.c.body).where(messages.c.id == answer["MessageId"]))).scalar_one()
    return re.search(r"\d{6}", body)[0], body  # type: ignore[index]


async def verify(aws: Aws, one: str, code: str) -> dict[str, Any]:
    return await aws.call("verify_destination_number", VerifiedDestinationNumberId=one, VerificationCode=code)


async def test_the_sandbox_texts_whom_it_has_verified(sandbox: Aws) -> None:
    aws = sandbox
    refused = await aws.refused("send_text_message", DestinationPhoneNumber=PERSON, MessageBody="Hello")
    assert refused["Error"]["Code"] == "ConflictException"
    assert refused["Reason"] == "DESTINATION_PHONE_NUMBER_NOT_VERIFIED"
    made = await aws.call(
        "create_verified_destination_number", DestinationPhoneNumber=PERSON, Tags=[{"Key": "of", "Value": "me"}]
    )
    one, arn = made["VerifiedDestinationNumberId"], made["VerifiedDestinationNumberArn"]
    assert (made["DestinationPhoneNumber"], made["Status"]) == (PERSON, "PENDING")
    assert arn.endswith(f":verified-destination-number/{one}")
    assert (await aws.call("list_tags_for_resource", ResourceArn=arn))["Tags"] == made["Tags"]
    right, body = await code(aws, arn)
    assert body == f"Your verification code is {right}."
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    refused = await aws.refused("verify_destination_number", VerifiedDestinationNumberId=one, VerificationCode=wrong)
    assert (refused["Error"]["Code"], refused["Reason"]) == ("ValidationException", "VERIFICATION_CODE_MISMATCH")
    assert (await verify(aws, one, right))["Status"] == "VERIFIED"
    assert (await aws.call("send_text_message", DestinationPhoneNumber=PERSON, MessageBody="Hello"))["MessageId"]
    refused = await aws.refused("verify_destination_number", VerifiedDestinationNumberId=one, VerificationCode=right)
    assert refused["Reason"] == "VERIFICATION_ALREADY_COMPLETE"
    refused = await aws.refused("delete_verified_destination_number", VerifiedDestinationNumberId=one)
    assert (refused["Reason"], refused["ResourceId"]) == ("RESOURCE_DELETION_NOT_ALLOWED", one)


async def test_a_language_may_be_asked_for(aws: Aws) -> None:
    right, body = await code(aws, await new(aws), LanguageCode="DE_DE", Context={"for": "tests"})
    assert body == f"Ihr Bestätigungscode lautet {right}."


async def test_no_code_was_sent_and_too_many_were(aws: Aws) -> None:
    one = await new(aws)
    refused = await aws.refused("verify_destination_number", VerifiedDestinationNumberId=one, VerificationCode="123456")
    assert refused["Reason"] == "VERIFICATION_CODE_EXPIRED"
    for _ in range(5):
        await code(aws, one)
    refused = await aws.refused(
        "send_destination_number_verification_code", VerifiedDestinationNumberId=one, VerificationChannel="TEXT"
    )
    assert (refused["Error"]["Code"], refused["Reason"]) == (
        "ServiceQuotaExceededException", "VERIFICATION_ATTEMPTS_PER_DAY",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "error", "reason"),
    [
        ({"VerificationChannel": "VOICE"}, "ValidationException", "VOICE_CAPABILITY_NOT_AVAILABLE"),
        ({"ConfigurationSetName": "none"}, "ResourceNotFoundException", None),
        ({"OriginationIdentity": "NOBODY"}, "ResourceNotFoundException", None),
        ({"VerifiedDestinationNumberId": "vdn-none"}, "ResourceNotFoundException", None),
    ],
)
async def test_a_code_that_cannot_be_sent(aws: Aws, more: dict[str, str], error: str, reason: str | None) -> None:
    given = {"VerifiedDestinationNumberId": await new(aws), "VerificationChannel": "TEXT"} | more
    refused = await aws.refused("send_destination_number_verification_code", **given)
    assert (refused["Error"]["Code"], refused.get("Reason")) == (error, reason)


async def test_they_are_listed_by_pages_ids_numbers_and_filters(aws: Aws) -> None:
    ids = [await new(aws), await new(aws, OTHER.removeprefix("+"))]
    pages = await aws.pages("describe_verified_destination_numbers")
    assert [one["VerifiedDestinationNumberId"] for page in pages for one in page["VerifiedDestinationNumbers"]] == ids
    await verify(aws, ids[1], (await code(aws, ids[1]))[0])
    for asked in (
        {"VerifiedDestinationNumberIds": [ids[1]]},
        {"DestinationPhoneNumbers": [OTHER]},
        {"Filters": [{"Name": "status", "Values": ["VERIFIED"]}]},
    ):
        found = await aws.call("describe_verified_destination_numbers", **asked)
        assert [one["DestinationPhoneNumber"] for one in found["VerifiedDestinationNumbers"]] == [OTHER]
    for asked, missing in (
        ({"VerifiedDestinationNumberIds": ["vdn-none"]}, "vdn-none"),
        ({"DestinationPhoneNumbers": ["+12065550144"]}, "+12065550144"),
    ):
        refused = await aws.refused("describe_verified_destination_numbers", **asked)
        assert (refused["ResourceType"], refused["ResourceId"]) == ("verified-destination-number", missing)


async def test_a_number_is_added_once_and_deleted(aws: Aws) -> None:
    one = await new(aws)
    refused = await aws.refused("create_verified_destination_number", DestinationPhoneNumber=PERSON)
    assert refused["Reason"] == "RESOURCE_ALREADY_EXISTS"
    gone = await aws.call("delete_verified_destination_number", VerifiedDestinationNumberId=one)
    assert (gone["VerifiedDestinationNumberId"], gone["DestinationPhoneNumber"]) == (one, PERSON)
    assert (await aws.call("describe_verified_destination_numbers"))["VerifiedDestinationNumbers"] == []
