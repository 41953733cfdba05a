from __future__ import annotations

from types import SimpleNamespace

import pytest

from carriers.simulator.deliveries import Account, Delivery
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu


class Link:
    """What an account uses of a ServerLink: a window, and what was sent through it."""

    def __init__(self, free: int) -> None:
        self.sent: list[Delivery] = []
        self.session = SimpleNamespace(free=free, request_all=self.take)
        self.wire = SimpleNamespace(flush_soon=lambda: None)

    def take(self, command_id, requests, now) -> None:  # noqa: ARG002 -- the signature of request_all
        assert self.session.free >= len(requests)
        self.session.free -= len(requests)
        self.sent += [token for _, token in requests]


def account(*links: Link, most: int = 100) -> Account:
    made = Account("esme", lambda: 0.0, most)
    for link in links:
        made.add(link)
    return made


def deliveries(count: int) -> list[Delivery]:
    return [Delivery(b"%d" % number) for number in range(count)]


def answer(status: int) -> Pdu:
    return Pdu(Command.DELIVER_SM_RESP, status)


@pytest.mark.parametrize(
    ("windows", "count", "sent"),
    [
        ((10,), 4, (4,)),
        ((3,), 4, (3,)),
        ((10, 10), 4, (2, 2)),
        ((10, 1), 6, (5, 1)),  # what one cannot take goes to the other
        ((0, 10), 6, (0, 6)),
        ((1, 1), 6, (1, 1)),
        ((), 6, ()),
    ],
)
def test_the_links_share_what_waits_as_far_as_their_windows_reach(windows, count, sent):
    links = [Link(free) for free in windows]
    made = account(*links)
    made.queue(deliveries(count))
    made.pump()
    assert tuple(len(link.sent) for link in links) == sent
    assert made.waiting == count - sum(sent)


def test_what_comes_back_goes_first():
    link = Link(1)
    made = account(link)
    first, second = deliveries(2)
    made.queue([second])
    made.bring_back(first)
    made.pump()
    assert link.sent == [first]


def test_what_a_late_answer_settled_is_not_sent_again():
    link = Link(10)
    made = account(link)
    (delivery,) = deliveries(1)
    made.bring_back(delivery)
    assert made.answered(delivery, answer(0)) is False
    made.pump()
    assert link.sent == []


@pytest.mark.parametrize(
    ("status", "again", "told"),
    [(0x00, False, [True]), (0x64, True, []), (0x58, True, []), (0x08, True, []), (0x65, False, [False]), (0x66, False, [False])],
)  # fmt: skip
def test_the_answer_decides_whether_it_is_sent_again(status, again, told):
    heard = []
    delivery = Delivery(b"", heard.append)
    assert account().answered(delivery, answer(status)) is again
    account().answered(delivery, answer(status))
    assert heard == told


def test_the_oldest_is_dropped_when_too_much_waits():
    made = account(most=2)
    heard = []
    made.queue([Delivery(b"old", heard.append), *deliveries(2)])
    assert (made.waiting, made.dropped, heard) == (2, 1, [False])
