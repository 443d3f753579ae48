"""An engine on a virtual clock: absorbs, plans, delivers and sweeps when a test says so."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from consumers._decode import decode
from duebell.engine import Engine, build
from duebell.simulation import VirtualClock
from service.ledger import Ledger, outbox, reading
from service.ledger.statement import Statement
from service.notices import Lane
from service.operations import Operations
from service.senders._port import Reply, Sender
from service.senders.memory import MemorySender
from service.settings import Settings
from service.status_events import status_event
from service.vault import Vault, generated_keys, parse_keys


@dataclass(slots=True)
class Virtual:
    """An engine, its clock and its senders."""

    engine: Engine
    clock: VirtualClock
    senders: Sequence[Any]
    operations: Operations
    replies: int = 0

    @property
    def sender(self) -> Any:
        """The first sender."""
        return self.senders[0]

    @property
    def sent(self) -> list[str]:
        """The templates of all texts that senders accepted, in order."""
        return [message.template for sender in self.senders for message in sender.messages]

    def go(self, moment: datetime) -> None:
        """Sets the clock; it never goes back."""
        self.clock.at = max(moment, self.clock.at)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.clock.at += timedelta(seconds=seconds)

    async def absorb(self, *bodies: bytes) -> list[str]:
        """Absorbs bodies in one batch; gives the verdicts."""
        return list(await self.engine.intake.absorb([decode(body) for body in bodies], origin="test"))

    async def plan(self) -> int:
        """One sweep of the planner."""
        return (await self.engine.planner.step(self.clock.at)).rows

    async def deliver(self) -> int:
        """Works on every lane until nothing is ready; gives the number of claims."""
        claimed = 0
        for lane in Lane:
            while n := await self.engine.delivery.step(lane):
                claimed += n
        return claimed

    async def sweep(self) -> None:
        """Expires, releases, settles, ends questions and codes, and tells ops what is missing."""
        does = self.engine.settling
        for sweep in (does.expire, does.release, does.settle, does.unanswered, does.forget, does.missing):
            await sweep(self.clock.at)

    async def run_until(self, moment: datetime) -> None:
        """Plans, sweeps and delivers from ready moment to ready moment."""
        while True:
            await self.plan()
            await self.engine.settling.expire(self.clock.at)
            await self.deliver()
            coming = await self.engine.delivery.next_moment()
            step = min(filter(None, (coming, self.clock.at + timedelta(hours=12))))
            if max(step, self.clock.at) >= moment:
                return self.go(moment)
            self.go(step)

    async def reply(self, text: str, number: str = "+8613800138000", id_: str | None = None, at: datetime | None = None) -> str:
        """Somebody answers a text; gives the verdict."""
        self.replies += 1
        reply = Reply(id_ or f"mo-{self.replies}", number, text, at or self.clock.at)
        return (await self.engine.mailbox.take("memory://", [reply]))[0]

    async def told(self, *types: str) -> list[dict[str, Any]]:
        """The data of the status events of these types, in order."""
        rows = [row for row in await self.rows(outbox.AFTER, after=0, n=100_000) if row.type in types]
        return [status_event(row)["data"] for row in rows]

    async def rows(self, statement: Statement, **values: Any) -> Sequence[Any]:
        """What a statement gives."""
        async with self.engine.ledger.transaction() as tx:
            return await tx.rows(statement, **values)

    async def run(self, statement: Statement, **values: Any) -> int:
        """Runs a statement for its effect."""
        async with self.engine.ledger.transaction() as tx:
            return await tx.run(statement, **values)

    async def notices(self) -> Sequence[Any]:
        """Every notice."""
        return await self.rows(reading.NOTICES, loan=None, state=None, key=None, n=100_000)

    async def notice(self, name: str) -> Any:
        """The notice of a stage or a template; it must be the only one."""
        found = [row for row in await self.notices() if name == row.template or f":{name}:" in row.key]
        assert len(found) == 1, [row.key for row in found]
        return found[0]

    async def state(self, name: str) -> str:
        """State and reason of a notice, as in `held window`."""
        return said(await self.notice(name))

    async def states(self) -> dict[str, str]:
        """State and reason of every notice, by key."""
        return {row.key: said(row) for row in await self.notices()}


def said(row: Any) -> str:
    """A state with its reason."""
    return row.state if row.reason is None else f"{row.state} {row.reason}"


@asynccontextmanager
async def opened(
    start: datetime,
    *senders: Sender,
    url: str = "sqlite://",
    vault: Vault | None = None,
    empty: bool = False,
    **settings: Any,
) -> AsyncIterator[Virtual]:
    """An engine over a database; `empty`: it has no tables yet. Without senders there is one in memory."""
    clock = VirtualClock(start)
    ledger = Ledger(url)
    if empty or ledger.in_memory:
        await ledger.create_tables()
    used = senders or (MemorySender(),)
    engine = build(
        Settings(database_url=url, **settings), ledger, vault or parse_keys(generated_keys()), used, clock=clock.now,
        monotonic=clock.monotonic,
    )  # fmt: skip
    names = [sender.name for sender in used]
    operations = Operations(ledger, engine.vault, engine.catalogue, engine.intake, decode, names)
    try:
        yield Virtual(engine, clock, used, operations)
    finally:
        await engine.close()
