"""The picture's axis and rows: where an instant lies, which ticks there are, and that nothing overlaps."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duebell.picture._axis import axis_for
from duebell.picture._rows import rows_of

START = datetime(2026, 3, 7, 12, tzinfo=UTC)


def test_instants_lie_in_order_within_the_axis() -> None:
    """Between the first and the last moment a picture grows from left to right; beyond them it does not."""
    axis = axis_for(START, START + timedelta(days=10), 1000, "UTC")
    places = [axis.x(START + timedelta(days=n)) for n in range(-5, 16)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 1000)


@pytest.mark.parametrize(
    ("days", "first", "least"),
    [(0, "20:00", 1), (1, "18:00", 4), (4, "8 Mar", 4), (30, "9 Mar", 4), (400, "Apr", 6), (4000, "Jan 2027", 6)],
)
def test_ticks_suit_the_span(days: int, first: str, least: int) -> None:
    """Hours for a day, days for weeks, months for a year; each has room for its label."""
    axis = axis_for(START, START + timedelta(days=days), 1000, "Asia/Shanghai")
    ticks = axis.ticks()
    gaps = [axis.x(b.at) - axis.x(a.at) for a, b in itertools.pairwise(ticks)]
    assert len(ticks) >= least
    assert all(gap > 40 for gap in gaps)
    assert first in {tick.label for tick in ticks}


def test_ticks_follow_the_local_clock() -> None:
    """Where clocks go forward a day is an hour shorter, and its ticks still stand at midnight."""
    axis = axis_for(START, START + timedelta(days=4), 1000, "America/New_York")
    midnights = [tick.at for tick in axis.ticks() if tick.label in {"8 Mar", "9 Mar", "10 Mar"}]
    assert [b - a for a, b in itertools.pairwise(midnights)] == [timedelta(hours=23), timedelta(hours=24)]


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))))
def test_nothing_in_a_row_overlaps(extents: list[tuple[float, float]]) -> None:
    """Two things in one row never cover each other, and no row is left empty."""
    rows = rows_of(extents)
    for row in set(rows):
        inside = sorted(extent for extent, its in zip(extents, rows, strict=True) if its == row)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(inside))
    assert set(rows) == set(range(len(set(rows))))
