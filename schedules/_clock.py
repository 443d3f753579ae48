"""APScheduler: about ten sweeps on UTC intervals. It never holds a job per reminder and never computes a local time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from service.ledger import LedgerAway, LedgerConflict
from service.metrics import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Something done again and again: `work(now)` gives the rows it changed."""

    name: str
    every: float  #: seconds
    work: Callable[[datetime], Awaitable[int]]


class SweepClock:
    """Runs sweeps until it is stopped; a sweep that is still running is not started again.

    Args:
        clock: gives the instant that a sweep is told, UTC; APScheduler's own clock only wakes it.
        idle: called with a sweep's name when the database was away for it.
    """

    def __init__(self, sweeps: list[Sweep], clock: Callable[[], datetime], metrics: Metrics) -> None:
        self._sweeps, self._clock, self._metrics = sweeps, clock, metrics
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweeps once at the start, then on the interval of each; waits for running sweeps at the end."""
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        for sweep in self._sweeps:
            scheduler.add_job(
                self._sweep,
                IntervalTrigger(seconds=sweep.every, timezone=UTC),
                args=[sweep],
                id=sweep.name,
                next_run_time=datetime.now(UTC),
            )
        scheduler.start()
        try:
            await stop.wait()
        finally:
            scheduler.pause()
            await asyncio.gather(*self._running, return_exceptions=True)
            scheduler.shutdown(wait=False)  # would have cancelled what still ran

    async def _sweep(self, sweep: Sweep) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        try:
            with self._metrics.sweep_seconds.labels(sweep.name).time():
                rows = await sweep.work(self._clock())
            self._metrics.sweep_rows.labels(sweep.name).inc(rows)
        except (LedgerAway, LedgerConflict, ConnectionError) as error:
            self._metrics.sweep_failures.labels(sweep.name).inc()
            log.warning("sweep put off", sweep=sweep.name, error=str(error))
        except Exception:
            self._metrics.sweep_failures.labels(sweep.name).inc()
            log.exception("sweep failed", sweep=sweep.name)
        finally:
            self._running.discard(task)
