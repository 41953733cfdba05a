"""What the SMSC took, one line each: the other half of an audit that nothing was lost and nothing doubled."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


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


class FileLedger:
    """A ledger of JSON lines, each in the file before its submit is answered."""

    def __init__(self, path: Path) -> None:
        """Appends to what is there.

        Raises:
            OSError: The file cannot be written.
        """
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def append(self, taken: Taken, /) -> None:
        self._file.write(json.dumps(asdict(taken), ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()
