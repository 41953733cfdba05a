"""What /metrics shows. One registry per application, so that tests do not share counts."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)


class Metrics:
    """Counters kept as things happen, and gauges set when asked."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry, buckets=_SECONDS)
        self.accepted = counter("heliograph_messages_accepted", "Messages stored, by status.", ["status"])
        self.turned_away = counter(
            "heliograph_sends_turned_away", "Sends answered 429 because too much waits, by code.", ["code"]
        )
        self.backlog = gauge(
            "heliograph_connector_backlog", "Messages that wait to leave, as of the last count.", ["connector"]
        )
        self.settled = counter("heliograph_messages_settled", "Answers of carriers recorded.", ["connector", "status"])
        self.receipts = counter("heliograph_receipts", "Delivery receipts.", ["connector", "matched"])
        self.inbound = counter("heliograph_inbound_messages", "Texts from people, parts counted.", ["connector"])
        self.accept_to_submit = histogram("heliograph_accept_to_submit_seconds", "From acceptance to the carrier.")
        self.submit_to_receipt = histogram(
            "heliograph_submit_to_receipt_seconds", "From the carrier's answer to its final receipt."
        )
        self.link_up = gauge("heliograph_connector_up", "1 while a connector has a link.", ["connector"])
        self.window = gauge("heliograph_link_window", "Submits a link may have open.", ["connector", "link"])
        self.outstanding = gauge("heliograph_link_outstanding", "Submits without an answer.", ["connector", "link"])
        self.live = gauge("heliograph_messages_live", "Messages that are not final, by status.", ["status"])
        self.oldest = gauge("heliograph_queue_age_seconds", "How long the oldest message that is due has waited.")
        self.event_lag = gauge("heliograph_event_lag", "Events a destination has yet to be given.", ["destination"])
