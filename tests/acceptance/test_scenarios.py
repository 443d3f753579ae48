"""Every scenario under tests/scenarios, told by the real engine on a virtual clock."""

from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest

from duebell.scenario import Told, opened, played
from duebell.simulation import Simulation
from service.catalogue import Catalogue
from service.rendering import Texts
from service.settings import Settings

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
FILES = sorted(FOLDER.glob("*/*.yaml"))

#: Read and compiled once for all scenarios.
_texts, _catalogue = cache(Texts.load), cache(Catalogue.load)


@pytest.fixture
def told(file: Path) -> Told:
    """A scenario, ready to be played."""
    return opened(file.read_text("utf-8"), f"{file.parent.name}/{file.name}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_what_a_scenario_tells_happens(file: Path, told: Told) -> None:
    """These texts go to these people at these times, these are held or dropped with these reasons, and nothing else happens."""
    with patch.object(Texts, "load", _texts), patch.object(Catalogue, "load", _catalogue):
        simulation = Simulation(Settings())
    try:
        wrong = await played(told, simulation)
    finally:
        await simulation.close()
    assert not wrong, "\n" + "\n".join(
        f"{file.name}:{each.line or ''} {each.told}\n  expected {each.expected}\n  happened {each.happened}" for each in wrong
    )
