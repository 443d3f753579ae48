"""Local time, computed by us: a gap means the first valid instant after it, a fold the first occurrence."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

#: Names in tzdata that are no place: the machine's own zone, and what a machine that was never set up has.
_NO_PLACES: Final = frozenset({"localtime", "Factory"})


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


def is_zone(name: str) -> bool:
    """Whether tzdata knows this IANA name, and it is the same on every machine."""
    return name in _names()


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name known to tzdata."""
    return ZoneInfo(name)


def in_utc(at: datetime) -> datetime:
    """The same instant in UTC; `at` is aware."""
    return at.astimezone(UTC)


@lru_cache(maxsize=65536)
def local_instant(day: date, at: time, zone_name: str) -> datetime:
    """The UTC instant of a local time on a day.

    A time that a clock change skips is the first valid instant after the gap; one that happens twice is its first occurrence.
    """
    tz = zone(zone_name)
    naive = datetime.combine(day, at)
    first = naive.replace(tzinfo=tz, fold=0)
    instant = first.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == naive:
        return instant
    return _end_of_gap(naive, tz)


def _end_of_gap(naive: datetime, tz: ZoneInfo) -> datetime:
    """The first valid instant after the gap in which a naive local time falls."""
    before, after = naive.replace(tzinfo=tz, fold=1).astimezone(UTC), naive.replace(tzinfo=tz, fold=0).astimezone(UTC)
    low, high = min(before, after), max(before, after)
    jump_before = low.astimezone(tz).utcoffset()
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).utcoffset() == jump_before:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=65536)
def end_of_day(day: date, zone_name: str) -> datetime:
    """The UTC instant at which a local day is over for good.

    Clocks that go back just after midnight (St. John's until 2011) bring the day back for an hour; it ends when that hour does.
    """
    midnight = datetime.combine(day + timedelta(days=1), time())
    first = local_instant(midnight.date(), time(), zone_name)
    again = midnight.replace(tzinfo=zone(zone_name), fold=1).astimezone(UTC)
    if again > first and local_date(again - timedelta.resolution, zone_name) == day:
        return again
    return first


@lru_cache(maxsize=4096)
def local_date(at: datetime, zone_name: str) -> date:
    """The local day of an instant."""
    return at.astimezone(zone(zone_name)).date()
