"""Random histories against a model: whatever happens, in whatever order, and whoever dies, nothing is said that must not be."""

import asyncio
import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from service.ledger import Ledger, claims, notices
from service.ledger.statement import Statement
from tests.properties.happenings import Happens, Story, Until, Works, stories
from tests.properties.playing import Play

pytestmark = pytest.mark.chaos

#: Histories of a run; `make chaos` plays 20,000. HISTORIES_SEED gives others than last time.
HISTORIES = int(os.environ.get("HISTORIES", "300"))
_FIRST_SEED = int(os.environ.get("HISTORIES_SEED", "0"))
_CHUNK = 500  #: histories that one seed gives: chunks are shared out among processes
_CHUNKS = [(_FIRST_SEED + n, min(_CHUNK, HISTORIES - n * _CHUNK)) for n in range(-(-HISTORIES // _CHUNK))]


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[asyncio.Runner, Ledger]]:
    """One database in memory for all histories; each begins by emptying it."""
    with asyncio.Runner() as runner:
        ledger = Ledger("sqlite://")
        runner.run(ledger.create_tables())
        yield runner, ledger
        runner.run(ledger.close())


@pytest.mark.timeout(300 + 3 * _CHUNK)
@pytest.mark.parametrize(("first", "n"), _CHUNKS)
def test_nothing_is_said_that_must_not_be(stage: tuple[asyncio.Runner, Ledger], first: int, n: int) -> None:
    """No reminder after payment, nothing at night or over the cap or after an opt-out or to others, nothing twice, all with a reason."""
    runner, ledger = stage

    @seed(first)
    @settings(max_examples=n, phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))
    @given(story=stories())
    def play(story: Story) -> None:
        problems = runner.run(Play(ledger, story).run())
        assert not problems, "\n".join(problems)

    play()


def test_the_model_would_notice(stage: tuple[asyncio.Runner, Ledger]) -> None:
    """With an intent that looks at no deadline and a payment that ends nothing, a text after its payment is found."""
    runner, ledger = stage
    blind = Statement(
        claims.INTEND.sql.replace("d.state = 'open'", "true").replace("d.amount - d.paid", "i.left_open"),
        **claims.INTEND.params,
    )
    idle = Statement(notices.CANCEL.sql.replace("WHERE", "WHERE false AND", 1), **notices.CANCEL.params)
    steps = [
        Happens("disbursed", "L-1", 1), Works(("consume",)), Works(("plan",)), Until("10:00"), Works(("plan",)),
        Happens("paid one", "L-1", 0), Works(("remind", "consume"), (True,)),
    ]  # fmt: skip
    with patch.object(claims, "INTEND", blind), patch.object(notices, "CANCEL", idle):
        problems = runner.run(Play(ledger, Story(tells=True, steps=steps)).run())
    assert "stage:L-1:instalment:1:2026-06-17:due_tomorrow:borrower: L-1 1 is not open any more" in problems
    assert runner.run(Play(ledger, Story(tells=True, steps=steps)).run()) == []
