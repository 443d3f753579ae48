"""Public holidays: what is known of them, and the move of a day off them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.calendars import LONGEST_RUN, Calendar, Move, Year, calendar_of, moved

YEARS = st.sets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=60)


def calendar(holidays: set[date], worked: frozenset[date] = frozenset()) -> Calendar:
    """A calendar with these holidays, whose weekends are Saturday and Sunday but for those worked."""
    days = {date(2025, 12, 1) + timedelta(days=n) for n in range(430)}
    rest = frozenset({day for day in days if day.weekday() > 4} - worked | holidays)
    return Calendar("X", lambda _: Year(frozenset(holidays), rest, is_certain=True))


#: China's week of October 2026, which has a Sunday in it, and ends before a Saturday that is worked.
OCTOBER = calendar({date(2026, 10, day) for day in (1, 2, 3, 5, 6, 7)}, frozenset({date(2026, 10, 10)}))


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2026-09-30", "2026-09-30", "2026-09-30"),
        ("2026-10-01", "2026-09-30", "2026-10-08"),
        ("2026-10-04", "2026-09-30", "2026-10-08"),
        ("2026-10-07", "2026-09-30", "2026-10-08"),
        ("2026-10-11", "2026-10-11", "2026-10-11"),
    ],
    ids=["a working day", "the first", "the Sunday within", "the last", "an ordinary Sunday"],
)
def test_a_day_moves_to_the_nearest_working_day(day: str, before: str, after: str) -> None:
    """A holiday week is left on either side, from its weekend too; any other weekend stays."""
    on = date.fromisoformat(day)
    assert [moved(on, move, OCTOBER).isoformat() for move in ("before", "after")] == [before, after]


def test_a_weekend_beside_a_holiday_stays_where_it_is() -> None:
    """The Saturday before a Monday off is no holiday; the Monday moves over the weekend."""
    monday = calendar({date(2026, 5, 25)})
    assert moved(date(2026, 5, 23), "after", monday) == date(2026, 5, 23)
    assert moved(date(2026, 5, 25), "before", monday) == date(2026, 5, 22)


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.sampled_from(["before", "after"]), YEARS)
def test_what_was_moved_is_a_working_day_and_the_nearest(day: date, move: Move, holidays: set[date]) -> None:
    """For any holidays: a day that is none stays; one that moves passes days of rest only and lands on a working day."""
    any_year = calendar(holidays)
    found = moved(day, move, any_year)
    if found == day:
        return
    step = timedelta(days=-1 if move == "before" else 1)
    assert any_year.is_holiday(day)
    assert all(any_year.is_rest(day + n * step) for n in range(abs(found - day).days))
    assert not any_year.is_rest(found)
    assert abs(found - day) <= LONGEST_RUN


def test_a_calendar_full_of_holidays_moves_nothing() -> None:
    """A run longer than a month is a mistake of the calendar."""
    full = calendar({date(2026, 1, 1) + timedelta(days=n) for n in range(365)})
    assert moved(date(2026, 7, 1), "after", full) == date(2026, 7, 1)


@pytest.mark.parametrize(
    ("code", "day", "is_holiday"),
    [
        ("CN", date(2026, 10, 1), True),
        ("CN", date(2026, 2, 20), True),  # substituted for a worked Saturday
        ("CN", date(2026, 10, 4), True),  # the Sunday within the week
        ("CN", date(2026, 10, 9), False),
        ("GB", date(2026, 12, 25), True),
        ("GB-SCT", date(2026, 11, 30), True),
        ("GB", date(2026, 11, 30), False),
        ("IN", date(2026, 8, 15), True),
        ("US", date(2026, 11, 26), True),
    ],
)
def test_what_the_package_knows(code: str, day: date, is_holiday: bool) -> None:
    """Public holidays by country and part of one, with those that are given instead."""
    assert calendar_of(code).is_holiday(day) is is_holiday


@pytest.mark.parametrize(
    ("code", "certain"),
    [
        ("CN", {2001: True, 2026: True, 2049: False, 2101: False}),
        ("US", {2026: True, 2050: True, 2101: False}),
        ("ID", {2026: True, 2049: False}),
    ],
)
def test_which_years_are_certain(code: str, certain: dict[int, bool]) -> None:
    """Not those that no government has named yet, nor those worked out from the moon, nor those the package does not reach."""
    calendar = calendar_of(code)
    assert {year: calendar.year(year).is_certain for year in certain} == certain


@pytest.mark.parametrize("code", ["XX", "GB-XX", ""])
def test_a_country_that_nobody_knows(code: str) -> None:
    """One readable line."""
    with pytest.raises(ValueError, match=r"the public holidays of .* are not known; write a country, as CN"):
        calendar_of(code)
