"""`duebell erase` as an operator uses it."""

from typing import Any

from tests.acceptance.commandline import Cli

_WHY = ("--why", "ticket 90", "--who", "li")


def test_a_person_is_erased_after_a_second_look(duebell: Cli, disbursed: dict[str, Any]) -> None:
    """Without --yes it says what would go and changes nothing; with it the person is gone and nothing goes any more."""
    duebell("publish", duebell.file(disbursed))
    duebell.work()
    first = duebell("erase", "P-1", *_WHY)
    assert first.exit_code == 1
    assert first.stdout == "known, with a phone number; 1 notice waiting, 1 text and 1 event to delete\n"
    assert first.stderr == "error: nothing has been erased: add --yes to do it\n"
    assert duebell("erase", "P-1", *_WHY, "--yes").stdout == "erased; 1 waiting notice ended\ndeleted 1 text, 1 event\n"
    again = duebell("erase", "P-1", *_WHY)
    assert "erased already, 2026-06-17 02:" in again.stdout
    assert "without a phone number; 0 notices waiting, 0 texts and 0 events to delete" in again.stdout
    timeline = duebell("timeline", "L-1")
    assert timeline.exit_code == 0
    assert "loan.disbursed" in timeline.stdout


def test_nobody_is_erased_by_mistake(duebell: Cli) -> None:
    """An id that nobody has, and a reason that says nothing, are told in one line."""
    assert "no such party" in duebell.mistake("erase", "P-9", *_WHY, "--yes")
    assert "--why" in duebell.mistake("erase", "P-9", "--why", " ", "--yes", code=2)
