"""Settings that numbers, sender IDs and pools have in common, and how each is checked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from gateway.model import MessageType
from gateway.resources import checks, rows
from keywords.types import MatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class SenderSettings(TypedDict, total=False):
    """Of what texts leave from: a number or a sender ID."""

    message_type: str
    opt_out_list: str
    deletion_protection: bool
    rate: float | None  # whole parts a second; None: no limit
    active: bool


class TwoWaySettings(TypedDict, total=False):
    """Of what people can text: a number, or a pool for its numbers."""

    two_way: bool
    two_way_channel: str  # the ARN that texts to it are published to, or "" for none
    two_way_role: str  # the ARN of the role to publish them as
    self_managed_opt_outs: bool  # the app honours STOP by itself
    match_mode: str  # keywords.types.MatchMode


_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "message_type": partial(checks.one_of, allowed=MessageType, field="message_type"),
    "match_mode": partial(checks.one_of, allowed=MatchMode, field="match_mode"),
    "rate": checks.rate,
    "two_way_channel": checks.channel,
    "two_way_role": partial(checks.arn, field="two_way_role"),
    "capabilities": checks.capabilities,
    "monthly_price": partial(checks.price, field="monthly_price"),
}


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of what is given. Raises Invalid for what cannot be."""
    return {name: _CHECKS[name](value) if name in _CHECKS else value for name, value in rows.columns(settings).items()}
