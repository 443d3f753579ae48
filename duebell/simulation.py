"""The real engine on a virtual clock, in memory: what would be sent, held and cancelled, and why."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from consumers._decode import Dead, Event, decode
from duebell.engine import Engine, build
from duebell.showing import instant, notice_line, order
from schedules.sweeps import timetable
from service.ledger import Ledger, claims, reading
from service.notices import Lane
from service.senders._port import Message
from service.senders.memory import MemorySender
from service.settings import Settings
from service.settling import ON_ITS_WAY
from service.vault import generated_keys, parse_keys

_ALL: Final = 10_000_000
#: Sweeps that a simulation does in its own time, or has no use for.
_NOT_SWEPT: Final = frozenset({"plan", "expire", "gauges", "erasure", "retention"})
_SETTLED_EVERY: Final = timedelta(seconds=2)  #: as the timetable has it
#: When sweeps look again at what an event said: a visit waits ten minutes for its approval, a reference a day for its object.
_LOOKED_AT_AGAIN: Final = (timedelta(minutes=10), timedelta(hours=24))


@dataclass(slots=True)
class VirtualClock:
    """A clock that stands until it is set."""

    at: datetime

    def now(self) -> datetime:
        """The instant it shows."""
        return self.at

    def monotonic(self) -> float:
        """The same as seconds."""
        return self.at.timestamp()


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A message body and the moment at which it comes in; ties keep the order they were given in."""

    at: datetime
    number: int
    message: Any = field(compare=False)


@dataclass(slots=True)
class Refusal:
    """A line that was not accepted."""

    line: int
    field: str
    reason: str


def arrivals(bodies: Iterable[bytes]) -> tuple[list[Arrival], list[Refusal]]:
    """Messages by the moment they arrive: `arrivesat` if given, else their time; and the lines that are refused."""
    found, refused = [], []
    for number, body in enumerate(bodies, start=1):
        if not body.strip():
            continue
        message = decode(body)
        if isinstance(message, Dead):
            refused.append(Refusal(number, message.field, message.reason))
        elif isinstance(message, Event):
            at = max(message.arrives_at or message.time, message.time).astimezone(UTC)
            found.append(Arrival(at, number, message))
    return sorted(found), refused


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that people or machines do to Duebell itself at a moment: pause it, stop it, lose a provider."""

    at: datetime
    number: int
    do: Callable[["Simulation"], Awaitable[None]]


class Simulation:
    """Runs arrivals through an engine of its own, from moment to moment.

    Attributes:
        is_up: a stopped service takes nothing in, plans nothing and sends nothing; what arrives waits for it.
    """

    def __init__(self, settings: Settings, on_sent: Callable[[Message], None] | None = None) -> None:
        self.is_up = True
        self.clock = VirtualClock(datetime(1970, 1, 1, tzinfo=UTC))
        self.sender = MemorySender()
        self._on_sent = on_sent
        self.ledger = Ledger("sqlite://")
        self.engine: Engine = build(
            settings,
            self.ledger,
            parse_keys(generated_keys()),
            [self.sender],
            clock=self.clock.now,
            monotonic=self.clock.monotonic,
            jitter=0,
        )
        engine = self.engine
        sweeps = timetable(
            engine.planner, engine.settling, engine.erasure, engine.retention, self.ledger, engine.metrics, publishes=False
        )
        self._sweeps = [sweep.work for sweep in sweeps if sweep.name not in _NOT_SWEPT]
        self._waiting: list[Any] = []
        self._plan_at: datetime | None = None
        self._ready_at: datetime | None = None
        self._sweep_at: list[datetime] = []

    async def run(self, planned: list[Arrival], until: datetime, deeds: Sequence[Deed] = ()) -> None:
        """Plays everything that happens up to `until`."""
        await self.ledger.create_tables()
        both: list[Arrival | Deed] = [*planned, *deeds]
        coming = deque(sorted(both, key=lambda one: (one.at, one.number)))
        while (at := self._next(coming)) is not None and at <= until:
            now = self.clock.at = max(at, self.clock.at)
            has_come = await self._take(coming, now)
            if self.is_up:
                await self._work(now, has_come=has_come)

    def _next(self, coming: deque[Arrival | Deed]) -> datetime | None:
        """The next moment at which there is something to do."""
        moments = [coming[0].at] if coming else []
        if self.is_up:
            moments += [at for at in (self._plan_at, self._ready_at, *self._sweep_at[:1]) if at is not None]
        return min(moments, default=None)

    async def _take(self, coming: deque[Arrival | Deed], now: datetime) -> bool:
        """Takes what has come by now, neighbours in one batch; whether there was something."""
        has_come = False
        while coming and coming[0].at <= now:
            has_come = True
            one = coming.popleft()
            if isinstance(one, Arrival):
                self._waiting.append(one.message)
            else:
                await self._absorb()
                await one.do(self)
        await self._absorb()
        if has_come:
            self._sweep_at = sorted([*self._sweep_at, *(now + delay for delay in _LOOKED_AT_AGAIN)])
        return has_come

    async def _absorb(self) -> None:
        if self.is_up and self._waiting:
            await self.engine.intake.absorb(self._waiting, origin="simulate")
            self._waiting = []

    async def _work(self, now: datetime, *, has_come: bool) -> None:
        """Plans, sweeps and delivers what this moment asks for."""
        if has_come or self._plan_at is None or self._plan_at <= now:
            self._plan_at = (await self.engine.planner.step(now)).next
        self._sweep_at = [at for at in self._sweep_at if at > now]
        for sweep in self._sweeps:
            await sweep(now)
        await self._deliver(now)

    async def _deliver(self, now: datetime) -> None:
        """Ends and sends what is ready, and finds the next moment that matters to a waiting notice."""
        claimed = 1
        while claimed and (at := await self.engine.delivery.next_moment()) is not None and at <= now:
            claimed = await self.engine.settling.expire(now)
            for lane in Lane:
                while n := await self.engine.delivery.step(lane):
                    claimed += n
        async with self.ledger.transaction() as tx:
            row = (await tx.rows(claims.NEXT_AFTER, now=now))[0]
        asked_at = row.unknown and max(row.unknown + ON_ITS_WAY, now + _SETTLED_EVERY)
        self._ready_at = min(filter(None, (row.at, row.ends, row.resumed, row.answered, asked_at)), default=None)
        if self._on_sent:
            for message in self.sender.messages:
                self._on_sent(message)
            self.sender.messages.clear()

    async def lines(self) -> list[dict[str, Any]]:
        """Every notice as `duebell simulate --json` shows it, in the order of `at`."""
        return [line for _, line in await self.told()]

    async def told(self) -> list[tuple[Any, dict[str, Any]]]:
        """Every notice as a row of service.ledger.reading.NOTICES and as a line, in the order of the line's `at`."""
        async with self.ledger.transaction() as tx:
            rows = await tx.rows(reading.NOTICES, loan=None, state=None, key=None, n=_ALL)
            texts = {row.key: row.text for row in await tx.rows(reading.LAST_TEXTS, k=[(row.key,) for row in rows])}
        vault = self.engine.vault
        told = []
        for row in rows:
            line = notice_line(row)
            line["at"] = instant(row.sent_at or (row.not_before if row.state in {"planned", "held"} else row.decided_at))
            sealed = texts.get(row.key)
            line["body"] = None if sealed is None else vault.text(sealed)
            told.append((row, line))
        return sorted(told, key=lambda pair: (order(pair[1]["at"]), pair[1]["key"]))

    async def close(self) -> None:
        """Forgets everything."""
        await self.engine.close()
