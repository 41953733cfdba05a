"""Years of service, made up: the rows of finished messages by their place in time. Pure; prefill.py stores them.

Message k of n has its id, times, person and text from k alone, so that a fill can go on where it stopped. Each person
has PER_PERSON messages, far apart. People's numbers are spread evenly over the 8 digits that the load generator
counts in, so that its numbers fall among them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from loads import NUMBERS, PERSON

from carriers.smpp.receipt import canonical
from gateway.events.log import APPEND
from gateway.events.record import EventType, encode, message_event
from gateway.model import DEFAULT_ACCOUNT, DEFAULT_OPT_OUT_LIST, MessageType, OnUnknown, Purpose, Status
from gateway.store import tables
from gateway.store.hot import Hot, inserting
from gateway.store.times import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.events.record import Event

PER_PERSON = 5
DAYS = 60  # kept for 90 (HELIOGRAPH_RETENTION_DAYS), so that a store may be used again for a month
CONNECTOR, COUNTRY = "bench", "DE"
SENDER, PROMOTER = "+4915200000001", "+4915200000002"
STRIDE = 1_000_003  # a prime: neighbours in time go to people far apart
FIRST_CARRIER_ID = 3_000_000_000  # build/smsc counts from 1,000,000,000 to 2,000,000,000
TEXTS = (
    "Your code is {n:06d}. Do not share it with anyone.",
    "Hello, your parcel {n} is on its way and will arrive tomorrow between 9 and 12.",
    "Reminder: your appointment {n} is on Monday at 14:30. Reply 1 to confirm, 2 to change it, 3 to cancel.",
    "Thank you for your order {n}. We have received your payment and will send your goods within two working days.",
)
LONG = TEXTS[3] + " Track it at any time with the link in our e-mail; if nothing arrives in a week, call us."

MESSAGE = (
    "id", "account_id", "destination", "country", "sender", "identity_id", "opt_out_list", "body", "body_hash",
    "encoding", "parts", "message_type", "purpose", "status", "status_at", "reason_code", "connectors", "lane", "connector_id",
    "on_unknown", "attempts", "expires_at", "created_at", "submitted_at", "final_at", "context",
)  # fmt: skip
PART = (
    "message_id", "number", "account_id", "status", "status_at", "connector_id", "carrier_group", "carrier_id",
    "carrier_key", "raw_code", "raw_state", "raw_error",
)  # fmt: skip
INSERTS = (inserting(tables.messages, *MESSAGE), inserting(tables.parts, *PART), APPEND)
TABLES = (tables.messages, tables.parts, tables.events)


def spacing(stored: int) -> int:
    """How far apart the numbers of people are: a divisor of 10^8, so that counting on goes round."""
    if not stored:
        return 1
    wanted = NUMBERS * PER_PERSON / stored
    divisors = sorted(2**a * 5**b for a in range(9) for b in range(9))
    return next((one for one in divisors if one >= wanted), NUMBERS)


@dataclass(frozen=True)
class History:
    """``stored`` messages over the DAYS until ``until`` (microseconds since 1970)."""

    stored: int
    until: int

    def block(self, first: int, last: int) -> Iterator[tuple[Hot, Sequence[tuple[Any, ...]]]]:
        """The statements and rows of the messages from `first` up to, not including, `last`."""
        messages = [self._message(k) for k in range(first, last)]
        yield INSERTS[0], [message.row() for message in messages]
        yield INSERTS[1], [row for message in messages for row in message.part_rows()]
        yield INSERTS[2], [row for message in messages for row in message.event_rows()]

    def _message(self, k: int) -> Finished:
        apart = spacing(self.stored)
        person = k * STRIDE % (NUMBERS // apart)
        created_at = self.until - DAYS * DAY * (self.stored - k) // self.stored
        return Finished(k, f"{PERSON}{person * apart:08d}", created_at)


@dataclass(frozen=True)
class Finished:
    """One message that is done. Every 20th did not arrive; every tenth has two parts."""

    k: int
    to: str
    created_at: int

    @cached_property
    def id(self) -> str:
        """A UUIDv7 (RFC 9562, section 5.7) whose random bits are the message's number, mixed."""
        mixed = self.k * 0x9E3779B97F4A7C15
        number = (self.created_at // 1000) << 80 | 7 << 76 | (self.k & 0xFFF) << 64 | 2 << 62 | mixed & (1 << 62) - 1
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    @property
    def status(self) -> Status:
        return Status.UNDELIVERED if self.k % 20 == 7 else Status.DELIVERED

    @property
    def parts(self) -> int:
        return 2 if self.k % 10 == 0 else 1

    @property
    def body(self) -> str:
        text = LONG if self.parts > 1 else TEXTS[self.k % len(TEXTS)]
        return text.format(n=self.k % 1_000_000)

    @cached_property
    def context(self) -> dict[str, str]:
        return {"order": str(self.k)} if self.k % 3 == 0 else {}

    @property
    def submitted_at(self) -> int:
        return self.created_at + 2 * SECOND

    @property
    def final_at(self) -> int:
        return self.created_at + 5 * SECOND

    def row(self) -> tuple[Any, ...]:
        body = self.body
        return (
            self.id, DEFAULT_ACCOUNT, self.to, COUNTRY, SENDER, "phone-prefilled", DEFAULT_OPT_OUT_LIST, body,
            hashlib.sha256(body.encode()).hexdigest()[:24], "GSM7", self.parts, MessageType.TRANSACTIONAL.value,
            Purpose.MESSAGE.value, self.status.value, self.final_at, "", f'["{CONNECTOR}"]', CONNECTOR, CONNECTOR,
            OnUnknown.REPORT.value, 1, self.created_at + 72 * HOUR, self.created_at, self.submitted_at, self.final_at,
            json.dumps(self.context),
        )  # fmt: skip

    def part_rows(self) -> Iterator[tuple[Any, ...]]:
        for number in range(1, self.parts + 1):
            carrier_id = str(FIRST_CARRIER_ID + self.k * 2 + number)
            state = "DELIVRD" if self.status is Status.DELIVERED else "UNDELIV"
            yield (
                self.id, number, DEFAULT_ACCOUNT, self.status.value, self.final_at, CONNECTOR, CONNECTOR, carrier_id,
                canonical(carrier_id), "0x00000000", state, "000",
            )  # fmt: skip

    def event_rows(self) -> Iterator[tuple[Any, ...]]:
        """Accepted, tried again a second later, submitted a second after that, final."""
        moves = (
            (Status.QUEUED, self.created_at, EventType.MESSAGE_ACCEPTED),
            (Status.QUEUED, self.created_at + SECOND, None),
            (Status.SUBMITTED, self.submitted_at, None),
            (self.status, self.final_at, None),
        )
        for status, at, event_type in moves:
            event = self._event(status, at, event_type)
            yield DEFAULT_ACCOUNT, self.id, event.type.value, at, encode(event)

    def _event(self, status: Status, at: int, event_type: EventType | None) -> Event:
        return message_event(
            account_id=DEFAULT_ACCOUNT, message_id=self.id, to=self.to, sender=SENDER, status=status, at=at,
            parts=self.parts, message_type=MessageType.TRANSACTIONAL.value, purpose=Purpose.MESSAGE.value,
            context=self.context, connector="" if status is Status.QUEUED else CONNECTOR, event_type=event_type,
        )  # fmt: skip
