from __future__ import annotations

import orjson
import pytest

from gateway.events.aws_records import Sent
from gateway.events.pinpoint_records import Text, message_of, stream_record
from gateway.events.record import Event, EventType, encode, message_event
from gateway.model import Status, account_number

AT = 1_553_104_954_322  # milliseconds
TEXT = Text(
    "1111-2222-3333", "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "main", "+14255550199", "+12065550142", 1, "TRANSACTIONAL", "{}"
)  # fmt: skip
SENT = Sent("US", "GSM7", 6_450, AT * 1000, "report")
ACCOUNT = account_number("main")

# The published example, without what a campaign adds (developer guide, event-streams-data-sms).
PUBLISHED = {
    "event_type": "_SMS.SUCCESS",
    "event_timestamp": AT,
    "arrival_timestamp": AT,
    "event_version": "3.1",
    "application": {"app_id": "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "sdk": {}},
    "client": {"client_id": ACCOUNT},
    "device": {"platform": {}},
    "session": {},
    "attributes": {
        "sender_request_id": "1111-2222-3333",
        "origination_phone_number": "+12065550142",
        "destination_phone_number": "+14255550199",
        "record_status": "DELIVERED",
        "iso_country_code": "US",
        "treatment_id": "0",
        "number_of_message_parts": "1",
        "message_id": "1111-2222-3333",
        "message_type": "Transactional",
    },
    "metrics": {"price_in_millicents_usd": 645.0},
    "awsAccountId": ACCOUNT,
}


def event(status=Status.DELIVERED, code="", **more):
    values = {
        "account_id": "main", "message_id": TEXT.id, "to": TEXT.to, "sender": TEXT.sender, "status": status,
        "at": AT * 1000 + 999, "parts": 1, "message_type": "TRANSACTIONAL", "purpose": "message", "context": {},
        "reason_code": code,
    }  # fmt: skip
    return orjson.loads(encode(message_event(**values | more)))


def answer(meaning="OPT_OUT"):
    data = {"reply_to": TEXT.id, "meaning": meaning, "inbound_id": "0198"}
    return orjson.loads(encode(Event(EventType.INBOUND_RECEIVED, "main", "0198", AT * 1000, data)))


def test_a_record_is_as_published():
    assert stream_record(event(), TEXT, SENT) == PUBLISHED


def test_every_attribute_is_a_string_and_numbers_are_numbers():
    record = stream_record(event(), TEXT._replace(parts=3, context='{"k":"v"}'), SENT)
    assert {type(value) for value in record["attributes"].values()} == {str}
    assert (type(record["event_timestamp"]), type(record["metrics"]["price_in_millicents_usd"])) == (int, float)
    assert record["attributes"]["number_of_message_parts"] == "3"
    assert orjson.loads(record["attributes"]["customer_context"]) == {"k": "v"}


# What a message comes to -> event_type and record_status.
@pytest.mark.parametrize(
    ("given", "kind", "status"),
    [
        (event(Status.QUEUED, event_type=EventType.MESSAGE_ACCEPTED, price=6_450), "BUFFERED", "PENDING"),
        (event(Status.SCHEDULED), "BUFFERED", "PENDING"),
        (event(Status.QUEUED, "0x00000058"), "BUFFERED", "PENDING"),
        (event(Status.SUBMITTED), "BUFFERED", "SUCCESSFUL"),
        (event(Status.DELIVERED), "SUCCESS", "DELIVERED"),
        (event(Status.REJECTED, "0x0000000B"), "FAILURE", "INVALID"),
        (event(Status.REJECTED, ""), "FAILURE", "INVALID_MESSAGE"),
        (event(Status.REJECTED, "0x00000066"), "FAILURE", "CARRIER_BLOCKED"),
        (event(Status.UNDELIVERED, "3:27"), "FAILURE", "UNREACHABLE"),
        (event(Status.UNDELIVERED, "3:13"), "FAILURE", "BLOCKED"),
        (event(Status.UNDELIVERED, "001"), "FAILURE", "UNKNOWN"),
        (event(Status.FAILED, "0x00000014"), "FAILURE", "CARRIER_UNREACHABLE"),
        (event(Status.EXPIRED, "ttl_expired"), "FAILURE", "TTL_EXPIRED"),
        (event(Status.UNKNOWN, "no_receipt"), "FAILURE", "UNKNOWN"),
        (event(Status.REFUSED, "destination_opted_out", price=6_450), "FAILURE", "OPTED_OUT"),
        (event(Status.REFUSED, "destination_opted_out"), "FAILURE", "OPTED_OUT"),
        (event(Status.REFUSED, "monthly_spend_limit_reached", price=6_450), "FAILURE", "NO_QUOTA_LEFT_ON_ACCOUNT"),
        (event(Status.REFUSED, "inflated_traffic_filtered", price=6_450), "FAILURE", "BLOCKED"),
        (event(Status.REFUSED, "quiet_hours"), "FAILURE", "BLOCKED"),
        (answer(), "OPTOUT", "DELIVERED"),
    ],
)
def test_what_happens_has_its_record(given, kind, status):
    record = stream_record(given, TEXT, SENT)
    assert (record["event_type"], record["attributes"]["record_status"]) == (f"_SMS.{kind}", status)
    assert record["attributes"]["message_id"] == TEXT.id


def test_a_type_is_written_as_a_word():
    record = stream_record(event(), TEXT._replace(message_type="PROMOTIONAL"), SENT)
    assert record["attributes"]["message_type"] == "Promotional"


def test_there_is_no_price_before_the_end_and_none_to_pay_for_what_never_left():
    assert stream_record(event(Status.SUBMITTED), TEXT, SENT)["metrics"] == {}
    refused = stream_record(event(Status.REFUSED, "destination_opted_out", price=6_450), TEXT, SENT)
    assert refused["metrics"] == {"price_in_millicents_usd": 0.0}
    assert stream_record(answer(), TEXT, SENT)["metrics"] == {"price_in_millicents_usd": 645.0}


def test_taken_by_the_carrier_is_a_success_where_no_receipt_can_come():
    record = stream_record(event(Status.SUBMITTED), TEXT, SENT, receipts=False)
    assert (record["event_type"], record["attributes"]["record_status"]) == ("_SMS.SUCCESS", "SUCCESSFUL")
    assert stream_record(event(Status.UNKNOWN, "no_receipt"), TEXT, SENT, receipts=False) is None


@pytest.mark.parametrize("meaning", ["OPT_IN", "HELP", "NOTHING", "REVIEW"])
def test_any_other_answer_has_no_record(meaning):
    assert stream_record(answer(meaning), TEXT, SENT) is None


def test_an_answer_is_of_the_message_that_it_answers():
    assert (message_of(answer()), message_of(event())) == (TEXT.id, TEXT.id)
