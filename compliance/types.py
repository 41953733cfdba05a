"""What a compliance rule is given and what it answers: plain frozen values.

Numbers are ``str`` in E.164, times are aware ``datetime`` in UTC, money is ``Decimal`` in one currency of the
account, countries are upper-case ISO 3166-1 alpha-2 codes.

What is made anew for each message is a named tuple: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

MessageType: TypeAlias = Literal["TRANSACTIONAL", "PROMOTIONAL"]
ProtectStatus: TypeAlias = Literal["ALLOW", "BLOCK", "MONITOR", "FILTER"]

#: The source of a verdict that rests on the account's own settings, not on a statute or a published page.
ACCOUNT_SETTING = "account setting"
#: The source of a verdict that rests on what the request itself asked for.
REQUEST_FIELD = "request field"


class Effect(StrEnum):
    """What a verdict does to the message. REFUSE is final; DEFER holds it."""

    ALLOW = "allow"
    REFUSE = "refuse"
    DEFER = "defer"


class Purpose(StrEnum):
    """Why the message is sent. Everything but MESSAGE and VERIFICATION_CODE is an automatic reply to that person."""

    MESSAGE = "message"
    KEYWORD_RESPONSE = "keyword_response"  # HELP and the account's own words
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    OPT_IN_CONFIRMATION = "opt_in_confirmation"
    VERIFICATION_CODE = "verification_code"  # asks whether the number is the account's own


class SenderKind(StrEnum):
    """What kind of origination identity the message leaves from."""

    SHORT_CODE = "SHORT_CODE"
    LONG_CODE = "LONG_CODE"
    TEN_DLC = "TEN_DLC"
    TOLL_FREE = "TOLL_FREE"
    SENDER_ID = "SENDER_ID"
    SIMULATOR = "SIMULATOR"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's answer, in words that staff can pass on.

    The reason never holds a phone number or a message body: the record that keeps the verdict has them.
    """

    rule: str  # the rule's module name: "opted_out"
    effect: Effect
    code: str  # stable, for programs: "destination_opted_out"
    reason: str  # one plain sentence
    source: str  # a URL, "account setting" or "request field"
    remedy: str  # what would change this verdict
    until: datetime | None = None  # of a DEFER: when to ask again; None: when somebody has decided


@dataclass(frozen=True, slots=True)
class Opted:
    """An opt-out that stands."""

    since: datetime
    list_name: str
    how: str  # "keyword STOP", "console", "carrier"


class Recent(NamedTuple):
    """An earlier message of Purpose.MESSAGE from the account to the same person, never the one being judged."""

    sent_at: datetime
    body_hash: str
    message_type: MessageType


class Protection(NamedTuple):
    """What the protect configuration that counts says of one message."""

    configuration: str  # its id
    status: ProtectStatus  # of the destination's country
    override: Literal["ALLOW", "BLOCK", ""]  # of this very number, unless it has expired
    neighbours: int  # other numbers of the same thousand that the account texted in the hour before


@dataclass(frozen=True, slots=True)
class RecipientLimit:
    """At most ``count`` messages to one person within any stretch of ``per``.

    Raises:
        ValueError: ``count`` below 1 or ``per`` not above zero; to stop all sending, disable the country instead.
    """

    count: int
    per: timedelta

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count is {self.count}: give 1 or more")
        if self.per <= timedelta(0):
            raise ValueError(f"per is {self.per}: give a time above zero")


#: High enough that no sign-in flow or chat meets it, low enough that a runaway loop is stopped at once. For
#: one-time codes alone a tighter pair is usual, 5 in 10 minutes and 20 a day; that is for the account to set.
DEFAULT_RECIPIENT_LIMITS = (RecipientLimit(count=100, per=timedelta(minutes=10)),)


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What the account allows itself. The defaults refuse nothing that an ordinary sender does."""

    enabled_countries: frozenset[str] | None = None  # None: every country
    recipient_limits: tuple[RecipientLimit, ...] = DEFAULT_RECIPIENT_LIMITS
    monthly_spend_limit: Decimal | None = None  # None: no limit
    duplicate_window: timedelta = timedelta(0)  # zero: the same text may be sent again at once
    sandbox: bool = False  # texts go to verified numbers only

    @property
    def lookback(self) -> timedelta:
        """How far back ``SendFacts.recent`` must reach for these limits; zero: it may be left empty."""
        return max((self.duplicate_window, *(limit.per for limit in self.recipient_limits)))


class SendFacts(NamedTuple):
    """All that the rules may know about one message. Whoever asks has looked everything up already."""

    destination: str
    country: str  # of the destination; "" where it is not known
    identity: str  # the number, short code or sender ID that it leaves from
    sender_kind: SenderKind
    message_type: MessageType
    purpose: Purpose
    body_hash: str  # equal for equal bodies
    now: datetime
    price: Decimal  # of the whole message, all parts
    max_price: Decimal | None  # that the request set for the whole message
    month_spend: Decimal  # so far this month, without this message
    opted: Opted | None  # on the list of the identity
    in_review: bool  # what may be a revocation waits for staff
    recent: tuple[Recent, ...]  # in any order, reaching back limits.lookback
    confirmations_since_opt_out: int  # without this message, at acceptance as at dispatch
    limits: AccountLimits
    self_managed_opt_outs: bool = False  # the account honours STOP by itself; its list is not checked
    simulator: bool = False  # the destination is a simulated handset: nothing reaches a carrier
    protection: Protection | None = None  # None: no protect configuration counts
    verified: bool = False  # of interest in the sandbox only: a verified number, or a simulator number


Rule: TypeAlias = Callable[[SendFacts], Verdict]
