"""Records of AWS's without AWS: an ARN that the operator has given a webhook, in the form its subscriber knows.

Both forms are signed as every webhook is (gateway.events.webhooks).

sns: what SNS posts to a subscriber, without its own signature, which needs AWS's certificate
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html).
firehose: what Firehose posts to an HTTP endpoint; anything but 200 with the request's id is tried again
(https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html).
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway.events.destinations import Outcome
from gateway.events.webhooks import WebhookSender, message_id
from gateway.store.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession

    from gateway.events.destinations import Destination, Entry

SNS_FORM, FIREHOSE_FORM = "sns", "firehose"
_RECORDS = 100  # in one request
_REQUEST_ID = "X-Amz-Firehose-Request-Id"
_OK = 200


class Hook(NamedTuple):
    """The webhook that stands for an ARN."""

    url: str
    form: str  # sns, firehose
    secret: str  # "whsec_…": what requests are signed with
    access_key: str = ""  # Firehose's X-Amz-Firehose-Access-Key


class _HookSender(WebhookSender):
    def __init__(self, session: ClientSession, destination: Destination, hook: Hook, most: int) -> None:
        address = replace(destination, target=hook.url, batch_size=most)
        super().__init__(session, address, hook.secret, allow_private=True)  # the operator's own word
        self._arn, self._access_key, self._name = destination.target, hook.access_key, destination.id

    def _uuid(self, webhook_id: str) -> str:
        """The same whenever the same records are given again."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._name}/{webhook_id}"))


class SnsHook(_HookSender):
    """Posts each record as SNS posts a notification."""

    def __init__(self, session: ClientSession, destination: Destination, hook: Hook) -> None:
        super().__init__(session, destination, hook, 1)

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:
        webhook_id = message_id(entries, 1)
        envelope = {
            "Type": "Notification",
            "MessageId": self._uuid(webhook_id),
            "TopicArn": self._arn,
            "Message": entries[0].data,
            "Timestamp": from_micros(now).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        headers = {
            "x-amz-sns-message-type": envelope["Type"],
            "x-amz-sns-message-id": envelope["MessageId"],
            "x-amz-sns-topic-arn": self._arn,
        }
        return await self.post(webhook_id, orjson.dumps(envelope).decode(), now, headers)


class FirehoseHook(_HookSender):
    """Posts records as Firehose posts them to an HTTP endpoint."""

    def __init__(self, session: ClientSession, destination: Destination, hook: Hook) -> None:
        super().__init__(session, destination, hook, _RECORDS)

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:
        webhook_id = message_id(entries, _RECORDS)
        request_id = self._uuid(webhook_id)
        document = {
            "requestId": request_id,
            "timestamp": now // 1000,
            "records": [{"data": base64.b64encode(entry.data.encode()).decode()} for entry in entries],
        }
        headers = {
            "X-Amz-Firehose-Protocol-Version": "1.0",
            _REQUEST_ID: request_id,
            "X-Amz-Firehose-Source-Arn": self._arn,
        }
        if self._access_key:
            headers["X-Amz-Firehose-Access-Key"] = self._access_key
        return await self.post(webhook_id, orjson.dumps(document).decode(), now, headers)

    def read(self, outcome: Outcome, headers: Mapping[str, str], answer: bytes) -> Outcome:
        if not outcome.ok or _request_id_of(answer) == headers[_REQUEST_ID]:
            return outcome
        return Outcome(ok=False, error="The server's answer does not name the request.", status=_OK)


def hook_sender(session: ClientSession, destination: Destination, hook: Hook) -> _HookSender:
    kind = FirehoseHook if hook.form == FIREHOSE_FORM else SnsHook
    return kind(session, destination, hook)


def _request_id_of(answer: bytes) -> object:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    return document.get("requestId") if isinstance(document, dict) else None
