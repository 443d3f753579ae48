"""Scenario files: what they may say, and what a mistake in one is answered with."""

import pytest

from duebell.scenario import ScenarioError, opened
from duebell.scenario._yaml import read

HEAD = "title: T\nstory: S\nuntil: 2026-06-30\n"


def mistake(text: str) -> str:
    """The line that a file is refused with."""
    with pytest.raises(ScenarioError) as error:
        opened(text, "s.yaml")
    return str(error.value)


def test_bare_values_stay_as_they_are_written() -> None:
    """An amount keeps its zeros, a day stays a text, small numbers are numbers; quotes make any of them a text."""
    said = read("{a: 1000.00, b: 2026-06-20, c: 7, d: '7', e: true, f: null, g: no, h: 0012}", "s.yaml").value
    assert said == {"a": "1000.00", "b": "2026-06-20", "c": 7, "d": "7", "e": True, "f": None, "g": "no", "h": "0012"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "s.yaml:1: not YAML: expected the node content, but found '<stream end>'"),
        ("- 1", "s.yaml:1: a scenario has title, story, until, given, when and then"),
        ("", "s.yaml:1: a scenario has title, story, until, given, when and then"),
        (HEAD + "title: again\nthen: []", "s.yaml:4: title: stands there twice"),
        (HEAD, "s.yaml:1: then: is missing"),
        ("title: T\nstory: S\nuntil: 30 June\nthen: []", "s.yaml:3: until: write a day, as 2026-06-20"),
        (HEAD + "zone: Mars/North\nthen: []", "s.yaml:4: zone: write a zone that tzdata knows, as Europe/Berlin"),
        (HEAD + "then:\n  - {at: noon, sent: a}", "s.yaml:5: then 1 at: write a local time, as 2026-06-20 10:00"),
        (HEAD + "then:\n  - {at: 2026-06-20 10:00, sennt: a}", "s.yaml:5: then 1 sennt: there is no such field here"),
        (HEAD + "then:\n  - {at: 2026-06-20 10:00}", "s.yaml:5: then 1: say exactly one of sent, planned, held, cancelled, "),
        (
            HEAD + "then:\n  - {sent: a}\n  - {cancelled: a, reason: mood}",
            "s.yaml:6: then 2 reason: there is no reason 'mood' in service/reasons.py",
        ),
        (HEAD + "given:\n  people: {}\nthen: []", "s.yaml:5: given: people: a scenario needs somebody"),
        (HEAD + "given: {loan: {}, loans: {}}\nthen: []", ""),
        (HEAD + "given:\n  loan: {}\n  loans: {L: {}}\nthen: []", "s.yaml:5: given: loans: say either loan or loans"),
        (
            HEAD + "given:\n  loan: {disbursed: 2026-06-03 10:30}\nthen: []",
            "s.yaml:5: given loan: instalments: say what must come back, as [2026-07-03 1000.00]",
        ),
    ],
)
def test_a_mistake_names_line_and_field(text: str, told: str) -> None:
    """Whatever is wrong is one line: file, line, field and what to write."""
    if told:
        assert mistake(text).startswith(told)
    else:
        assert opened(text, "s.yaml").scenario.title == "T"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{at: 2026-06-20 10:00, type: loan.setled}", "type: no event is called 'loan.setled'; is it loan.settled?"),
        ("{at: 2026-06-20 10:00, type: nothing.like.it}", "type: no event is called 'nothing.like.it'"),
        ("{at: 2026-06-20 10:00, type: loan.settled, loan: L-9}", "loan: there is no loan 'L-9'; there are: L-1"),
        ("{at: 2026-06-20 10:00, type: loan.settled, borrower: li}", "borrower: there is nobody called 'li'; there are: wang"),
        ("{at: 2026-06-20 10:00, type: party.updated, person: li}", "there is nobody called 'li'; there are: wang"),
        (
            "{at: 2026-06-20 10:00, type: loan.repayment.received, amount: 5}",
            'amount: write a decimal string like "1680.00", with at most 15 digits before the point; this is a number',
        ),
        ("{at: 2026-06-20 10:00, type: loan.repayment.received}", "amount: required, and missing"),
        (
            "{at: 2026-06-20 10:00, type: loan.settled, refused: data.amount}",
            "refused: the event is not refused for this: it keeps the contract",
        ),
        (
            "{at: 2026-06-20 10:00, type: loan.schedule.replaced, instalments: [soon]}",
            "instalments 1: write a day and an amount, as 2026-07-03 1000.00",
        ),
        (
            "{at: 2026-06-20 10:00, type: loan.schedule.replaced, instalments: 2026-07-03 1000.00}",
            "instalments: write a list, as [2026-07-03 1000.00, 2026-08-03 1000.00]",
        ),
        ("{at: 2026-06-20 10:00, do: dance}", "do: nobody can do 'dance'; there is pause, resume, "),
        ("{do: stop}", "at: is missing"),
    ],
)
def test_a_wrong_event_or_deed_names_its_line(line: str, told: str) -> None:
    """A line of `when` that cannot be played is refused before anything is."""
    found = mistake(f"{HEAD}when:\n  - {line}\nthen: []")
    assert found.startswith("s.yaml:5: when 1")
    assert told in found


def test_one_of_several_loans_must_be_named() -> None:
    """With two loans an event without one is a riddle."""
    text = HEAD + "given: {loans: {A: {}, B: {}}}\nwhen:\n  - {at: 2026-06-20 10:00, type: loan.settled}\nthen: []"
    assert mistake(text) == "s.yaml:6: when 1: say which loan: A, B"
