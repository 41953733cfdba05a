"""Gives records to AWS, over AWS's own clients: SNS topics, Firehose and Kinesis streams, CloudWatch log groups.

Rule 1: each call is tried once; what fails is tried again by the runner, as with every destination.
Rule 2: a client is of one service in one region, that of the ARN, and is made when it is first needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from gateway.events.aws_webhooks import Hook, hook_sender
from gateway.events.destinations import CLOUDWATCH_LOGS, FIREHOSE, KINESIS, TAKEN, Outcome
from gateway.events.webhooks import open_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from aiohttp import ClientSession

    from gateway.config import Settings
    from gateway.events.destinations import Destination, Entry, Sender

CONNECT_SECONDS = 5
ANSWER_SECONDS = 15
LANES_OF_SINGLES = 10
LANES_OF_BATCHES = 4
_STREAM_RECORDS = 500  # in one PutRecordBatch (Firehose quotas), and in one PutRecords (Kinesis quotas)
_LOG_EVENTS = 1_000  # in one PutLogEvents, which takes 10,000
_LOG_SPAN = 23 * 3600 * 1000  # milliseconds: events of one PutLogEvents lie within 24 hours
NO_HOOKS: Mapping[str, Hook] = MappingProxyType({})
_NO_ARN = "Only an ARN can be delivered to, and no webhook is set for this (aws_webhooks)."
_NO_CREDENTIALS = "There are no AWS credentials, and no webhook is set for the ARN (aws_webhooks)."


class Credentials(NamedTuple):
    """How AWS is reached; what is empty is found as AWS's own clients find it."""

    endpoint_url: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""


_DEFAULT = Credentials()


class Clients:
    """AWS's clients, one for each service and region. Belongs to one event loop."""

    def __init__(self, credentials: Credentials) -> None:
        self._given = credentials
        self._session = get_session()
        self._open = contextlib.AsyncExitStack()
        self._clients: dict[tuple[str, str], Any] = {}
        self._opening = asyncio.Lock()

    async def get(self, service: str, region: str) -> Any:  # noqa: ANN401 -- botocore makes its clients' classes
        async with self._opening:
            if (service, region) not in self._clients:
                made = self._session.create_client(service, region_name=region, config=_CONFIG, **self._arguments())
                self._clients[service, region] = await self._open.enter_async_context(made)
            return self._clients[service, region]

    async def close(self) -> None:
        await self._open.aclose()
        self._clients.clear()

    def _arguments(self) -> dict[str, str | None]:
        given = self._given
        return {
            "endpoint_url": given.endpoint_url or None,
            "aws_access_key_id": given.access_key_id or None,
            "aws_secret_access_key": given.secret_access_key or None,
            "aws_session_token": given.session_token or None,
        }


_CONFIG = AioConfig(
    connect_timeout=CONNECT_SECONDS, read_timeout=ANSWER_SECONDS, retries={"total_max_attempts": 1},
    max_pool_connections=LANES_OF_SINGLES,
)  # fmt: skip


class _Sender(ABC):
    """What they have in common: the client, and how a failure is told."""

    service = ""
    most = 1
    lanes = 1

    def __init__(self, clients: Clients, destination: Destination) -> None:
        self._clients, self._arn = clients, destination.target

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:
        if not region_of(self._arn):  # a two-way channel may be Amazon Connect's host
            return Outcome(ok=False, error=_NO_ARN)
        return await told(lambda: self._send(entries, now))

    @abstractmethod
    async def _send(self, entries: Sequence[Entry], now: int) -> Outcome:
        """Give the entries to AWS. What its client raises may come out."""

    async def _client(self) -> Any:  # noqa: ANN401 -- as ``Clients.get``
        return await self._clients.get(self.service, region_of(self._arn))


class SnsSender(_Sender):
    """Publishes each record as a message of a topic."""

    service = "sns"
    lanes = LANES_OF_SINGLES

    async def _send(self, entries: Sequence[Entry], now: int) -> Outcome:  # noqa: ARG002 -- a Sender's signature
        client = await self._client()
        for entry in entries:
            await client.publish(TopicArn=self._arn, Message=entry.data)
        return TAKEN


class FirehoseSender(_Sender):
    """Puts records into a delivery stream, each a line of JSON, so that what it gathers in S3 can be read by lines."""

    service = "firehose"
    most = _STREAM_RECORDS
    lanes = LANES_OF_BATCHES

    async def _send(self, entries: Sequence[Entry], now: int) -> Outcome:  # noqa: ARG002 -- a Sender's signature
        records = [{"Data": f"{entry.data}\n".encode()} for entry in entries]
        stream = self._arn.rpartition("/")[2]
        answer = await (await self._client()).put_record_batch(DeliveryStreamName=stream, Records=records)
        return _judge_records(entries, answer["RequestResponses"])


class KinesisSender(_Sender):
    """Puts records into a data stream. Those of one subject have one partition key, hence one shard and one order."""

    service = "kinesis"
    most = _STREAM_RECORDS
    lanes = LANES_OF_BATCHES

    async def _send(self, entries: Sequence[Entry], now: int) -> Outcome:  # noqa: ARG002 -- a Sender's signature
        records = [{"Data": entry.data.encode(), "PartitionKey": entry.subject_id} for entry in entries]
        answer = await (await self._client()).put_records(StreamARN=self._arn, Records=records)
        return _judge_records(entries, answer["Records"])


