"""The quick way in: what it takes, what it leaves to aiohttp, and that both give the same answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.front import LARGEST_BODY, LARGEST_HEAD, Front, written
from gateway.api.problems import Answer
from tests.support.api import NUMBER, PERSON, serving
from tests.support.service import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.api.front import PlainRequest

JSON = "Content-Type: application/json"


def request(*headers: str, line: str = "POST /send HTTP/1.1", body: bytes = b"{}", length: int | None = None) -> bytes:
    lines = [line, "Host: here", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


PLAIN = request(JSON, body=b'{"a":1}')


class Desk:
    """Answers by the quick way: when it may, and with what."""

    def __init__(self) -> None:
        self.seen: list[PlainRequest] = []
        self.may = asyncio.Event()
        self.may.set()
        self.asked = asyncio.Event()

    async def __call__(self, request: PlainRequest) -> Answer:
        self.seen.append(request)
        self.asked.set()
        await self.may.wait()
        return Answer(202, {"Content-Type": "application/json"}, b"quick " + request.octets)


class Served:
    """A front on a port of its own, and aiohttp behind it, which says who it is."""

    def __init__(self, front: Front, desk: Desk, site: web.Server, port: int) -> None:
        self.front, self.desk, self.site, self.port = front, desk, site, port

    async def connect(self) -> Wire:
        return Wire(*await asyncio.open_connection("127.0.0.1", self.port))


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, octets: bytes) -> bytes:
        self.writer.write(octets)
        return await self.answer()

    async def answer(self) -> bytes:
        """The body of the next answer."""
        return (await self.whole())[1]

    async def whole(self) -> tuple[bytes, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        return head, await self.reader.readexactly(int(length[1]) if length else 0)

    async def ended(self) -> bool:
        return await self.reader.read() == b""


@contextlib.asynccontextmanager
async def standing(*, keep_alive: float = 75.0) -> AsyncIterator[Served]:
    async def by_aiohttp(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"aiohttp " + await request.read())

    desk, site = Desk(), web.Server(by_aiohttp)
    front = Front({("POST", "/send"): desk}, site, keep_alive=keep_alive)
    server = await asyncio.get_running_loop().create_server(front, "127.0.0.1", 0)
    try:
        yield Served(front, desk, site, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        desk.may.set()
        await front.close(1.0)
        await site.shutdown(1.0)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with standing() as running:
        yield running


async def test_a_plain_request_is_answered_here(served):
    wire = await served.connect()
    head, body = await (wire.writer.write(request(JSON, "Authorization: Bearer x")), wire.whole())[1]
    assert head.startswith(b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 8\r\nDate: ")
    assert body == b"quick {}"
    (seen,) = served.desk.seen
    assert (seen.method, seen.path, seen.octets) == ("POST", "/send", b"{}")
    assert seen.headers.get("authorization") == "Bearer x"


@pytest.mark.parametrize(
    "header", ["Content-Type: application/json; charset=utf-8", "content-type: APPLICATION/JSON", JSON]
)
async def test_ways_to_say_json(served, header):
    wire = await served.connect()
    assert await wire.ask(request(header)) == b"quick {}"


async def test_a_connection_is_used_again(served):
    wire = await served.connect()
    assert [await wire.ask(PLAIN) for _ in range(3)] == [b'quick {"a":1}'] * 3


NOT_PLAIN = {
    "another path": request(JSON, line="POST /sent HTTP/1.1"),
    "a query": request(JSON, line="POST /send?x=1 HTTP/1.1"),
    "another method": request(JSON, line="PUT /send HTTP/1.1"),
    "an older HTTP": request(JSON, line="POST /send HTTP/1.0"),
    "the whole address": request(JSON, line="POST http://here/send HTTP/1.1"),
    "no content type": request(),
    "another content type": request("Content-Type: text/plain"),
    "a header given twice": request(JSON, "X-Name: a", "x-name: b"),
    "another charset": request("Content-Type: application/json; charset=latin-1"),
    "a header beyond ASCII": request(JSON, "X-Name: Jos\u00e9"),
    "the last of its connection": request(JSON, "Connection: close"),
    "identity": request(JSON, "Content-Encoding: identity"),
    "one that waits to be told to go on": request(JSON, "Expect: 100-continue"),
    "a head too long": request(JSON, *[f"X-{n}: {'a' * 900}" for n in range(9)], "X-Last: " + "a" * 200),
}


@pytest.mark.parametrize("octets", NOT_PLAIN.values(), ids=NOT_PLAIN)
async def test_what_is_not_plain_is_aiohttps(served, octets):
    wire = await served.connect()
    assert await wire.ask(octets) == b"aiohttp {}"
    assert served.desk.seen == []


def test_the_long_head_is_too_long_for_nothing_else():
    head = NOT_PLAIN["a head too long"]
    assert LARGEST_HEAD < len(head) < LARGEST_HEAD + 500


CHUNKS = (
    b"POST /send HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\n{}\r\n0\r\n\r\n"
)


async def test_chunks_are_aiohttps(served):
    wire = await served.connect()
    assert await wire.ask(CHUNKS) == b"aiohttp {}"


@pytest.mark.parametrize(
    "octets", [b"\x16\x03\x01\r\n\r\n", b"POST /send HTTP/1.1\r\nNo colon\r\n\r\n", b"\r\n\r\nGET"]
)
async def test_nonsense_is_refused_by_aiohttp(served, octets):
    wire = await served.connect()
    wire.writer.write(octets)
    wire.writer.write_eof()
    assert b"quick" not in await wire.reader.read()
    assert served.desk.seen == []


@pytest.mark.parametrize("smuggled", ["Content-Length: 0", "Transfer-Encoding: chunked", "Transfer-Encoding : x", JSON])
async def test_octets_that_could_be_read_in_two_ways_are_never_taken(served, smuggled):
    """RFC 9112, section 6.3: two lengths, a length and chunks; or two content types."""
    wire = await served.connect()
    wire.writer.write(request(JSON, smuggled))
    wire.writer.write_eof()
    await wire.reader.read()
    assert served.desk.seen == []


async def test_what_follows_something_not_plain_is_aiohttps_too(served):
    wire = await served.connect()
    answers = [await wire.ask(one) for one in (PLAIN, request(JSON, line="GET / HTTP/1.1", body=b""), PLAIN)]
    assert answers == [b'quick {"a":1}', b"aiohttp ", b'aiohttp {"a":1}']


async def test_a_body_may_come_after_its_head(served):
    """As many clients send it: http.client of Python, and so requests and urllib3."""
    wire = await served.connect()
    for _ in range(2):
        wire.writer.write(PLAIN[:-7])
        await eventually(lambda: next(iter(served.front.connections))._row, every=0)
        assert await wire.ask(PLAIN[-7:]) == b'quick {"a":1}'


async def test_a_head_in_pieces_is_aiohttps(served):
    wire = await served.connect()
    assert await wire.ask(PLAIN) == b'quick {"a":1}'
    wire.writer.write(PLAIN[:30])
    await eventually(lambda: not served.front.connections, every=0)
    assert await wire.ask(PLAIN[30:]) == b'aiohttp {"a":1}'


async def test_requests_sent_ahead_are_answered_in_order(served):
    served.desk.may.clear()
    wire = await served.connect()
    wire.writer.write(PLAIN)
    await served.desk.asked.wait()
    wire.writer.write(request(JSON, body=b"2") + request(JSON, line="GET / HTTP/1.1", body=b"3"))
    await wire.writer.drain()
    served.desk.may.set()
    answers = [await wire.answer() for _ in range(3)]
    assert answers[0] == b'quick {"a":1}'
    assert [answer[-1:] for answer in answers] == [b"}", b"2", b"3"]


async def test_a_connection_that_nobody_uses_is_closed():
    async with standing(keep_alive=0.05) as served:
        wire = await served.connect()
        assert await wire.ask(PLAIN) == b'quick {"a":1}'
        assert await wire.ended()
        assert not served.front.connections


async def test_a_request_under_way_is_no_idleness():
    async with standing(keep_alive=0.05) as served:
        served.desk.may.clear()
        wire = await served.connect()
        wire.writer.write(PLAIN)
        asyncio.get_running_loop().call_later(0.15, served.desk.may.set)
        assert await wire.answer() == b'quick {"a":1}'


async def test_on_leaving_the_idle_are_aiohttps(served):
    wire = await served.connect()
    await wire.ask(PLAIN)
    served.front.leave()
    assert await wire.ask(PLAIN) == b'aiohttp {"a":1}'


async def test_on_leaving_a_request_under_way_is_answered_first(served):
    served.desk.may.clear()
    wire = await served.connect()
    wire.writer.write(PLAIN)
    await served.desk.asked.wait()
    served.front.leave()
    served.desk.may.set()
    assert await wire.answer() == b'quick {"a":1}'
    assert await wire.ask(PLAIN) == b'aiohttp {"a":1}'


async def test_on_leaving_what_was_sent_ahead_is_aiohttps(served):
    served.desk.may.clear()
    wire = await served.connect()
    wire.writer.write(PLAIN)
    await served.desk.asked.wait()
    wire.writer.write(PLAIN)
    await eventually(lambda: next(iter(served.front.connections))._held, every=0)
    served.front.leave()
    served.desk.may.set()
    assert [await wire.answer() for _ in range(2)] == [b'quick {"a":1}', b'aiohttp {"a":1}']


async def test_who_comes_after_leaving_is_aiohttps(served):
    served.front.leave()
    wire = await served.connect()
    assert await wire.ask(PLAIN) == b'aiohttp {"a":1}'


async def test_closing_waits_for_a_request_under_way(served):
    served.desk.may.clear()
    wire = await served.connect()
    wire.writer.write(PLAIN)
    await served.desk.asked.wait()
    closing = asyncio.create_task(served.front.close(5.0))
    asyncio.get_running_loop().call_soon(served.desk.may.set)
    await closing
    assert await wire.answer() == b'quick {"a":1}'
    assert await wire.ended()


async def test_closing_waits_no_longer_than_it_may(served):
    served.desk.may.clear()
    wire = await served.connect()
    wire.writer.write(PLAIN)
    await served.desk.asked.wait()
    (connection,) = served.front.connections
    task = connection.task
    await served.front.close(0.01)
    assert await wire.ended()
    await eventually(task.cancelled, every=0)


async def test_who_went_away_leaves_nothing(served):
    served.desk.may.clear()
    wire = await served.connect()
    wire.writer.write(PLAIN)
    await served.desk.asked.wait()
    wire.writer.close()
    (connection,) = served.front.connections
    await eventually(lambda: not served.front.connections, every=0)
    served.desk.may.set()
    await eventually(lambda: connection.task is None, every=0)


# By hand: what asyncio would say, and what is said to it.


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.reading, self.closed, self.protocol = True, False, None
        self.written: list[bytes] = []

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Other(asyncio.Protocol):
    """aiohttp, which notes what it is given."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    @property
    def octets(self) -> bytes:
        return b"".join(self.pieces)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)


