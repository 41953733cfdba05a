from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from carriers.simulator.handsets import Handsets
from carriers.simulator.numbers import aws_numbers
from carriers.text import TextProfile, split
from carriers.types import Concatenation, InboundMessage, ReceiptState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HANDSET = "+447700900123"
DELIVERED = ReceiptState.DELIVERED
LONG = "A text of several parts, with an emoji family 👨‍👩‍👧‍👦 that no cut may part. " * 5


def text(body: str, to: str = HANDSET, source: str = "+15550100", mark: Concatenation | None = None) -> InboundMessage:
    return InboundMessage(source, to, body, body.encode("utf-16-be"), 8, mark)


def parts_of(body: str, reference: int, source: str = "+15550100", mode="udh16") -> list[InboundMessage]:
    segments = split(body, reference, TextProfile(mode, max_parts=255))
    marks = [Concatenation("udh16", reference, segment.total, segment.number) for segment in segments]
    return [text(segment.text, source=source, mark=mark) for segment, mark in zip(segments, marks, strict=True)]


def test_a_single_text_stands_in_the_conversation_with_its_state():
    handsets = Handsets()
    shown = handsets.arrived(text("hello"), DELIVERED, NOW)
    assert handsets.texts(HANDSET) == (shown,)
    assert (shown.direction, shown.other, shown.body, shown.parts, shown.state, shown.at) == (
        "in", "+15550100", "hello", 1, "DELIVERED", NOW,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_parts_in_any_order_and_twice_are_one_text(seed):
    handsets = Handsets()
    parts = parts_of(LONG, 7)
    shuffled = random.Random(seed).sample(parts, len(parts))
    shown = [handsets.arrived(part, DELIVERED, NOW) for part in (shuffled[0], *shuffled)]
    assert shown[:-1] == [None] * len(parts)
    assert (shown[-1].body, shown[-1].parts) == (LONG, len(parts))


def test_two_senders_with_one_reference_are_not_mixed():
    handsets = Handsets()
    for one, other in zip(parts_of("a" * 200, 7, "+15550100"), parts_of("b" * 200, 7, "+15550199"), strict=True):
        handsets.arrived(one, DELIVERED, NOW)
        handsets.arrived(other, DELIVERED, NOW)
    assert [(shown.other, shown.body) for shown in handsets.texts(HANDSET)] == [
        ("+15550100", "a" * 200),
        ("+15550199", "b" * 200),
    ]


def test_a_part_from_before_the_reference_came_round_is_not_mixed_in():
    handsets = Handsets()
    old, new = parts_of("a" * 200, 7), parts_of("b" * 200, 7)
    handsets.arrived(old[0], DELIVERED, NOW)
    later = NOW + timedelta(minutes=11)
    assert handsets.arrived(new[1], DELIVERED, later) is None
    assert handsets.arrived(new[0], DELIVERED, later).body == "b" * 200


def test_a_text_of_which_a_part_failed_has_failed():
    handsets = Handsets()
    first, second = parts_of("a" * 200, 7)
    handsets.arrived(first, ReceiptState.UNDELIVERED, NOW)
    assert handsets.arrived(second, DELIVERED, NOW).state == "UNDELIVERED"


def test_a_handset_keeps_its_last_texts():
    handsets = Handsets(texts=3)
    for number in range(5):
        handsets.arrived(text(str(number)), DELIVERED, NOW)
    assert [shown.body for shown in handsets.texts(HANDSET)] == ["2", "3", "4"]


def test_the_handset_longest_unused_is_forgotten():
    handsets = Handsets(most=2)
    for number in ("+1", "+2", "+1", "+3"):
        handsets.arrived(text("hello", to=number), DELIVERED, NOW)
    assert handsets.numbers == ("+3", "+1")
    assert handsets.texts("+2") == ()


def test_a_written_text_changes_its_state_where_it_stands():
    handsets = Handsets()
    written = handsets.wrote(HANDSET, "12345", "STOP", 1, NOW)
    handsets.arrived(text("You are out"), DELIVERED, NOW)
    assert written.state == "SENT"
    handsets.change(HANDSET, written.id, "ACKNOWLEDGED")
    assert [(shown.direction, shown.state) for shown in handsets.texts(HANDSET)] == [
        ("out", "ACKNOWLEDGED"),
        ("in", "DELIVERED"),
    ]


def test_a_text_no_longer_kept_cannot_be_changed():
    handsets = Handsets(texts=1)
    written = handsets.wrote(HANDSET, "12345", "STOP", 1, NOW)
    handsets.arrived(text("hello"), DELIVERED, NOW)
    assert handsets.change(HANDSET, written.id, "ACKNOWLEDGED") is None
    assert handsets.change("+1", written.id, "ACKNOWLEDGED") is None


def test_a_listener_hears_of_texts_and_changes_until_it_unsubscribes():
    handsets = Handsets()
    heard = []
    unsubscribe = handsets.subscribe(lambda number, shown: heard.append((number, shown.body, shown.state)))
    written = handsets.wrote(HANDSET, "12345", "STOP", 1, NOW)
    handsets.change(HANDSET, written.id, "ACKNOWLEDGED")
    unsubscribe()
    unsubscribe()
    handsets.arrived(text("unheard"), DELIVERED, NOW)
    assert heard == [(HANDSET, "STOP", "SENT"), (HANDSET, "STOP", "ACKNOWLEDGED")]


def test_every_country_of_aws_has_a_number_that_succeeds_and_one_that_fails():
    handsets, numbers = Handsets(), aws_numbers()
    assert len(numbers) == 25
    assert numbers["United States"].failure == "+14254147167"
    for pair in numbers.values():
        assert (handsets.fate(pair.success).state, handsets.fate(pair.success).error) == (DELIVERED, 0)
        assert (handsets.fate(pair.failure).state, handsets.fate(pair.failure).error) == (ReceiptState.UNDELIVERED, 1)
    assert handsets.fate("+447700900123").state is DELIVERED
