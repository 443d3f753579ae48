"""Two workers with digests while payments come in: no text lists what has been paid, and nobody is told twice."""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest

from consumers._decode import decode
from duebell.engine import Engine
from service.notices import Lane
from tests.integration.rig import BASE, rows
from tests.integration.stories import TODAY, disbursed, paid

pytestmark = pytest.mark.integration

PEOPLE, LOANS = 300, 3
NOW = BASE.astimezone(UTC)
DUE_ON = TODAY + timedelta(days=1)


async def absorb(engine: Engine, events: Sequence[dict[str, Any]], batch: int) -> None:
    """Events, batch by batch."""
    for start in range(0, len(events), batch):
        await engine.intake.absorb(
            [decode(json.dumps(event).encode()) for event in events[start : start + batch]], origin="test"
        )
        await asyncio.sleep(0)


async def deliver(engine: Engine, stop: asyncio.Event) -> None:
    """Hands over what asks, until it is told to stop."""
    while not stop.is_set():
        await engine.delivery.step(Lane.BULK)
        await asyncio.sleep(0.005)


def listed(body: str) -> int:
    """How many instalments a text speaks of."""
    found = re.search(r"您有(\d+)期借款即将到期", body)
    return int(found[1]) if found else 1


async def test_a_digest_never_lists_what_was_paid_before_it(engines: list[Engine], postgres_url: str) -> None:
    """Nine hundred loans of three hundred people, two thirds of them paid while two workers deliver: each is told or cancelled, once."""
    loans = {f"D{n}-{i}": n for n in range(PEOPLE) for i in range(LOANS)}
    await absorb(engines[0], [disbursed(loan, n, DUE_ON, party_id=f"P-{n}") for loan, n in loans.items()], 500)
    await engines[0].planner.step(NOW)
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    payments = [paid(loan, 1) for loan in chance.sample(sorted(loans), len(loans) * 2 // 3)]
    stop = asyncio.Event()
    delivering = [asyncio.ensure_future(deliver(engine, stop)) for engine in engines]
    await absorb(engines[1], payments, 10)
    while rows(postgres_url, "SELECT 1 FROM notices WHERE stage = 'due_tomorrow' AND state IN ('planned', 'sending') LIMIT 1"):  # noqa: ASYNC110 - rows are no event
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*delivering)

    late = """SELECT n.key FROM notices n JOIN payments p ON p.loan_id = n.loan_id
        WHERE n.stage = 'due_tomorrow' AND n.state IN ('sent', 'superseded') AND n.handed_at > p.recorded_at"""
    assert rows(postgres_url, late) == []
    states = Counter(rows(postgres_url, "SELECT state, reason FROM notices WHERE stage = 'due_tomorrow'"))
    assert set(states) == {("sent", None), ("superseded", "in_digest"), ("cancelled", "paid")}
    assert sum(states.values()) == len(loans)

    messages = [m for engine in engines for c in engine.couriers for m in c.sender.messages if m.lane == "bulk"]  # type: ignore[attr-defined]
    assert len({message.key for message in messages}) == len(messages) == states["sent", None]
    parts = dict(rows(postgres_url, "SELECT head, count(*) FROM notices WHERE head IS NOT NULL GROUP BY head"))
    assert {message.key: listed(message.body) for message in messages} == {m.key: parts.get(m.key, 0) + 1 for m in messages}
