"""What `make bench` and `make bench-full` run."""

from __future__ import annotations

from dataclasses import dataclass

from machine import kannel

MILLION = 1_000_000
GROWN = ("--postgres", "--redis")
TWO = ("--processes", "2")
CROWD, MANY, FEW, ONE = ("-c", "256"), ("-c", "64"), ("-c", "8"), ("-c", "1")
BATCHES = (*FEW, "--batch", "100")
QUEUED = (*BATCHES, "-n", "200000", "--smsc-rate", "1", "--no-receipts", "--no-drain", "--limit", "600")
PACED = (*MANY, "--rate", "500", "--lookups", "20")
KANNEL_WINDOW = ("--window", "300")  # as many submits without response as Heliograph has


@dataclass(frozen=True)
class Run:
    """One kind of run.

    Attributes:
        name: in the table.
        program: the file that runs it.
        words: its command line.
        plots: the pictures that it is in: throughput, latency, store.
        quick: part of `make bench` too.
        timed: takes --duration.
        rounds: at most so many.
        stored: messages in the store before.
    """

    name: str
    program: str
    words: tuple[str, ...]
    plots: tuple[str, ...] = ()
    quick: bool = False
    timed: bool = True
    rounds: int = 99
    stored: int = 0

    @property
    def needs_prefill(self) -> tuple[str, ...] | None:
        """The command line of prefill.py that this run needs to have been done before."""
        if not self.stored:
            return None
        return ("--stored", str(self.stored), *(("--postgres",) if "--postgres" in self.words else ()))


def _ours(name: str, *words: str, plots: tuple[str, ...] = ("throughput",), quick: bool = False) -> Run:
    return Run(name, "heliograph.py", words, plots, quick)


def _kannel(name: str, *words: str, quick: bool = False) -> Run:
    return Run(f"kannel, {name}", "kannel.py", (*MANY, *KANNEL_WINDOW, *words), ("throughput", "latency"), quick)


def _full_store(kind: str, words: tuple[str, ...], stored: int) -> list[Run]:
    """The same twice, as fast as it goes and paced with look-ups, against a store of that size."""
    words = (*words, "--stored", str(stored))
    plots = ("store",)
    fast = Run(f"{kind}, {stored:,} stored", "heliograph.py", (*words, *MANY), plots, stored=stored)
    return [
        fast,
        Run(f"{kind}, {stored:,} stored, 500/s + look-ups", "heliograph.py", (*words, *PACED), plots, stored=stored),
    ]


ALL = (
    _ours("sqlite, accept only", *MANY, "--accept-only", plots=("throughput", "latency"), quick=True),
    _ours("sqlite, accept only, batches of 100", *BATCHES, "--accept-only", quick=True),
    _ours("sqlite, no receipts", *MANY, "--no-receipts"),
    _ours("sqlite, no receipts, batches of 100", *BATCHES, "--no-receipts"),
    _ours("sqlite, receipts + webhook", *MANY, plots=("throughput", "latency", "store"), quick=True),
    _ours("sqlite, receipts + webhook, 1 connection", *ONE, plots=("latency",), quick=True),
    _ours("sqlite, receipts + webhook, batches of 100", *BATCHES),
    _ours("sqlite, receipts + webhook, 2 processes", *MANY, *TWO, plots=("throughput", "latency"), quick=True),
    _ours("sqlite, receipts + webhook, 2 processes, 256 connections", *CROWD, *TWO, quick=True),
    _ours("sqlite, no receipts, 2 processes", *MANY, *TWO, "--no-receipts"),
    _ours("sqlite, no receipts, 2 processes, 256 connections", *CROWD, *TWO, "--no-receipts", quick=True),
    _ours("sqlite, receipts + webhook, batches of 100, 2 processes", *BATCHES, *TWO, quick=True),
    _ours("sqlite, receipts + webhook, 4 processes", *MANY, "--processes", "4"),
    _ours("postgres + redis, accept only", *GROWN, *MANY, "--accept-only", plots=("throughput", "latency")),
    _ours("postgres + redis, accept only, batches of 100", *GROWN, *BATCHES, "--accept-only"),
    _ours("postgres + redis, no receipts", *GROWN, *MANY, "--no-receipts"),
    _ours("postgres + redis, no receipts, batches of 100", *GROWN, *BATCHES, "--no-receipts"),
    _ours("postgres + redis, receipts + webhook", *GROWN, *MANY, plots=("throughput", "latency", "store"), quick=True),
    _ours("postgres + redis, receipts + webhook, 1 connection", *GROWN, *ONE, plots=("latency",)),
    _ours("postgres + redis, receipts + webhook, batches of 100", *GROWN, *BATCHES),
    *(
        _ours(f"postgres + redis, {kind}, {processes} processes", *GROWN, *MANY, *words, "--processes", str(processes))
        for processes in (2, 4)
        for kind, words in (("accept only", ("--accept-only",)), ("receipts + webhook", ()))
    ),
    _ours("postgres + redis, receipts + webhook, 2 processes, 256 connections", *GROWN, *CROWD, *TWO, quick=True),
    _kannel("default, no receipts", "--mode", "default"),
    _kannel("default, receipts + callbacks", "--mode", "default", "--receipts", quick=True),
    _kannel("spool (durable), no receipts", "--mode", "spool"),
    _kannel("spool (durable), receipts + callbacks", "--mode", "spool", "--receipts", quick=True),
    _kannel(
        "spool (durable), receipts + callbacks, 256 connections", *CROWD, "--mode", "spool", "--receipts", quick=True
    ),
    _ours("sqlite, 500/s + look-ups", *PACED, plots=("latency", "store"), quick=True),
    _ours("postgres + redis, 500/s + look-ups", *GROWN, *PACED, plots=("latency", "store")),
    *(
        run
        for kind, words in (("sqlite", ()), ("postgres + redis", GROWN))
        for stored in (MILLION, 10 * MILLION)
        for run in _full_store(kind, words, stored)
    ),
    Run("sqlite, 200,000 queued", "heliograph.py", QUEUED, quick=True, timed=False, rounds=1),
    Run("postgres + redis, 200,000 queued", "heliograph.py", (*GROWN, *QUEUED), timed=False, rounds=1),
    Run("sqlite, OTPs over 1,000,000 promotions", "overtake.py", (), timed=False, rounds=1),
    Run("postgres + redis, OTPs over 1,000,000 promotions", "overtake.py", GROWN, timed=False, rounds=1),
)


def chosen(*, full: bool, only: str) -> list[Run]:
    """The runs whose name has `only` in it; without it, all or the quick ones. Kannel's only where it is installed."""
    there = [run for run in ALL if kannel() or run.program != "kannel.py"]
    return [run for run in there if (only in run.name if only else full or run.quick)]