@contextlib.asynccontextmanager
async def by_hand() -> AsyncIterator[tuple[asyncio.Protocol, Transport, Desk, Callable[[], object]]]:
    desk, transport = Desk(), Transport()
    front = Front({("POST", "/send"): desk}, Other, keep_alive=75.0)
    protocol = front()
    protocol.connection_made(transport)

    async def settle() -> None:
        await eventually(lambda: protocol.task is None or not desk.may.is_set(), every=0)

    yield protocol, transport, desk, settle
    protocol.connection_lost(None)


HANDED_OVER = {
    **NOT_PLAIN,
    "chunks": CHUNKS,
    "no chunk": CHUNKS.replace(b"2\r\n{}\r\n", b""),
    "an upgrade": request(JSON, "Connection: Upgrade", "Upgrade: websocket"),
    "one and the beginning of another": PLAIN + PLAIN[:1],
    "two": PLAIN * 2,
    "most of a head": PLAIN[:80],
    "a head that says JSON, and not how much yet": f"POST /send HTTP/1.1\r\n{JSON}\r\nAccept: ".encode(),
    "the head of chunks": CHUNKS[:-10],
    "the beginning of what is large": request(JSON, length=LARGEST_BODY + 1),
    "nonsense": b"\x16\x03\x01",
}


