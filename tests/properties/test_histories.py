"""Random histories against a model: whatever happens, in whatever order, and whoever dies, nothing is said that must not be."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from service.ledger import Ledger
from tests.properties.happenings import Story, stories
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
