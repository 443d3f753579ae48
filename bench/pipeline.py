"""Our worker on a backlog: how fast it takes events in, and how fast they become recorded hand-overs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.asking import one
from bench.checking import Checked, check
from bench.events import CLOCK_START, Backlog
from bench.filling import fill
from bench.worker import Process, worker
from private_servers import PrivatePostgres, PrivateRabbit
from service.broker import EVENTS_EXCHANGE, EVENTS_QUEUE, apply

#: From the start of the first batch's transaction to that of the last one's, without the last one's events.
_INTAKE: Final = """
    SELECT (count(*) FILTER (WHERE absorbed_at < ends))::float8 / NULLIF(extract(epoch FROM max(ends) - min(absorbed_at)), 0)
    FROM inbox, (SELECT max(absorbed_at) AS ends FROM inbox) AS last
"""
#: From the start of the first batch's transaction to the last mark that a status event is confirmed.
_END_TO_END: Final = """
    SELECT count(*)::float8 / extract(epoch FROM (SELECT max(published_at) FROM outbox) - min(absorbed_at)) FROM inbox
"""
#: One snapshot: no status event unpublished, no notice that could go or is on its way, every event there. A notice that
#: waits for tomorrow's window is done for today.
_DONE: Final = """
    SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)
        AND NOT EXISTS (SELECT FROM notices WHERE state = 'sending' OR state IN ('planned', 'held') AND not_before <= %s)
        AND (SELECT count(*) FROM inbox) = %s
"""
_SOON: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Events per second, the worker's peak memory in MB, and what became of the notices."""

    per_second: float
    rss_mb: float
    checked: Checked


def intake(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, batch: int) -> float:
    """Events per second of a worker that consumes only. An event that comes twice counts once."""
    with _at_work(rabbit, postgres, backlog, "consume", batch) as (process, ledger, _):
        process.wait_until(lambda: _absorbed(ledger) == backlog.distinct)
        return float(one(ledger, _INTAKE))


def end_to_end(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, batch: int) -> EndToEnd:
    """Events per second of one worker that consumes, schedules and delivers, until upstream has been told of everything."""
    with _at_work(rabbit, postgres, backlog, "consume,schedule,deliver", batch) as (process, ledger, folder):
        process.wait_until(lambda: bool(one(ledger, _DONE, CLOCK_START + _SOON, backlog.distinct)))
        peak = process.peak_mb()
        return EndToEnd(float(one(ledger, _END_TO_END)), peak, check(ledger, folder / "texts.jsonl", backlog.expected))


@contextmanager
def _at_work(
    rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, roles: str, batch: int
) -> Iterator[tuple[Process, psycopg.Connection[Any], Path]]:
    """A worker of its own, on a database of its own and a queue that was full before the worker started."""
    apply(rabbit.url)
    fill(rabbit.url, EVENTS_QUEUE, backlog.messages, exchange=EVENTS_EXCHANGE)
    database = postgres.create_database("bench_" + roles.replace(",", "_"))
    with (
        tempfile.TemporaryDirectory(prefix="duebell-bench-") as folder,
        psycopg.connect(database, autocommit=True) as ledger,
        worker(Path(folder), database, rabbit.url, roles, batch) as process,
    ):
        process.wait_until(lambda: bool(one(ledger, "SELECT to_regclass('inbox') IS NOT NULL")))
        yield process, ledger, Path(folder)


def _absorbed(ledger: psycopg.Connection[Any]) -> int:
    return int(one(ledger, "SELECT count(*) FROM inbox"))
