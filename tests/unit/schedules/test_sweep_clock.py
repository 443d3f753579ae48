"""The clock of the sweeps: what has begun when the process is told to stop is finished."""

import asyncio
from datetime import UTC, datetime

from schedules._clock import Sweep, SweepClock
from service.metrics import Metrics

NOW = datetime(2026, 6, 17, 2, tzinfo=UTC)


async def test_a_sweep_under_way_is_finished_at_the_end() -> None:
    """It is waited for, not cut off, and none begins after it."""
    stop, told = asyncio.Event(), []

    async def work(now: datetime) -> int:
        stop.set()
        await asyncio.sleep(0.05)
        told.append(now)
        return 1

    await SweepClock([Sweep("plan", 0.01, work)], lambda: NOW, Metrics()).run(stop)
    assert told == [NOW]
