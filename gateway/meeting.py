"""Where the processes of an instance meet on a host."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

_OTHERS = 0o077


def meeting_place(instance: str) -> Path:
    """A folder for what they share while they run; ``instance`` tells apart those that share a host.

    Not in the data folder, whose path may be too long for a socket. Nothing is made.
    """
    name = hashlib.sha256(instance.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"heliograph-{os.getuid()}" / name


def enter(folder: Path) -> None:
    """Make it, for this user alone, where it is not there yet.

    Its name can be known beforehand. Whoever could write there could announce messages to the workers, so nobody may.

    Raises:
        OSError: it cannot be made, or somebody else made it.
    """
    for one in (folder.parent, folder):
        one.mkdir(mode=0o700, exist_ok=True)
        found = one.lstat()
        if found.st_uid != os.getuid() or found.st_mode & _OTHERS or not stat.S_ISDIR(found.st_mode):
            why = "it must be a folder that belongs to this user, who alone may enter it; remove it"
            raise PermissionError(errno.EPERM, why, str(one))