@pytest.mark.parametrize("octets", HANDED_OVER.values(), ids=HANDED_OVER)
async def test_aiohttp_gets_every_octet_at_once(octets):
    async with by_hand() as (protocol, transport, desk, settle):
        protocol.data_received(PLAIN)
        await settle()
        protocol.data_received(octets)
        assert transport.protocol.pieces == [octets]
        assert len(desk.seen) == 1
        assert protocol._timer.cancelled()


@pytest.mark.parametrize("rest", [PLAIN[-1:] + b"P", PLAIN[-1:] * 2])
async def test_what_goes_on_with_more_than_its_length_is_handed_over(rest):
    async with by_hand() as (protocol, transport, desk, _):
        protocol.data_received(PLAIN[:-1])
        assert transport.protocol is None
        protocol.data_received(rest)
        assert transport.protocol.pieces == [PLAIN[:-1] + rest]
        assert desk.seen == []


async def test_a_body_of_the_largest_size_is_waited_for():
    body = b"1" * LARGEST_BODY
    async with by_hand() as (protocol, transport, desk, settle):
        protocol.data_received(request(JSON, body=body)[:-1])
        protocol.data_received(body[-1:])
        await settle()
        assert (desk.seen[0].octets, transport.protocol) == (body, None)


async def test_on_leaving_what_has_begun_is_handed_over():
    async with by_hand() as (protocol, transport, _, _):
        protocol.data_received(PLAIN[:-1])
        protocol.leave()
        assert transport.protocol.pieces == [PLAIN[:-1]]


