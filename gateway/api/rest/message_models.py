"""What a send asks and is answered, and how a message is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.api.rest.fields import (
    AMessageType,
    AnOnUnknown,
    Answer,
    AStatus,
    At,
    Count,
    Country,
    Cursor,
    Flag,
    Identifier,
    Moment,
    Money,
    PhoneText,
    Price,
    Query,
    Request,
    Text,
)
from gateway.model import DEFAULT_TTL, OnUnknown
from gateway.outbound.request import MAX_BODY, MAX_TTL, MIN_TTL

MOST_MESSAGES = 1000
_DEFAULT_TTL = int(DEFAULT_TTL.total_seconds())

To = Annotated[PhoneText, Field(description="The person's number in the international form.")]
Body = Annotated[
    Text, Field(min_length=1, max_length=MAX_BODY, description="The text.", examples=["Your code is 123456."])
]
ContextKey = Annotated[Text, Field(min_length=1, max_length=100)]
ContextValue = Annotated[Text, Field(max_length=800)]


class Options(Request):
    """What may be said of a send besides its number and text."""

    origination: Identifier | None = Field(
        default=None,
        alias="from",
        description="What it leaves from: a phone number, short code, sender ID, or the id of a number, sender ID "
        "or pool. Left out, the gateway chooses.",
        examples=["+12065550100"],
    )
    message_type: AMessageType | None = Field(
        default=None, description="TRANSACTIONAL or PROMOTIONAL. Left out, that of what it leaves from."
    )
    ttl: int = Field(
        default=_DEFAULT_TTL,
        ge=int(MIN_TTL.total_seconds()),
        le=int(MAX_TTL.total_seconds()),
        description="Seconds after which it is no longer worth delivering.",
    )
    send_at: Moment | None = Field(
        default=None,
        description="When to send it; at most a year ahead. Left out or past: at once.",
    )
    max_price: Money | None = Field(
        default=None, description="US dollars; the message is refused when all its parts together cost more."
    )
    on_unknown: AnOnUnknown = Field(
        default=OnUnknown.REPORT,
        description="When nobody can say whether the carrier took it: report that, or send it once more and flag it as "
        "a possible duplicate.",
    )
    substitute: bool = Field(
        default=False, description="Replace characters by look-alikes where that saves a part; see /v1/preview."
    )
    dry_run: bool = Field(default=False, description="Decide only: nothing is stored and nothing is sent.")
    context: dict[ContextKey, ContextValue] = Field(
        default_factory=dict,
        max_length=20,
        description="Your own names and values; they come back with the message and its events.",
        examples=[{"order": "4711"}],
    )


class SendMessage(Options):
    """One text to one person."""

    to: To
    body: Body


class Defaults(Options):
    """What holds for each message of a batch that does not say otherwise."""

    body: Body | None = Field(default=None, description="The text of messages without their own.")


class BatchMessage(Options):
    """One message of a batch."""

    to: To
    body: Body | None = Field(default=None, description="The text; left out, that of defaults.")


class SendBatch(Request):
    """Up to 1,000 messages, stored in one commit."""

    messages: list[BatchMessage] = Field(
        min_length=1, max_length=MOST_MESSAGES, description="Each is decided for itself and answered in its place."
    )
    defaults: Defaults = Field(default_factory=Defaults, description="Fields that the messages share.")


class DecisionQuery(Query):
    """Options of the answer to a send."""

    decision: Flag = Field(default=False, description="Answer with the whole decision.")


class Verdict(Answer):
    """One rule's answer."""

    rule: str = Field(description="The rule's name.", examples=["opted_out"])
    effect: Literal["allow", "refuse", "defer"]
    code: str
    reason: str
    source: str = Field(description="What the rule rests on: a URL, account setting or request field.")
    remedy: str
    until: str | None = Field(description="Of a defer: when it is asked again.")


class IdentityRef(Answer):
    """What a text leaves from."""

    id: str
    kind: str
    sender: str


