from __future__ import annotations

import asyncio

import orjson
import pytest

from gateway.errors import Invalid
from gateway.events import stream as module
from gateway.events.log import Feed
from gateway.events.record import EventType
from gateway.events.stream import KEEP_ALIVE, last_event_id, stream
from tests.support.events import delivered, log_events, of_type


def parse(chunk):
    """The events of a chunk as (id, event, data)."""
    found = []
    for block in chunk.decode().strip("\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((int(fields["id"]), fields["event"], orjson.loads(fields["data"])))
    return found


async def test_a_stream_goes_on_behind_the_last_event_seen(store):
    await log_events(store, *(delivered(f"m{n}") for n in range(4)))
    events = parse(await anext(stream(store, Feed(), "main", 2)))
    assert [(seq, kind) for seq, kind, _ in events] == [(3, "message.delivered"), (4, "message.delivered")]
    assert events[0][2]["id"] == "evt_3"


async def test_a_new_stream_begins_with_what_happens_next(store):
    feed = Feed()
    await log_events(store, delivered("old"))
    flow = stream(store, feed, "main", None, keep_alive=0)
    assert await anext(flow) == KEEP_ALIVE
    await log_events(store, delivered("new"), feed=feed)
    [(seq, _, event)] = parse(await anext(flow))
    assert (seq, event["data"]["message_id"]) == (2, "new")


async def test_an_event_is_told_as_soon_as_it_is_committed(store):
    feed = Feed()
    flow = stream(store, feed, "main", 0)
    waiting = asyncio.create_task(anext(flow))
    await log_events(store, delivered("a"), feed=feed)
    [(seq, _, _)] = parse(await asyncio.wait_for(waiting, 30))
    assert seq == 1


async def test_a_stream_tells_its_own_account_and_wanted_types_only(store):
    await log_events(
        store,
        delivered("a"),
        of_type(EventType.OPT_OUT_ADDED, account_id="other"),
        of_type(EventType.OPT_OUT_ADDED),
    )
    events = parse(await anext(stream(store, Feed(), "main", 0, ["opt_out.added"])))
    assert [seq for seq, _, _ in events] == [3]


async def test_a_long_log_comes_in_chunks_without_waiting(store, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)
    await log_events(store, *(delivered(f"m{n}") for n in range(8)))
    flow = stream(store, Feed(), "main", 0)
    chunks = [parse(await anext(flow)) for _ in range(3)]
    assert [[seq for seq, _, _ in chunk] for chunk in chunks] == [[1, 2, 3], [4, 5, 6], [7, 8]]


async def test_silence_is_filled_with_comments(store):
    flow = stream(store, Feed(), "main", 0, keep_alive=0)
    assert [await anext(flow) for _ in range(3)] == [KEEP_ALIVE] * 3
    assert KEEP_ALIVE.startswith(b":")


@pytest.mark.parametrize(("header", "after"), [("", None), ("0", 0), ("42", 42), ("9" * 18, 999_999_999_999_999_999)])
def test_last_event_id_is_where_to_go_on(header, after):
    assert last_event_id(header) == after


@pytest.mark.parametrize("header", ["-1", "evt_1", "1.5", "9" * 19, "9" * 5000, "٣", " 1", "1\r\n"])
def test_a_last_event_id_that_is_no_number_is_refused(header):
    with pytest.raises(Invalid) as caught:
        last_event_id(header)
    assert caught.value.field == "Last-Event-ID"
