"""What staff read for each status, event, rule and act: tables, so that every page says the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gateway.events.record import EventType
from gateway.model import WAITING, Purpose, Status
from gateway.resources import consent
from gateway.routing.directory import KIND_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import RowMapping


@dataclass(frozen=True, slots=True)
class Word:
    """A badge and a sentence. ``tone`` picks the colour: good, bad, wait, info or calm."""

    label: str
    tone: str
    sentence: str = ""


STATUSES: Mapping[str, Word] = {
    Status.SCHEDULED: Word("Scheduled", "wait", "It waits for its time to leave."),
    Status.QUEUED: Word("Waiting", "wait", "It is ready and waits for its turn to leave."),
    Status.SUBMITTING: Word("Leaving", "info", "It is being handed to the carrier right now."),
    Status.SUBMITTED: Word("With the carrier", "info", "The carrier took it and has not said yet whether it arrived."),
    Status.DELIVERED: Word("Delivered", "good", "The carrier says that it reached the phone."),
    Status.UNDELIVERED: Word("Not delivered", "bad", "The carrier says that it did not reach the phone."),
    Status.EXPIRED: Word("Expired", "bad", "It did not arrive in time and was given up."),
    Status.REJECTED: Word("Rejected", "bad", "The carrier refused to take it."),
    Status.REFUSED: Word("Refused", "bad", "A rule said no: it never left."),
    Status.CANCELLED: Word("Cancelled", "calm", "It was cancelled before it left."),
    Status.FAILED: Word("Failed", "bad", "No carrier could be given it: it did not leave."),
    Status.UNKNOWN: Word("Unknown", "wait", "It may have arrived or not: the carrier did not say."),
}
HELD = "It is held until staff decide on a possible opt-out."

EVENTS: Mapping[str, Word] = {
    EventType.MESSAGE_ACCEPTED: Word("Accepted and stored", "info"),
    EventType.MESSAGE_SCHEDULED: Word("Put off until later", "wait"),
    EventType.MESSAGE_QUEUED: Word("Back in the queue, to be tried again", "wait"),
    EventType.MESSAGE_SUBMITTED: Word("Taken by the carrier", "info"),
    EventType.MESSAGE_DELIVERED: Word("Delivered to the phone", "good"),
    EventType.MESSAGE_UNDELIVERED: Word("Not delivered", "bad"),
    EventType.MESSAGE_EXPIRED: Word("Given up: its time was over", "bad"),
    EventType.MESSAGE_REJECTED: Word("Rejected by the carrier", "bad"),
    EventType.MESSAGE_REFUSED: Word("Refused by a rule", "bad"),
    EventType.MESSAGE_CANCELLED: Word("Cancelled", "calm"),
    EventType.MESSAGE_FAILED: Word("Could not be handed over", "bad"),
    EventType.MESSAGE_UNKNOWN: Word("Outcome unknown", "wait"),
}

ACTS: Mapping[str, Word] = {
    consent.OPT_OUT: Word("Opted out", "bad"),
    consent.OPT_IN: Word("May be texted again", "good"),
    consent.REVIEW_OPENED: Word("Possible opt-out found", "wait"),
    consent.REVIEW_CLOSED: Word("Review decided", "info"),
    consent.LIST_DELETED: Word("List deleted", "calm"),
}

EFFECTS: Mapping[str, Word] = {
    "allow": Word("Allowed", "good"),
    "refuse": Word("Refused", "bad"),
    "defer": Word("Held", "wait"),
}

RULES: Mapping[str, str] = {
    "country_not_enabled": "Countries of this account",
    "destination_not_verified": "Verified numbers, while the account is in the sandbox",
    "destination_protected": "Protect configuration",
    "duplicate_content": "Same text again",
    "max_price": "Price limit of the request",
    "opted_out": "Opt-outs",
    "recipient_rate": "Texts to one person",
    "sender_kind_not_allowed": "Senders allowed in the country",
    "spend_limit": "Monthly spend limit",
    "under_review": "Possible opt-outs",
}

PURPOSES: Mapping[str, str] = {
    Purpose.MESSAGE: "A message from an app",
    Purpose.KEYWORD_RESPONSE: "An automatic answer to a keyword",
    Purpose.OPT_OUT_CONFIRMATION: "The confirmation of an opt-out",
    Purpose.OPT_IN_CONFIRMATION: "The confirmation of an opt-in",
    Purpose.VERIFICATION_CODE: "A code that verifies the number",
}
TYPES: Mapping[str, str] = {"TRANSACTIONAL": "Transactional", "PROMOTIONAL": "Promotional"}
ENCODINGS: Mapping[str, str] = {
    "GSM7": "GSM 7-bit (160 characters a part)",
    "LATIN1": "Latin-1 (140 characters a part)",
    "UCS2": "Unicode, UCS-2 (70 characters a part)",
    "BINARY": "Binary",
}
KINDS: Mapping[str, str] = {str(kind): name for kind, name in KIND_WORDS.items()}

# The state of a text on a simulated phone: what the network said of one that came, what we said of one that it sent.
PHONE: Mapping[str, Word] = {
    "DELIVERED": Word("Delivered", "good"),
    "ENROUTE": Word("On its way", "info"),
    "ACCEPTED": Word("On its way", "info"),
    "SCHEDULED": Word("On its way", "info"),
    "SENT": Word("Sending", "info"),
    "ACKNOWLEDGED": Word("Received by Heliograph", "good"),
}

MEANINGS: Mapping[str, Word] = {
    "OPT_OUT": Word("Opts out", "bad"),
    "OPT_IN": Word("Opts in", "good"),
    "HELP": Word("Asks for help", "info"),
    "OWN": Word("Keyword", "info"),
    "REVIEW": Word("Possible opt-out", "wait"),
}

# What a page says after a form has done its work.
NOTICES: Mapping[str, str] = {
    "added": "The number is opted out. The reason is on record.",
    "already": "The number was opted out already. The reason is on record all the same.",
    "lifted": "The opt-out is lifted: this person may be texted again. The reason is on record.",
    "cancelled": "The message is cancelled. It will not leave.",
    "opt_out": "Decided: the person is opted out.",
    "keep": "Decided: not an opt-out. Texts that were held may leave.",
    "approved": "Decided: the registration is approved.",
    "denied": "Decided: the registration is denied. Who registered sees the reason.",
}
VERSIONS: Mapping[str, str] = {
    "DRAFT": "still being filled in",
    "SUBMITTED": "waiting for a decision",
    "APPROVED": "approved",
    "DENIED": "denied",
    "DISCARDED": "given up",
    "ARCHIVED": "replaced by a later one",
}

_ACTORS = {"staff": "{name}, staff", "key": "An app, with key {name}", "carrier": "The carrier ({name})"}


def status(name: str) -> Word:
    return STATUSES.get(name) or Word(name.capitalize(), "calm")


def phone_state(name: str) -> Word:
    return PHONE.get(name) or Word(name.capitalize(), "bad")


def rule(name: str) -> str:
    return RULES.get(name) or name.replace("_", " ").capitalize()


def kind(name: str) -> str:
    return KINDS.get(name) or name.replace("_", " ").lower()


def actor(who: str) -> str:
    """Who did something, from "staff:alice" as the record has it."""
    sort, _, name = who.partition(":")
    return _ACTORS[sort].format(name=name) if sort in _ACTORS else "The person" if who == consent.PERSON else who


def sentence(message: RowMapping) -> str:
    """How a message stands, in one sentence."""
    if message["status"] == Status.SCHEDULED and message["next_at"] is None:
        return HELD
    return status(message["status"]).sentence


def is_waiting(message: RowMapping) -> bool:
    """Whether it can still be cancelled."""
    return message["status"] in WAITING


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a message's life."""

    at: int  # microseconds
    word: Word
    notes: tuple[str, ...]


def steps(timeline: Iterable[RowMapping]) -> list[Step]:
    """What happened to a message, oldest first."""
    return [_step(row["type"], row["at"], orjson.loads(row["data"])["data"]) for row in timeline]


def _step(kind_of: str, at: int, data: Mapping[str, Any]) -> Step:
    return Step(at, EVENTS.get(kind_of) or Word(kind_of, "calm"), tuple(_notes(data)))


def _notes(data: Mapping[str, Any]) -> Iterator[str]:
    if data.get("reason"):
        yield data["reason"]
    if data.get("connector"):
        yield f"Through connector {data['connector']}."
    if data.get("possible_duplicate"):
        yield "It may have been sent twice."
