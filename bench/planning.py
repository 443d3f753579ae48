"""How long the planner takes over a portfolio of which a tenth falls due."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from bench.events import CLOCK_START
from duebell.opening import open_engine
from private_servers import PrivatePostgres
from service.settings import Settings

#: Instalments of a loan, a month apart; one of them is three days before its day tomorrow at ten, when due_soon goes.
_TERM: Final = 10
_DUE_IN: Final = 4

#: :loans loans of as many borrowers; bytes as long as a real cipher text.
_PARTIES: Final = """
    INSERT INTO parties (party_id, name, phone, phone_key, locale, timezone, jurisdiction, zone, created_at)
    SELECT 'P' || n, sha256(n::text::bytea), sha256(n::text::bytea), sha256(n::text::bytea), 'zh-CN', 'Asia/Shanghai', 'cn',
        'Asia/Shanghai', %(now)s
    FROM generate_series(1, %(loans)s) AS n
"""
_LOANS: Final = """
    INSERT INTO loans (loan_id, borrower_id, currency, timezone, method, account_last4, created_at)
    SELECT 'L' || n, 'P' || n, 'CNY', 'Asia/Shanghai', CASE n %% 2 WHEN 0 THEN 'manual' ELSE 'auto_debit' END, '4321', %(now)s
    FROM generate_series(1, %(loans)s) AS n
"""
_DEADLINES: Final = """
    INSERT INTO deadlines (loan_id, kind, ref, due_on, anchor, amount, currency, state, set_by, created_at)
    SELECT 'L' || n, 'instalment', no::text, due_on, due_on::text, 50000 + n %% 100000, 'CNY', 'open', 'bench', %(now)s
    FROM generate_series(1, %(loans)s) AS n, generate_series(0, %(term)s - 1) AS no,
        LATERAL (SELECT (%(first)s::date + no * interval '1 month')::date AS due_on) AS day
"""


@dataclass(frozen=True, slots=True)
class Planning:
    """Seconds of one sweep, and the rows it wrote."""

    seconds: float
    planned: int


def planning(postgres: PrivatePostgres, instalments: int) -> Planning:
    """One sweep over so many open instalments."""
    database = postgres.create_database("bench_planning")
    return asyncio.run(_plan(database, instalments))


async def _plan(database: str, instalments: int) -> Planning:
    with tempfile.TemporaryDirectory(prefix="duebell-bench-") as folder:
        settings = Settings(database_url=database, broker_url=None, senders="memory://", data_dir=Path(folder), keys=None)
        engine = await open_engine(settings, clock=lambda: CLOCK_START)
        try:
            _fill(database, max(1, instalments // _TERM))
            begun = time.perf_counter()
            done = await engine.planner.step(CLOCK_START)
            return Planning(time.perf_counter() - begun, done.rows)
        finally:
            await engine.close()


def _fill(database: str, loans: int) -> None:
    """Writes the portfolio straight into the tables, and the statistics that autovacuum would have gathered by now."""
    first = CLOCK_START.date().replace(day=CLOCK_START.day + _DUE_IN)
    values = {"loans": loans, "term": _TERM, "first": first, "now": CLOCK_START}
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in (_PARTIES, _LOANS, _DEADLINES):
            connection.execute(statement, values)
        for table in ("parties", "loans", "deadlines"):
            connection.execute(f"ANALYZE {table}")
