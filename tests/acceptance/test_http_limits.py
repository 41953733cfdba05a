"""What a hostile or broken HTTP client does to the started service: a 4xx that says why, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest
import pytest_asyncio

from gateway.quickstart import HANDSET
from tests.support.service import service

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)
]  # fmt: skip

SLOW_CLIENTS = 200
LARGEST = 4 * 1024 * 1024  # octets of a request
BATCH = "/v1/messages/batch"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory):
    """One for all: what is refused leaves nothing behind."""
    async with service(tmp_path_factory.mktemp("limits")) as one:
        yield one


async def post(served, body, path="/v1/messages", **headers):
    """The status and problem document of a POST of these octets, or of what an asynchronous iterator gives."""
    sent = {"Authorization": f"Bearer {served.key}", "Content-Type": "application/json", **headers}
    async with served.http.post(served.url + path, data=body, headers=sent) as response:
        assert response.headers["Content-Type"] == "application/problem+json"
        return response.status, await response.json(content_type=None)


async def is_nothing_stored(served) -> bool:
    return (await served.good("GET", "/v1/messages"))["items"] == []


def batch_of(octets: int) -> bytes:
    """A batch that would be good, were it not so long."""
    filler = {"to": HANDSET, "body": "Hello", "context": {"k": "x" * 700}}
    count = octets // len(json.dumps(filler)) + 1
    return json.dumps({"messages": [filler] * count}).encode()


async def in_chunks(octets: bytes):
    for at in range(0, len(octets), 65536):
        yield octets[at : at + 65536]


@pytest.mark.parametrize("sent", [bytes, in_chunks], ids=["with its length", "in chunks without its length"])
async def test_a_huge_body_is_refused_as_too_large(served, sent):
    status, problem = await post(served, sent(batch_of(LARGEST + 1)), BATCH)
    assert (status, problem["code"]) == (413, "body_too_large"), problem
    assert await is_nothing_stored(served)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"to": "+12065550142"', b"hello", b"\xff\xfe{}", b'{"to": "+12065550142", "body": "x"}}', b"\0",
        b"[" * 100_000, b'{"a":' * 50_000, b'{"to": NaN}',
    ],
    ids=["empty", "open", "cut off", "words", "not UTF-8", "more behind it", "NUL", "deep lists", "deep", "NaN"],
)  # fmt: skip
async def test_a_body_that_is_no_json_is_refused(served, body):
    status, problem = await post(served, body)
    assert (status, problem["code"], problem["status"]) == (400, "bad_json", 400), problem
    assert problem["remedy"]
    assert await is_nothing_stored(served)


async def test_a_body_that_is_not_declared_as_json_is_refused(served):
    status, problem = await post(served, b"<to/>", **{"Content-Type": "application/xml"})
    assert (status, problem["code"], problem["field"]) == (415, "wrong_content_type", "Content-Type")


async def test_slow_clients_hold_up_nobody_else(served):
    """Hundreds of connections that stop in the middle of their headers or of their body."""
    starts = [
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
        b"Authorization: Bearer %b\r\n\r\n{" % served.key.encode(),
    ]
    async with contextlib.AsyncExitStack() as stack:
        for number in range(SLOW_CLIENTS):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            stack.callback(writer.close)
            writer.write(starts[number % 2])
            await writer.drain()
        slowest = 0.0
        for number in range(50):
            began = time.monotonic()
            answer = await served.call("POST", "/v1/messages", {"to": f"+1206{2_000_000 + number}", "body": "Hello"})
            slowest = max(slowest, time.monotonic() - began)
            assert answer.status == 202
        assert slowest < 5.0
        assert await served.status("/readyz") == 200
    assert len((await served.good("GET", "/v1/messages?limit=200"))["items"]) == 50
