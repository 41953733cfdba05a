"""What is simulated: how many of each, how they are set up, and the traffic."""

from __future__ import annotations

from dataclasses import dataclass

# gateway/store/writer.py
PACE, PACE_BUSY, BUSY, BATCH = 0.002, 0.010, 24, 500
PATIENCE, CLAIM_PATIENCE, CURSOR_PATIENCE = 0.005, 0.003, 0.1  # of the lanes: answers and receipts, claims, cursors


@dataclass(frozen=True, slots=True)
class Plan:
    """Nodes, databases, carriers and traffic.

    Attributes:
        processes: of an api, worker or events host, each with a core of its own.
        cores: of a PostgreSQL primary.
        disk: octets a second that a primary and its standby write of the WAL.
        slower: what PostgreSQL's CPU and the way to it cost, as a multiple of costs.json: what Citus adds is not known.
        pinned: an API process and a connector have accounts of one database each.
        locked_log: events are numbered under a lock held until the commit (gateway.store.writer, rule 5).
        locked_spend: a priced message adds to the row of its account's month in its own transaction.
        one_rate_slot: all rates are on one node of Redis (gateway.throttle.redis).
        slice: parts for which a rate is asked at once; the code asks for 50 ms of it.
        most: messages a second that one connector should carry.
        window: submissions of a connector that may be without an answer.
        dealt: connectors are dealt out to the workers in turn; else neighbours are together, and so are an account's.
        headroom: what a carrier allows, as a multiple of a connector's share of the traffic.
        all_events: webhooks want every event, and not only the last of each message.
        unit: messages moved together.
    """

    rate: float = 12_000
    api: int = 6
    worker: int = 5
    events: int = 2
    scheduler: int = 2
    processes: int = 4
    shards: int = 8
    cores: int = 8
    disk: float = 200e6
    slower: float = 1.0
    redis: int = 3
    pinned: bool = True
    locked_log: bool = True
    locked_spend: bool = True
    one_rate_slot: bool = False
    slice: int = 50
    connectors: int = 64
    most: int = 400
    window: int = 600
    dealt: bool = True
    headroom: float = 2.0
    accounts: int = 120
    zipf: float = 0.8  # weight of the k-th largest account: k to the power of minus this
    receipts: float = 0.95
    receipt_after: float = 3.0  # mean seconds
    replies: float = 0.02
    reply_after: float = 5.0
    scheduled: float = 0.01
    schedule_after: float = 3.0
    shed_after: float = 1.0  # seconds of work before a process until it refuses
    all_events: bool = False
    webhook_batch: int = 100
    webhook_lanes: int = 4
    unit: int = 10
    seed: int = 1

    @property
    def hosts(self) -> dict[str, int]:
        return {"api": self.api, "worker": self.worker, "events": self.events, "scheduler": self.scheduler}
