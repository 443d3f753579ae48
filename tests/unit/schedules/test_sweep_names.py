"""Every sweep has a name of its own: the clock, its leases and its metrics go by it."""

from unittest.mock import Mock

from schedules.sweeps import timetable


def test_no_two_sweeps_have_one_name() -> None:
    """A second sweep of the same name would not let the schedule role start."""
    names = [sweep.name for sweep in timetable(Mock(), Mock(), Mock(), Mock(), Mock(), Mock(), publishes=True)]
    assert len(set(names)) == len(names)
