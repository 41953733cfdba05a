"""What like decisions share, and what keeps unlike ones apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from carriers.types import Encoding
from compliance.engine import RULES, Decision
from compliance.types import Effect, Verdict
from gateway.model import IdentityKind, OriginationIdentity, Pool, Route
from gateway.outbound.decision import Decided, DecisionBook, Ruling, Terms
from gateway.routing import Choice
from tests.support.compliance import send_facts

NUMBER = OriginationIdentity("phone-1", IdentityKind.LONG_CODE, "+12065550100", "US")
ALLOWED = tuple(rule(send_facts()) for rule in RULES)


def choice(why: str = "It ranks first.", **more: Any) -> Choice:
    values: dict[str, Any] = {
        "identity": NUMBER, "pool": None, "route": Route("route-1", 1, ("one", "two")), "connectors": ("one", "two"),
        "passed_over": (), "why": why,
    }  # fmt: skip
    return Choice(**(values | more))


CHOICE = choice()


def decided(chosen: Choice = CHOICE, **more: Any) -> Decided:
    values: dict[str, Any] = {
        "body": "Hello", "body_hash": "x", "encoding": Encoding.GSM7, "parts": 1, "price": 20_000,
        "message_type": "TRANSACTIONAL",
    }  # fmt: skip
    verdicts = more.pop("verdicts", ALLOWED)
    effect = next((one.effect for one in verdicts if one.effect is not Effect.ALLOW), Effect.ALLOW)
    return Decided(chosen, Terms(**(values | more)), Decision(effect, verdicts))


def verdict(effect: Effect, code: str = "code", until: datetime | None = None) -> Verdict:
    return Verdict("rule", effect, code, f"A reason for {code}.", "account setting", "A remedy.", until)


def test_texts_and_people_make_no_other_decision() -> None:
    book = DecisionBook()
    first = book.ruling(decided())
    assert book.ruling(decided(body="Other", body_hash="y", message_type="PROMOTIONAL")) is first


def test_like_decisions_have_one_id_in_every_process() -> None:
    again = choice()
    assert again is not CHOICE
    assert DecisionBook().ruling(decided(again)).id == DecisionBook().ruling(decided()).id


def test_whatever_differs_makes_another_decision() -> None:
    book = DecisionBook()
    others = [
        decided(), decided(choice("Another reason.")), decided(encoding=Encoding.UCS2), decided(parts=2, price=40_000),
        decided(verdicts=(verdict(Effect.REFUSE, "a"),)), decided(verdicts=(verdict(Effect.REFUSE, "b"),)),
        decided(verdicts=(verdict(Effect.DEFER, "a"),)),
        decided(verdicts=(verdict(Effect.DEFER, "a", datetime(2027, 1, 1, tzinfo=UTC)),)),
        decided(verdicts=(verdict(Effect.ALLOW, "a"),)),
    ]  # fmt: skip
    assert len({book.ruling(one).id for one in others}) == len(others)


def test_what_is_gone_is_not_taken_for_what_came_in_its_place() -> None:
    book, numbers = DecisionBook(size=10_000), range(1000)
    whys = [book.ruling(decided(choice(f"Reason {number}."))).document["why"] for number in numbers]
    assert whys == [f"Reason {number}." for number in numbers]
    codes = [
        book.ruling(decided(verdicts=(verdict(Effect.ALLOW, f"code_{number}"),))).document["verdicts"][0]["code"]
        for number in numbers
    ]
    assert codes == [f"code_{number}" for number in numbers]


def test_like_refusals_are_known_again_though_each_is_made_anew() -> None:
    book = DecisionBook()
    first, second = (book.ruling(decided(verdicts=(verdict(Effect.REFUSE),))) for _ in range(2))
    assert first is second


def test_a_full_book_begins_anew_and_says_the_same() -> None:
    book = DecisionBook(size=3)
    first = [book.ruling(decided(choice(f"Reason {number}."))) for number in range(10)]
    second = [book.ruling(decided(choice(f"Reason {number}."))) for number in range(10)]
    assert first == second


def test_a_ruling_tells_what_is_stored_and_answered() -> None:
    allowed = DecisionBook().ruling(decided(choice(pool=Pool("pool-1", "codes"))))
    assert (allowed.encoding, allowed.price, allowed.pool_id) == ("GSM7", "0.020000", "pool-1")
    assert orjson.loads(allowed.connectors) == ["one", "two"]
    assert (allowed.code, allowed.reason, allowed.refusal) == ("", "", None)


def ruled(*verdicts: Verdict) -> Ruling:
    return DecisionBook().ruling(decided(verdicts=verdicts))


def test_a_refusal_is_the_reason_before_any_deferral() -> None:
    hold, no = verdict(Effect.DEFER, "hold"), verdict(Effect.REFUSE, "no")
    refused, held = ruled(hold, no), ruled(verdict(Effect.ALLOW), hold)
    assert (refused.code, refused.reason, refused.refusal and refused.refusal["code"]) == (
        "no",
        "A reason for no.",
        "no",
    )
    assert (held.code, held.reason, held.refusal) == ("hold", "A reason for hold.", None)
