"""Random histories against a model: whatever happens, in whatever order, and whoever dies, nothing is said that must not be."""

import asyncio
import os

import pytest

from service.ledger import Ledger
from tests.properties.drawing import shortest, story_of
from tests.properties.happenings import Story
from tests.properties.playing import Play

pytestmark = pytest.mark.chaos

#: Histories of a run, `make chaos` plays 20,000; and the number of the first, for others than last time.
HISTORIES, FIRST = int(os.environ.get("HISTORIES", "120")), int(os.environ.get("HISTORIES_FROM", "0"))
_CHUNK = 60  #: histories of one test: processes share the chunks


@pytest.mark.timeout(300 + 3 * _CHUNK)
@pytest.mark.parametrize("first", range(FIRST, FIRST + HISTORIES, _CHUNK))
def test_nothing_is_said_that_must_not_be(stage: tuple[asyncio.Runner, Ledger], first: int) -> None:
    """No reminder after payment, nothing at night or over the cap or after an opt-out or to others, nothing twice, all with a reason."""
    runner, ledger = stage

    def problems(story: Story) -> list[str]:
        return runner.run(Play(ledger, story).run())

    for number in range(first, min(first + _CHUNK, FIRST + HISTORIES)):
        if problems(story_of(number)):
            story = shortest(story_of(number), lambda each: bool(problems(each)))
            pytest.fail("\n".join([f"history {number}:", *problems(story), repr(story)]), pytrace=False)
