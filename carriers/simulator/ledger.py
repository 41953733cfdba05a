"""What the SMSC took, one line each: the other half of an audit that nothing was lost and nothing doubled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Taken:
    """One submit that the SMSC took, answered or not.

    Attributes:
        source: Our sender.
        destination: The handset.
        carrier_id: The id it was given, as in the answer.
        text: What this part says.
        part: Its number within its text, from 1.
    """

    source: str
    destination: str
    carrier_id: str
    text: str
    part: int


class Ledger(Protocol):
    """Where ``Taken`` goes; a list will do."""

    def append(self, taken: Taken, /) -> None: ...
