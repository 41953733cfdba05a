from __future__ import annotations

from typing import NamedTuple

import pytest

from gateway.events.destinations import Destination
from gateway.events.webhooks import WebhookSender, body, judge, message_id, open_session, rest_of
from gateway.store.times import HOUR, SECOND
from tests.support.webhook_sink import SECRET, Answer, WebhookSink

NOW = 1_795_000_000 * SECOND  # Wed, 18 Nov 2026 11:06:40 GMT


class Row(NamedTuple):
    seq: int
    subject_id: str = "m"
    data: str = '{"type":"message.delivered","data":{"context":{"é":"ü"}}}'


@pytest.fixture
async def sink():
    async with WebhookSink() as server:
        yield server


@pytest.fixture
async def session():
    async with open_session(allow_private=True) as client:
        yield client


def sender(session, url, batch_size=1):
    return WebhookSender(
        session, Destination("d", "main", "webhook", url, b"", (), batch_size), SECRET, allow_private=True
    )


async def test_one_event_is_the_body_and_is_signed(sink, session):
    outcome = await sender(session, sink.url).send([Row(7)], NOW)
    assert outcome.ok
    [delivery] = sink.taken
    assert delivery.json["id"] == delivery.id == "evt_7"
    assert delivery.headers["webhook-timestamp"] == str(NOW // SECOND)
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.signed()
    assert not delivery.signed("whsec_" + "A" * 32)


async def test_a_batch_comes_in_an_envelope_even_when_it_is_one(sink, session):
    out = sender(session, sink.url, batch_size=100)
    await out.send([Row(1), Row(2), Row(3)], NOW)
    await out.send([Row(4)], NOW)
    assert [delivery.seqs for delivery in sink.taken] == [[1, 2, 3], [4]]
    assert [delivery.json["type"] for delivery in sink.taken] == ["batch", "batch"]
    assert all(delivery.signed() for delivery in sink.taken)


def test_the_id_of_a_request_is_that_of_its_events():
    assert message_id([Row(3)], 1) == "evt_3"
    ids = [message_id([Row(seq) for seq in seqs], 100) for seqs in ([1, 3, 5], [1, 4, 5], [1, 5], [1], [1, 3, 5])]
    assert ids[0] == ids[4]
    assert len(set(ids)) == 4


def test_a_body_is_joined_from_the_texts_of_the_log():
    assert body([Row(1, data='{"a":1}')], 1) == '{"id":"evt_1","seq":1,"a":1}'
    assert body([Row(1, data='{"a":1}'), Row(2, data='{"b":2}')], 2) == (
        '{"type":"batch","events":[{"id":"evt_1","seq":1,"a":1},{"id":"evt_2","seq":2,"b":2}]}'
    )


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_any_2xx_is_an_ack(status):
    assert judge(status, "99", NOW).ok


@pytest.mark.parametrize(
    "status", [301, 302, 303, 307, 308, 400, 401, 404, 410, 413, 422, 429, 500, 502, 503, 504, 599]
)
def test_anything_else_is_a_failure(status):
    outcome = judge(status, "", NOW)
    assert not outcome.ok
    assert str(status) in outcome.error
    assert outcome.gone == (status == 410)


@pytest.mark.parametrize(("status", "rest"), [(429, 120), (502, 120), (503, 120), (504, 120), (500, 0), (400, 0)])
def test_retry_after_counts_where_it_means_come_again(status, rest):
    assert judge(status, "120", NOW).retry_after == rest * SECOND


@pytest.mark.parametrize(
    ("header", "rest"),
    [
        ("", 0),
        ("0", 0),
        ("5", 5 * SECOND),
        (" 5 ", 5 * SECOND),
        ("-5", 0),
        ("5.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("Wed, 18 Nov 2026 12:06:40 GMT", HOUR),
        ("Wed, 18 Nov 2026 12:06:40", HOUR),
        ("Wed, 18 Nov 2026 10:06:40 GMT", 0),
        ("Wed, 99 Nov 2026 10:06:40 GMT", 0),
        ("9" * 400, 999_999_999 * SECOND),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(header, rest):
    assert rest_of(header, NOW) == rest


async def test_a_redirect_is_not_followed(sink, session):
    sink.script(Answer(status=307, headers={"Location": sink.url}))
    outcome = await sender(session, sink.url).send([Row(1)], NOW)
    assert (outcome.ok, outcome.status) == (False, 307)
    assert len(sink.tries) == 1


async def test_a_kept_connection_that_was_closed_under_us_is_tried_once_more(sink, session):
    out = sender(session, sink.url)
    sink.script(Answer(reset=True))
    assert (await out.send([Row(1)], NOW)).ok
    assert [delivery.id for delivery in sink.tries] == ["evt_1", "evt_1"]


async def test_a_server_that_always_cuts_the_connection_is_a_failure(sink, session):
    sink.rule = lambda _delivery: Answer(reset=True)
    outcome = await sender(session, sink.url).send([Row(1)], NOW)
    assert not outcome.ok
    assert outcome.error.startswith("No connection: ")
    assert len(sink.tries) == 2


async def test_a_server_that_is_not_there_is_a_failure(session):
    async with WebhookSink() as sink:
        url = sink.url
    outcome = await sender(session, url).send([Row(1)], NOW)
    assert (outcome.ok, outcome.status, outcome.retry_after) == (False, 0, 0)


async def test_a_server_that_says_nothing_is_a_failure(sink, session, monkeypatch):
    session._timeout = session.timeout.__class__(total=0.05)
    sink.rule = lambda _delivery: Answer(hang=True)
    outcome = await sender(session, sink.url).send([Row(1)], NOW)
    assert outcome.error == "No answer within 15 seconds."


async def test_a_body_that_drips_does_not_hold_up_an_ack(sink, session):
    out = sender(session, sink.url)
    sink.script(Answer(drip=True))
    assert (await out.send([Row(1)], NOW)).ok
    assert (await out.send([Row(2)], NOW)).ok


async def test_an_answer_without_end_is_not_read_to_the_end(sink, session):
    sink.script(Answer(status=500, body=b"x" * 5_000_000))
    outcome = await sender(session, sink.url).send([Row(1)], NOW)
    assert outcome.error == "The server answered 500."


async def test_a_url_that_may_not_be_used_any_more_is_not_connected_to(sink):
    async with open_session(allow_private=False) as session:
        destination = Destination("d", "main", "webhook", sink.url, b"", (), 1)
        outcome = await WebhookSender(session, destination, SECRET, allow_private=False).send([Row(1)], NOW)
    assert outcome.error == "The URL must begin with https://."
    assert sink.tries == []


async def test_no_proxy_of_the_environment_sees_a_webhook(sink, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    async with open_session(allow_private=True) as session:
        assert (await sender(session, sink.url).send([Row(1)], NOW)).ok


async def test_no_error_tells_the_url(session):
    async with WebhookSink() as sink:
        url = sink.url + "?token=hunter2"
    outcome = await sender(session, url).send([Row(1)], NOW)
    assert "hunter2" not in repr(outcome)
    assert "127.0.0.1" not in repr(outcome)
