"""Our workers on a backlog: how fast they take events in, and how fast they become recorded hand-overs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.asking import one
from bench.checking import Checked, check
from bench.events import CLOCK_START, Backlog
from bench.filling import fill
from bench.sizes import Sizes
from bench.worker import Workers
from private_servers import PrivatePostgres, PrivateRabbit
from service.broker import apply
from service.topology import EVENTS_EXCHANGE, EVENTS_QUEUE

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
_NUMBERS: Final = count(1)  #: of databases; each run has its own


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Events per second, the largest worker's peak memory in MB, and what became of the notices."""

    per_second: float
    rss_mb: float
    checked: Checked


def intake(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, sizes: Sizes) -> float:
    """Events per second of workers that consume only. An event that comes twice counts once."""
    with _at_work(rabbit, postgres, backlog, "consume", sizes) as (workers, ledger, _):
        workers.wait_until(lambda: _absorbed(ledger) == backlog.distinct)
        return float(one(ledger, _INTAKE))


def end_to_end(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, sizes: Sizes) -> EndToEnd:
    """Events per second of workers that consume, schedule and deliver, until upstream has been told of everything."""
    with _at_work(rabbit, postgres, backlog, "consume,schedule,deliver", sizes) as (workers, ledger, folder):
        workers.wait_until(lambda: bool(one(ledger, _DONE, CLOCK_START + _SOON, backlog.distinct)))
        peak = workers.peak_mb()
        return EndToEnd(float(one(ledger, _END_TO_END)), peak, check(ledger, folder / "texts.jsonl", backlog.expected))


@contextmanager
def _at_work(
    rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, roles: str, sizes: Sizes
) -> Iterator[tuple[Workers, psycopg.Connection[Any], Path]]:
    """Workers on a database of their own and a queue that was full before they started."""
    apply(rabbit.url)
    fill(rabbit.url, EVENTS_QUEUE, backlog.messages, exchange=EVENTS_EXCHANGE)
    database = postgres.create_database(f"bench_{next(_NUMBERS)}")
    with (
        tempfile.TemporaryDirectory(prefix="duebell-bench-") as folder,
        psycopg.connect(database, autocommit=True) as ledger,
        Workers(Path(folder), database, rabbit.url, roles, sizes) as workers,
    ):
        workers.wait_until(lambda: bool(one(ledger, "SELECT to_regclass('inbox') IS NOT NULL")))
        yield workers, ledger, Path(folder)


def _absorbed(ledger: psycopg.Connection[Any]) -> int:
    return int(one(ledger, "SELECT count(*) FROM inbox"))