class PassedOver(Answer):
    """An identity that was not chosen, and why."""

    identity: str
    sender: str
    code: str
    reason: str


class Protection(Answer):
    """The protect configuration that counted for a message."""

    configuration: str = Field(description="Its id.")
    status: Literal["ALLOW", "BLOCK", "MONITOR", "FILTER"] = Field(description="Its rule for the country.")
    override: Literal["ALLOW", "BLOCK", ""] = Field(description="Of this very number; empty: none.")
    verdict: str = Field(description="The code of the verdict on it.")


class Decision(Answer):
    """Everything that was decided about a message, and every rule's verdict."""

    identity: IdentityRef
    pool: str | None
    route: str
    connectors: list[str]
    why: str
    passed_over: list[PassedOver] = Field(description="The first of those that were not chosen.")
    passed_over_count: int = Field(default=0, description="How many were not chosen.")
    encoding: str
    parts: int
    price: Price
    effect: Literal["allow", "refuse", "defer"]
    verdicts: list[Verdict]
    protection: Protection | None = Field(default=None, description="null: no protect configuration counted.")


class Links(Answer):
    """Where to go on."""

    self: str


class AcceptedMessage(Answer):
    """A message that was stored; or, of a dry run, what would be."""

    id: str = Field(description="The message's id; empty for a dry run.")
    status: AStatus
    to: str
    sender: str = Field(alias="from")
    parts: int
    encoding: str
    message_type: str
    price: Price
    created_at: At
    send_at: At | None = Field(
        default=None, description="Of a scheduled message: when it will leave, as far as is known."
    )
    links: Links | None = None
    dry_run: bool = False
    refusal: Verdict | None = Field(default=None, description="Of a dry run: the verdict that would refuse it.")
    decision: Decision | None = None


class BatchProblem(Answer):
    """Why one message of a batch was not accepted: a problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str
    remedy: str


class BatchRefused(Answer):
    error: BatchProblem


class BatchAnswer(Answer):
    """One result for each message, in their order."""

    accepted: int = Field(description="How many were accepted.")
    results: list[AcceptedMessage | BatchRefused]


class MessageQuery(Query):
    """Which messages to list. Newest first."""

    number: Text = Field(
        default="", max_length=40, description="The person's number in any form, or what the message left from."
    )
    region: Country = Field(default="", description="The country to assume for a number in its national form.")
    status: AStatus | None = Field(default=None, description="Only messages that are so now.")
    after: Moment | None = Field(default=None, description="Created at or after.")
    before: Moment | None = Field(default=None, description="Created before.")
    cursor: Cursor = ""
    limit: Count = Field(default=50, ge=1, le=200, description="Entries in one page at most.")


class Message(Answer):
    """A message as it stands now."""

    id: str
    status: AStatus
    status_at: At
    reason_code: str
    reason: str
    to: str
    country: str
    sender: str = Field(alias="from")
    identity_id: str
    pool_id: str
    body: str
    encoding: str
    parts: int
    message_type: str
    purpose: str
    price: Price
    connector: str = Field(description="The connector that took it, or empty.")
    attempts: int
    possible_duplicate: bool
    on_unknown: str
    send_at: At | None = Field(description="Of a scheduled message: when it will leave, as far as is known.")
    created_at: At
    expires_at: At
    submitted_at: At | None
    final_at: At | None
    in_reply_to: str
    context: dict[str, str]
    links: Links


class MessagePage(Answer):
    items: list[Message]
    next_cursor: str = Field(description="Of the next page; empty on the last.")


class PartState(Answer):
    """One part as the carrier has it."""

    number: int
    status: AStatus
    status_at: At
    connector: str
    carrier_id: str
    raw_code: str
    raw_state: str
    raw_error: str


class TimelineEntry(Answer):
    """One event of the message."""

    seq: int
    type: str
    at: At
    data: dict[str, Any]


class MessageStory(Message):
    """A message and all that happened to it."""

    part_states: list[PartState]
    timeline: list[TimelineEntry]
    decision: Decision | None
