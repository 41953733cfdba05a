"""What the system knows of processes: their children, CPU time, memory, handles."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import benchlib as lib

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.25  # seconds between two samples of memory


def _stat(pid: int) -> tuple[int, float] | None:
    """Parent and CPU seconds of a process; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS


def families() -> dict[int, list[int]]:
    """The children of each process that has any."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))):
            children.setdefault(stat[0], []).append(int(entry))
    return children


def tree(roots: Iterable[int], children: Mapping[int, list[int]] | None = None) -> list[int]:
    """The processes and all their descendants that are alive."""
    children = families() if children is None else children
    found: list[int] = []
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found and os.path.exists(f"/proc/{pid}"):
            found.append(pid)
            todo += children.get(pid, [])
    return found


def pids_of_port(port: int) -> list[int]:
    """The processes that have a TCP socket listening on the port open."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            for line in Path(table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == "0A" and int(field[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{field[9]}]")
    found = [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _handles(int(entry)) & inodes]
    if not found:
        raise lib.BenchError(f"no process of ours listens on port {port}")
    return found


def _handles(pid: int) -> set[str]:
    """What the open file handles of a process point to; nothing when it is gone or not ours."""
    try:
        return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return set()


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    return {pid: stat[1] for pid in pids if (stat := _stat(pid))}


def rss_kb(pid: int) -> int:
    """Resident memory; pages that forked processes share count for each. 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE // 1024
    except OSError:
        return 0


def pss_kb(pid: int) -> int:
    """The process's share of memory: a page that n processes have counts 1/n. For PostgreSQL, whose processes all
    have the shared buffers."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def handles(pid: int) -> int:
    """Open file handles."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def machine_busy_s() -> float:
    """CPU seconds that the whole machine has spent."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def own_cpu(roots: Iterable[int]) -> float:
    """CPU seconds of these processes, their children, this program and its ended children."""
    known = cpu_seconds(tree(roots))
    known.pop(os.getpid(), None)
    return sum(known.values()) + sum(os.times()[:4])


@dataclass
class Usage:
    """What some processes and their descendants used while they were watched."""

    roots: Sequence[int]
    cpu_s: float = 0.0
    peak_kb: int = 0  # of the sum
    largest_kb: int = 0  # peak of the largest single process


class Watch(threading.Thread):
    """CPU time and peak memory while the `with` block runs: of the gateway (RSS) and of each server beside it (PSS)."""

    def __init__(self, gateway: Sequence[int], servers: Mapping[str, int]) -> None:
        super().__init__(daemon=True)
        self.gateway = Usage(gateway)
        self.servers = {name: Usage([pid]) for name, pid in servers.items()}
        self._done = threading.Event()
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}

    def _usages(self) -> list[Usage]:
        return [self.gateway, *self.servers.values()]

    def _sample(self) -> None:
        children = families()
        for usage in self._usages():
            pids = tree(usage.roots, children)
            sizes = [rss_kb(pid) if usage is self.gateway else pss_kb(pid) for pid in pids]
            usage.peak_kb = max(usage.peak_kb, sum(sizes))
            usage.largest_kb = max(usage.largest_kb, *sizes, 0)
            now = cpu_seconds(pids)
            usage.cpu_s += sum(seconds - self._last.get(pid, self._first.get(pid, 0.0)) for pid, seconds in now.items())
            self._last |= now

    def run(self) -> None:
        while not self._done.wait(EVERY):
            self._sample()

    def __enter__(self) -> Self:
        self._first = cpu_seconds(tree(root for usage in self._usages() for root in usage.roots))
        if not self._first:
            raise lib.BenchError(f"none of the gateway's processes {self.gateway.roots} is alive")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()
        self._sample()