async def test_an_idle_connection_is_handed_over_without_octets():
    async with by_hand() as (protocol, transport, _, _):
        protocol.leave()
        assert transport.protocol.pieces == []


async def test_a_connection_that_ends_is_let_be():
    async with by_hand() as (protocol, transport, desk, settle):
        desk.may.clear()
        protocol.data_received(PLAIN)
        protocol.data_received(PLAIN)
        transport.closed = True
        desk.may.set()
        await settle()
        protocol.leave()
        assert (len(desk.seen), transport.written, transport.protocol) == (1, [], None)


async def test_what_was_held_when_a_connection_ends_is_dropped():
    async with by_hand() as (protocol, transport, desk, settle):
        protocol.pause_writing()
        protocol.data_received(PLAIN)
        transport.closed = True
        protocol.resume_writing()
        await settle()
        assert desk.seen == []


async def test_only_who_is_idle_for_long_is_closed():
    async with by_hand() as (protocol, transport, _, settle):
        protocol._tick()
        protocol._idle_since -= 80
        protocol.data_received(PLAIN)
        protocol._tick()
        await settle()
        protocol._tick()
        assert not transport.closed
        protocol._idle_since -= 80
        protocol._tick()
        assert transport.closed


async def test_what_was_held_is_taken_once():
    async with by_hand() as (protocol, transport, desk, settle):
        for _ in range(2):
            desk.may.clear()
            protocol.data_received(PLAIN)
            protocol.data_received(PLAIN)
            desk.may.set()
            await settle()
        assert (len(desk.seen), len(transport.written)) == (4, 4)


async def test_who_stops_reading_meanwhile_is_not_read_from():
    async with by_hand() as (protocol, transport, desk, settle):
        desk.may.clear()
        protocol.data_received(PLAIN)
        protocol.pause_writing()
        desk.may.set()
        await settle()
        assert not transport.reading


async def test_while_a_request_is_answered_no_more_is_read():
    async with by_hand() as (protocol, transport, desk, settle):
        desk.may.clear()
        protocol.data_received(PLAIN)
        assert transport.reading
        protocol.data_received(PLAIN)
        assert not transport.reading
        desk.may.set()
        await settle()
        assert len(transport.written) == 2
        assert transport.reading


async def test_who_does_not_read_is_not_read_from():
    async with by_hand() as (protocol, transport, desk, settle):
        protocol.pause_writing()
        assert not transport.reading
        protocol.data_received(PLAIN)
        await settle()
        assert desk.seen == []
        protocol.resume_writing()
        await settle()
        assert transport.reading
        assert len(transport.written) == 1


async def test_reading_goes_on_when_nothing_came_meanwhile():
    async with by_hand() as (protocol, transport, _, _):
        protocol.pause_writing()
        protocol.resume_writing()
        assert transport.reading


