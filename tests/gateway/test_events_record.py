from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events.record import Event, EventType, encode, numbered, timestamp
from gateway.model import Status
from gateway.store.times import iso
from tests.support.events import AT, delivered


def test_a_delivered_event_says_everything_about_the_message():
    event = delivered(connector="smpp-1", reason_code="", possible_duplicate=True)

    assert orjson.loads(numbered(42, encode(event))) == {
        "id": "evt_42",
        "seq": 42,
        "type": "message.delivered",
        "timestamp": "2026-11-18T11:06:40.123456Z",
        "account_id": "main",
        "data": {
            "message_id": "m1",
            "to": "+447700900123",
            "from": "ACME",
            "status": "DELIVERED",
            "parts": 1,
            "message_type": "TRANSACTIONAL",
            "purpose": "MESSAGE",
            "reason_code": "",
            "reason": "",
            "connector": "smpp-1",
            "possible_duplicate": True,
            "context": {"order": "7"},
        },
    }


def test_a_price_is_told_in_dollars_and_left_out_when_unknown():
    assert delivered(price=7_500).data["price"] == "0.007500"
    assert "price" not in delivered().data


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SUBMITTING])
def test_every_status_but_submitting_has_an_event_of_its_name(status):
    assert delivered(status=status).type == f"message.{status.lower()}"


def test_submitting_is_our_own_journal_and_no_event():
    with pytest.raises(KeyError):
        delivered(status=Status.SUBMITTING)


def test_the_first_queued_is_called_accepted_when_asked():
    event = delivered(status=Status.QUEUED, event_type=EventType.MESSAGE_ACCEPTED)
    assert event.type is EventType.MESSAGE_ACCEPTED
    assert event.data["status"] == "QUEUED"


def test_an_event_cannot_be_changed():
    with pytest.raises(AttributeError):
        delivered().at = 0


@pytest.mark.parametrize("text", ["half a pair \ud83d", "\udc00", "nul \x00", 'quotes " and \\', "line\nbreak \u2028"])
def test_no_inbound_text_stops_an_event_from_being_logged(text):
    encoded = encode(
        Event(EventType.INBOUND_RECEIVED, "main", "i1", AT, {"text": text, "tags": {"a": 1}.items().mapping})
    )
    assert "\n" not in encoded
    assert "\x00" not in encoded
    told = orjson.loads(numbered(1, encoded))["data"]["text"]
    assert told == text.encode("utf-8", "replace").decode()


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_timestamps_are_those_of_the_store(at):
    assert timestamp(at) == iso(at)
