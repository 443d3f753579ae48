"""An opt-out or an operator's word and an intent meet: the text went before the word was committed, or not at all."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from consumers._decode import decode
from duebell.engine import Engine
from service.ledger import audit
from service.notices import Lane
from service.operations import Operations
from service.senders._port import Reply
from tests.integration.rig import rows
from tests.integration.stories import TODAY, borrower, disbursed

pytestmark = pytest.mark.integration

_NUMBER = borrower("S0", 0)["phone"]
#: Who waits for the lock that the word holds.
_WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def _operator(engine: Engine) -> Operations:
    return Operations(engine.ledger, engine.vault, engine.catalogue, engine.intake, decode)


async def _stop(engine: Engine) -> None:
    """The borrower's own word."""
    await engine.mailbox.take("memory://", [Reply("r-1", _NUMBER, "STOP", engine.clock())])


async def _suppress(engine: Engine) -> None:
    """An operator's word about a number."""
    await _operator(engine).suppress(_NUMBER, "*", who="ops", evidence="a call", now=engine.clock())


async def _pause(engine: Engine) -> None:
    """An operator's word about everything."""
    await _operator(engine).pause("all", "", who="ops", why="wrong texts", until=None, now=engine.clock())


@pytest.mark.parametrize(("word", "reason"), [(_stop, "opted_out"), (_suppress, "opted_out"), (_pause, None)])
async def test_an_intent_waits_for_a_word_that_is_being_recorded(
    engines: list[Engine], postgres_url: str, word: Callable[[Engine], Awaitable[None]], reason: str | None
) -> None:
    """The text was claimed and judged before; the word's transaction is open; after its commit nothing is handed over."""
    event = json.dumps(disbursed("S0", 0, TODAY - timedelta(days=3))).encode()
    await engines[0].intake.absorb([decode(event)], origin="test")
    await engines[0].planner.step(engines[0].clock())
    delivery, release, append = engines[0].delivery, asyncio.Event(), audit.append
    claim = await delivery._claim(Lane.BULK)
    assert claim is not None
    _, ready = delivery._judged(claim, engines[0].clock())
    assert ready

    async def held(*args: Any) -> None:
        await append(*args)
        await release.wait()

    with patch.object(audit, "append", held):
        saying = asyncio.create_task(word(engines[1]))
        await _until(lambda: bool(rows(postgres_url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")))
        intending = asyncio.create_task(delivery._intents.write(delivery._couriers[0].name, claim, ready))
        await _until(lambda: bool(rows(postgres_url, _WAITING)))
        release.set()
        await saying
    intended, _ = await intending
    assert intended == []
    assert rows(postgres_url, "SELECT count(*) FROM notices WHERE handed_at IS NOT NULL") == [(0,)]
    await asyncio.sleep(1.1)  # what the intent gave back is looked at again after a second
    await delivery.step(Lane.BULK)
    found = rows(postgres_url, "SELECT DISTINCT reason FROM notices WHERE lane = 'bulk' AND key LIKE '%%overdue_3%%'")
    assert found == [(reason,)]


async def _until(look: Callable[[], bool]) -> None:
    for _ in range(600):
        if look():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about within 30 s")
