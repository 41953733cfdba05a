"""The SMSC (build/smsc) seen from a test: start it, read its figures, change its behaviour."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any, Self

import benchlib as lib

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

Stats = dict[str, Any]


class Smsc:
    """The simulator: started here, or an already running one found by its control port."""

    def __init__(self, ctl: int = 2780) -> None:
        self.ctl = ctl
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, smpp: int, sink: int, ctl: int, *, seconds: float = 3600) -> Self:
        """Starts a simulator; it ends with stop(), or by itself after so many seconds."""
        self = cls(ctl)
        command = [lib.binary("smsc"), "-p", str(smpp), "-s", str(sink), "-c", str(ctl), "-t", str(int(seconds))]
        process = self.process = lib.start(command, stdout=subprocess.DEVNULL)

        def up() -> bool:
            if process.poll() is not None:
                raise lib.BenchError("smsc did not start: choose other --smpp, --sink, --ctl ports")
            return self.alive() and self.stats()["pid"] == process.pid  # not one that was here before

        try:
            lib.wait_until(up, 5, "smsc")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        lib.stop(self.process)

    def alive(self) -> bool:
        try:
            self.stats()
        except OSError:
            return False
        return True

    def text(self, path: str) -> str:
        return lib.get(f"http://127.0.0.1:{self.ctl}{path}", timeout=30).decode()

    def stats(self) -> Stats:
        return json.loads(self.text("/stats"))

    def reset(self) -> None:
        self.text("/reset")

    def set(self, **settings: float) -> None:
        self.text("/set?" + "&".join(f"{k}={v}" for k, v in settings.items()))

    def ledger(self, of: str = "submits") -> dict[int, int]:
        """How often each number was submitted (or, of="events", reported delivered)."""
        lines = self.text("/ledger?of=" + of).splitlines()
        return {int(number): int(times) for number, times in (line.split() for line in lines)}

    def drain(self, ready: Callable[[Stats], bool], idle: float, limit: float) -> Stats:
        """Polls until ready(stats), or nothing moves for `idle` seconds, or `limit` seconds; the last stats."""
        start = moved = time.monotonic()
        last = None
        while True:
            stats, now = self.stats(), time.monotonic()
            progress = [stats[k] for k in ("submits", "receipts_acked", "callbacks", "events")]
            if progress != last:
                last, moved = progress, now
            if ready(stats) or now - moved > idle or now - start > limit:
                return stats
            time.sleep(0.05)


def add_smsc_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--smpp", type=int, default=2775, help="SMPP port of the simulator (2775)")
    parser.add_argument("--sink", type=int, default=2781, help="port of its callback sink (2781)")
    parser.add_argument("--ctl", type=int, default=2780, help="its control port (2780)")
