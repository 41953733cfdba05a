"""Signed webhooks, by Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).

A destination with ``batch_size`` 1 gets an event as the body; one with more gets ``{"type":"batch","events":[…]}``.
Any 2xx is an ack, whatever the answer says. A redirect is a failure: where it leads was never checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
)
from standardwebhooks import Webhook

from gateway.errors import Invalid
from gateway.events.destinations import TAKEN, Outcome
from gateway.events.network import BlockedAddressError, check_url, guarded_connector
from gateway.events.record import numbered
from gateway.store.times import SECOND, from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientResponse
    from aiohttp.abc import AbstractResolver

    from gateway.events.destinations import Destination, Entry

TIMEOUT_SECONDS = 15.0  # Standard Webhooks: 15 to 30
ANSWER_SECONDS = 2.0  # for the rest of an answer whose status is known
LONGEST_ANSWER = 65_536
LANES_OF_SINGLES = 10
LANES_OF_BATCHES = 4

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_RETRY_AFTER = frozenset({429, 502, 503, 504})
_HEADERS = {"Content-Type": "application/json", "User-Agent": "Heliograph"}


def open_session(*, allow_private: bool, resolver: AbstractResolver | None = None) -> ClientSession:
    """The HTTP client of all webhooks: no proxy from the environment, no cookies, no unpacking of answers."""
    return ClientSession(
        connector=guarded_connector(allow_private, resolver),
        timeout=ClientTimeout(total=TIMEOUT_SECONDS),
        headers=_HEADERS,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


class WebhookSender:
    """Gives events to one webhook."""

    def __init__(self, session: ClientSession, destination: Destination, secret: str, *, allow_private: bool) -> None:
        self.most = destination.batch_size
        self.lanes = LANES_OF_SINGLES if self.most == 1 else LANES_OF_BATCHES
        self._session = session
        self._url = destination.target
        self._signer = Webhook(secret)
        self._allow_private = allow_private

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:
        return await self.post(message_id(entries, self.most), body(entries, self.most), now)

    async def post(self, webhook_id: str, text: str, now: int, more: Mapping[str, str] = NO_HEADERS) -> Outcome:
        """One signed request, with ``more`` headers. ``now`` is the time of this attempt, in microseconds."""
        moment = from_micros(now)
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(now // SECOND),
            "webhook-signature": self._signer.sign(webhook_id, moment, text),
            **more,
        }
        try:
            check_url(self._url, self._allow_private)
            return await self._request(text.encode(), headers, now)
        except Invalid as error:
            return Outcome(ok=False, error=error.detail)
        except TimeoutError:
            return Outcome(ok=False, error=f"No answer within {TIMEOUT_SECONDS:.0f} seconds.")
        except (ClientError, OSError) as error:
            return Outcome(ok=False, error=_no_connection(error))

    async def _request(self, data: bytes, headers: dict[str, str], now: int, *, again: bool = False) -> Outcome:
        try:
            async with self._session.post(self._url, data=data, headers=headers, allow_redirects=False) as answer:
                outcome = judge(answer.status, answer.headers.get("Retry-After", ""), now)
                return self.read(outcome, headers, await _finish(answer))
        except (ServerDisconnectedError, ClientOSError) as error:
            # A server may close a kept connection just as we use it: that says nothing about the server.
            if again or isinstance(error, ClientConnectorError):
                raise
            return await self._request(data, headers, now, again=True)

    def read(self, outcome: Outcome, headers: Mapping[str, str], answer: bytes) -> Outcome:  # noqa: ARG002 -- for others
        """What the answer's text makes of the outcome: nothing here."""
        return outcome


def message_id(entries: Sequence[Entry], batch_size: int) -> str:
    """``webhook-id``: the same whenever the same events are sent again, so that a receiver can drop the copy."""
    first, last = entries[0].seq, entries[-1].seq
    if batch_size == 1:
        return f"evt_{first}"
    digest = hashlib.sha256(",".join([str(entry.seq) for entry in entries]).encode()).hexdigest()
    return f"batch_{first}_{last}_{digest[:12]}"


def body(entries: Sequence[Entry], batch_size: int) -> str:
    """The JSON text of a request, joined from the texts of the log."""
    if batch_size == 1:
        return numbered(entries[0].seq, entries[0].data)
    return '{"type":"batch","events":[' + ",".join([numbered(entry.seq, entry.data) for entry in entries]) + "]}"


def judge(status: int, retry_after: str, now: int) -> Outcome:
    """What an answer means."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return TAKEN
    error = f"The server answered {status}."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        error = f"The server answered {status}, a redirect; redirects are not followed."
    wait = rest_of(retry_after, now) if status in _RETRY_AFTER else 0
    return Outcome(ok=False, error=error, status=status, retry_after=wait, gone=status == HTTPStatus.GONE)


def rest_of(retry_after: str, now: int) -> int:
    """Microseconds that a Retry-After header (RFC 9110 10.2.3: seconds, or a date) asks for; 0 for none or nonsense."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * SECOND
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    return max(0, to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)


async def _finish(answer: ClientResponse) -> bytes:
    """Take the rest of an answer so that its connection can serve again, but not much of it, nor for long."""
    text = b""
    with contextlib.suppress(TimeoutError, ClientError, OSError):
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(text) < LONGEST_ANSWER and not answer.content.at_eof():
                text += await answer.content.read(LONGEST_ANSWER - len(text))
    if not answer.content.at_eof():
        answer.close()
    return text


def _no_connection(error: BaseException) -> str:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, BlockedAddressError):
        return "The name leads to an address that is not on the public internet."
    return f"No connection: {type(error).__name__}."