def _judge_records(entries: Sequence[Entry], verdicts: Sequence[Mapping[str, str]]) -> Outcome:
    """A stream answers for each record: with an ErrorCode for one that it did not take."""
    judged = zip(entries, verdicts, strict=True)
    refused = {entry.seq: verdict["ErrorCode"] for entry, verdict in judged if verdict.get("ErrorCode")}
    if not refused:
        return TAKEN
    return Outcome(ok=False, error=f"AWS answered {min(refused.values())}.", refused=frozenset(refused))


class LogsSender(_Sender):
    """Writes each record as an event of a log group, in a log stream of the destination's own."""

    service = "logs"
    most = _LOG_EVENTS

    def __init__(self, clients: Clients, destination: Destination) -> None:
        super().__init__(clients, destination)
        self._stream = f"{destination.configuration_set}/{destination.id}"

    async def _send(self, entries: Sequence[Entry], now: int) -> Outcome:
        timed = sorted(((_time_of(entry, now), entry) for entry in entries), key=lambda one: one[0])
        refused: dict[int, str] = {}
        for batch in _within_span(timed):
            outcome = await told(lambda batch=batch: self._put(batch))  # type: ignore[misc]
            if not outcome.ok:
                refused |= dict.fromkeys(outcome.refused or [entry.seq for _, entry in batch], outcome.error)
        if not refused:
            return TAKEN
        return Outcome(ok=False, error=next(iter(refused.values())), refused=frozenset(refused))

    async def _put(self, batch: Sequence[tuple[int, Entry]]) -> Outcome:
        client, where = await self._client(), {"logGroupName": _group(self._arn), "logStreamName": self._stream}
        events = [{"timestamp": at, "message": entry.data} for at, entry in batch]
        try:
            answer = await client.put_log_events(**where, logEvents=events)
        except client.exceptions.ResourceNotFoundException:
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                await client.create_log_stream(**where)
            answer = await client.put_log_events(**where, logEvents=events)
        return _judge_logs(batch, answer.get("rejectedLogEventsInfo") or {})


def _judge_logs(batch: Sequence[tuple[int, Entry]], rejected: dict[str, int]) -> Outcome:
    """Those before one index are too old, those from another on too new (model: RejectedLogEventsInfo)."""
    first = max(rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0))
    last = rejected.get("tooNewLogEventStartIndex", len(batch))
    refused = frozenset(entry.seq for place, (_, entry) in enumerate(batch) if not first <= place < last)
    error = "CloudWatch Logs takes no events of that time."
    return Outcome(ok=False, error=error, refused=refused) if refused else TAKEN


def sender_of(clients: Clients, destination: Destination) -> _Sender:
    """The sender for a destination of AWS's: what is no stream or log group is a topic."""
    kinds: dict[str, type[_Sender]] = {
        FIREHOSE: FirehoseSender, KINESIS: KinesisSender, CLOUDWATCH_LOGS: LogsSender,
    }  # fmt: skip
    return kinds.get(destination.kind, SnsSender)(clients, destination)


async def told(work: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """What came of a call to AWS. The error's own text is left out: it names what may be secret."""
    try:
        return await work()
    except NoCredentialsError:
        return Outcome(ok=False, error=_NO_CREDENTIALS)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return Outcome(ok=False, error=f"AWS answered {error.response['Error']['Code']}.", status=status)
    except (BotoCoreError, OSError, TimeoutError) as error:
        return Outcome(ok=False, error=f"No connection to AWS: {type(error).__name__}.")


def region_of(arn: str) -> str:
    """The region in an ARN: its fourth field."""
    fields = arn.split(":")
    return fields[3] if len(fields) > 3 else ""  # noqa: PLR2004 -- arn:partition:service:region:account:resource


def _group(arn: str) -> str:
    """The name of the log group in its ARN: arn:aws:logs:REGION:ACCOUNT:log-group:NAME, mostly with ":*" behind."""
    return arn.partition(":log-group:")[2].removesuffix(":*")


def _time_of(entry: Entry, now: int) -> int:
    """Milliseconds: of what happened; of now for a sample."""
    return int(orjson.loads(entry.data).get("eventTimestamp", now // 1000))


def _within_span(timed: Sequence[tuple[int, Entry]]) -> Iterator[list[tuple[int, Entry]]]:
    """Cut events in the order of time into batches of no more than a day."""
    batch: list[tuple[int, Entry]] = []
    for one in timed:
        if batch and one[0] - batch[0][0] > _LOG_SPAN:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


class AwsDelivery:
    """Makes the senders of destinations of AWS's, and keeps what they share. Belongs to one event loop."""

    def __init__(self, credentials: Credentials = _DEFAULT, hooks: Mapping[str, Hook] = NO_HOOKS) -> None:
        """What to work with.

        Args:
            credentials: how AWS is reached.
            hooks: the webhooks that stand for ARNs.
        """
        self._clients, self._hooks = Clients(credentials), hooks
        self._session: ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> AwsDelivery:
        secret, token = settings.aws_secret_access_key, settings.aws_session_token
        credentials = Credentials(
            settings.aws_endpoint_url, settings.aws_access_key_id, secret.get_secret_value(), token.get_secret_value()
        )
        hooks = {
            arn: Hook(one.url, one.form, one.secret.get_secret_value(), one.access_key.get_secret_value())
            for arn, one in settings.aws_webhooks.items()
        }
        return cls(credentials, hooks)

    def sender(self, destination: Destination) -> Sender:
        """To the webhook that stands for the ARN, or else to AWS."""
        if hook := self._hooks.get(destination.target):
            self._session = self._session or open_session(allow_private=True)
            return hook_sender(self._session, destination, hook)
        return sender_of(self._clients, destination)

    async def close(self) -> None:
        await self._clients.close()
        session, self._session = self._session, None
        if session:
            await session.close()
