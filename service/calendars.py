"""Public holidays by country, and the move of a day off them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator

#: The nearest working day before, or after.
Move = Literal["before", "after"]
#: No run of holidays is longer; where a calendar says so, a day stays where it is.
LONGEST_RUN: Final = timedelta(days=31)
#: Countries whose government names the days off anew for each year.
_NAMED_EACH_YEAR: Final = frozenset({"CN"})

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Year:
    """A year's days off.

    Attributes:
        holidays: the public holidays.
        rest: with weekends, without those that are worked.
        is_certain: the holidays are published, and not only worked out from the moon.
    """

    holidays: frozenset[date]
    rest: frozenset[date]
    is_certain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The public holidays of a country or a part of it, as CN or GB-SCT."""

    code: str
    year: Callable[[int], Year]

    def is_holiday(self, day: date) -> bool:
        """Whether a day is a public holiday, or a weekend's day between two of one run, as in a week of holidays."""
        if day in self.year(day.year).holidays:
            return True
        return self.is_rest(day) and all(self._runs_into_holiday(day, step) for step in (-_DAY, _DAY))

    def is_rest(self, day: date) -> bool:
        """Whether nobody works on a day."""
        return day in self.year(day.year).rest

    def _runs_into_holiday(self, day: date, step: timedelta) -> bool:
        """Whether days off lead from a day to a public holiday."""
        while self.is_rest(day):
            if day in self.year(day.year).holidays:
                return True
            day += step
        return False


@lru_cache(maxsize=65536)
def moved(day: date, move: Move, calendar: Calendar) -> date:
    """The day itself, or if it is a holiday the nearest working day before or after it."""
    if not calendar.is_holiday(day):
        return day
    step = -_DAY if move == "before" else _DAY
    found = day
    while calendar.is_rest(found):
        found += step
        if abs(found - day) > LONGEST_RUN:
            return day
    return found


@lru_cache(maxsize=64)
def calendar_of(code: str) -> Calendar:
    """The calendar of a country (ISO 3166), or of a part of it.

    Raises:
        ValueError: nobody has told us the holidays there.
    """
    country, _, part = code.partition("-")
    try:
        _year(country, part, 2000)
    except NotImplementedError:
        raise ValueError(
            f"the public holidays of {code} are not known; write a country, as CN, or a part of one, as GB-SCT"
        ) from None
    return Calendar(code, lambda year: _year(country, part, year))


@lru_cache(maxsize=1024)
def _year(country: str, part: str, year: int) -> Year:
    import holidays  # noqa: PLC0415 - a third of a second that a house without such ladders need not spend

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a year is out of reach is said by `is_certain`
        found = holidays.country_holidays(country, subdiv=part or None, years=year)
        english = holidays.country_holidays(country, subdiv=part or None, years=year, language="en_US")
    last = max(found.special_public_holidays) if country in _NAMED_EACH_YEAR else found.end_year
    days = (date(year, 1, 1) + n * _DAY for n in range(366))
    weekend = {day for day in days if day.weekday() in found.weekend and day not in found.weekend_workdays}
    is_estimated = any("estimated" in name for name in english.values())
    return Year(frozenset(found), frozenset(weekend.union(found)), found.start_year <= year <= last and not is_estimated)


def _calendar(said: object) -> Calendar:
    if isinstance(said, Calendar):
        return said
    if not isinstance(said, str):
        raise ValueError("must be a country, as CN, or a part of one, as GB-SCT")  # noqa: TRY004 - pydantic wants it
    return calendar_of(said)


#: A calendar as a file names it.
NamedCalendar = Annotated[Calendar, BeforeValidator(_calendar)]
