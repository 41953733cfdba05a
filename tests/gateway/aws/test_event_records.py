from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from gateway.api.aws.model import service
from gateway.events.aws_records import DESCRIPTIONS, Sent, record_of, two_way_message, wants
from gateway.events.record import EventType, encode, message_event
from gateway.model import Status

RECORDS = orjson.loads((Path(__file__).parent / "event_records.json").read_bytes())["records"]
REQUESTED, HAPPENED = 1_686_975_102_736, 1_686_975_103_470  # milliseconds
SENT = Sent("US", "GSM7", 5_810, REQUESTED * 1000 + 999, "report")
FILTERED = {
    "configuration": "protect-0123456789abcdef0123456789abcdef", "status": "FILTER", "override": "",
    "verdict": "inflated_traffic_filtered",
}  # fmt: skip
# Only carriers' own data has these; a route's price is the whole of it.
OPTIONAL = {"mcc", "mnc", "carrierName", "totalCarrierFee"}


def event(status=Status.DELIVERED, code="", **more):
    values = {
        "account_id": "main", "message_id": "862a8790-60c1-4430-9b2b-658bdexample", "to": "+14255550156",
        "sender": "+12065550152", "status": status, "at": HAPPENED * 1000 + 999, "parts": 1,
        "message_type": "TRANSACTIONAL", "purpose": "message", "context": {"account": "bar"}, "reason_code": code,
    }  # fmt: skip
    return orjson.loads(encode(message_event(**values | more)))


# Each type of the published records, and how a message of ours comes to it.
WAYS = {
    "TEXT_QUEUED": event(Status.QUEUED, event_type=EventType.MESSAGE_ACCEPTED, price=5_810),
    "TEXT_PENDING": event(Status.QUEUED, "0x00000058"),
    "TEXT_SUCCESSFUL": event(Status.SUBMITTED),
    "TEXT_DELIVERED": event(),
    "TEXT_INVALID": event(Status.REJECTED, "0x0000000B"),
    "TEXT_UNREACHABLE": event(Status.UNDELIVERED, "3:27"),
    "TEXT_CARRIER_UNREACHABLE": event(Status.FAILED, "0x00000014"),
    "TEXT_BLOCKED": event(Status.REFUSED, "destination_opted_out"),
    "TEXT_CARRIER_BLOCKED": event(Status.REJECTED, "0x00000066"),
    "TEXT_INVALID_MESSAGE": event(Status.REJECTED, ""),
    "TEXT_TTL_EXPIRED": event(Status.EXPIRED, "ttl_expired"),
    "TEXT_UNKNOWN": event(Status.UNKNOWN, "no_receipt"),
    "TEXT_PROTECT_BLOCKED": event(Status.REFUSED, "inflated_traffic_filtered", price=5_810),
}


@pytest.mark.parametrize("kind", sorted(WAYS))
def test_a_record_is_as_published(kind):
    sent = SENT._replace(protection=FILTERED if kind == "TEXT_PROTECT_BLOCKED" else None)
    # The published TEXT_SUCCESSFUL is final: of a short code, which has no receipts of handsets.
    record = record_of(WAYS[kind], sent, receipts=kind != "TEXT_SUCCESSFUL")
    published = RECORDS[kind]["event"]
    assert {name: value for name, value in record.items() if name not in OPTIONAL} == {
        name: value for name, value in published.items() if name not in OPTIONAL
    }
    assert record["totalCarrierFee"] == 0.0
    assert record.keys() <= published.keys()


def test_every_description_is_the_published_one():
    published = {one["event"]["messageStatus"]: one["event"]["messageStatusDescription"] for one in RECORDS.values()}
    del published["SENT"]  # documented as not supported
    assert published == DESCRIPTIONS
    assert {f"TEXT_{status}" for status in DESCRIPTIONS} <= set(service().shape_for("EventType").enum)


def test_numbers_are_numbers_and_times_are_milliseconds():
    record = record_of(event(), SENT)
    assert (type(record["eventTimestamp"]), type(record["messageRequestTimestamp"])) == (int, int)
    assert type(record["totalMessagePrice"]) is float
    assert orjson.loads(orjson.dumps(record)) == record


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (event(Status.SCHEDULED), "QUEUED"),
        (event(Status.QUEUED, event_type=EventType.MESSAGE_QUEUED), "PENDING"),
        (event(Status.UNDELIVERED, "001"), "UNKNOWN"),  # a dictionary of the carrier's own
        (event(Status.UNDELIVERED, "3:1"), "INVALID"),
        (event(Status.UNDELIVERED, "3:5"), "INVALID"),
        (event(Status.UNDELIVERED, "3:13"), "BLOCKED"),
        (event(Status.UNDELIVERED, "3:31"), "UNREACHABLE"),
        (event(Status.UNDELIVERED, "3:34"), "CARRIER_UNREACHABLE"),
        (event(Status.UNDELIVERED, "0x0000000B"), "UNKNOWN"),  # no code of a receipt
        (event(Status.REJECTED, "3:6"), "UNREACHABLE"),
        (event(Status.REJECTED, "0x00000001"), "INVALID_MESSAGE"),
        (event(Status.REJECTED, "0x00000051"), "INVALID"),
        (event(Status.CANCELLED, "cancelled"), "UNKNOWN"),
        (event(Status.EXPIRED, "27"), "TTL_EXPIRED"),
        (event(Status.UNKNOWN, "no_answer"), "UNKNOWN"),
        (event(Status.UNKNOWN, "interrupted"), "UNKNOWN"),
        (event(Status.REFUSED, "country_not_enabled"), "BLOCKED"),
    ],
)
def test_the_code_says_more_than_the_status(given, status):
    record = record_of(given, SENT)
    assert (record["messageStatus"], record["eventType"]) == (status, f"TEXT_{status}")
    assert record["isFinal"] is (status not in {"QUEUED", "PENDING"})


