"""REST-JSON as AWS's clients speak it: who is let in, what bodies are read, and what is known of a number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.api.aws import body
from gateway.resources import api_keys
from tests.support.aws import PERSON, REGION

if TYPE_CHECKING:
    from tests.support.aws import Aws

PATH = "/v1/apps/app-1/messages"
GOOD = b'{"Addresses":{"+12065550142":{"ChannelType":"SMS"}},"MessageConfiguration":{"SMSMessage":{"Body":"Hello"}}}'
VALIDATE = {"NumberValidateRequest": {"PhoneNumber": PERSON}}


async def post(
    aws: Aws,
    octets: bytes,
    *,
    path: str = PATH,
    service: str = "mobiletargeting",
    signer: Any = SigV4Auth,
    **headers: str,
) -> tuple[int, str]:
    """Status of the answer to a signed request with this body, and the error's name: "" where it went well."""
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest("POST", f"{aws.url}{path}", sent, octets)
    signer(Credentials(aws.key.id, aws.key.secret), service, REGION).add_auth(request)
    return await answered(request.url, octets, dict(request.headers.items()))


async def answered(url: str, octets: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(url, data=octets, headers=headers) as response,
    ):
        document = await response.json()
        request_id, name = response.headers["x-amzn-RequestId"], response.headers.get("x-amzn-ErrorType", "")
        assert bool(name) == (response.status != 200)
        assert not name or (document["Message"] and document.get("RequestID", request_id) == request_id)
        return response.status, name


# --- who -------------------------------------------------------------------------------------------------------------
async def test_a_signature_lets_in(aws: Aws) -> None:
    assert await post(aws, GOOD) == (200, "")


async def test_a_signature_in_the_query_lets_in(aws: Aws) -> None:
    assert await post(aws, b"", signer=SigV4QueryAuth) == (400, "BadRequestException")


@pytest.mark.parametrize("service", ["sms-voice", "pinpoint"])
async def test_a_signature_for_another_service_does_not(aws: Aws, service: str) -> None:
    assert await post(aws, GOOD, service=service) == (403, "InvalidSignatureException")


async def test_what_is_signed_is_this_very_path(aws: Aws) -> None:
    request = AWSRequest("POST", f"{aws.url}{PATH}", {"Content-Type": "application/json"}, GOOD)
    SigV4Auth(Credentials(aws.key.id, aws.key.secret), "mobiletargeting", REGION).add_auth(request)
    url = f"{aws.url}/v1/apps/app-2/messages"
    assert await answered(url, GOOD, dict(request.headers.items())) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Bearer hg_secret"}, "IncompleteSignatureException"),
    ],
)
@pytest.mark.parametrize(
    "path", [PATH, "/v1/phone/number/validate", "/v1/sms-voice/configuration-sets", "/v1/templates/x/sms"]
)
async def test_what_is_not_signed_is_told_in_the_words_of_aws(
    aws: Aws, path: str, authorization: dict[str, str], name: str
) -> None:
    headers = {"Content-Type": "application/json"} | authorization
    assert await answered(f"{aws.url}{path}", GOOD, headers) == (403, name)


async def test_the_native_api_stays_where_it_is(aws: Aws) -> None:
    found = await aws.bench.call("GET", "/v1/apps-of-nobody")
    assert (found.status, found.json["code"]) == (404, "path_not_found")
    assert (await aws.bench.call("GET", "/v1/messages")).status == 200


@pytest.mark.parametrize(
    ("service", "operation", "members", "scope", "name"),
    [
        ("pinpoint", "send_messages", {"ApplicationId": "a"}, "send", "ForbiddenException"),
        ("pinpoint", "phone_number_validate", VALIDATE, "read", "ForbiddenException"),
        ("pinpoint", "delete_event_stream", {"ApplicationId": "a"}, "admin", "ForbiddenException"),
        ("pinpoint", "verify_otp_message", {"ApplicationId": "a"}, "send", "ForbiddenException"),
        ("pinpoint-sms-voice", "list_configuration_sets", {}, "read", "AccessDeniedException"),
        ("pinpoint-sms-voice", "create_configuration_set", {}, "admin", "AccessDeniedException"),
        ("pinpoint-sms-voice", "send_voice_message", {}, "send", "AccessDeniedException"),
    ],
)
async def test_a_key_does_only_what_its_scopes_say(
    aws: Aws, service: str, operation: str, members: dict[str, Any], scope: str, name: str
) -> None:
    without = await aws.new_key(scopes=api_keys.SCOPES - {scope})
    refused = await aws.refused(operation, without, service=service, **members)
    assert (refused["Error"]["Code"], refused["ResponseMetadata"]["HTTPStatusCode"]) == (name, 403)
    assert f"lacks the scope {scope}." in refused["Error"]["Message"]


async def test_a_key_nobody_issued_is_not_recognised(aws: Aws) -> None:
    nobody = replace(aws.key, id="AKIAAAAAAAAAAAAAAAAA")
    refused = await aws.refused("phone_number_validate", nobody, service="pinpoint", **VALIDATE)
    assert (refused["Error"]["Code"], refused["ResponseMetadata"]["HTTPStatusCode"]) == (
        "UnrecognizedClientException", 403,
    )  # fmt: skip


