"""Every metric there is, with its meaning."""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        events = Counter("duebell_events", "Events taken in, by verdict.", ["verdict"], registry=registry)
        self.events_in = {verdict: events.labels(verdict) for verdict in ("accepted", "duplicate", "ignored", "dead")}
        self.duplicate_mismatches = Counter(
            "duebell_duplicate_mismatches", "Events that came again with another payload.", registry=registry
        )
        self.intake_conflicts = Counter("duebell_intake_conflicts", "Batches run again after a conflict.", registry=registry)
        self.delivery_conflicts = Counter(
            "duebell_delivery_conflicts", "Delivery transactions run again after a conflict.", registry=registry
        )
        self.intake_seconds = Histogram(
            "duebell_intake_seconds", "Time to absorb a batch.", registry=registry, buckets=_SECONDS
        )
        self.steps = Counter("duebell_notices", "Notices that came to a state.", ["state", "reason"], registry=registry)
        self.sends = Counter("duebell_sends", "Outcomes of hand-overs.", ["sender", "outcome"], registry=registry)
        self.send_seconds = Histogram(
            "duebell_send_seconds", "Time of one call to a sender.", ["sender"], registry=registry, buckets=_SECONDS
        )
        self.lateness = Histogram(
            "duebell_lateness_seconds",
            "Hand-over after the moment a notice could go.",
            ["lane"],
            registry=registry,
            buckets=_SECONDS,
        )
        self.sweep_seconds = Histogram(
            "duebell_sweep_seconds", "Time of a sweep.", ["sweep"], registry=registry, buckets=_SECONDS
        )
        self.sweep_rows = Counter("duebell_sweep_rows", "Rows a sweep wrote.", ["sweep"], registry=registry)
        self.sweep_failures = Counter("duebell_sweep_failures", "Sweeps that failed.", ["sweep"], registry=registry)
        self.replies = Counter("duebell_replies", "What people wrote back, by what it means.", ["meaning"], registry=registry)
        self.published = Counter("duebell_status_events_published", "Status events confirmed by the broker.", registry=registry)
        self.waiting = Gauge("duebell_waiting", "Notices that could go now.", ["lane"], registry=registry)
        self.oldest_seconds = Gauge(
            "duebell_oldest_seconds", "Age of the oldest notice that could go now.", ["lane"], registry=registry
        )
        self.outbox_lag = Gauge("duebell_outbox_unpublished", "Status events not published yet.", registry=registry)
        self.dead_letters = Gauge("duebell_dead_letters", "Open dead letters.", registry=registry)

    def came_to(self, states: Iterable[tuple[str, str | None]]) -> None:
        """Counts notices by the state and the reason they came to; call it after the commit."""
        for (state, reason), n in Tally(states).items():
            self.steps.labels(state, reason or "").inc(n)
