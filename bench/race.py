"""Runs the Celery rival on a backlog, tuned as well as we could, and says how fast it was.

Of the pools and prefetch counts that docs/performance.md lists, two were fastest, now one and now the other: both run, and
the better figure counts.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

from bench import rival
from bench.asking import one
from bench.events import Backlog
from bench.worker import Process
from private_servers import PrivatePostgres, PrivateRabbit

POOLS: Final = {
    "prefork": ("--concurrency", "4", "--prefetch-multiplier", "50", "-O", "fair"),
    "threads": ("--concurrency", "8", "--prefetch-multiplier", "50"),
}
_NUMBERS: Final = count(1)  #: of databases; each run has its own
_QUIET: Final = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
#: From the first row to the last: of the events that say nothing the inbox row is the last.
_RATE: Final = """
    SELECT count(*)::float8 / extract(epoch FROM greatest(max(at), (SELECT max(at) FROM outcomes)) - min(at)) FROM inbox
"""
_DONE: Final = "SELECT (SELECT count(*) FROM inbox) = %s AND (SELECT count(*) FROM outcomes) = %s"


def celery(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog) -> float:
    """Events per second of the faster pool, from the first row to the last outcome. An event that comes twice counts once."""
    return max(race(rabbit, postgres, backlog, pool, options) for pool, options in POOLS.items())


def race(rabbit: PrivateRabbit, postgres: PrivatePostgres, backlog: Backlog, pool: str, options: Sequence[str]) -> float:
    """Events per second of one pool."""
    database = postgres.create_database(f"bench_rival_{next(_NUMBERS)}")
    with (
        tempfile.TemporaryDirectory(prefix="duebell-bench-") as folder,
        psycopg.connect(database, autocommit=True) as ledger,
    ):
        ledger.execute(rival.TABLES)
        events = [json.loads(body) for _, body in backlog.messages]
        _publish(rabbit.url, events)
        settings = {
            "BENCH_BROKER_URL": rabbit.url,
            "BENCH_DATABASE_URL": database,
            "BENCH_FILE": f"{folder}/texts.jsonl",
        }
        command = (sys.executable, "-m", "celery", "-A", "bench.rival", "worker", "--pool", pool, *options, *_QUIET)
        aloud = {(e["source"], e["id"]) for e in events if e["type"] not in rival.SILENT}
        with Process(command, Path(folder), settings) as process:
            process.wait_until(lambda: bool(one(ledger, _DONE, backlog.distinct, len(aloud))))
        return float(one(ledger, _RATE))


def _publish(url: str, events: Sequence[dict[str, Any]]) -> None:
    """Publishes one task per event, confirmed."""
    with rival.app.connection_for_write(url) as connection, rival.app.amqp.Producer(connection) as producer:
        for event in events:
            rival.absorb.apply_async((event,), producer=producer)
