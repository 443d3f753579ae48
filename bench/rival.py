"""The rival: the same work as a Celery 5 application, one task to absorb an event and one to send its notice.

It keeps the promises that our pipeline keeps: nothing is acknowledged before it is committed, an event is taken in once, its
notice goes once, what became of it is a row. `bench/race.py` starts it and says how it is tuned.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import local
from typing import Any, Final

import psycopg
from celery import Celery
from jinja2 import Environment, StrictUndefined

TABLES: Final = """
    CREATE TABLE inbox (source text, id text, body jsonb NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (source, id));
    CREATE TABLE notices (key text PRIMARY KEY, loan_id text NOT NULL, template text NOT NULL, phone text NOT NULL,
        context jsonb NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TABLE outcomes (key text PRIMARY KEY, outcome text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
"""
QUEUE: Final = "bench.rival"
#: Events that say nothing to a borrower.
SILENT: Final = frozenset({"loan.overdue.entered", "party.updated"})

_TAKE = "INSERT INTO inbox (source, id, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_ADD = "INSERT INTO notices (key, loan_id, template, phone, context) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
_WAITING = """
    SELECT n.loan_id, n.template, n.phone, n.context FROM notices n
    WHERE n.key = %s AND NOT EXISTS (SELECT FROM outcomes o WHERE o.key = n.key) FOR UPDATE OF n
"""
_DONE = "INSERT INTO outcomes (key, outcome) VALUES (%s, 'accepted')"

_text = Environment(undefined=StrictUndefined, autoescape=False).from_string(  # noqa: S701 - a text message, no HTML
    "【Duebell】尊敬的客户，您的贷款{{ loan_id[-4:] }}有新消息（{{ template }}）"  # noqa: RUF001 - Chinese
    "{% if amount %}，金额{{ amount }}元{% endif %}。客服热线95384。"  # noqa: RUF001
)
_here = local()

app = Celery("rival", broker=os.environ.get("BENCH_BROKER_URL", "memory://"))
app.conf.update(
    task_ignore_result=True,
    task_default_queue=QUEUE,
    task_default_queue_type="quorum",
    task_default_delivery_mode="persistent",
    task_acks_late=True,
    task_acks_on_failure_or_timeout=False,
    task_reject_on_worker_lost=True,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    worker_detect_quorum_queues=True,  # prefetch per consumer, as quorum queues want it
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)


@contextmanager
def _transaction() -> Iterator[psycopg.Connection[Any]]:
    """A transaction on the connection that this process, or thread, keeps."""
    if not hasattr(_here, "connection"):
        _here.connection = psycopg.connect(os.environ["BENCH_DATABASE_URL"])
    with _here.connection.transaction():
        yield _here.connection


@app.task  # type: ignore[untyped-decorator]
def absorb(event: dict[str, Any]) -> None:
    """Takes an event in, once, with its notice; then the notice's task is published, again where that was lost before."""
    key = f"{event['source']}:{event['id']}"
    with _transaction() as ledger:
        ledger.execute(_TAKE, (event["source"], event["id"], json.dumps(event)))
        if event["type"] not in SILENT:
            data = event["data"]
            phone = data.get("borrower", {}).get("phone", "")
            ledger.execute(_ADD, (key, event["subject"], event["type"], phone, json.dumps({"amount": data.get("amount")})))
    if event["type"] not in SILENT:
        send.delay(key)


@app.task  # type: ignore[untyped-decorator]
def send(key: str) -> None:
    """Writes a notice's text to the file unless it has gone, and records it."""
    with _transaction() as ledger:
        found = ledger.execute(_WAITING, (key,)).fetchone()
        if found is None:
            return
        loan_id, template, phone, context = found
        body = _text.render(loan_id=loan_id, template=template, **context)
        line = {"key": key, "loan_id": loan_id, "to": phone, "body": body, "at": datetime.now(UTC).isoformat()}
        with open(os.environ["BENCH_FILE"], "ab", buffering=0) as file:  # noqa: PTH123 - one system call less
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        ledger.execute(_DONE, (key,))
