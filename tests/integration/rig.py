"""One test's Duebell: a broker, a database, a clock, a file that texts go to, and workers as processes of their own.

What is asked of the broker and the database is asked with pika and psycopg, not with our own code.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pika
import pika.exceptions
import psycopg

from private_servers import PrivateRabbit

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = datetime.fromisoformat("2026-06-17T10:00:00+08:00")
QUEUES = ("duebell.events", "duebell.events.critical", "duebell.dead")
_PROPERTIES = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)
_LOST = (pika.exceptions.AMQPError, OSError)
T = TypeVar("T")

for _part in ("adapters", "channel", "connection"):  # they report every refusal, and here things are refused on purpose
    logging.getLogger(f"pika.{_part}").setLevel(logging.CRITICAL)


def eventually(look: Callable[[], T], within: float = 60.0, every: float = 0.1) -> T:
    """What `look` gives once it is true; a server that is away meanwhile is waited for."""
    deadline = time.monotonic() + within
    found: Any = None
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError, *_LOST):
            if found := look():
                return found
        time.sleep(every)
    raise AssertionError(f"it did not come about within {within} s; the last look gave {found!r}")


def rows(database: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query gives."""
    with psycopg.connect(database, connect_timeout=3) as connection:
        return connection.execute(sql, values).fetchall()


class Worker:
    """A worker process; its log is kept."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=log.parent,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def peak_mb(self) -> float:
        """The most memory it ever had (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024

    def kill(self) -> None:
        """SIGKILL, for its children too: no chance to tidy up."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, within: float = 60.0) -> int:
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait(within)

    def signal(self, number: signal.Signals) -> None:
        """Any other signal."""
        self.process.send_signal(number)


class Rig:
    """Everything one test needs; `close` ends the workers it started."""

    def __init__(self, rabbit: PrivateRabbit, database: str, folder: Path) -> None:
        self.rabbit, self.database, self.folder = rabbit, database, folder
        self.texts = folder / "texts.jsonl"
        self.workers: list[Worker] = []
        self._begun = time.monotonic()

    # ------------------------------------------------------------ time and processes

    def now(self) -> datetime:
        """The workers' clock, which goes on from one to the next; none is ahead of it.

        A worker's own starts when it has started, which may take seconds. Each begins half a minute ahead, so that no clock
        goes back.
        """
        return BASE + timedelta(seconds=time.monotonic() - self._begun + 30 * len(self.workers))

    def environment(self) -> dict[str, str]:
        """The settings of a worker that starts now."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DUEBELL_DATABASE_URL": self.database,
            "DUEBELL_BROKER_URL": self.rabbit.url,
            "DUEBELL_SENDERS": f"file://{self.texts}",
            "DUEBELL_DATA_DIR": str(self.folder),
            "DUEBELL_LEASE_SECONDS": "3",
            "DUEBELL_LOG_FORMAT": "json",
            "DUEBELL_TEST": "1",
            "DUEBELL_CLOCK_START": self.now().isoformat(),
        }

    def worker(self, *command: str, roles: str = "consume,schedule,deliver", **settings: str) -> Worker:
        """Starts a worker: `duebell run`, or the script that is named."""
        arguments = command or ("-m", "duebell", "run", "--roles", roles)
        started = Worker(arguments, self.environment() | settings, self.folder / "worker.log")
        self.workers.append(started)
        return started

    def trick(self, name: str, **settings: str) -> Worker:
        """A worker that does something to itself; see tricks.py."""
        return self.worker(str(ROOT / "tests" / "integration" / "tricks.py"), name, **settings)

    def close(self) -> None:
        """Kills the workers that still run."""
        for worker in self.workers:
            if worker.alive:
                worker.kill()

    def log_end(self) -> str:
        """What the workers said last."""
        return (self.folder / "worker.log").read_text()[-5000:] if self.workers else ""

    # ------------------------------------------------------------ the broker

    def connection(self) -> pika.BlockingConnection:
        """A connection of plain pika."""
        return pika.BlockingConnection(pika.URLParameters(self.rabbit.url))

    def forget_queues(self) -> None:
        """Deletes the queues, with what other tests left in them."""
        with self.connection() as connection:
            channel = connection.channel()
            for name in QUEUES:
                channel.queue_delete(name)

    def depth(self, queue: str) -> tuple[int, int]:
        """Messages that are ready, and consumers; (0, 0) where there is no such queue."""
        with self.connection() as connection:
            try:
                answer = connection.channel().queue_declare(queue, passive=True).method
            except pika.exceptions.ChannelClosedByBroker:
                return 0, 0
            return answer.message_count, answer.consumer_count

    def consuming(self) -> bool:
        """Whether every queue has a consumer."""
        return all(self.depth(queue)[1] for queue in QUEUES)

    def publish(self, bodies: Iterable[tuple[str, bytes]], exchange: str = "loan.events") -> None:
        """Publishes (routing key, body) one by one, each confirmed; what was not confirmed goes again."""
        channel = None
        for key, body in bodies:
            deadline = time.monotonic() + 60
            while True:
                try:
                    channel = channel or self._confirming()
                    channel.basic_publish(exchange, key, body, _PROPERTIES, mandatory=True)
                    break
                except _LOST:
                    channel = None
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
        if channel is not None:
            channel.connection.close()

    def _confirming(self) -> Any:
        channel = self.connection().channel()
        channel.confirm_delivery()
        return channel

    # ------------------------------------------------------------ the ledger and the texts

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return rows(self.database, sql, *values)

    def one(self, sql: str, *values: object) -> Any:
        """The one value a query gives."""
        return self.rows(sql, *values)[0][0]

    def quiet(self) -> bool:
        """Whether nothing is under way: nothing that could go now, nothing unknown, every status event published."""
        return not self.one(
            """
            SELECT (SELECT count(*) FROM notices WHERE (state IN ('planned', 'held') AND not_before <= %s)
                OR state = 'sending' OR (state = 'unknown' AND reason <> 'cannot_tell'))
                + (SELECT count(*) FROM outbox WHERE published_at IS NULL) + (SELECT count(*) FROM loans WHERE replan)
            """,
            self.now(),
        )

    def sent_so_far(self) -> int:
        """How many texts are in the file; cheap to ask again and again."""
        return self.texts.read_bytes().count(b"\n") if self.texts.exists() else 0

    def sent(self) -> list[str]:
        """The keys in the file, in order, as often as they are there; a line that is not whole yet does not count."""
        if not self.texts.exists():
            return []
        whole = self.texts.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line)["key"] for line in whole.splitlines()]


def as_bodies(events: Iterable[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """Events as they are published: (routing key, body)."""
    return [(event["type"], json.dumps(event, ensure_ascii=False).encode()) for event in events]
