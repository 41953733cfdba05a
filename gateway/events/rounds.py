"""How a round of events is cut into requests. Pure.

Rule: events of one subject are in one lane, and a lane gives one request at a time, so their order is kept whatever
the lanes do side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from gateway.events.destinations import Entry

MAX_BODY = 262_144  # characters of events in one request: a receiver's usual limit is a megabyte


def lanes(entries: Sequence[Entry], most: int) -> list[list[Entry]]:
    """Spread events over at most so many lanes, evenly."""
    if most <= 1:
        return [list(entries)]
    found: list[list[Entry]] = [[] for _ in range(most)]
    of_subject: dict[str, list[Entry]] = {}
    for entry in entries:
        lane = of_subject.get(entry.subject_id)
        if lane is None:
            lane = of_subject[entry.subject_id] = min(found, key=len)
        lane.append(entry)
    return [lane for lane in found if lane]


def batches(entries: Sequence[Entry], most: int, alone: Container[int] = ()) -> Iterator[list[Entry]]:
    """Cut a lane into requests of at most ``most`` events and MAX_BODY characters.

    Those numbered in ``alone`` get a request of their own: they have failed in company, and one bad event must not
    hold its neighbours back for ever.
    """
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        single = entry.seq in alone
        size += len(entry.data)
        if batch and (single or len(batch) == most or size > MAX_BODY):
            yield batch
            batch, size = [], len(entry.data)
        batch.append(entry)
        if single:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
