"""The loops that deliver a lane: one looks for work, and as soon as there is some the other takes part."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from duebell.engine import Engine
from duebell.running import Nudge, _delivering
from service.health import Health
from service.notices import Lane


class _Work:
    """Claims of a lane: how many notices each finds; the last ones wait for each other, and then it is over."""

    def __init__(self, stop: asyncio.Event, *found: int, together: int) -> None:
        self._stop, self._found, self._together = stop, list(found), together
        self._met = asyncio.Barrier(together)

    async def step(self, _lane: Lane) -> int:
        """The next claim."""
        if self._found:
            return self._found.pop(0)
        await self._met.wait()
        self._stop.set()
        return 0


async def _deliver(work: _Work, stop: asyncio.Event, nudge: Nudge) -> None:
    engine = cast("Engine", SimpleNamespace(delivery=work))
    jobs: list[Any] = _delivering(engine, Lane.NORMAL, Health("database"), nudge, stop)
    assert len(jobs) > 1
    async with asyncio.timeout(20):
        await asyncio.gather(*jobs)


async def test_work_that_one_loop_finds_wakes_the_other() -> None:
    """After a claim that found something, two claims are under way at once."""
    stop = asyncio.Event()
    await _deliver(_Work(stop, 0, 0, 3, together=2), stop, Nudge())


async def test_a_nudge_wakes_all() -> None:
    """After a nudge two claims are under way at once, though no claim has found anything yet."""
    stop, nudge = asyncio.Event(), Nudge()
    work = _Work(stop, 0, 0, together=2)
    asyncio.get_running_loop().call_later(0.05, nudge)
    await _deliver(work, stop, nudge)
