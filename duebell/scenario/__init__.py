"""Scenarios: a loan's story told in YAML, played by the real engine on a virtual clock, and compared with what it must give."""

from duebell.scenario._compare import Difference, differences, happened
from duebell.scenario._play import Told, opened, played
from duebell.scenario._yaml import ScenarioError

__all__ = ["Difference", "ScenarioError", "Told", "differences", "happened", "opened", "played"]