async def test_on_leaving_who_does_not_read_is_let_go():
    async with by_hand() as (protocol, transport, _, _):
        protocol.pause_writing()
        protocol.leave()
        assert transport.closed


_REQUESTS = st.one_of(
    st.just(PLAIN),
    st.builds(lambda body: request(JSON, body=body), st.binary(max_size=20)),
    st.sampled_from(list(NOT_PLAIN.values())),
)


@given(st.lists(_REQUESTS, max_size=6), st.lists(st.integers(1, 400), max_size=8), st.booleans())
async def test_no_octet_is_lost_or_read_twice(requests, cuts, wait):
    """However a stream is cut: what was answered here, then what aiohttp was given, are the stream."""
    stream, octets = b"".join(requests), b"".join(requests)
    async with by_hand() as (protocol, transport, desk, settle):
        for cut in [*cuts, len(stream)]:
            piece, stream = stream[:cut], stream[cut:]
            if piece:
                (transport.protocol or protocol).data_received(piece)
            if wait:
                await settle()
        await settle()
        given = b"".join(request(JSON, body=one.octets) for one in desk.seen)
        assert given + (transport.protocol.octets if transport.protocol else protocol._raw) == octets
        assert len(transport.written) == len(desk.seen)


def test_an_answer_is_http():
    octets = written(Answer(429, {"Retry-After": "3", "Content-Type": "x/y"}, b"no"))
    head, _, body = octets.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:4] == [
        b"HTTP/1.1 429 Too Many Requests", b"Retry-After: 3", b"Content-Type: x/y", b"Content-Length: 2",
    ]  # fmt: skip
    assert body == b"no"


# The API: both ways give the same answers.

SENDS = {
    "accepted": {"to": PERSON, "body": "hi"},
    "refused": {"to": PERSON, "body": "hi", "from": "+12065559999"},
    "a wrong field": {"to": PERSON, "body": "hi", "colour": "red"},
    "a wrong number": {"to": "12", "body": "hi"},
    "a dry run": {"to": PERSON, "body": "hi", "from": NUMBER, "dry_run": True},
    "no object": [1],
}


@pytest.fixture(scope="module")
def changing() -> re.Pattern[bytes]:
    return re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z")


@pytest.mark.parametrize(
    "headers", [{}, {"Idempotency-Key": "k1"}, {"Authorization": "Bearer no"}, {"Authorization": ""}]
)
@pytest.mark.parametrize("document", SENDS.values(), ids=SENDS)
async def test_both_ways_answer_alike(tmp_path, changing, document, headers):
    async with serving(tmp_path) as bench:
        quick = await bench.call("POST", "/v1/messages", document, headers=headers)
        again = {**headers, "Idempotency-Key": "k2"} if "Idempotency-Key" in headers else headers
        slow = await bench.call("POST", "/v1/messages?decision=false", document, headers=again)
    assert quick.status == slow.status
    assert changing.sub(b"*", quick.octets) == changing.sub(b"*", slow.octets)
    usual = {"Date"}
    assert {k: v for k, v in quick.headers.items() if k not in usual} == {
        k: v for k, v in slow.headers.items() if k not in usual
    }


@pytest.mark.parametrize("octets", [b"", b"{", b'"\xff"', b'{"to": "\\ud800", "body": "x"}', b"[" * 3000])
async def test_both_ways_refuse_bad_json_alike(tmp_path, octets):
    async with serving(tmp_path) as bench:
        quick = await bench.call("POST", "/v1/messages", raw=octets)
        slow = await bench.call("POST", "/v1/messages?decision=false", raw=octets)
    assert (quick.status, json.loads(quick.octets)) == (slow.status, json.loads(slow.octets))
    assert quick.status in {400, 422}


async def test_a_key_that_was_used_is_answered_again_with_the_same(tmp_path):
    async with serving(tmp_path) as bench:
        first, second = [
            await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "hi"}, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
    assert first.octets == second.octets
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_a_fault_of_ours_is_a_bare_500(tmp_path, monkeypatch):
    async with serving(tmp_path) as bench:

        async def fail(_order: object) -> None:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(bench.services.outbound, "accept_all", fail)
        answer = await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "hi"})
    assert answer.status == 500
    assert answer.json["code"] == "internal_error"
    assert b"secret" not in answer.octets
