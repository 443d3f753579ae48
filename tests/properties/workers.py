"""Workers that can be made to pass control, stand still or die between any two steps; every commit has a number."""

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from service.ledger import Ledger, Transaction
from service.senders._port import Answer, Message, Outcome
from service.senders.memory import MemorySender


class KilledError(BaseException):
    """kill -9: nothing of the process is left, and nothing of it may catch this."""


class _Point:
    """A place at which control may pass to the other worker."""

    def __await__(self) -> Generator["_Point", None, None]:
        yield self


class Commits:
    """Numbers the commits of all workers; `seen` is told of each."""

    def __init__(self, seen: Callable[["Worker", int], None]) -> None:
        self.last, self._seen = 0, seen

    def committed(self, worker: "Worker") -> None:
        """A transaction of this worker is committed."""
        self.last += 1
        worker.last_commit = self.last
        self._seen(worker, self.last)


class Worker:
    """One process: where it stands, when it dies, what it has in its hands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.points, self.dies_at, self.last_commit = 0, 0, 0
        self.holds: Sequence[Any] = ()

    async def pass_point(self) -> None:
        """Dies here, or lets the other one go on."""
        self.strike()
        await _Point()

    def strike(self) -> None:
        """Dies here if it is to."""
        self.points += 1
        if self.points == self.dies_at:
            raise KilledError(self.name)


class WatchedLedger(Ledger):
    """The ledger as one worker sees it: a point before each transaction, before its commit and after it."""

    def __init__(self, ledger: Ledger, worker: Worker, commits: Commits) -> None:
        self.__dict__.update(ledger.__dict__)
        self._worker, self._commits, self._whole = worker, commits, ledger

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction of the shared ledger."""
        await self._worker.pass_point()
        async with self._whole.transaction() as tx:
            yield tx
            self._worker.strike()
        self._commits.committed(self._worker)
        await self._worker.pass_point()


class Line(MemorySender):
    """A worker's line to the one provider: a point before the call and after it."""

    def __init__(self, worker: Worker, provider: Any) -> None:
        super().__init__()
        self._worker, self._provider = worker, provider

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """What the provider says."""
        await self._worker.pass_point()
        outcomes: list[Outcome] = await self._provider.take(messages, self._worker.last_commit)
        await self._worker.pass_point()
        return outcomes

    async def query(self, keys: Sequence[str]) -> list[Answer]:
        """What the provider knows."""
        await self._worker.pass_point()
        answers: list[Answer] = self._provider.query(keys)
        return answers


def drive(
    running: list[tuple[Worker, Coroutine[Any, Any, None]]],
    passes: Sequence[bool],
    at_point: Callable[[int], None],
    died: Callable[[Worker], None],
) -> None:
    """Runs one or two workers to their ends, from point to point, in the order that `passes` says."""
    current, points = 0, 0
    while running:
        worker, work = running[current % len(running)]
        try:
            work.send(None)
        except StopIteration:
            running.remove((worker, work))
        except KilledError:
            running.remove((worker, work))
            died(worker)
        else:
            points += 1
            at_point(points)
            current += passes[points % len(passes)] if passes else 0
