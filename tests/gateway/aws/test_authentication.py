"""Who is let in by the AWS wire, and what everybody else is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from botocore.exceptions import ClientError

from gateway.resources import access_keys, api_keys
from tests.support.api import MAIN, now
from tests.support.aws import serving_aws

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.aws import Aws, Key

LET_IN = "ValidationException"  # what ``probe`` is answered once its signature is believed


async def probe(aws: Aws, key: Key | None = None, **client: str) -> tuple[str, int]:
    """Code and status of the error to a send that names nobody."""

    def send() -> None:
        aws.client(key, **client).send_text_message()

    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(send)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


async def test_a_key_that_stands_is_let_in(aws_anywhere: Aws) -> None:
    assert await probe(aws_anywhere) == (LET_IN, 400)


async def test_a_key_nobody_issued_is_not_recognised(aws: Aws) -> None:
    assert await probe(aws, replace(aws.key, id="AKIAAAAAAAAAAAAAAAAA")) == ("UnrecognizedClientException", 403)


async def test_a_wrong_secret_signs_nothing(aws: Aws) -> None:
    assert await probe(aws, replace(aws.key, secret="x" * 40)) == ("InvalidSignatureException", 403)


async def test_a_revoked_key_signs_nothing(aws_anywhere: Aws) -> None:
    key = await aws_anywhere.new_key()
    assert await probe(aws_anywhere, key) == (LET_IN, 400)
    await access_keys.revoke(aws_anywhere.desk, account_id=MAIN, key_id=key.id, now=now())
    assert await probe(aws_anywhere, key) == ("UnrecognizedClientException", 403)


async def test_any_region_is_taken_where_none_is_set(aws: Aws) -> None:
    assert await probe(aws, region="eu-west-1") == (LET_IN, 400)


async def test_only_the_region_that_is_set_is_taken(tmp_path: Path) -> None:
    async with serving_aws(tmp_path, aws_region="eu-west-1") as aws:
        assert await probe(aws, region="eu-west-1") == (LET_IN, 400)
        assert await probe(aws, region="us-east-1") == ("InvalidSignatureException", 403)


@pytest.mark.parametrize(
    ("scopes", "operation", "members"),
    [
        ({"read", "compliance", "admin"}, "send_text_message", {"DestinationPhoneNumber": "+12065550142"}),
        (api_keys.SCOPES - {"read"}, "describe_pools", {}),
        (
            api_keys.SCOPES - {"compliance"},
            "put_opted_out_number",
            {"OptOutListName": "Default", "OptedOutNumber": "+12065550142"},
        ),
        (api_keys.SCOPES - {"admin"}, "delete_pool", {"PoolId": "pool-1"}),
    ],
)
async def test_a_key_does_only_what_its_scopes_say(
    aws: Aws, scopes: Iterable[str], operation: str, members: dict[str, str]
) -> None:
    key = await aws.new_key(scopes=scopes)
    denied = await aws.refused(operation, key, **members)
    assert denied["Error"]["Code"] == "AccessDeniedException"
    missing = next(iter(api_keys.SCOPES - set(scopes)))
    other = await aws.new_key(scopes={missing})
    try:
        await aws.call(operation, other, **members)
    except ClientError as error:
        assert error.response["Error"]["Code"] != "AccessDeniedException"  # noqa: PT017 -- it may also go well


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "MissingAuthenticationTokenException"),
        ({"Authorization": "Bearer hg_secret"}, "IncompleteSignatureException"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "IncompleteSignatureException"),
        ({"Authorization": "AWS AKIA:signature"}, "IncompleteSignatureException"),
    ],
)
async def test_no_signature_and_half_of_one_are_told_apart(aws: Aws, headers: dict[str, str], code: str) -> None:
    sent = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(aws.url, data=b"{}", headers=sent | headers) as response,
    ):
        assert (response.status, (await response.json(content_type=None))["__type"]) == (403, code)
        assert response.headers["x-amzn-RequestId"]
