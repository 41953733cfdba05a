"""ARNs that the operator has given a webhook: the forms that subscribers of SNS and Firehose know."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson
import pytest

from gateway.config import Settings
from gateway.events.aws_delivery import AwsDelivery, Credentials
from gateway.events.aws_webhooks import Hook
from gateway.events.destinations import Destination
from tests.support.webhook_sink import SECRET, Answer, WebhookSink

ARN = "arn:aws:sns:us-east-1:123456789012:records"
NOW = 1_795_000_000_123_456


@dataclass(frozen=True)
class Entry:
    seq: int
    subject_id: str
    data: str


def records(*seqs):
    return [Entry(seq, "m", f'{{"messageId":"{seq}"}}') for seq in seqs]


@pytest.fixture
async def sink():
    async with WebhookSink() as server:
        yield server


def destination(kind="sns"):
    return Destination("destination-1", "main", kind, ARN, None, ("ALL",), 1, "otp")


@pytest.fixture
async def delivery(sink):
    """Of one topic, in either form."""
    made = []

    def make(form, **more):
        made.append(AwsDelivery(hooks={ARN: Hook(sink.url, form, SECRET, **more)}))
        return made[-1].sender(destination())

    yield make
    for one in made:
        await one.close()


async def test_sns_form_is_the_envelope_of_a_subscriber(sink, delivery):
    sender = delivery("sns")
    assert (sender.most, sender.lanes) == (1, 10)
    assert (await sender.send(records(7), NOW)).ok
    (got,) = sink.taken
    assert got.signed()
    envelope = got.json
    assert orjson.loads(envelope.pop("Message")) == {"messageId": "7"}
    message_id = envelope.pop("MessageId")
    assert envelope == {"Type": "Notification", "TopicArn": ARN, "Timestamp": "2026-11-18T11:06:40.123Z"}
    assert got.headers["x-amz-sns-message-type"] == "Notification"
    assert (got.headers["x-amz-sns-message-id"], got.headers["x-amz-sns-topic-arn"]) == (message_id, ARN)


async def test_the_same_record_has_the_same_message_id(sink, delivery):
    sender = delivery("sns")
    for seq in (7, 7, 8):
        await sender.send(records(seq), NOW)
    first, again, other = [one.json["MessageId"] for one in sink.taken]
    assert first == again != other


def taken(delivered):
    """What Firehose's own endpoint answers."""
    document = orjson.loads(delivered.body)
    return Answer(body=orjson.dumps({"requestId": document["requestId"], "timestamp": document["timestamp"]}))


async def test_firehose_form_is_the_request_to_an_http_endpoint(sink, delivery):
    sink.rule = taken
    sender = delivery("firehose", access_key="key-1")
    assert sender.most == 100
    assert (await sender.send(records(7, 8), NOW)).ok
    (got,) = sink.taken
    assert got.signed()
    assert got.json["timestamp"] == NOW // 1000
    said = [orjson.loads(base64.b64decode(one["data"])) for one in got.json["records"]]
    assert said == [{"messageId": "7"}, {"messageId": "8"}]
    assert got.headers["X-Amz-Firehose-Request-Id"] == got.json["requestId"]
    assert got.headers["X-Amz-Firehose-Access-Key"] == "key-1"
    assert got.headers["X-Amz-Firehose-Source-Arn"] == ARN
    assert got.headers["X-Amz-Firehose-Protocol-Version"] == "1.0"


async def test_without_an_access_key_none_is_sent(sink, delivery):
    await delivery("firehose").send(records(7), NOW)
    assert "X-Amz-Firehose-Access-Key" not in sink.tries[0].headers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b'{"requestId":"another","timestamp":1}'), Answer(body=b"ok"), Answer(body=b"[]"), Answer(body=b""),
        Answer(status=500),
    ],
)  # fmt: skip
async def test_anything_but_the_requests_own_id_is_no_ack_of_firehose(sink, delivery, answer):
    sink.rule = lambda _delivery: answer
    assert not (await delivery("firehose").send(records(7), NOW)).ok


async def test_what_stands_for_an_arn_is_only_for_that(sink):
    delivery = AwsDelivery(Credentials("http://127.0.0.1:1", "a", "b"), {ARN + "-2": Hook(sink.url, "sns", SECRET)})
    outcome = await delivery.sender(destination()).send(records(7), NOW)
    assert (outcome.ok, outcome.error) == (False, "No connection to AWS: EndpointConnectionError.")
    await delivery.close()
    assert sink.tries == []


async def test_without_credentials_and_webhook_the_trouble_says_so(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    delivery = AwsDelivery()
    outcome = await delivery.sender(destination()).send(records(7), NOW)
    await delivery.close()
    assert not outcome.ok
    assert "credentials" in outcome.error
    assert "aws_webhooks" in outcome.error
    assert ARN not in outcome.error


async def test_settings_name_webhooks_by_arn(monkeypatch, sink):
    webhooks = {ARN: {"url": sink.url, "form": "sns", "secret": SECRET}}
    monkeypatch.setenv("HELIOGRAPH_AWS_WEBHOOKS", orjson.dumps(webhooks).decode())
    delivery = AwsDelivery.of(Settings())
    assert (await delivery.sender(destination()).send(records(7), NOW)).ok
    await delivery.close()
    assert sink.taken[0].signed()


@pytest.mark.parametrize(
    "wrong", [{"url": "ftp://a"}, {"secret": "whsec_%"}, {"form": "sqs"}, {"urls": "x"}, {"url": None}]
)
def test_settings_of_a_webhook_are_checked(wrong):
    with pytest.raises(ValueError, match="aws_webhooks"):
        Settings(aws_webhooks={ARN: {"url": "https://a.example/", "secret": SECRET} | wrong})
