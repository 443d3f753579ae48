"""Two workers on the same loans: what each brings is folded together, whoever comes first."""

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest

from consumers._decode import decode
from duebell.engine import Engine
from service.notices import Lane
from tests.integration.rig import BASE, rows
from tests.integration.stories import TODAY, disbursed, paid, stage

pytestmark = pytest.mark.integration

LOANS = [f"W{index}" for index in range(1000)]
NOW = BASE.astimezone(UTC)
DUE_ON = TODAY + timedelta(days=1)


async def absorb(engine: Engine, events: Sequence[dict[str, Any]], batch: int) -> None:
    """One worker's share, batch by batch; what the loop gives away between them is the other's chance."""
    for start in range(0, len(events), batch):
        messages = [decode(json.dumps(event).encode()) for event in events[start : start + batch]]
        assert "dead" not in await engine.intake.absorb(messages, origin="test")


async def planned(engine: Engine) -> None:
    """The loans, and a reminder waiting for each."""
    await absorb(engine, [disbursed(loan, index, DUE_ON) for index, loan in enumerate(LOANS)], 500)
    await engine.planner.step(NOW)


async def test_two_payments_by_two_workers_close_the_deadline(engines: list[Engine], postgres_url: str) -> None:
    """A thousand times: half of an instalment through each of two workers closes it, and nothing that asks waits on."""
    await planned(engines[0])
    first, second = ([paid(loan, number, "50.00") for loan in LOANS] for number in (1, 2))
    for seed, share in enumerate((first, second)):
        random.Random(seed).shuffle(share)  # noqa: S311 - repeatable on purpose
    await asyncio.gather(absorb(engines[0], first, 20), absorb(engines[1], second, 30))
    assert rows(postgres_url, "SELECT state, reason, paid, count(*) FROM deadlines GROUP BY 1, 2, 3") == [
        ("closed", "paid", 10_000, 1000)
    ]
    assert rows(postgres_url, "SELECT DISTINCT state, reason FROM notices WHERE asks") == [("cancelled", "paid")]
    waiting = stage(LOANS[0], DUE_ON, "due_tomorrow")
    assert rows(postgres_url, "SELECT count(*) FROM notices WHERE key = %s", waiting) == [(1,)]


async def test_one_payment_by_two_workers_counts_once(engines: list[Engine], postgres_url: str) -> None:
    """The same events through two workers at once, in two orders, pay once and give one receipt each."""
    await planned(engines[0])
    payments = [paid(loan, 1, "50.00") for loan in LOANS[:300]]
    await asyncio.gather(absorb(engines[0], payments, 20), absorb(engines[1], payments[::-1], 20))
    assert rows(postgres_url, "SELECT paid, count(*) FROM deadlines GROUP BY 1 ORDER BY 1") == [(0, 700), (5_000, 300)]
    assert rows(postgres_url, "SELECT count(*) FROM notices WHERE template = 'repayment_received'") == [(300,)]


async def deliver(engine: Engine, stop: asyncio.Event) -> None:
    """Hands over what asks, until it is told to stop."""
    while not stop.is_set():
        await engine.delivery.step(Lane.BULK)
        await asyncio.sleep(0.01)


async def test_no_intent_is_later_than_the_payment(engines: list[Engine], postgres_url: str) -> None:
    """While one worker delivers what asks and the other records payments, each intent comes first or not at all."""
    await planned(engines[0])
    payments = [paid(loan, 1) for loan in LOANS]
    random.Random(3).shuffle(payments)  # noqa: S311 - repeatable on purpose
    stop = asyncio.Event()
    delivering = asyncio.ensure_future(deliver(engines[0], stop))
    await absorb(engines[1], payments, 10)
    stop.set()
    await delivering
    late = """SELECT n.key FROM notices n JOIN payments p ON p.loan_id = n.loan_id
        WHERE n.stage IS NOT NULL AND n.handed_at > p.recorded_at"""
    assert rows(postgres_url, late) == []
    asked = dict(rows(postgres_url, "SELECT state, count(*) FROM notices WHERE stage = 'due_tomorrow' GROUP BY 1"))
    assert set(asked) == {"sent", "cancelled"}
    assert sum(asked.values()) == len(LOANS)
