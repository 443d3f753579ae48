"""The sweeps of a worker, as its clock runs them, on both databases."""

from datetime import timedelta

from schedules.sweeps import timetable
from tests.lender import Lender, at
from tests.virtual import opened

START = at("2026-06-19 12:00")


async def test_every_sweep_says_how_many_rows_it_changed(any_database_url: str) -> None:
    """None of them fails, and one that has removed a code says so: the clock adds these numbers up."""
    async with opened(START, url=any_database_url) as world:
        lender, engine = Lender(), world.engine
        await world.absorb(lender.operation(START, START + timedelta(minutes=5), code="482913", borrower=lender.borrower))
        await world.deliver()
        sweeps = timetable(
            engine.planner, engine.settling, engine.erasure, engine.retention, engine.ledger, engine.metrics, publishes=True
        )
        world.wait(301)
        changed = {sweep.name: await sweep.work(world.clock.at) for sweep in sweeps}
        assert min(changed.values()) >= 0
        assert changed["forget_codes"] == 1
