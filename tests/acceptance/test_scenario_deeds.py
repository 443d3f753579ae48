"""Deeds of a scenario: what is wrong with one is said at its line, and the page that describes them names them all."""

from pathlib import Path

import pytest

from duebell.scenario._deeds import _ANSWERS, _DEEDS
from duebell.scenario._file import OUTCOMES, Doing, Given, Happening, Line, LoanGiven, Scenario
from tests.acceptance.commandline import Cli

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scenarios.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("do: pause, scope: lane, name: fast", "there is no lane 'fast'"),
        ("do: pause, until: 2026-06-01 10:00", "the end of a pause must lie ahead"),
        ("do: cancel, template: loan_settled", "template: nothing of this template waits at that moment"),
        ("do: provider, name: drunk", "name: a provider is away, silent, forgetful, refusing, back"),
        ("do: reply", "text: say what they write"),
        ("do: suppress, purpose: security", "security notices go to every number"),
        ("do: suppress, person: li", "person: there is nobody called 'li'"),
        ("do: erase, person: li", "there is no such party"),
    ],
)
def test_a_deed_that_makes_no_sense_is_one_line(duebell: Cli, deed: str, told: str) -> None:
    """File and line, and what is wrong, however late in the story it shows."""
    file = duebell.home / "s.yaml"
    file.write_text(
        "title: T\nstory: S\nuntil: 2026-06-30\ngiven: {loan: {disbursed: 2026-06-02 10:30, instalments: [2026-06-20 1.00]}}\n"
        f"when:\n  - {{at: 2026-06-03 10:00, {deed}}}\nthen: []",
        "utf-8",
    )
    line = duebell.mistake("simulate", str(file))
    assert "s.yaml:6: when 1" in line
    assert told in line


def test_the_page_names_every_field_and_every_deed() -> None:
    """Whoever writes a scenario finds in docs/scenarios.md all that it may say."""
    fields = {name for model in (Scenario, Given, LoanGiven, Happening, Doing, Line) for name in model.model_fields}
    for word in [*fields, *_DEEDS, *_ANSWERS, *OUTCOMES]:
        assert word in PAGE, word
