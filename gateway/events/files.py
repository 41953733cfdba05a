"""Events as JSON lines, appended to a file inside one folder that the operator allows."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from gateway.errors import Invalid
from gateway.events.destinations import TAKEN, Outcome
from gateway.events.record import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.events.destinations import Destination, Entry

LINES_AT_ONCE = 500


class FileSender:
    """Appends events to one file. Opens it for each batch, so that it may be rotated at any time."""

    most = LINES_AT_ONCE
    lanes = 1

    def __init__(self, destination: Destination, folder: Path) -> None:
        self._target = destination.target
        self._folder = folder

    async def send(self, entries: Sequence[Entry], now: int) -> Outcome:  # noqa: ARG002 -- a Sender's signature
        text = "".join([numbered(entry.seq, entry.data) + "\n" for entry in entries])
        try:
            await asyncio.to_thread(_append, check_path(self._target, self._folder), text.encode())
        except Invalid as error:
            return Outcome(ok=False, error=error.detail)
        except OSError as error:
            return Outcome(ok=False, error=f"The file cannot be written: {error.strerror or type(error).__name__}.")
        return TAKEN


def check_path(target: str, folder: Path) -> Path:
    """Where the file is: ``target`` inside ``folder``, links followed.

    Raises:
        Invalid: field "path"; it leads out of the folder, or names none.
    """
    inside = folder.resolve()
    try:
        path = (inside / target).resolve()
    except (OSError, ValueError) as error:
        raise _invalid("The path cannot be read.") from error
    if path == inside or not path.is_relative_to(inside):
        raise _invalid("The path leads out of the folder for event files.")
    return path


def _invalid(detail: str) -> Invalid:
    return Invalid("event_file_path", detail, field="path", remedy="Give a file name, such as events.jsonl.")


def _append(path: Path, lines: bytes) -> None:
    """Append, and return once it is on the disk: the cursor must not be ahead of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # "a+b" so that the last octet can be read: a crash may have left half a line, which must not swallow the next.
    with path.open("a+b") as file:
        if file.tell() and _last_octet(file.fileno()) != b"\n":
            lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _last_octet(descriptor: int) -> bytes:
    return os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1)
