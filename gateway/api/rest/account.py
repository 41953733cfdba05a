"""The account of the key that asks, and what it allows itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from compliance.types import AccountLimits, RecipientLimit
from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import Answer, At, Line, Money, NoQuery, Request
from gateway.resources import accounts
from gateway.resources.accounts import LONGEST_NAME, MOST_LOOKBACK, Account
from gateway.store.times import iso

if TYPE_CHECKING:
    from decimal import Decimal

_LONGEST = int(MOST_LOOKBACK.total_seconds())
_CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["US"])]


class RecipientLimitBody(Request):
    """At most ``count`` messages to one person in any stretch of ``seconds``."""

    count: int = Field(ge=1, le=1_000_000, description="Messages.")
    seconds: int = Field(ge=1, le=_LONGEST, description="The stretch of time.")


class LimitsPatch(Request):
    """What to change of the limits; what is left out stays."""

    enabled_countries: Annotated[list[_CountryCode], Field(max_length=250)] | None = Field(
        default=None, description="Where messages may go; null is everywhere."
    )
    recipient_limits: list[RecipientLimitBody] = Field(
        default_factory=list, max_length=10, description="All of them hold."
    )
    monthly_spend_limit: Money | None = Field(
        default=None, description="US dollars in one month (UTC); null is no limit."
    )
    duplicate_window: int = Field(
        default=0,
        ge=0,
        le=_LONGEST,
        description="Seconds in which the same text to the same person is refused; 0 is none.",
    )
    sandbox: bool = Field(default=False, description="Whether messages go to verified and simulator numbers only.")


class AccountPatch(Request):
    """What to change; what is left out stays."""

    name: Line = Field(default="account", min_length=1, max_length=LONGEST_NAME, description="For people.")
    limits: LimitsPatch = Field(default_factory=LimitsPatch, description="What the account allows itself.")


class RecipientLimitAnswer(Answer):
    count: int
    seconds: float


class Limits(Answer):
    enabled_countries: list[str] | None = Field(description="null: everywhere.")
    recipient_limits: list[RecipientLimitAnswer]
    monthly_spend_limit: str | None = Field(description="US dollars; null: no limit.")
    duplicate_window: float = Field(description="Seconds; 0: none.")
    sandbox: bool = Field(description="Whether messages go to verified and simulator numbers only.")


class AccountAnswer(Answer):
    """Whose everything is."""

    id: str
    name: str
    limits: Limits
    created_at: At


async def get(call: Call[NoQuery, None]) -> AccountAnswer:
    return _shown(await accounts.get(call.desk, account_id=call.account_id))


async def update(call: Call[NoQuery, AccountPatch]) -> AccountAnswer:
    given = call.body.given()
    limits = None
    if "limits" in given:
        now = (await accounts.get(call.desk, account_id=call.account_id)).limits
        limits = _changed(now, call.body.limits)
    changed = await accounts.update(call.desk, account_id=call.account_id, name=given.get("name"), limits=limits)
    return _shown(changed)


def _changed(limits: AccountLimits, patch: LimitsPatch) -> AccountLimits:
    changes: dict[str, Any] = patch.given()
    if changes.get("enabled_countries") is not None:
        changes["enabled_countries"] = frozenset(changes["enabled_countries"])
    if "recipient_limits" in changes:
        changes["recipient_limits"] = tuple(
            RecipientLimit(one.count, timedelta(seconds=one.seconds)) for one in patch.recipient_limits
        )
    if "duplicate_window" in changes:
        changes["duplicate_window"] = timedelta(seconds=patch.duplicate_window)
    return replace(limits, **changes)


def _shown(one: Account) -> AccountAnswer:
    limits = one.limits
    countries, spend = limits.enabled_countries, limits.monthly_spend_limit
    return AccountAnswer(
        id=one.id,
        name=one.name,
        limits=Limits(
            enabled_countries=None if countries is None else sorted(countries),
            recipient_limits=[
                RecipientLimitAnswer(count=limit.count, seconds=limit.per.total_seconds())
                for limit in limits.recipient_limits
            ],
            monthly_spend_limit=None if spend is None else _plain(spend),
            duplicate_window=limits.duplicate_window.total_seconds(),
            sandbox=limits.sandbox,
        ),
        created_at=iso(one.created_at),
    )


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"


ENDPOINTS = (
    Endpoint(
        method="GET", path="/v1/account", scope="read", tag="Account", summary="Your account and its limits",
        handle=get, answer=AccountAnswer,
    ),
    Endpoint(
        method="PATCH", path="/v1/account", scope="admin", tag="Account", summary="Change the account's name or limits",
        handle=update, body=AccountPatch, answer=AccountAnswer,
    ),
)  # fmt: skip
