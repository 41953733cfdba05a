"""What a client sends that is no good request: a clean error of AWS's kind, whatever it is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.api.aws.body import LARGEST
from gateway.api.aws.serving import CONTENT_TYPE
from tests.support.aws import REGION

if TYPE_CHECKING:
    from tests.support.aws import Aws

TARGET = "PinpointSMSVoiceV2.SendTextMessage"
GOOD = b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello"}'


async def post(aws: Aws, octets: bytes, *, target: str = TARGET, **headers: str) -> tuple[int, str]:
    """Status and ``__type`` of the answer to a well-signed request with this body."""
    sent = {"X-Amz-Target": target, "Content-Type": CONTENT_TYPE} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    request = AWSRequest("POST", f"{aws.url}/", sent, octets)
    SigV4Auth(Credentials(aws.key.id, aws.key.secret), "sms-voice", REGION).add_auth(request)
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(aws.url, data=octets, headers=dict(request.headers.items())) as response,
    ):
        document = await response.json(content_type=None)
        assert response.headers["x-amzn-RequestId"]
        assert response.content_type == CONTENT_TYPE
        return response.status, document.get("__type", "")


async def test_a_good_body_is_taken(aws: Aws) -> None:
    assert await post(aws, GOOD) == (200, "")


@pytest.mark.parametrize(
    "octets",
    [
        b"{", b"[]", b'"text"', b"null", b"7", b"{}{}", b'{"a":1,}', b"{'a':1}", b"\xff\xfe{}", b'{"a":"\xff"}',
        GOOD.decode().encode("utf-16"), b"\xef\xbb\xbf{}",
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":' + b"9" * 5000 + b"}",
        b'{"MessageBody":"a","MessageBody":"b"}', b'{"Context":{"a":"1","a":"2"}}', b'{"unknown":{"a":1,"a":1}}',
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"[" * 100_000,
    ],
)  # fmt: skip
async def test_what_is_no_strict_json_cannot_be_read(aws: Aws, octets: bytes) -> None:
    assert await post(aws, octets) == (400, "SerializationException")


@pytest.mark.parametrize(
    "octets",
    [
        b"{}",
        b"",
        b'{"DestinationPhoneNumber":null,"MessageBody":"Hello"}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"\\ud800"}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"a\\u0000b"}',
        b'{"DestinationPhoneNumber":["+12065550142"],"MessageBody":"Hello"}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello","TimeToLive":4}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello","TimeToLive":true}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello","TimeToLive":1e400}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello","DryRun":"yes"}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello","Context":{"\\udfff":"a"}}',
        b'{"DestinationPhoneNumber":"+12065550142","MessageBody":"Hello","MessageType":"OTHER"}',
        b'{"DestinationPhoneNumber":"+12065550142"}',
    ],
)
async def test_what_does_not_fit_the_model_is_named(aws: Aws, octets: bytes) -> None:
    assert await post(aws, octets) == (400, "ValidationException")


async def test_members_that_the_model_lacks_are_passed_over(aws: Aws) -> None:
    assert await post(aws, GOOD[:-1] + b',"Newer":{"deep":[1,{"a":null}]}}') == (200, "")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-amz-json-1.1", "text/plain", "x"])
async def test_another_content_type_is_not_read(aws: Aws, content_type: str) -> None:
    assert await post(aws, GOOD, Content_Type=content_type) == (415, "UnsupportedMediaTypeException")


@pytest.mark.parametrize("encoding", ["gzip", "aws-chunked", "deflate"])
async def test_an_encoded_body_is_not_decoded(aws: Aws, encoding: str) -> None:
    assert await post(aws, GOOD, Content_Encoding=encoding) == (400, "MalformedHttpRequestException")


async def test_aws_chunked_signatures_are_not_taken(aws: Aws) -> None:
    found = await post(aws, GOOD, X_Amz_Content_SHA256="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    assert found == (403, "InvalidSignatureException")


async def test_too_much_is_refused_before_it_is_read(aws: Aws) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(aws.url.rpartition(":")[2]))
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {LARGEST + 1}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_too_much_in_pieces_is_refused(aws: Aws) -> None:
    async def pieces():
        for _ in range(LARGEST // 65536 + 2):
            yield b" " * 65536

    async with aiohttp.ClientSession() as session:
        with contextlib.suppress(aiohttp.ClientConnectionError):  # it may hang up while more is on its way
            async with session.post(aws.url, data=pieces(), headers={"Content-Type": CONTENT_TYPE}) as response:
                assert response.status == 413


@pytest.mark.parametrize(
    "target", ["", "SendTextMessage", "PinpointSMSVoiceV2.", "PinpointSMSVoiceV2.Fly", "Other.SendTextMessage"]
)
async def test_an_operation_that_is_none_is_told_so(aws: Aws, target: str) -> None:
    assert await post(aws, GOOD, target=target) == (400, "UnknownOperationException")
