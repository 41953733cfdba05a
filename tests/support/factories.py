"""Requests, answers, receipts and texts, made up for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carriers.types import Concatenation, DeliveryReceipt, InboundMessage, Outcome, ReceiptState, SubmissionResult
from gateway.inbound.receive import ArrivedText
from gateway.model import Dispatch
from gateway.outbound.request import SendRequest

if TYPE_CHECKING:
    from typing import Literal

PERSON = "+12065550123"  # where our number's rules hold too
OTHER = "+12065550124"
OURS = "+12065550100"
LONG = "x" * 200  # two parts


def request(body: str = "Your code is 1234", **more: Any) -> SendRequest:
    values: dict[str, Any] = {"account_id": "main", "to": PERSON, "body": body}
    return SendRequest(**(values | more))


def answer(outcome: Outcome = Outcome.ACCEPTED, carrier_id: str = "", **more: Any) -> SubmissionResult:
    return SubmissionResult("", outcome, carrier_id=carrier_id, **more)


def receipt(carrier_id: str, state: ReceiptState = ReceiptState.DELIVERED, **more: Any) -> DeliveryReceipt:
    values: dict[str, Any] = {"handset": PERSON, "identity": OURS, "raw_state": state.value}
    return DeliveryReceipt(carrier_id, state, **(values | more))


def text(body: str, *, connector_id: str = "one", **more: Any) -> ArrivedText:
    values: dict[str, Any] = {
        "source": PERSON,
        "destination": OURS,
        "text": body,
        "octets": body.encode("latin-1", "replace"),
    }
    return ArrivedText(connector_id, connector_id, InboundMessage(**(values | more)))


def part(
    body: str,
    number: int,
    total: int = 3,
    *,
    reference: int = 7,
    kind: Literal["udh8", "udh16", "sar"] = "udh8",
    **more: Any,
) -> ArrivedText:
    return text(body, concatenation=Concatenation(kind, reference, total, number), **more)


def dispatch(message_id: str = "m", **more: Any) -> Dispatch:
    values: dict[str, Any] = {
        "account_id": "main", "destination": PERSON, "sender": OURS, "identity_id": "phone-1", "body": "Hi", "parts": 1,
        "message_type": "TRANSACTIONAL", "purpose": "message", "opt_out_list": "Default", "connectors": ("one",),
        "created_at": 0, "expires_at": 10**18,
    }  # fmt: skip
    return Dispatch(message_id, **(values | more))
