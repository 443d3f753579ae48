"""The time axis: where an instant lies, and the ticks a reader counts by."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from service.zones import local_date, local_instant

_ROOM: Final = 66  #: pixels a tick's label needs

Unit = Literal["hour", "day", "month"]
#: Steps from fine to coarse: unit, how many, and their length in hours.
_STEPS: Final[tuple[tuple[Unit, int, int], ...]] = (
    ("hour", 1, 1), ("hour", 3, 3), ("hour", 6, 6), ("hour", 12, 12), ("day", 1, 24), ("day", 2, 48), ("day", 7, 168),
    ("day", 14, 336), ("month", 1, 730), ("month", 3, 2190), ("month", 12, 8760),
)  # fmt: skip
_MONDAY: Final = date(2024, 1, 1)  #: weeks are counted from one


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the picture: `at` in UTC; a new day, month or year is strong."""

    at: datetime
    label: str
    is_strong: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from `start` to `end` (aware), `width` pixels wide, in the clock of an IANA zone."""

    start: datetime
    end: datetime
    width: float
    zone: str

    def x(self, at: datetime) -> float:
        """Where an instant lies, within the axis."""
        share = (at - self.start) / (self.end - self.start)
        return round(min(max(share, 0.0), 1.0) * self.width, 1)

    def ticks(self) -> list[Tick]:
        """As many as have room."""
        hours = (self.end - self.start) / timedelta(hours=1)
        unit, n, _ = next((step for step in _STEPS if self.width * step[2] / hours >= _ROOM), _STEPS[-1])
        return [tick for tick in self._all(unit, n) if self.start <= tick.at <= self.end]

    def _all(self, unit: Unit, n: int) -> Iterator[Tick]:
        day, last = local_date(self.start, self.zone), local_date(self.end, self.zone)
        while day <= last:
            if unit == "month":
                if day.day == 1 and (day.month - 1) % n == 0:
                    yield self._tick(day, f"{day:%b %Y}" if day.month == 1 or n > 1 else f"{day:%b}", is_strong=day.month == 1)
            elif unit == "day":
                if (day - _MONDAY).days % n == 0:
                    yield self._tick(day, f"{day.day} {day:%b}", is_strong=False)
            else:
                for hour in range(0, 24, n):
                    at = local_instant(day, time(hour), self.zone)
                    yield Tick(at, f"{hour:02d}:00" if hour else f"{day.day} {day:%b}", is_strong=not hour)
            day += timedelta(days=1)

    def _tick(self, day: date, label: str, *, is_strong: bool) -> Tick:
        return Tick(local_instant(day, time(), self.zone), label, is_strong)


def axis_for(first: datetime, last: datetime, width: float, zone: str) -> Axis:
    """An axis with a little air on both sides."""
    air = max((last - first) * 0.015, timedelta(minutes=30))
    return Axis(first - air, last + air * 2, width, zone)
