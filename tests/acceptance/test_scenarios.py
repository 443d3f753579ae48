"""Every scenario under tests/scenarios, told by the real engine on a virtual clock."""

from pathlib import Path

import pytest

from duebell.explaining import explained
from duebell.scenario import Told, opened, played
from duebell.simulation import Simulation
from service.ledger import reading
from service.notices import WITHOUT_REASON
from service.settings import Settings
from service.standing import Standing

pytestmark = pytest.mark.unmeasured

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
FILES = sorted(FOLDER.glob("*/*.yaml"))


@pytest.fixture
def told(file: Path) -> Told:
    """A scenario, ready to be played."""
    return opened(file.read_text("utf-8"), f"{file.parent.name}/{file.name}")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_what_a_scenario_tells_happens(file: Path, told: Told) -> None:
    """These texts go to these people at these times, others do not for these reasons, nothing else, and all can be explained."""
    simulation = Simulation(Settings())
    try:
        wrong = await played(told, simulation)
        unexplained = await not_explained(simulation)
    finally:
        await simulation.close()
    assert not wrong, "\n" + "\n".join(
        f"{file.name}:{each.line or ''} {each.told}\n  expected {each.expected}\n  happened {each.happened}" for each in wrong
    )
    assert not unexplained


async def not_explained(simulation: Simulation) -> list[str]:
    """The keys for which `duebell rules explain` does not say why the notice is in its state."""
    engine, left = simulation.engine, []
    standing = Standing(engine.ladders, engine.rulebook)
    async with simulation.ledger.transaction() as tx:
        for row in await tx.rows(reading.NOTICES, loan=None, state=None, key=None, n=10_000):
            found = await explained(tx, engine.vault, standing, row.key, simulation.clock.now())
            last = found["steps"][-1] if found else {}
            is_told = last.get("state") == row.state and (row.state in WITHOUT_REASON or bool(last.get("because")))
            left += [] if is_told and found and found["now"] else [row.key]
    return left
