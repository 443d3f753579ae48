"""Plays a scenario: its events and deeds, or somebody else's events beside its deeds, up to the end of its last day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from duebell.scenario._compare import Difference, differences, happened
from duebell.scenario._deeds import deeds_of
from duebell.scenario._events import Cast, arrivals_of
from duebell.scenario._file import Scenario, open_scenario
from duebell.scenario._yaml import Document
from duebell.simulation import Arrival, Deed, Simulation
from service.zones import end_of_day


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario ready to be played."""

    scenario: Scenario
    document: Document
    arrivals: list[Arrival]
    deeds: list[Deed]


def opened(text: str, name: str) -> Told:
    """The scenario that a YAML text tells; `name` is what an error calls it.

    Raises:
        ScenarioError: one line with file, line and field.
    """
    scenario, document = open_scenario(text, name)
    return Told(scenario, document, arrivals_of(scenario, document), deeds_of(Cast(scenario, document)))


async def played(
    told: Told, simulation: Simulation, others: Sequence[Arrival] = (), until: datetime | None = None
) -> list[Difference]:
    """Plays it, with the arrivals of another file beside its own; gives what differs from `then`.

    `until` is the last moment, in place of the scenario's own.

    Raises:
        ScenarioError: a deed makes no sense at its moment.
    """
    own = end_of_day(told.scenario.until, told.scenario.zone) - timedelta.resolution
    await simulation.run([*told.arrivals, *others], until or own, told.deeds)
    return differences(told.scenario, told.document, await happened(simulation))
