"""AWS's SNS, SQS, Firehose, Kinesis, S3 and CloudWatch Logs as moto plays them, on a port of loopback.

It can be stopped and started again on the same port with all that it holds: moto keeps its state in this process.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "us-east-1"
CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
ACCOUNT = "123456789012"  # moto's
ROLE = "arn:aws:iam::123456789012:role/records"
_numbers = itertools.count(1)


class MotoServer:
    def __init__(self) -> None:
        self._port = 0
        self._server: ThreadedMotoServer | None = None
        self._clients: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    def client(self, service: str) -> Any:
        if service not in self._clients:
            session = boto3.session.Session()
            self._clients[service] = session.client(service, region_name=REGION, endpoint_url=self.url, **CREDENTIALS)
        return self._clients[service]

    async def topic(self) -> Topic:
        return await asyncio.to_thread(self._topic)

    async def stream(self) -> Stream:
        return await asyncio.to_thread(self._stream)

    async def data_stream(self) -> DataStream:
        return await asyncio.to_thread(self._data_stream)

    async def log_group(self) -> LogGroup:
        return await asyncio.to_thread(self._log_group)

    def _topic(self) -> Topic:
        name = f"topic-{next(_numbers)}"
        sns, sqs = self.client("sns"), self.client("sqs")
        arn = sns.create_topic(Name=name)["TopicArn"]
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
        return Topic({"SnsDestination": {"TopicArn": arn}}, arn, self.client, queue, [])

    def _stream(self) -> Stream:
        name = f"stream-{next(_numbers)}"
        self.client("s3").create_bucket(Bucket=name)
        s3 = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{name}"}
        arn = self.client("firehose").create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=s3
        )["DeliveryStreamARN"]
        where = {"KinesisFirehoseDestination": {"IamRoleArn": ROLE, "DeliveryStreamArn": arn}}
        return Stream(where, arn, self.client, name)

    def _data_stream(self) -> DataStream:
        name, kinesis = f"data-{next(_numbers)}", self.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=2)
        arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        return DataStream(arn, self.client)

    def _log_group(self) -> LogGroup:
        name = f"group-{next(_numbers)}"
        self.client("logs").create_log_group(logGroupName=name)
        arn = f"arn:aws:logs:{REGION}:123456789012:log-group:{name}:*"
        where = {"CloudWatchLogsDestination": {"IamRoleArn": ROLE, "LogGroupArn": arn}}
        return LogGroup(where, arn, self.client, name)


@dataclass
class Topic:
    """A topic, and what a queue that is subscribed to it has got."""

    where: dict[str, Any]  # as CreateEventDestination takes it
    arn: str
    client: Callable[[str], Any]
    queue: str
    got: list[dict[str, Any]]

    async def records(self) -> list[dict[str, Any]]:
        """All that was published so far, oldest first."""
        return await asyncio.to_thread(self._records)

    def _records(self) -> list[dict[str, Any]]:
        sqs = self.client("sqs")
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for one in found:
                self.got.append(json.loads(json.loads(one["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return list(self.got)


@dataclass
class Stream:
    """A delivery stream, and the bucket that it gathers in."""

    where: dict[str, Any]
    arn: str
    client: Callable[[str], Any]
    bucket: str

    async def records(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._records)

    def _records(self) -> list[dict[str, Any]]:
        """In the order in which they were put. S3 itself tells the second only, so moto is asked, in this process."""
        keys = s3_backends[ACCOUNT]["aws"].buckets[self.bucket].keys.values()
        texts = [key.value.decode() for key in sorted(keys, key=lambda one: one.last_modified)]
        return [json.loads(line) for text in texts for line in text.splitlines()]


@dataclass
class DataStream:
    """A Kinesis data stream of two shards."""

    arn: str
    client: Callable[[str], Any]

    async def records(self) -> list[dict[str, Any]]:
        """Those of one shard after those of the other: what has one partition key is in its order."""
        return await asyncio.to_thread(self._records)

    def _records(self) -> list[dict[str, Any]]:
        kinesis, found = self.client("kinesis"), []
        for shard in kinesis.list_shards(StreamARN=self.arn)["Shards"]:
            of_shard = {"StreamARN": self.arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = kinesis.get_shard_iterator(**of_shard)["ShardIterator"]
            found += [
                json.loads(one["Data"])
                for one in kinesis.get_records(ShardIterator=iterator, StreamARN=self.arn)["Records"]
            ]
        return found


@dataclass
class LogGroup:
    where: dict[str, Any]
    arn: str
    client: Callable[[str], Any]
    name: str

    async def records(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._records)

    def _records(self) -> list[dict[str, Any]]:
        logs = self.client("logs")
        streams = logs.describe_log_streams(logGroupName=self.name)["logStreams"]
        found = []
        for one in streams:
            named = {"logGroupName": self.name, "logStreamName": one["logStreamName"]}
            events = logs.get_log_events(**named, startFromHead=True, limit=10_000)["events"]
            assert all(event["timestamp"] == json.loads(event["message"])["eventTimestamp"] for event in events)
            found += [json.loads(event["message"]) for event in events]
        return found
