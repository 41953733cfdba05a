"""What /metrics shows. One registry per application, so that tests do not share counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)


class Metrics:
    """Counters kept as things happen, and gauges set when asked."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.accepted = Counter(
            "heliograph_messages_accepted", "Messages stored, by status.", ["status"], registry=registry
        )
        self.turned_away = Counter(
            "heliograph_sends_turned_away", "Sends answered 429 because too much waits, by code.", ["code"],
            registry=registry,
        )  # fmt: skip
        self.backlog = Gauge(
            "heliograph_connector_backlog", "Messages that wait to leave, as of the last count.", ["connector"],
            registry=registry,
        )  # fmt: skip
        self.settled = Counter(
            "heliograph_messages_settled", "Answers of carriers recorded.", ["connector", "status"], registry=registry
        )
        self.receipts = Counter(
            "heliograph_receipts", "Delivery receipts.", ["connector", "matched"], registry=registry
        )
        self.inbound = Counter(
            "heliograph_inbound_messages", "Texts from people, parts counted.", ["connector"], registry=registry
        )
        self.accept_to_submit = Histogram(
            "heliograph_accept_to_submit_seconds",
            "From acceptance to the carrier.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.submit_to_receipt = Histogram(
            "heliograph_submit_to_receipt_seconds", "From the carrier's answer to its final receipt.",
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.link_up = Gauge(
            "heliograph_connector_up", "1 while a connector has a link.", ["connector"], registry=registry
        )
        self.window = Gauge(
            "heliograph_link_window", "Submits a link may have open.", ["connector", "link"], registry=registry
        )
        self.outstanding = Gauge(
            "heliograph_link_outstanding", "Submits without an answer.", ["connector", "link"], registry=registry
        )
        self.live = Gauge(
            "heliograph_messages_live", "Messages that are not final, by status.", ["status"], registry=registry
        )
        self.oldest = Gauge(
            "heliograph_queue_age_seconds", "How long the oldest message that is due has waited.", registry=registry
        )
        self.event_lag = Gauge(
            "heliograph_event_lag", "Events a destination has yet to be given.", ["destination"], registry=registry
        )
