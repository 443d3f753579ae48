"""Plays a history on the real engine, in memory, with two workers; gives what is wrong with what came of it."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from consumers._decode import decode
from duebell.engine import Engine, build
from duebell.simulation import VirtualClock
from service.catalogue import Catalogue
from service.ladders import Ladders
from service.ledger import Ledger, reading
from service.ledger.statement import INSTANT, TEXT, Statement
from service.ledger.tables import metadata
from service.notices import WITHOUT_REASON, Lane, State
from service.operations import Operations
from service.reasons import REASONS
from service.rendering import Texts
from service.rulebook import Rulebook
from service.senders._port import Reply
from service.settings import Settings
from service.vault import generated_keys, parse_keys
from tests.expected import expected_event_keys
from tests.lender import SHANGHAI, at
from tests.properties.caps import strict_rules
from tests.properties.happenings import Duty, Happens, OptsOut, Seconds, Stops, Story, Until, Works, Writes
from tests.properties.happenings import Provider as Says
from tests.properties.judge import Judge
from tests.properties.lending import Lending
from tests.properties.model import Event
from tests.properties.provider import Provider
from tests.properties.telling import OUTBOX, problems
from tests.properties.workers import Commits, Line, WatchedLedger, Worker, drive

START = at("2026-06-15 12:00")
_CLAIMS = 60  #: in one go, many more than there are notices to claim
END_AFTER = timedelta(days=4)  #: how long the world goes on after the last step
_VAULT = parse_keys(generated_keys())
_FORGET = [Statement(f"DELETE FROM {table}") for table in metadata.tables if table != "vault"]  # noqa: S608 - our own names
_PARTS = Statement("SELECT key FROM notices WHERE head = :key ORDER BY key", key=TEXT)
_KINDS = ((Texts, "load"), (Catalogue, "load"), (Ladders, "load"), (Rulebook, "load"))
_loaded = {kind: cache(getattr(kind, name)) for kind, name in _KINDS}


class Play:
    """One history under way."""

    def __init__(self, ledger: Ledger, story: Story) -> None:
        self.clock = VirtualClock(START)
        self.judge = Judge(strict=story.strict)
        self.queue: list[Event] = []
        self.published: list[Event] = []
        self.letters: list[Reply] = []
        self._written = 0
        self._ledger, self._story, self._lending = ledger, story, Lending()
        self._provider = Provider(self.judge, self._parts_of, tells=story.tells)
        self._commits = Commits(self._saw)
        self._engines: dict[int, tuple[Worker, Engine]] = {}
        self._worked_at = START

    # ------------------------------------------------------------ the world

    async def run(self) -> list[str]:
        """Plays every step and then on to the end; gives what is wrong."""
        for forget in _FORGET:
            async with self._ledger.transaction() as tx:
                await tx.run(forget)
        for step in self._story.steps:
            await self._take(step)
            if self._provider.problems:
                return self._provider.problems
        await self._to_the_end()
        return self._provider.problems or [problem async for problem in self._left_over()]

    async def _take(self, step: Any) -> None:
        match step:
            case Happens():
                self.clock.at += timedelta(seconds=1)
                event = self._lending.event(step, self.clock.at)
                self.queue.append(event)
                self.published.append(event)
            case Works():
                self._work(step)
            case Until(hour, days):
                self.clock.at = _next(self.clock.at, hour) + timedelta(days=days)
            case Seconds(n):
                self.clock.at += timedelta(seconds=n)
            case Says(says):
                self._provider.will_say(says)
            case OptsOut(who):
                number = self._lending.number(who)
                await self._operations().suppress(number, "*", who="ops", evidence="call", now=self.clock.at)
                self.judge.wishes.suppress(number, self._commits.last)
            case Writes(who, text):
                self.clock.at += timedelta(seconds=1)
                self._written += 1
                self.letters.append(Reply(f"mo-{self._written}", self._lending.number(who), text, self.clock.at))
            case Stops(hours):
                until = self.clock.at + timedelta(hours=hours)
                await self._operations().pause("all", "", who="ops", why="look", until=until, now=self.clock.at)

    def _work(self, step: Works) -> None:
        running = []
        for n, duty in enumerate(step.duties):
            worker, engine = self._worker(n)
            worker.dies_at = worker.points + step.killed[1] if step.killed and step.killed[0] == n else 0
            running.append((worker, self._duty(duty, worker, engine, step)))
        drive(running, step.passes, lambda point: self._stall(step, point), self._died)

    def _stall(self, step: Works, point: int) -> None:
        if point == step.stalls:
            self.clock.at += timedelta(seconds=31)

    async def _duty(self, duty: Duty, worker: Worker, engine: Engine, step: Works) -> None:
        now = self.clock.now
        match duty:
            case "consume":
                await self._consume(worker, engine, newest_first=step.newest_first, twice=step.twice)
            case "listen":
                await self._listen(worker, engine, twice=step.twice)
            case "plan":
                await engine.planner.step(now())
            case "deliver":
                for lane in Lane:
                    await self._deliver(engine, lane)
            case "remind":
                await self._deliver(engine, Lane.BULK)
            case "sweep":
                does = engine.settling
                for sweep in (does.expire, does.release, does.settle, does.unanswered):
                    await sweep(now())

    async def _deliver(self, engine: Engine, lane: Lane) -> None:
        """Claims until nothing is ready; something that is ready again and again is a mistake."""
        for _ in range(_CLAIMS):
            if not await engine.delivery.step(lane):
                return
        self._provider.problems.append(f"{lane}: the same is claimed again and again")

    async def _consume(self, worker: Worker, engine: Engine, *, newest_first: bool, twice: bool) -> None:
        """Takes what is in the queue; what is not acknowledged comes again, and some things come again anyway."""
        batch = self.queue[::-1] if newest_first else self.queue[:]
        worker.holds = batch
        await engine.intake.absorb([decode(json.dumps(event).encode()) for event in batch], origin="test")
        worker.holds = ()
        self.queue = [event for event in self.queue if twice or event not in batch]

    async def _listen(self, worker: Worker, engine: Engine, *, twice: bool) -> None:
        """Takes in what people wrote; the provider brings it again until it is told that it was taken."""
        worker.holds = batch = self.letters[:]
        if batch:
            await engine.mailbox.take("memory://", batch)
        worker.holds = ()
        self.letters = [letter for letter in self.letters if twice or letter not in batch]

    def _saw(self, worker: Worker, commit: int) -> None:
        for each in worker.holds:
            if isinstance(each, Reply):
                self.judge.heard(each, commit, self.clock.at)
            else:
                self.judge.record(each, commit, self.clock.at)

    # ------------------------------------------------------------ workers

    def _worker(self, n: int) -> tuple[Worker, Engine]:
        """A worker; a new process where the last one was killed."""
        if n not in self._engines:
            worker = Worker(f"worker {n}")
            self._engines[n] = worker, self._engine(WatchedLedger(self._ledger, worker, self._commits), worker)
        return self._engines[n]

    def _engine(self, ledger: Ledger, worker: Worker) -> Engine:
        patches = [patch.object(kind, name, _loaded[kind]) for kind, name in _KINDS]
        for each in patches:
            each.start()
        try:
            return build(
                _STRICT if self._story.strict else _SETTINGS,
                ledger,
                _VAULT,
                [Line(worker, self._provider)],
                clock=self.clock.now,
                monotonic=self.clock.monotonic,
                jitter=0,
            )
        finally:
            for each in patches:
                each.stop()

    def _died(self, worker: Worker) -> None:
        self._engines = {n: pair for n, pair in self._engines.items() if pair[0] is not worker}

    def _operations(self) -> Operations:
        engine = self._engine(self._ledger, Worker("operator"))
        return Operations(self._ledger, _VAULT, engine.catalogue, engine.intake, decode)

    async def _parts_of(self, key: str) -> list[str]:
        async with self._ledger.transaction() as tx:
            return [row.key for row in await tx.rows(_PARTS, key=key)]

    # ------------------------------------------------------------ the end

    async def _to_the_end(self) -> None:
        """Everything that was lost comes again, nobody dies any more, and time goes on until nothing is left to do."""
        end, plans_at = self.clock.at + END_AFTER, self.clock.at
        self._work(Works(("consume", "listen")))
        while self.clock.at < end and not self._provider.problems:
            self._worked_at = self.clock.at
            if plans_at <= self.clock.at:
                self._work(Works(("plan",)))
                plans_at = self.clock.at + timedelta(hours=23)
            coming = await self._coming()
            if any(at <= self.clock.at for at in (coming.ends, coming.lease, coming.doubt) if at):
                self._work(Works(("sweep",)))
                coming = await self._coming()
            if coming.at is not None and coming.at <= self.clock.at:
                self._work(Works(("deliver",)))
                coming = await self._coming()
            moments = [at for at in (coming.at, coming.ends, coming.lease, coming.doubt) if at is not None]
            blocked = [self.clock.at + timedelta(hours=1)] if any(at <= self.clock.at for at in moments) else []
            self.clock.at = min([*(at for at in moments if at > self.clock.at), *blocked, plans_at])
        self._work(Works(("sweep",)))

    async def _coming(self) -> Any:
        async with self._ledger.transaction() as tx:
            return (await tx.rows(_NEXT))[0]

    async def _left_over(self) -> Iterator[str]:
        """What is wrong with the notices when all is over."""
        async with self._ledger.transaction() as tx:
            rows = await tx.rows(reading.NOTICES, loan=None, state=None, key=None, n=100_000)
            outbox = await tx.rows(OUTBOX)
        for problem in problems(outbox, rows, self.judge):
            yield problem
        for missing in sorted(expected_event_keys(self.published) - {row.key for row in rows}):
            yield f"{missing}: was never made"
        for row in rows:
            if row.state in {State.PLANNED, State.HELD} and row.not_before > self._worked_at:
                continue
            if row.state in {State.PLANNED, State.HELD, State.SENDING}:
                yield f"{row.key}: still {row.state}"
            elif (row.reason in REASONS) == (row.state in WITHOUT_REASON):
                yield f"{row.key}: {row.state} because {row.reason}"
            if row.state == State.SENT and not self._provider.arrived[row.key]:
                yield f"{row.key}: sent, but it never arrived"


#: When something may go, loses its point, is given back, or is asked for.
_NEXT = Statement(
    """
    SELECT min(CASE WHEN state IN ('planned', 'held') THEN not_before END) AS at,
        min(CASE WHEN state IN ('planned', 'held') THEN expires_at END) AS ends,
        min(CASE WHEN state = 'sending' THEN lease_until END) AS lease,
        min(CASE WHEN state = 'unknown' AND reason <> 'cannot_tell' THEN handed_at END) AS doubt
    FROM notices
    """,
    returns={"at": INSTANT, "ends": INSTANT, "lease": INSTANT, "doubt": INSTANT},
)
_SETTINGS = Settings(database_url="sqlite://")
_RULES = TemporaryDirectory()
_STRICT = _SETTINGS.model_copy(update={"rules": strict_rules(Path(_RULES.name))})


def _next(now: datetime, hour: str) -> datetime:
    """The next time a clock in Shanghai shows this hour."""
    local = now.astimezone(SHANGHAI)
    hours, minutes = map(int, hour.split(":"))
    found = local.replace(hour=hours, minute=minutes, second=0, microsecond=0)
    return found if found > local else found + timedelta(days=1)
