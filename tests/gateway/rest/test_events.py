"""The event log over HTTP: pages and the stream."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from tests.support.api import PERSON

SEND = {"to": PERSON, "body": "Hello"}


async def test_events_are_listed_by_number_and_type(bench):
    for _ in range(3):
        await bench.call("POST", "/v1/messages", SEND)
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    page = (await bench.call("GET", "/v1/events?limit=2", key="read")).json
    assert [one["type"] for one in page["items"]] == ["message.accepted"] * 2
    rest = (await bench.call("GET", f"/v1/events?after={page['last']}")).json
    assert [one["type"] for one in rest["items"]] == ["message.accepted", "opt_out.added"]
    assert (await bench.call("GET", f"/v1/events?after={rest['last']}")).json == {"items": [], "last": rest["last"]}
    for query in ("types=opt_out.added", "types=opt_out.added&types=opt_out.lifted"):
        found = (await bench.call("GET", f"/v1/events?{query}")).json["items"]
        assert [one["data"]["phone"] for one in found] == [PERSON]
    wrong = await bench.call("GET", "/v1/events?types=no.such")
    assert (wrong.status, wrong.json["field"]) == (422, "types[0]")


class Reader:
    """Reads server-sent events off a response."""

    def __init__(self, response):
        self.response = response

    async def next(self):
        """The next event as (id, type, data); comments and retry hints are passed over."""
        found = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), 10)).decode().rstrip("\n")
            if not line and "data" in found:
                return found["id"], found["event"], orjson.loads(found["data"])
            name, _, value = line.partition(": ")
            found[name] = value


async def open_stream(bench, query="", **headers):
    headers.setdefault("Authorization", f"Bearer {bench.keys['read']}")
    response = await bench.client.get(f"/v1/events/stream{query}", headers=headers)
    assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
    await response.content.readuntil(b"\n\n")  # the hint about retries: the stream has begun
    return response


async def test_the_stream_gives_what_happened_behind_a_number_and_goes_on(bench):
    sent = [(await bench.call("POST", "/v1/messages", SEND)).json["id"] for _ in range(2)]
    async with await open_stream(bench, "?after=1") as response:
        reader = Reader(response)
        assert [(await reader.next())[2]["data"]["message_id"]] == [sent[1]]
        later = (await bench.call("POST", "/v1/messages", SEND)).json["id"]
        number, kind, event = await reader.next()
        assert (number, kind, event["data"]["message_id"]) == ("3", "message.accepted", later)


async def test_the_header_goes_before_the_query_and_types_are_kept_to(bench):
    await bench.call("POST", "/v1/messages", SEND)
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    await bench.call("POST", "/v1/opt-outs/lift", {"number": PERSON, "reason": "yes"})
    query = "?after=0&types=opt_out.added&types=opt_out.lifted"
    async with await open_stream(bench, query, **{"Last-Event-ID": "2"}) as response:
        assert (await Reader(response).next())[1] == "opt_out.lifted"


async def test_the_stream_keeps_to_its_account(bench):
    await bench.call("POST", "/v1/messages", SEND, key="other")
    await bench.call("POST", "/v1/messages", SEND)
    async with await open_stream(bench, "?after=0") as response:
        assert (await Reader(response).next())[2]["account_id"] == "main"


async def test_a_revoked_key_ends_its_stream(bench):
    async with await open_stream(bench) as response:
        await bench.call("DELETE", f"/v1/api-keys/{bench.key_ids['read']}")
        await bench.call("POST", "/v1/messages", SEND)
        assert await asyncio.wait_for(response.content.read(), 10) == b""


@pytest.mark.parametrize(
    ("query", "header", "field"), [("?after=x", "", "after"), ("", "x", "Last-Event-ID"), ("?types=x", "", "types[0]")]
)
async def test_a_stream_cannot_begin_anywhere(bench, query, header, field):
    answer = await bench.call("GET", f"/v1/events/stream{query}", headers={"Last-Event-ID": header} if header else {})
    assert (answer.status, answer.json["field"]) == (422, field)
