"""A pause and an intent meet on one loan: the text went before the pause was recorded, or not at all."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from consumers._decode import decode
from duebell.engine import Engine
from duebell.opening import open_engine
from service.ledger import outbox
from service.notices import Lane
from service.settings import Settings
from tests.integration.rig import BASE, rows
from tests.integration.stories import TODAY, disbursed, event

pytestmark = pytest.mark.integration

LOANS = [f"S{index}" for index in range(300)]
NOW = BASE.astimezone(UTC)
DUE_ON = TODAY - timedelta(days=3)  # its first collection text goes now


@pytest.fixture
async def engines(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Engine]]:
    """Two engines over one database, each with connections of its own."""
    settings = Settings(database_url=postgres_url, data_dir=tmp_path, senders="memory://?pace=300/s")
    begun = time.monotonic()

    def clock() -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - begun)

    async with AsyncExitStack() as open_now:
        opened = []
        for _ in range(2):
            opened.append(await open_engine(settings, clock=clock))
            open_now.push_async_callback(opened[-1].close)
        yield opened


async def _absorb(engine: Engine, told: Sequence[dict[str, Any]]) -> None:
    messages = [decode(json.dumps(one).encode()) for one in told]
    assert "dead" not in await engine.intake.absorb(messages, origin="test")


def _paused(loan_id: str) -> dict[str, Any]:
    return event(loan_id, 1, "loan.collection.paused", BASE - timedelta(minutes=1), reason="dispute")


async def _planned(engine: Engine, loans: Sequence[str]) -> None:
    """The loans, each with a collection text that is due now."""
    await _absorb(engine, [disbursed(loan, index, DUE_ON) for index, loan in enumerate(loans)])
    await engine.planner.step(NOW)
    await engine.settling.expire(NOW)


async def _deliver(engine: Engine, stop: asyncio.Event) -> None:
    """Hands over what asks, until it is told to stop."""
    while not stop.is_set():
        await engine.delivery.step(Lane.BULK)
        await asyncio.sleep(0.01)


async def test_no_intent_is_later_than_the_pause(engines: list[Engine], postgres_url: str) -> None:
    """While one worker delivers and the other records pauses, each text goes before its pause is recorded, or ends in it."""
    await _planned(engines[0], LOANS)
    stop, recorded = asyncio.Event(), {}
    delivering = asyncio.ensure_future(_deliver(engines[0], stop))
    shuffled = random.Random(7).sample(LOANS, len(LOANS))  # noqa: S311 - repeatable on purpose
    for start in range(0, len(shuffled), 5):
        batch = shuffled[start : start + 5]
        await _absorb(engines[1], [_paused(loan) for loan in batch])
        recorded |= dict.fromkeys(batch, engines[1].clock())
    while rows(postgres_url, "SELECT 1 FROM notices WHERE stage = 'overdue_3' AND state IN ('planned', 'sending') LIMIT 1"):  # noqa: ASYNC110 - rows are no event
        await asyncio.sleep(0.1)
    stop.set()
    await delivering
    asked = "SELECT loan_id, state, reason, handed_at FROM notices WHERE stage = 'overdue_3'"
    found = {loan: (state, reason, handed_at) for loan, state, reason, handed_at in rows(postgres_url, asked)}
    assert {(state, reason) for state, reason, _ in found.values()} == {("sent", None), ("suppressed", "paused")}
    assert not [loan for loan, (_, _, handed_at) in found.items() if handed_at and handed_at > recorded[loan]]
    assert len(found) == len(LOANS)


async def test_an_intent_waits_for_a_pause_that_is_being_recorded(engines: list[Engine], postgres_url: str) -> None:
    """The text was claimed and judged before; the pause's transaction is open; after its commit there is no intent."""
    await _planned(engines[0], LOANS[:1])
    delivery, recorded, release = engines[0].delivery, asyncio.Event(), asyncio.Event()
    claim = await delivery._claim(Lane.BULK)
    assert claim is not None
    _, ready = delivery._judged(claim, engines[0].clock())
    assert len(ready) == 1
    record = outbox.record

    async def held(*args: Any) -> None:
        await record(*args)
        recorded.set()
        await release.wait()

    with patch.object(outbox, "record", held):
        pausing = asyncio.create_task(_absorb(engines[1], [_paused(LOANS[0])]))
        await recorded.wait()
    intending = asyncio.create_task(delivery._intents.write(delivery._couriers[0].name, claim, ready))
    while not rows(postgres_url, "SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert not intending.done()
        await asyncio.sleep(0.05)
    release.set()
    await pausing
    intended, _ = await intending
    assert intended == []
    assert rows(postgres_url, "SELECT handed_at FROM notices WHERE stage = 'overdue_3'") == [(None,)]
