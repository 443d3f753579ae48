"""Runs the roles of one process until it is told to stop: consume, schedule, deliver, console."""

import asyncio
import gc
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog

from consumers import _embedded
from consumers._decode import decode
from duebell.clock import door_clock
from duebell.engine import Engine
from duebell.opening import open_engine
from schedules._clock import SweepClock
from schedules.sweeps import timetable
from service.health import Health
from service.ladders import uncertain_holidays
from service.ledger import LedgerAway, LedgerClosed, LedgerConflict
from service.notices import Lane
from service.settings import Settings
from service.topology import CRITICAL_QUEUE, DEAD_QUEUE, EVENTS_QUEUE, TOPOLOGY

log = structlog.get_logger(__name__)

ROLES: Final = frozenset({"consume", "schedule", "deliver", "console"})
#: Seconds between looks when there was nothing to do: short at first, longer the longer nothing comes.
_IDLE: Final = (0.02, 0.5)
_LONGEST_WAIT: Final = 15.0
#: Claims of one lane in work at once: while one waits for the database or the sender, texts of the other are made.
_CLAIMS_AT_ONCE = 2
#: Small batches for codes and alerts: they must not wait for a batch to fill.
_CRITICAL_BATCH, _CRITICAL_LINGER = 50, 0.002


class Nudge:
    """Wakes loops that look for work."""

    def __init__(self) -> None:
        self._events: list[asyncio.Event] = []

    def listener(self, event: asyncio.Event | None = None) -> asyncio.Event:
        """An event that is set at each nudge: a new one, or one that listens elsewhere too."""
        event = event or asyncio.Event()
        self._events.append(event)
        return event

    def __call__(self) -> None:
        """There may be work."""
        for event in self._events:
            event.set()


async def run(settings: Settings, roles: frozenset[str] = ROLES) -> None:
    """Runs roles until SIGTERM or SIGINT; then each finishes what it has begun.

    Raises:
        SettingError and its kin: an operator's mistake, one readable line each.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    engine = await _opened(settings, stop)
    if engine is None:
        return
    _rarely_collect()
    for line in uncertain_holidays(engine.ladders, engine.clock().date()):
        log.warning("holidays not certain", ladder=line)
    try:
        await serve(engine, roles, stop)
    finally:
        await engine.close()


async def _opened(settings: Settings, stop: asyncio.Event) -> Engine | None:
    """The engine, as soon as the database is there; None where we are told to stop before it is."""
    clock, wait = door_clock(settings), 0.2
    while not stop.is_set():
        try:
            return await open_engine(settings, clock=clock)
        except LedgerClosed:
            raise
        except LedgerAway as error:
            log.warning("database away", error=str(error), again_in=round(wait, 1))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait * random.uniform(0.7, 1.3))  # noqa: S311 - not a secret
            wait = min(wait * 2, _LONGEST_WAIT)
    return None


def _rarely_collect() -> None:
    """Batches make many short-lived values and no cycles: looking for garbage after every few hundred costs a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def serve(engine: Engine, roles: frozenset[str], stop: asyncio.Event) -> None:
    """Runs the roles over an open engine until `stop`; the first one that fails stops all."""
    health, nudge = Health("database"), Nudge()
    health.up("database")
    jobs: list[Coroutine[Any, Any, None]] = []
    if "consume" in roles:
        jobs += _consuming(engine, health, nudge, stop)
    if "schedule" in roles:
        sweeps = timetable(
            engine.planner, engine.settling, engine.erasure, engine.retention, engine.ledger, engine.metrics,
            publishes=engine.settings.broker_url is not None,
        )  # fmt: skip
        jobs.append(SweepClock(sweeps, engine.clock, engine.metrics).run(stop))
    if "deliver" in roles:
        for lane in Lane:
            jobs += _delivering(engine, lane, health, nudge, stop)
        jobs += _publishing(engine, health, stop)
    if "console" in roles:
        jobs.append(_console(engine, health, nudge, stop))
    log.info("running", roles=sorted(roles), database=engine.ledger.dialect, broker=engine.settings.broker_url is not None)
    await _together(jobs, stop)
    log.info("stopped")