def test_what_was_refused_at_the_call_has_no_record():
    assert record_of(event(Status.REFUSED, "destination_opted_out", price=5_810), SENT) is None


def test_taken_by_the_carrier_is_final_only_where_no_receipt_can_come():
    assert record_of(event(Status.SUBMITTED), SENT, receipts=True)["isFinal"] is False
    assert record_of(event(Status.SUBMITTED), SENT, receipts=False)["isFinal"] is True
    assert record_of(event(Status.UNKNOWN, "no_receipt"), SENT, receipts=False) is None
    assert record_of(event(Status.UNKNOWN, "no_answer"), SENT, receipts=False)["isFinal"] is True


@pytest.mark.parametrize(
    ("on_unknown", "possible_duplicate", "final"),
    [("report", False, True), ("resend_once", False, False), ("resend_once", True, True)],
)
def test_what_is_sent_once_more_is_not_final(on_unknown, possible_duplicate, final):
    told = event(Status.UNKNOWN, "no_answer", possible_duplicate=possible_duplicate)
    assert record_of(told, SENT._replace(on_unknown=on_unknown))["isFinal"] is final


@pytest.mark.parametrize(
    ("ours", "theirs", "international"),
    [("US", "US", False), ("US", "CA", True), ("GB", "US", True), ("", "US", False)],
)
def test_another_country_than_the_numbers_own_is_international(ours, theirs, international):
    record = record_of(event(), SENT._replace(sender_country=ours, country=theirs))
    assert (record["isInternationalSend"], record["isoCountryCode"]) == (international, theirs)


def test_ucs_2_is_unicode():
    assert record_of(event(), SENT._replace(encoding="UCS2"))["messageEncoding"] == "Unicode"


@pytest.mark.parametrize(
    ("status", "verdict", "says"),
    [
        ("MONITOR", "inflated_traffic_monitored", ("BLOCK", "AIT_SUSPECTED")),
        ("MONITOR", "nothing_suspected", ("ALLOW", None)),
        ("FILTER", "nothing_suspected", ("ALLOW", None)),
    ],
)
def test_what_a_protect_configuration_recommends_is_told(status, verdict, says):
    record = record_of(event(), SENT._replace(protection=FILTERED | {"status": status, "verdict": verdict}))
    assert record["protectConfiguration"] == {
        "protectConfigurationId": FILTERED["configuration"],
        "protectStatus": status,
    }
    told = record["protectConfigurationAssessment"]
    assert (told["protectRecommendation"], told.get("protectInsights", {}).get("blockReason")) == says
    assert record["totalMessagePrice"] == 0.00581


def test_a_protect_configuration_that_only_allows_says_nothing():
    record = record_of(event(), SENT._replace(protection=FILTERED | {"status": "ALLOW", "verdict": "country_allowed"}))
    assert "protectConfiguration" not in record


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        (["ALL"], True), (["TEXT_ALL"], True), (["TEXT_DELIVERED"], True), (["TEXT_SENT", "TEXT_DELIVERED"], True),
        (["TEXT_SUCCESSFUL"], False), (["VOICE_ALL", "MEDIA_ALL"], False), (["MEDIA_DELIVERED"], False),
    ],
)  # fmt: skip
def test_types_are_wanted_one_by_one_by_family_or_all(types, wanted):
    assert wants(types, "TEXT_DELIVERED") is wanted


def test_other_events_have_no_record():
    for kind in EventType:
        if not kind.startswith("message."):
            assert record_of(event() | {"type": kind.value}, SENT) is None


def test_times_are_those_of_the_event_and_of_the_request():
    at = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
    micros = int(at.timestamp() * 1_000_000)
    record = record_of(event(at=micros + 1), SENT._replace(created_at=micros - 1))
    assert record["eventTimestamp"] == int(at.timestamp() * 1000)
    assert record["messageRequestTimestamp"] == int(at.timestamp() * 1000) - 1


def test_a_text_is_published_in_the_documented_members():
    data = {
        "inbound_id": "cae173d2-66b9-564c-8309-21f858e9fb84", "from": "+14255550182", "to": "+12125550101", "body": "Join",
        "keyword": "JOIN", "reply_to": "0198", "raw": "", "parts": 1,
    }  # fmt: skip
    assert two_way_message({"data": data}) == {
        "originationNumber": "+14255550182",
        "destinationNumber": "+12125550101",
        "messageKeyword": "JOIN",
        "messageBody": "Join",
        "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
        "previousPublishedMessageId": "0198",
    }
