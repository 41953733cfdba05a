"""One connector's line in memory, and the references of long messages: no store, no tasks."""

from __future__ import annotations

from gateway.model import Dispatch
from gateway.worker.backlog import PARKED, Line
from gateway.worker.flights import References
from tests.support.factories import OTHER, OURS, PERSON


def dispatch(number: int, identity: str = "a") -> Dispatch:
    return Dispatch(
        id=f"m{number:04}", account_id="main", destination=PERSON, sender=OURS, identity_id=identity, body="Hi", parts=1,
        message_type="TRANSACTIONAL", purpose="message", opt_out_list="Default", connectors=("one",), created_at=0,
        expires_at=1,
    )  # fmt: skip


def ids(found: list[Dispatch]) -> list[int]:
    return [int(one.id[1:]) for one in found]


def test_what_comes_back_takes_its_old_place() -> None:
    line = Line("one")
    line.hold([dispatch(n) for n in (5, 6)])
    for number in (3, 4, 7):
        line.put_back(dispatch(number))
    assert ids(line.due(0, 10)) == [3, 4, 5, 6, 7]


def test_more_parked_than_there_is_room_for_keep_their_order() -> None:
    line = Line("one")
    for number in range(6):
        assert line.park(dispatch(number), 10)
    assert line.due(9, 4) == []
    tried = line.due(10, 4)
    assert ids(tried) == [0, 1, 2, 3]
    assert not line.must_wait(tried[0])
    for one in tried[1:]:  # the first one left
        assert line.park(one, 20)
    assert line.must_wait(dispatch(9))
    assert line.due(19, 4) == []
    assert ids(line.due(20, 9)) == [1, 2, 3, 4, 5]


def test_no_more_than_so_many_of_one_sender_are_parked() -> None:
    line = Line("one")
    assert all(line.park(dispatch(number), 1) for number in range(PARKED))
    assert not line.park(dispatch(PARKED), 1)
    assert line.park(dispatch(0, "b"), 1)
    assert len(line.drain()) == PARKED + 1
    assert line.wake_at() is None


def test_references_count_for_each_connector_and_person_and_come_round() -> None:
    references = References()
    assert [references.next("one", PERSON), references.next("one", OTHER), references.next("one", PERSON)] == [1, 1, 2]
    assert {references.next("one", PERSON) for _ in range(65_536)} == set(range(65_536))
