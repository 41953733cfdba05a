"""What became of all that clients sent: the rules that hold whatever dies, and who breaks them.

The judges live in the test's process and outlive the service: the SMSC's ledger, the 202s that the clients saw, and
what a webhook was told.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.chaos import AFTER, BEFORE, CONNECTORS, PEOPLE, WINDOW, may_be_resent, number_of, ref_of
from tests.support.service import LIVE, eventually

if TYPE_CHECKING:
    from carriers.simulator.ledger import Taken
    from tests.support.chaos import Field, Load, People
    from tests.support.cluster import Told
    from tests.support.service import Service

_REF = re.compile(r"ref\d{6}")
_RESENT_AFTER = 60.0  # seconds; gateway.outbound.settle.UNKNOWN_WAIT
_RATE = 250  # texts a second that two slow cores bring to an end when nothing disturbs them


@dataclass
class Verdict:
    """What the judges found. Each rule gives those that break it."""

    load: Load
    told: Told
    ledger: list[Taken]
    log: list[dict[str, Any]]  # the service's own events
    windows: int  # of how many windows nobody can know what became of them
    people: People | None = None

    def __post_init__(self) -> None:
        self.taken = Counter(found[0] for row in self.ledger if (found := _REF.findall(row.text)))
        self.types = types_by_ref(self.log)
        self.unknown = {ref for ref, types in self.types.items() if "message.unknown" in types}

    @property
    def most_unknown(self) -> int:
        return self.windows * CONNECTORS * WINDOW

    @property
    def figures(self) -> str:
        resent = sum(times > 1 for times in self.taken.values())
        stops = f", after STOP {dict(self.people.answers)}" if self.people else ""
        return (
            f"accepted {len(self.load.accepted)}, taken {len(self.taken)}, unknown {len(self.unknown)} of at most "
            f"{self.most_unknown}, resent {resent}, events {len(self.told.events)} and "
            f"{self.told.again} again, requests again {dict(self.load.again)}{stops}"
        )

    def faults(self) -> dict[str, Any]:
        rules = (
            self.unended, self.lost, self.doubled, self.foreign, self.unaccepted, self.too_much_unknown, self.untold,
            self.disordered, self.said_twice, self.stops, self.wrong_answers,
        )  # fmt: skip
        return {rule.__name__: found for rule in rules if (found := rule())}

    def unended(self) -> dict[str, set[str]]:
        return {ref: self.types[ref] for ref, one in self.load.accepted.items() if one not in self.told.ended}

    def lost(self) -> set[str]:
        """Not at the SMSC, and nobody said why: UNKNOWN may, and so may the STOP of those who wrote one."""
        stopped = {ref for ref, types in self.types.items() if number_of(ref) >= BEFORE and "message.refused" in types}
        return self.load.accepted.keys() - self.taken.keys() - self.unknown - stopped

    def doubled(self) -> dict[str, int]:
        allowed = {ref for ref in self.unknown if may_be_resent(ref)}
        return {ref: times for ref, times in self.taken.items() if times > (2 if ref in allowed else 1)}

    def foreign(self) -> set[str]:
        return self.taken.keys() - self.load.accepted.keys()

    def unaccepted(self) -> set[str]:
        return {ref_of(number) for number in range(self.load.total)} - self.load.accepted.keys()

    def too_much_unknown(self) -> int:
        return max(0, len(self.unknown) - self.most_unknown)

    def untold(self) -> set[int]:
        return {event["seq"] for event in self.log} - self.told.events.keys()

    def disordered(self) -> dict[str, list[int]]:
        return {message_id: seqs for message_id, seqs in self.told.order.items() if seqs != sorted(seqs)}

    def said_twice(self) -> dict[tuple[str, str], int]:
        """The same thing of one message by two events, save of those that were sent again."""
        said = Counter((ref, event["type"]) for event in self.log if (ref := ref_in(event)))
        once = {"message.accepted", "message.submitted", "message.delivered", "message.unknown"}
        return {
            (ref, kind): times
            for (ref, kind), times in said.items()
            if times > 1 and kind in once and not (ref in self.unknown and may_be_resent(ref))
        }

    def stops(self) -> list[str]:
        if self.people is None:
            return []
        answers = {answer for answer in self.people.answers if answer != (409, "destination_opted_out")}
        sent = {ref for ref in self.taken if number_of(ref) >= AFTER}
        missing = PEOPLE - len(self.people.stopped)
        return [*map(str, answers), *sent, *([f"{missing} not acknowledged"] if missing else [])]

    def wrong_answers(self) -> dict[str, int]:
        silent = {why: times for why, times in self.load.again.items() if why == "503 without Retry-After"}
        return {**self.load.other, **silent}


def ref_in(event: dict[str, Any]) -> str:
    return event["data"].get("context", {}).get("ref", "")


def types_by_ref(log: list[dict[str, Any]]) -> defaultdict[str, set[str]]:
    types: defaultdict[str, set[str]] = defaultdict(set)
    for event in log:
        if ref := ref_in(event):
            types[ref].add(event["type"])
    return types


async def is_idle(api: Service) -> bool:
    """Whether no message is on its way any more."""
    answers = [await api.call("GET", f"/v1/messages?limit=1&status={status}") for status in LIVE]
    return all(answer.status == 200 and not answer.body["items"] for answer in answers)


async def judge(on: Field, load: Load, told: Told, windows: int, people: People | None = None) -> Verdict:
    """Once nothing moves any more; what does not come to an end is for the verdict."""
    api, patience = on.cluster.api, 30 + _RESENT_AFTER + load.total / _RATE
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not told.ended.issuperset(load.accepted.values()) or not await is_idle(api):  # noqa: ASYNC110 -- asks other processes
                await asyncio.sleep(0.2)
    log = await api.events()
    numbers = {event["seq"] for event in log}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while not told.events.keys() >= numbers:  # noqa: ASYNC110 -- as above
                await asyncio.sleep(0.2)
    await eventually(lambda: on.carrier.waiting == 0, what="a carrier with nothing to deliver")
    return Verdict(load, told, on.carrier.ledger, log, windows, people)
