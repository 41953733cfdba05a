"""Where the processes of an instance meet on a host."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def meeting_place(instance: str) -> Path:
    """A folder for what they share while they run; ``instance`` tells apart those that share a host.

    Not in the data folder, whose path may be too long for a socket. Nothing is made.
    """
    name = hashlib.sha256(instance.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"heliograph-{os.getuid()}" / name


def enter(folder: Path) -> None:
    """Make it, for this user alone, where it is not there yet. Raises OSError."""
    for one in (folder.parent, folder):
        one.mkdir(mode=0o700, exist_ok=True)
