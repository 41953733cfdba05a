"""Registrations as boto3 sees them: the forms, a whole life, and each refusal by its Reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from gateway.resources import registration_types, registrations

if TYPE_CHECKING:
    from tests.support.aws import Aws

BRAND, CAMPAIGN = "US_TEN_DLC_BRAND_REGISTRATION", "US_TEN_DLC_CAMPAIGN_REGISTRATION"
TOLL_FREE = "US_TOLL_FREE_REGISTRATION"
PNG = b"\x89PNG\r\n\x1a\nrest"


async def new(aws: Aws, kind: str = BRAND) -> str:
    return str((await aws.call("create_registration", RegistrationType=kind))["RegistrationId"])


async def put(aws: Aws, one: str, path: str, **answer: Any) -> dict[str, Any]:
    return await aws.call("put_registration_field_value", RegistrationId=one, FieldPath=path, **answer)


async def fill_in(aws: Aws, one: str, kind: str = BRAND) -> None:
    """By what DescribeRegistrationFieldDefinitions says, as a client does that has never seen the form."""
    attachment = await aws.call("create_registration_attachment", AttachmentBody=PNG)
    for page in await aws.pages("describe_registration_field_definitions", RegistrationType=kind):
        for field in page["RegistrationFieldDefinitions"]:
            if field["FieldRequirement"] == "REQUIRED":
                await put(aws, one, field["FieldPath"], **answer_to(field, attachment["RegistrationAttachmentId"]))


def answer_to(field: dict[str, Any], attachment_id: str) -> dict[str, Any]:
    if field["FieldType"] == "ATTACHMENT":
        return {"RegistrationAttachmentId": attachment_id}
    if field["FieldType"] == "SELECT":
        return {"SelectChoices": field["SelectValidation"]["Options"][:1]}
    shortest = field["TextValidation"]["MinLength"]
    return {"TextValue": field["DisplayHints"].get("ExampleTextValue") or "a" * shortest}


async def submit(aws: Aws, one: str) -> dict[str, Any]:
    return await aws.call("submit_registration_version", RegistrationId=one)


async def decide(aws: Aws, one: str, outcome: str, reason: str = "Looks right") -> None:
    await registrations.decide(
        aws.desk, account_id="main", registration_id=one, outcome=outcome, actor="staff:alice", reason=reason,
        now=aws.services.now(),
    )  # fmt: skip


async def status(aws: Aws, one: str) -> str:
    (found,) = (await aws.call("describe_registrations", RegistrationIds=[one]))["Registrations"]
    return str(found["RegistrationStatus"])


async def reason(aws: Aws, operation: str, **members: Any) -> str:
    return str((await aws.refused(operation, **members)).get("Reason"))


async def test_a_whole_life(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    made = await aws.call("create_registration", RegistrationType=BRAND, Tags=[{"Key": "Name", "Value": "Example"}])
    one, arn = made["RegistrationId"], made["RegistrationArn"]
    assert (made["RegistrationStatus"], made["CurrentVersionNumber"]) == ("CREATED", 1)
    assert (await aws.call("list_tags_for_resource", ResourceArn=arn))["Tags"] == made["Tags"]
    await fill_in(aws, one)
    submitted = await submit(aws, arn)
    assert (submitted["VersionNumber"], submitted["RegistrationVersionStatus"]) == (1, "SUBMITTED")
    history = submitted["RegistrationVersionStatusHistory"]
    assert isinstance(history["SubmittedTimestamp"], datetime)
    await decide(aws, one, "DENIED", "The tax ID is not the company's")
    assert await status(aws, one) == "REQUIRES_UPDATES"
    (version,) = (await aws.call("describe_registration_versions", RegistrationId=one))["RegistrationVersions"]
    assert version["DeniedReasons"][0]["Reason"] == "The tax ID is not the company's"

    second = await aws.call("create_registration_version", RegistrationId=one)
    assert (second["VersionNumber"], second["RegistrationVersionStatus"]) == (2, "DRAFT")
    await put(aws, one, "companyInfo.taxId", TextValue="987654321")
    await submit(aws, one)
    await decide(aws, one, "APPROVED")
    (found,) = (await aws.call("describe_registrations"))["Registrations"]
    assert (found["RegistrationStatus"], found["ApprovedVersionNumber"], found["LatestDeniedVersionNumber"]) == (
        "COMPLETE", 2, 1,
    )  # fmt: skip
    asked = {"RegistrationId": one, "FieldPaths": ["companyInfo.taxId"]}
    for number, value in ((1, "123456789"), (2, "987654321")):
        values = await aws.call("describe_registration_field_values", VersionNumber=number, **asked)
        assert [each["TextValue"] for each in values["RegistrationFieldValues"]] == [value]
    gone = await aws.call("delete_registration", RegistrationId=one)
    assert gone["RegistrationStatus"] == "DELETED"
    assert (await aws.call("describe_registrations"))["Registrations"] == []


async def test_they_are_listed_by_pages_ids_and_filters(aws: Aws) -> None:
    ids = [await new(aws), await new(aws, TOLL_FREE)]
    pages = await aws.pages("describe_registrations")
    assert [one["RegistrationId"] for page in pages for one in page["Registrations"]] == ids
    for name, value, found in (
        ("registration-type", TOLL_FREE, ids[1:]),
        ("registration-status", "CREATED", ids),
        ("registration-status", "COMPLETE", []),
    ):
        answer = await aws.call("describe_registrations", Filters=[{"Name": name, "Values": [value]}])
        assert [one["RegistrationId"] for one in answer["Registrations"]] == found
    refused = await aws.refused("describe_registrations", RegistrationIds=["registration-none"])
    assert (refused["ResourceType"], refused["ResourceId"]) == ("registration", "registration-none")


async def test_versions_are_listed_by_pages_numbers_and_filters(aws: Aws) -> None:
    one = await new(aws)
    await aws.call("discard_registration_version", RegistrationId=one)
    await aws.call("create_registration_version", RegistrationId=one)
    pages = await aws.pages("describe_registration_versions", RegistrationId=one)
    assert [each["VersionNumber"] for page in pages for each in page["RegistrationVersions"]] == [1, 2]
    for asked in (
        {"VersionNumbers": [2]},
        {"Filters": [{"Name": "registration-version-status", "Values": ["DRAFT"]}]},
    ):
        found = await aws.call("describe_registration_versions", RegistrationId=one, **asked)
        assert [each["VersionNumber"] for each in found["RegistrationVersions"]] == [2]
    asked = {"RegistrationId": one, "VersionNumbers": [3]}
    assert await reason(aws, "describe_registration_versions", **asked) == "UNKNOWN_REGISTRATION_VERSION"
    asked = {"RegistrationId": one, "VersionNumber": 3}
    assert await reason(aws, "describe_registration_field_values", **asked) == "UNKNOWN_REGISTRATION_VERSION"


async def test_values_are_listed_by_pages_and_section(aws: Aws) -> None:
    one = await new(aws)
    await put(aws, one, "companyInfo.city", TextValue="Riga")
    await put(aws, one, "contactInfo.vertical", SelectChoices=["RETAIL"])
    pages = await aws.pages("describe_registration_field_values", RegistrationId=one)
    values = [each for page in pages for each in page["RegistrationFieldValues"]]
    assert values == [
        {"FieldPath": "companyInfo.city", "TextValue": "Riga"},
        {"FieldPath": "contactInfo.vertical", "SelectChoices": ["RETAIL"]},
    ]
    found = await aws.call("describe_registration_field_values", RegistrationId=one, SectionPath="contactInfo")
    assert found["RegistrationFieldValues"] == values[1:]


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("companyInfo.none", {"TextValue": "x"}, "UNKNOWN_REGISTRATION_FIELD"),
        ("companyInfo.city", {"SelectChoices": ["Riga"]}, "FIELD_VALIDATION_FAILED"),
        ("companyInfo.taxId", {"TextValue": "12-3456789"}, "INVALID_PARAMETER"),
        ("companyInfo.city", {}, "MISSING_PARAMETER"),
        ("companyInfo.city", {"TextValue": "Riga", "SelectChoices": ["Riga"]}, "PARAMETERS_CANNOT_BE_USED_TOGETHER"),
    ],
)
async def test_an_answer_that_does_not_do(aws: Aws, path: str, answer: dict[str, Any], told: str) -> None:
    one = await new(aws)
    given = {"RegistrationId": one, "FieldPath": path, **answer}
    assert await reason(aws, "put_registration_field_value", **given) == told


async def test_an_attachment_that_is_not_there(aws: Aws) -> None:
    refused = await aws.refused(
        "put_registration_field_value", RegistrationId=await new(aws, TOLL_FREE),
        FieldPath="messagingUseCase.optInImage", RegistrationAttachmentId="attachment-none",
    )  # fmt: skip
    assert (refused["ResourceType"], refused["ResourceId"]) == ("registration-attachment", "attachment-none")


async def test_values_are_deleted_where_they_may_be(aws: Aws) -> None:
    one = await new(aws)
    await put(aws, one, "companyInfo.stockSymbol", TextValue="EXMPL")
    asked = {"RegistrationId": one, "FieldPath": "companyInfo.stockSymbol"}
    assert (await aws.call("delete_registration_field_value", **asked))["TextValue"] == "EXMPL"
    assert "TextValue" not in await aws.call("delete_registration_field_value", **asked)
    asked["FieldPath"] = "companyInfo.city"
    told = await reason(aws, "delete_registration_field_value", **asked)
    assert told == "REGISTRATION_FIELD_CANNOT_BE_DELETED"


async def test_a_form_with_gaps_is_told_field_by_field(aws: Aws) -> None:
    one = await new(aws)
    refused = await aws.refused("submit_registration_version", RegistrationId=one)
    assert refused["Reason"] == "FIELD_VALIDATION_FAILED"
    assert {"Name": "companyInfo.city", "Message": "City is missing."} in refused["Fields"]


async def test_what_is_with_staff_stays(aws: Aws) -> None:
    one = await new(aws)
    await fill_in(aws, one)
    assert await reason(aws, "create_registration_version", RegistrationId=one) == (
        "CREATE_REGISTRATION_VERSION_NOT_ALLOWED"
    )
    await submit(aws, one)
    changed = {"RegistrationId": one, "FieldPath": "companyInfo.city", "TextValue": "Riga"}
    for operation, members, told in (
        ("submit_registration_version", {}, "REGISTRATION_ALREADY_SUBMITTED"),
        ("discard_registration_version", {}, "DISCARD_REGISTRATION_VERSION_NOT_ALLOWED"),
        ("delete_registration", {}, "RESOURCE_DELETION_NOT_ALLOWED"),
        ("put_registration_field_value", changed, "EDIT_REGISTRATION_FIELD_VALUES_NOT_ALLOWED"),
    ):
        refused = await aws.refused(operation, **{"RegistrationId": one, **members})
        assert (refused["Error"]["Code"], refused["Reason"]) == ("ConflictException", told)
    await decide(aws, one, "APPROVED")
    assert await reason(aws, "submit_registration_version", RegistrationId=one) == (
        "SUBMIT_REGISTRATION_VERSION_NOT_ALLOWED"
    )


async def test_a_campaign_its_brand_and_its_number(aws: Aws) -> None:
    brand, campaign = await new(aws), await new(aws, CAMPAIGN)
    await fill_in(aws, campaign, CAMPAIGN)
    pair = {"RegistrationId": campaign, "ResourceId": brand}
    assert await reason(aws, "submit_registration_version", RegistrationId=campaign) == (
        "SUBMIT_REGISTRATION_VERSION_NOT_ALLOWED"
    )
    assert await reason(aws, "create_registration_association", **pair) == "REGISTRATION_NOT_COMPLETE"
    await fill_in(aws, brand)
    await submit(aws, brand)
    await decide(aws, brand, "APPROVED")
    made = await aws.call("create_registration_association", **pair)
    assert (made["RegistrationType"], made["ResourceType"], made["ResourceId"]) == (CAMPAIGN, BRAND, brand)
    assert await reason(aws, "create_registration_association", **pair) == "RESOURCE_ALREADY_ASSOCIATED"
    assert await reason(aws, "delete_registration", RegistrationId=brand) == "RESOURCE_DELETION_NOT_ALLOWED"
    await submit(aws, campaign)
    await decide(aws, campaign, "APPROVED")
    number = await aws.new_number("+12065550170", kind="TEN_DLC")
    made = await aws.call("create_registration_association", RegistrationId=campaign, ResourceId=number.id)
    assert (made["PhoneNumber"], made["IsoCountryCode"]) == ("+12065550170", "US")
    assert made["ResourceArn"].endswith(f":phone-number/{number.id}")
    pages = await aws.pages("list_registration_associations", RegistrationId=campaign)
    listed = [one["ResourceId"] for page in pages for one in page["RegistrationAssociations"]]
    assert listed == [number.id, brand]
    found = await aws.call(
        "list_registration_associations", RegistrationId=campaign,
        Filters=[{"Name": "resource-type", "Values": ["TEN_DLC"]}],
    )  # fmt: skip
    assert [one["ResourceId"] for one in found["RegistrationAssociations"]] == [number.id]


async def test_what_a_registration_is_not_about(aws: Aws) -> None:
    one = await new(aws, TOLL_FREE)
    number = await aws.new_number("+12065550170")
    asked = {"RegistrationId": one, "ResourceId": number.id}
    assert await reason(aws, "create_registration_association", **asked) == "INVALID_REGISTRATION_ASSOCIATION"
    for missing, kind in (("phone-none", "phone-number"), ("NOBODY", "sender-id"), ("pool-1", "phone-number")):
        refused = await aws.refused("create_registration_association", RegistrationId=one, ResourceId=missing)
        assert (refused["ResourceType"], refused["ResourceId"]) == (kind, missing)


async def test_attachments(aws: Aws) -> None:
    made = await aws.call("create_registration_attachment", AttachmentBody=PNG, Tags=[{"Key": "of", "Value": "us"}])
    elsewhere = await aws.call("create_registration_attachment", AttachmentUrl="s3://bucket/letter.pdf")
    assert made["AttachmentStatus"] == "UPLOAD_COMPLETE"
    pages = await aws.pages("describe_registration_attachments")
    listed = [one for page in pages for one in page["RegistrationAttachments"]]
    assert [one["RegistrationAttachmentId"] for one in listed] == [
        made["RegistrationAttachmentId"], elsewhere["RegistrationAttachmentId"],
    ]  # fmt: skip
    assert [one.get("AttachmentUrl") for one in listed] == [None, "s3://bucket/letter.pdf"]
    filters = [{"Name": "attachment-status", "Values": ["UPLOAD_FAILED"]}]
    assert (await aws.call("describe_registration_attachments", Filters=filters))["RegistrationAttachments"] == []
    gone = await aws.call("delete_registration_attachment", RegistrationAttachmentId=made["RegistrationAttachmentArn"])
    assert gone["AttachmentStatus"] == "DELETED"
    refused = await aws.refused(
        "delete_registration_attachment", RegistrationAttachmentId=made["RegistrationAttachmentId"]
    )
    assert refused["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "MISSING_PARAMETER"),
        ({"AttachmentBody": PNG, "AttachmentUrl": "s3://bucket/x.png"}, "PARAMETERS_CANNOT_BE_USED_TOGETHER"),
        ({"AttachmentBody": b"GIF89a"}, "ATTACHMENT_TYPE_NOT_SUPPORTED"),
        ({"AttachmentBody": PNG + bytes(5 * 1024 * 1024)}, "MAXIMUM_SIZE_EXCEEDED"),
        ({"AttachmentUrl": "ftp://example.com/x.png"}, "INVALID_PARAMETER"),
    ],
)
async def test_an_attachment_that_cannot_be_kept(aws: Aws, given: dict[str, Any], told: str) -> None:
    assert await reason(aws, "create_registration_attachment", **given) == told


async def test_the_forms_are_described(aws: Aws) -> None:
    pages = await aws.pages("describe_registration_type_definitions")
    names = [one["RegistrationType"] for page in pages for one in page["RegistrationTypeDefinitions"]]
    assert names == sorted(registration_types.types())
    for name in names:
        pages = await aws.pages("describe_registration_section_definitions", RegistrationType=name)
        sections = {one["SectionPath"] for page in pages for one in page["RegistrationSectionDefinitions"]}
        found = await aws.call("describe_registration_field_definitions", RegistrationType=name)
        fields = found["RegistrationFieldDefinitions"]
        assert {one["SectionPath"] for one in fields} == sections
        assert len(fields) == len(registration_types.types()[name].fields)


async def test_a_conditional_field_says_when_it_is_asked(aws: Aws) -> None:
    found = await aws.call(
        "describe_registration_field_definitions", RegistrationType=BRAND, FieldPaths=["companyInfo.stockSymbol"]
    )
    (field,) = found["RegistrationFieldDefinitions"]
    (rule,) = field["ConditionalBehavior"]["Rules"]
    assert rule == {
        "Conditions": [{"DependsOnFieldPath": "companyInfo.legalType", "Operator": "IN", "Values": ["PUBLIC_PROFIT"]}],
        "RuleBehavior": "REQUIRED",
    }
    assert field["ConditionalBehavior"]["DefaultBehavior"] == "DISALLOWED"


async def test_forms_are_found_by_what_they_are_about(aws: Aws) -> None:
    for name, value, found in (
        ("supported-association-resource-type", "TOLL_FREE", [TOLL_FREE]),
        ("supported-association-iso-country-code", "ID", ["ID_SENDER_ID_REGISTRATION"]),
    ):
        filters = [{"Name": name, "Values": [value]}]
        answer = await aws.call("describe_registration_type_definitions", Filters=filters)
        assert [one["RegistrationType"] for one in answer["RegistrationTypeDefinitions"]] == found


@pytest.mark.parametrize(
    ("operation", "members", "told"),
    [
        ("create_registration", {"RegistrationType": "XX"}, "UNKNOWN_REGISTRATION_TYPE"),
        ("describe_registration_type_definitions", {"RegistrationTypes": ["XX"]}, "UNKNOWN_REGISTRATION_TYPE"),
        ("describe_registration_field_definitions", {"RegistrationType": "XX"}, "UNKNOWN_REGISTRATION_TYPE"),
        (
            "describe_registration_section_definitions", {"RegistrationType": BRAND, "SectionPaths": ["none"]},
            "UNKNOWN_REGISTRATION_SECTION",
        ),
        (
            "describe_registration_field_definitions", {"RegistrationType": BRAND, "SectionPath": "none"},
            "UNKNOWN_REGISTRATION_SECTION",
        ),
        (
            "describe_registration_field_definitions", {"RegistrationType": BRAND, "FieldPaths": ["a.b"]},
            "UNKNOWN_REGISTRATION_FIELD",
        ),
    ],
)  # fmt: skip
async def test_a_form_that_is_not_there(aws: Aws, operation: str, members: dict[str, Any], told: str) -> None:
    assert await reason(aws, operation, **members) == told