# --- bodies ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "octets",
    [
        b"{", b"[]", b"null", b"{}{}", b'{"a":NaN}', b'{"a":Infinity}', b"\xff\xfe{}", b'{"Addresses":{},"Addresses":{}}',
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"", b"{}", b'{"Addresses":[],"MessageConfiguration":{}}',
        b'{"Addresses":{"+12065550142":null},"MessageConfiguration":{}}', b'{"Addresses":{"+12065550142":7},"MessageConfiguration":{}}',
        b'{"Addresses":{"\\ud800":{}},"MessageConfiguration":{}}',
        b'{"Addresses":{"+12065550142":{"ChannelType":"SMS"}},"MessageConfiguration":{"SMSMessage":{"Body":"a\\u0000"}}}',
    ],
)  # fmt: skip
async def test_what_is_no_good_request_is_a_bad_one(aws: Aws, octets: bytes) -> None:
    assert await post(aws, octets) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "headers",
    [{"Content_Type": "text/plain"}, {"Content_Type": "application/x-amz-json-1.0"}, {"Content_Encoding": "gzip"}],
)
async def test_what_is_not_plain_json_is_a_bad_request(aws: Aws, headers: dict[str, str]) -> None:
    assert await post(aws, GOOD, **headers) == (400, "BadRequestException")


async def test_too_much_is_too_large_where_that_is_declared(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "LARGEST", len(GOOD))
    assert await post(aws, GOOD) == (200, "")
    octets = GOOD + b" "
    assert await post(aws, octets) == (413, "PayloadTooLargeException")
    voice = {"path": "/v1/sms-voice/configuration-sets", "service": "sms-voice"}
    assert await post(aws, octets, **voice) == (400, "BadRequestException")


async def test_members_that_the_model_lacks_are_passed_over(aws: Aws) -> None:
    assert await post(aws, GOOD[:-1] + b',"Newer":{"deep":[1,{"a":null}]}}') == (200, "")


async def test_the_path_tells_whose_message_it_is_not_the_body(aws: Aws) -> None:
    assert await post(aws, GOOD[:-1] + b',"ApplicationId":"other/one"}') == (200, "")
    voice = {"path": "/v1/sms-voice/configuration-sets/a/event-destinations", "service": "sms-voice"}
    assert await post(aws, b'{"ConfigurationSetName":7,"EventDestination":{}}', **voice) == (400, "BadRequestException")


async def test_a_fault_of_ours_says_nothing_of_itself(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(type(aws.services.outbound), "accept_all", fail)
    assert await post(aws, GOOD) == (500, "InternalServerErrorException")
    monkeypatch.setattr("gateway.resources.configuration_sets.all_of", fail)
    refused = await aws.refused("list_configuration_sets", service="pinpoint-sms-voice")
    assert (refused["Error"]["Code"], refused["Message"]) == ("InternalServiceErrorException", "Internal server error")


# --- numbers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (
            {"PhoneNumber": "+33612345678"},
            {
                "PhoneType": "MOBILE", "PhoneTypeCode": 0, "CleansedPhoneNumberE164": "+33612345678",
                "CleansedPhoneNumberNational": "612345678", "Country": "France", "CountryCodeIso2": "FR",
                "CountryCodeNumeric": "33", "Timezone": "Europe/Paris", "Carrier": "SFR",
            },
        ),
        (
            {"PhoneNumber": "020 7183 8750", "IsoCountryCode": "gb"},
            {
                "PhoneType": "LANDLINE", "PhoneTypeCode": 1, "CleansedPhoneNumberE164": "+442071838750",
                "CleansedPhoneNumberNational": "2071838750", "Country": "United Kingdom", "CountryCodeIso2": "GB",
                "CountryCodeNumeric": "44", "Timezone": "Europe/London", "OriginalCountryCodeIso2": "gb",
            },
        ),
        ({"PhoneNumber": "12065550142"}, {"PhoneType": "MOBILE", "PhoneTypeCode": 0, "Timezone": "America/Los_Angeles"}),
        ({"PhoneNumber": "+12065550142", "IsoCountryCode": "FR"}, {"PhoneType": "MOBILE", "CountryCodeIso2": "US"}),
        ({"PhoneNumber": "+445600123456"}, {"PhoneType": "VOIP", "PhoneTypeCode": 2}),
        ({"PhoneNumber": "+18005550199"}, {"PhoneType": "OTHER", "PhoneTypeCode": 4}),
    ],
)  # fmt: skip
async def test_what_is_known_of_a_number(aws: Aws, asked: dict[str, str], found: dict[str, Any]) -> None:
    answer = await aws.call("phone_number_validate", service="pinpoint", NumberValidateRequest=asked)
    told = answer["NumberValidateResponse"]
    assert told == told | found | {"OriginalPhoneNumber": asked["PhoneNumber"]}


@pytest.mark.parametrize("written", ["+1999", "hello", "+", "0" * 300, "2065550142"])
async def test_of_what_is_no_number_nothing_is_known(aws: Aws, written: str) -> None:
    answer = await aws.call("phone_number_validate", service="pinpoint", NumberValidateRequest={"PhoneNumber": written})
    assert answer["NumberValidateResponse"] == {
        "OriginalPhoneNumber": written, "PhoneType": "INVALID", "PhoneTypeCode": 3
    }  # fmt: skip


@pytest.mark.parametrize("asked", [{}, {"PhoneNumber": ""}, {"PhoneNumber": PERSON, "IsoCountryCode": "ZZ"}])
async def test_a_number_must_be_asked_for(aws: Aws, asked: dict[str, str]) -> None:
    refused = await aws.refused("phone_number_validate", service="pinpoint", NumberValidateRequest=asked)
    assert refused["Error"]["Code"] == "BadRequestException"
