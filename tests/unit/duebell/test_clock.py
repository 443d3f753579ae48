"""The doors' clock: the system's, or one that tests start where they like."""

from datetime import UTC, datetime, timedelta

import pytest

from duebell.clock import door_clock
from service.settings import SettingError, Settings


def test_without_a_start_it_is_the_systems() -> None:
    """The system's clock, in UTC."""
    before = datetime.now(UTC)
    assert before <= door_clock(Settings())() <= datetime.now(UTC)
    assert door_clock(Settings())().tzinfo is UTC


def test_with_a_start_it_runs_from_there() -> None:
    """It shows the start at first, and then as much later as has passed."""
    passed = iter([100.0, 100.0, 102.5])
    clock = door_clock(Settings(test=True, clock_start="2026-06-17T09:00:00+08:00"), lambda: next(passed))
    start = datetime(2026, 6, 17, 1, tzinfo=UTC)
    assert (clock(), clock()) == (start, start + timedelta(seconds=2.5))


def test_outside_tests_a_start_is_refused() -> None:
    """Nobody sends real texts at a made-up hour by mistake."""
    with pytest.raises(SettingError, match="for tests only"):
        door_clock(Settings(clock_start="2026-06-17T09:00:00Z"))


@pytest.mark.parametrize("text", ["yesterday", "2026-06-17", "2026-06-17T09:00:00"])
def test_a_start_must_be_an_instant(text: str) -> None:
    """A day, or a time without its offset, could be any instant."""
    with pytest.raises(SettingError, match="RFC 3339"):
        door_clock(Settings(test=True, clock_start=text))
