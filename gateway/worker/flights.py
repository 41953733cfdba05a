"""Messages that are at the carrier's door: which parts are out, and what was answered to each. No IO."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from carriers import text
from carriers.types import Outcome, Submission, SubmissionResult

if TYPE_CHECKING:
    from carriers.text import TextProfile
    from gateway.model import Dispatch

_REFERENCES = 10_000  # pairs of connector and person whose last reference is remembered


class References:
    """Numbers for long messages: counted for each connector and person, so that two never share one by chance.

    With random octets, twenty long messages to one handset share one with a probability of 53 %.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def next(self, connector_id: str, destination: str) -> int:
        pair = (connector_id, destination)
        number = (self._last.pop(pair, 0) + 1) & 0xFFFF
        self._last[pair] = number
        if len(self._last) > _REFERENCES:
            self._last.popitem(last=False)
        return number


@dataclass(slots=True)
class Flight:
    """A message whose parts were handed to one connector."""

    message: Dispatch
    connector_id: str
    fence: int  # of the lease under which it was claimed
    awaited: set[int]
    results: dict[int, SubmissionResult] = field(default_factory=dict)

    def note(self, number: int, result: SubmissionResult) -> bool:
        """Keep an answer; True when it was the last one awaited."""
        self.results[number] = result
        self.awaited.discard(number)
        return not self.awaited

    def correct(self, number: int, result: SubmissionResult) -> bool:
        """Take an answer that came late, while the other parts are still awaited; False when it came later still."""
        known = self.results.get(number)
        if not (result.late and self.awaited and known and known.outcome is Outcome.UNKNOWN):
            return False
        self.results[number] = result
        return True


def submissions(message: Dispatch, profile: TextProfile, reference: int, now: int) -> list[Submission]:
    """The parts of a message that the carrier does not have yet."""
    group, sender, to, sent = message.id, message.sender, message.destination, message.sent_parts
    validity = timedelta(0, 0, max(0, message.expires_at - now))
    asked = message.country_parameters
    segments = text.split(message.body, reference, profile)
    return [
        Submission(f"{group}:{one.number}", group, sender, to, one, validity, True, reference, (), asked)
        for one in segments
        if one.number not in sent
    ]


def read_reference(reference: str) -> tuple[str, int]:
    """The message's id and the part's number of a submission's reference."""
    message_id, _, number = reference.rpartition(":")
    return message_id, int(number)
