"""The real engine on a virtual clock, in memory: what would be sent, held and cancelled, and why."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from consumers._decode import Dead, Event, decode
from duebell.engine import Engine, build
from duebell.showing import instant, notice_line
from service.ledger import Ledger, reading
from service.notices import Lane
from service.senders._port import Message
from service.senders.memory import MemorySender
from service.settings import Settings
from service.vault import generated_keys, parse_keys

_ALL = 10_000_000


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


class Simulation:
    """Runs arrivals through an engine of its own, from moment to moment."""

    def __init__(self, settings: Settings, on_sent: Callable[[Message], None] | None = None) -> None:
        self._clock = VirtualClock(datetime(1970, 1, 1, tzinfo=UTC))
        self._sender = MemorySender()
        self._on_sent = on_sent
        self.ledger = Ledger("sqlite://")
        self.engine: Engine = build(
            settings,
            self.ledger,
            parse_keys(generated_keys()),
            [self._sender],
            clock=self._clock.now,
            monotonic=self._clock.monotonic,
        )

    async def run(self, planned: list[Arrival], until: datetime) -> None:
        """Plays everything that happens up to `until`."""
        await self.ledger.create_tables()
        coming = _grouped(planned)
        pending = next(coming, None)
        if pending is None:
            return
        sweep_at, ready_at = pending[0].at, None
        while True:
            at = min(filter(None, (pending[0].at if pending else None, sweep_at, ready_at)))
            if at > until:
                return
            now = self._clock.at = max(at, self._clock.at)
            arrived = pending is not None and pending[0].at <= now
            if pending and arrived:
                await self.engine.intake.absorb([arrival.message for arrival in pending], origin="simulate")
                pending = next(coming, None)
            if arrived or sweep_at <= now:
                sweep_at = (await self.engine.planner.step(now)).next
            ready_at = await self._deliver(now)

    async def _deliver(self, now: datetime) -> datetime | None:
        """Ends and sends what this moment asks for; gives the next moment that matters to a waiting notice."""
        while (at := await self.engine.delivery.next_moment()) is not None and at <= now:
            await self.engine.settling.expire(now)
            for lane in Lane:
                while await self.engine.delivery.step(lane):
                    pass
        if self._on_sent:
            for message in self._sender.messages:
                self._on_sent(message)
            self._sender.messages.clear()
        return at

    async def lines(self) -> list[dict[str, Any]]:
        """Every notice as `duebell simulate --json` shows it, in the order of `at`."""
        async with self.ledger.transaction() as tx:
            rows = await tx.rows(reading.NOTICES, loan=None, state=None, key=None, n=_ALL)
            texts = {row.key: row.text for row in await tx.rows(reading.LAST_TEXTS, k=[(row.key,) for row in rows])}
        vault = self.engine.vault
        lines = []
        for row in rows:
            line = notice_line(row)
            line["at"] = instant(row.sent_at or (row.not_before if row.state in {"planned", "held"} else row.decided_at))
            line["body"] = vault.text(texts[row.key]) if row.key in texts else None
            lines.append(line)
        return sorted(lines, key=lambda line: (line["at"], line["key"]))

    async def close(self) -> None:
        """Forgets everything."""
        await self.engine.close()


def _grouped(planned: list[Arrival]) -> Iterator[list[Arrival]]:
    """Arrivals of the same moment together."""
    group: list[Arrival] = []
    for arrival in planned:
        if group and arrival.at != group[0].at:
            yield group
            group = []
        group.append(arrival)
    if group:
        yield group
