"""The coverage floors name what is below them."""

from typing import Any

from coverage_floor import shortfalls


def _report(total: float, **files: float) -> dict[str, Any]:
    return {
        "totals": {"percent_covered": total},
        "files": {path: {"summary": {"percent_covered": covered}} for path, covered in files.items()},
    }


def test_nothing_is_said_at_the_floor() -> None:
    """The whole at its floor and pure files at 100 % pass."""
    assert shortfalls(_report(90, a=100, b=10), 90, ["a"]) == []


def test_what_is_below_is_named() -> None:
    """The whole and each pure file below its floor get a line."""
    lines = shortfalls(_report(89.94, a=99.9, b=10), 90, ["a"])
    assert lines == ["the whole: 89.9 %, not 90 %", "a: 99.9 %, not 100 %"]


def test_a_pure_file_that_was_not_measured_is_named() -> None:
    """A pattern that matches nothing is a mistake in the list, not a pass."""
    assert shortfalls(_report(95, a=100), 90, ["c*"]) == ["c*: no such file was measured"]
