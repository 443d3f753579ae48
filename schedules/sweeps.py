"""The timetable: which sweeps there are and how often each runs."""

from datetime import datetime

from schedules._clock import Sweep
from schedules.planner import Planner
from service.erasure import Erasure
from service.ledger import Ledger, reading
from service.metrics import Metrics
from service.notices import Lane
from service.retention import Retention
from service.settling import Settling


def timetable(
    planner: Planner,
    settling: Settling,
    erasure: Erasure,
    retention: Retention,
    ledger: Ledger,
    metrics: Metrics,
    *,
    publishes: bool,
) -> list[Sweep]:
    """Every sweep of the schedule role; `publishes`: status events go to a broker."""
    gauges = Gauges(ledger, metrics, publishes=publishes)

    async def plan(now: datetime) -> int:
        return (await planner.step(now)).rows

    return [
        Sweep("plan", 5, plan),
        Sweep("release", 2, settling.release),
        Sweep("expire", 10, settling.expire),
        Sweep("settle", 2, settling.settle),
        Sweep("unanswered", 2, settling.unanswered),
        Sweep("missing", 600, settling.missing),
        Sweep("forget_codes", 2, settling.forget),
        Sweep("forget_visits", 600, settling.forget_visits),
        Sweep("erasure", 600, erasure.step),
        Sweep("retention", 3600, retention.step),
        Sweep("gauges", 5, gauges.step),
    ]


class Gauges:
    """Puts the ledger's depths and ages into the metrics, so that a scrape costs nothing."""

    def __init__(self, ledger: Ledger, metrics: Metrics, *, publishes: bool) -> None:
        self._ledger, self._metrics, self._publishes = ledger, metrics, publishes

    async def step(self, now: datetime) -> int:
        """Reads lanes, outbox and dead letters."""
        async with self._ledger.transaction() as tx:
            lanes = {row.lane: row for row in await tx.rows(reading.LANES, now=now)}
            backlog = (await tx.rows(reading.BACKLOG))[0]
        for lane in Lane:
            row = lanes.get(lane.value)
            oldest = row.oldest if row else None
            self._metrics.waiting.labels(lane.value).set(row.ready if row else 0)
            self._metrics.oldest_seconds.labels(lane.value).set((now - oldest).total_seconds() if oldest else 0)
        self._metrics.outbox_lag.set(backlog.outbox if self._publishes else 0)
        self._metrics.dead_letters.set(backlog.dead)
        return 0
