"""What AWS takes only in part, which moto never does: by a client that answers as the service's model says."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import pytest

from gateway.events.aws_delivery import FirehoseSender, KinesisSender, LogsSender
from gateway.events.destinations import Destination

NOW = 1_795_000_000_123_456
HOUR = 3_600_000  # milliseconds


@dataclass(frozen=True)
class Entry:
    seq: int
    data: str
    subject_id: str = "m"


class Clients:
    """One client whose calls are kept and answered in turn."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    async def get(self, service, region):
        self.calls.append((service, region))
        return self

    async def put_record_batch(self, **given):
        self.calls.append(given)
        return self.answers.pop(0)

    put_log_events = put_records = put_record_batch

    class exceptions:  # noqa: N801 -- as botocore names it
        class ResourceNotFoundException(Exception):  # noqa: N818 -- as botocore names it
            pass


def destination(kind, arn):
    return Destination("destination-1", "main", kind, arn, None, ("ALL",), 1, "otp")


def entries(*at):
    """Records of these times, in milliseconds, numbered from 1."""
    return [Entry(seq, orjson.dumps({"eventTimestamp": when}).decode()) for seq, when in enumerate(at, 1)]


async def test_what_a_stream_refuses_of_a_batch_is_named():
    taken, refused = {"RecordId": "1"}, {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
    clients = Clients({"FailedPutCount": 2, "RequestResponses": [taken, refused, taken, refused]})
    arn = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/records"
    outcome = await FirehoseSender(clients, destination("firehose", arn)).send(entries(1, 2, 3, 4), NOW)
    assert (outcome.ok, outcome.error) == (False, "AWS answered ServiceUnavailableException.")
    assert outcome.refused == {2, 4}
    assert clients.calls[0] == ("firehose", "eu-west-1")
    assert clients.calls[1]["DeliveryStreamName"] == "records"
    assert clients.calls[1]["Records"][0] == {"Data": b'{"eventTimestamp":1}\n'}


async def test_what_a_data_stream_refuses_of_a_call_is_named():
    taken, refused = {"SequenceNumber": "1", "ShardId": "0"}, {"ErrorCode": "ProvisionedThroughputExceededException"}
    clients = Clients({"FailedRecordCount": 1, "Records": [taken, refused]})
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/records"
    outcome = await KinesisSender(clients, destination("kinesis", arn)).send(entries(1, 2), NOW)
    assert (outcome.ok, outcome.error) == (False, "AWS answered ProvisionedThroughputExceededException.")
    assert outcome.refused == {2}
    assert clients.calls == [
        ("kinesis", "eu-west-1"),
        {
            "StreamARN": arn,
            "Records": [{"Data": b'{"eventTimestamp":%d}' % at, "PartitionKey": "m"} for at in (1, 2)],
        },
    ]


def logs(clients):
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:records:*"
    return LogsSender(clients, destination("cloudwatch_logs", arn))


@pytest.mark.parametrize(
    ("rejected", "refused"),
    [
        ({}, set()),
        ({"tooOldLogEventEndIndex": 1}, {1}),
        ({"expiredLogEventEndIndex": 2}, {1, 2}),
        ({"tooNewLogEventStartIndex": 3}, {4}),
        ({"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}, {1, 4}),
    ],
)
async def test_what_a_log_group_refuses_for_its_time_is_named(rejected, refused):
    clients = Clients({"rejectedLogEventsInfo": rejected})
    outcome = await logs(clients).send(entries(1, 2, 3, 4), NOW)
    assert (outcome.ok, outcome.refused) == (not refused, refused)
    where = clients.calls[1]
    assert (where["logGroupName"], where["logStreamName"]) == ("records", "otp/destination-1")


async def test_events_of_a_log_are_in_the_order_of_time_and_within_a_day():
    clients = Clients({}, {})
    outcome = await logs(clients).send(entries(30 * HOUR, 1 * HOUR, 2 * HOUR), NOW)
    assert outcome.ok
    written = [[one["timestamp"] for one in call["logEvents"]] for call in clients.calls if isinstance(call, dict)]
    assert written == [[1 * HOUR, 2 * HOUR], [30 * HOUR]]


async def test_what_one_day_refuses_leaves_the_other_taken():
    clients = Clients({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}}, {})
    outcome = await logs(clients).send(entries(1 * HOUR, 2 * HOUR, 30 * HOUR), NOW)
    assert (outcome.ok, outcome.refused) == (False, {1})