async def _together(jobs: list[Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Runs jobs side by side; when one raises, the others are told to stop and the error goes up."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _consuming(engine: Engine, health: Health, nudge: Nudge, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    """The broker's queues, or the inbox where there is no broker; the inbox also takes what came over HTTP."""

    async def inbox() -> int:
        absorbed = await _embedded.step(engine.ledger, engine.vault, engine.intake, engine.settings.batch)
        if absorbed:
            nudge()
        return absorbed

    async def old() -> None:
        await _embedded.absorb_ignored(engine.ledger, engine.vault, engine.intake)

    jobs = [_again_and_again("inbox", inbox, health, nudge.listener(), stop), _once(old, health, stop)]
    if engine.settings.broker_url is None:
        return jobs
    from consumers._rabbit import Consumer  # noqa: PLC0415 - embedded, no broker library is loaded

    url, batch = engine.settings.broker_url.get_secret_value(), engine.settings.batch
    sizes = {EVENTS_QUEUE: (batch, 0.02), CRITICAL_QUEUE: (_CRITICAL_BATCH, _CRITICAL_LINGER), DEAD_QUEUE: (1, 0.0)}
    for name, (size, linger) in sizes.items():
        consumer = Consumer(url, TOPOLOGY.queue(name), engine.intake, health, batch=size, linger=linger, nudge=nudge)
        jobs.append(consumer.run(stop))
    return jobs


def _publishing(engine: Engine, health: Health, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    if engine.settings.broker_url is None:
        return []
    from service.status import StatusPublisher  # noqa: PLC0415 - embedded, no broker library is loaded

    publisher = StatusPublisher(engine.ledger, engine.settings.broker_url.get_secret_value(), engine.clock, engine.metrics)

    async def publish() -> None:
        try:
            await _again_and_again("status events", publisher.step, health, asyncio.Event(), stop)
        finally:
            await publisher.close()

    return [publish()]


def _delivering(
    engine: Engine, lane: Lane, health: Health, nudge: Nudge, stop: asyncio.Event
) -> list[Coroutine[Any, Any, None]]:
    """One loop looks for a lane's work; the others wake when it was nudged or has found some: an empty look costs a claim."""
    name, more = f"lane {lane}", Nudge()

    async def step() -> int:
        claimed = await engine.delivery.step(lane)
        if claimed:
            more()
        return claimed

    others = [
        _again_and_again(name, step, health, nudge.listener(more.listener()), stop, idle=(_LONGEST_WAIT, _LONGEST_WAIT))
        for _ in range(_CLAIMS_AT_ONCE - 1)
    ]
    return [_again_and_again(name, step, health, nudge.listener(), stop), *others]


async def _console(engine: Engine, health: Health, nudge: Nudge, stop: asyncio.Event) -> None:
    from console.app import create_app  # noqa: PLC0415 - a process without this role loads no web framework
    from console.serving import parse_address  # noqa: PLC0415
    from console.serving import serve as serve_http  # noqa: PLC0415

    host, port = parse_address(engine.settings.http)
    app = create_app(engine, decode=decode, health=health, nudge=nudge)
    await serve_http(app, host, port, stop)


async def _once(work: Callable[[], Awaitable[None]], health: Health, stop: asyncio.Event) -> None:
    """Does something once, when the database is there."""

    async def step() -> int:
        await work()
        return 0

    done = asyncio.Event()

    async def first() -> int:
        await step()
        done.set()
        return 0

    while not done.is_set() and not stop.is_set():
        await _step("start", first, health, stop, 1.0)


async def _again_and_again(
    name: str,
    step: Callable[[], Awaitable[int]],
    health: Health,
    wake: asyncio.Event,
    stop: asyncio.Event,
    *,
    idle: tuple[float, float] = _IDLE,
) -> None:
    """Calls a step at once while it finds work and when it is woken, and less and less often while it does not."""
    shortest, longest = idle
    wait, away = shortest, 0.2
    while not stop.is_set():
        done = await _step(name, step, health, stop, away)
        if done is None:
            away = min(away * 2, _LONGEST_WAIT)
            continue
        away = 0.2
        if done:
            wait = shortest
            await asyncio.sleep(0)
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(_either(wake, stop), wait)
        wake.clear()
        wait = min(wait * 1.5, longest)


async def _step(name: str, step: Callable[[], Awaitable[int]], health: Health, stop: asyncio.Event, away: float) -> int | None:
    """One step; None after waiting, where the database or the broker is away."""
    try:
        done = await step()
    except (LedgerAway, LedgerConflict, ConnectionError) as error:
        part = "database" if isinstance(error, (LedgerAway, LedgerConflict)) else name
        health.down(part, str(error))
        log.warning("put off", work=name, error=str(error), again_in=round(away, 1))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), away * random.uniform(0.7, 1.3))  # noqa: S311 - not a secret
        return None
    health.up("database")
    if name in health.parts:
        health.up(name)
    return done


async def _either(first: asyncio.Event, second: asyncio.Event) -> None:
    """Returns when one of two events is set."""
    waits = [asyncio.ensure_future(first.wait()), asyncio.ensure_future(second.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
