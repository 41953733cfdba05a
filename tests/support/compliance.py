"""Builds SendFacts from the rows of tests/compliance/rules/*.yaml: what a row leaves out is ordinary and allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from compliance.types import (
    AccountLimits,
    Opted,
    Protection,
    Purpose,
    Recent,
    RecipientLimit,
    SenderKind,
    SendFacts,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

ORDINARY: dict[str, Any] = {
    "destination": "+12065550100",
    "country": "US",
    "identity": "+12065550199",
    "sender_kind": "TEN_DLC",
    "message_type": "TRANSACTIONAL",
    "purpose": "message",
    "body_hash": "body",
    "now": NOW,
    "price": "0.01",
    "max_price": None,
    "month_spend": "0",
    "opted": None,
    "in_review": False,
    "recent": [],
    "confirmations_since_opt_out": 0,
    "limits": {"recipient_limits": []},
}


def send_facts(**row: Any) -> SendFacts:
    """One message. Times are ``ago`` in seconds before NOW, money and enums are their text."""
    fields = {**ORDINARY, **row}
    fields["sender_kind"] = SenderKind(fields["sender_kind"])
    fields["purpose"] = Purpose(fields["purpose"])
    fields["price"] = Decimal(fields["price"])
    fields["month_spend"] = Decimal(fields["month_spend"])
    fields["max_price"] = _money(fields["max_price"])
    fields["opted"] = _opted(fields["opted"])
    fields["recent"] = tuple(_recent(**earlier) for earlier in fields["recent"])
    fields["limits"] = _limits(**fields["limits"])
    fields["protection"] = _protection(**fields["protection"]) if fields.get("protection") else None
    return SendFacts(**fields)


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _opted(row: dict[str, Any] | None) -> Opted | None:
    if row is None:
        return None
    return Opted(NOW - timedelta(seconds=row["ago"]), row.get("list", "Default"), row.get("how", "keyword STOP"))


def _recent(ago: float, body: str = "earlier body", message_type: Any = "TRANSACTIONAL") -> Recent:
    return Recent(NOW - timedelta(seconds=ago), body, message_type)


def _protection(status: Any = "ALLOW", override: Any = "", neighbours: int = 0) -> Protection:
    return Protection("protect-1", status, override, neighbours)


def _limits(**row: Any) -> AccountLimits:
    fields = dict(row)
    if "recipient_limits" in row:
        pairs = row["recipient_limits"]
        fields["recipient_limits"] = tuple(RecipientLimit(count, timedelta(seconds=per)) for count, per in pairs)
    if row.get("enabled_countries") is not None:
        fields["enabled_countries"] = frozenset(row["enabled_countries"])
    fields["monthly_spend_limit"] = _money(row.get("monthly_spend_limit"))
    fields["duplicate_window"] = timedelta(seconds=row.get("duplicate_window", 0))
    return AccountLimits(**fields)
