"""Local time: gaps, folds and the ends of days, against a search minute by minute."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.zones import end_of_day, in_utc, is_zone, local_date, local_instant, zone

MINUTE = timedelta(minutes=1)

#: Days on which a clock changes, among them changes at midnight, of half an hour, and of a whole day.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/Los_Angeles", date(2026, 3, 8)),
    ("America/Los_Angeles", date(2026, 11, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("America/Santiago", date(2026, 9, 6)),
    ("America/Santiago", date(2026, 4, 4)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Beirut", date(2026, 10, 24)),
    ("America/Havana", date(2026, 11, 1)),
    ("America/St_Johns", date(2010, 11, 6)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Easter", date(2026, 4, 4)),
    ("Asia/Pyongyang", date(2015, 8, 14)),
    ("Asia/Shanghai", date(2026, 6, 20)),
]


def minutes_around(day: date, zone_name: str) -> list[tuple[datetime, datetime]]:
    """Every UTC minute of the days around a day, with its local time."""
    start = datetime.combine(day, time(), UTC) - timedelta(days=1)
    instants = [start + n * MINUTE for n in range(4 * 1440)]
    return [(instant, instant.astimezone(zone(zone_name)).replace(tzinfo=None)) for instant in instants]


@pytest.mark.parametrize(("zone_name", "day"), CHANGES)
def test_a_local_time_is_the_first_instant_that_reaches_it(zone_name: str, day: date) -> None:
    """Existing, skipped and repeated minutes of the days of clock changes agree with a search over all minutes."""
    minutes = minutes_around(day, zone_name)
    for wanted in (datetime.combine(day, time()) + n * 13 * MINUTE for n in range(-20, 130)):
        first = next(instant for instant, local in minutes if local >= wanted)
        assert local_instant(wanted.date(), wanted.time(), zone_name) == first


@pytest.mark.parametrize(("zone_name", "day"), CHANGES)
def test_a_day_ends_after_its_last_minute(zone_name: str, day: date) -> None:
    """The end of a day is the minute after the last one that belongs to it or to a day before it."""
    minutes = minutes_around(day, zone_name)
    for each in (day - timedelta(days=1), day):
        last = max(instant for instant, local in minutes if local.date() <= each)
        assert end_of_day(each, zone_name) == last + MINUTE


@settings(max_examples=200, deadline=None)
@given(st.timezone_keys(allow_prefix=False), st.dates(date(1980, 1, 1), date(2037, 12, 30)), st.times())
def test_an_instant_says_the_time_it_was_made_of_or_follows_a_gap(zone_name: str, day: date, at: time) -> None:
    """For any zone: the local reading is what was asked for, or the first reading after a gap that swallowed it."""
    wanted = datetime.combine(day, at.replace(fold=0))
    instant = local_instant(day, at.replace(fold=0), zone_name)
    read = instant.astimezone(zone(zone_name)).replace(tzinfo=None, fold=0)
    just_before = (instant - timedelta.resolution).astimezone(zone(zone_name)).replace(tzinfo=None)
    assert read == wanted or (just_before < wanted < read)


def test_known_gaps_and_folds() -> None:
    """Berlin and Los Angeles in 2026, and the day that Samoa left out."""
    assert local_instant(date(2026, 3, 29), time(2, 30), "Europe/Berlin") == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert local_instant(date(2026, 10, 25), time(2, 30), "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert local_instant(date(2026, 3, 8), time(2, 30), "America/Los_Angeles") == datetime(2026, 3, 8, 10, tzinfo=UTC)
    assert local_instant(date(2026, 11, 1), time(1, 30), "America/Los_Angeles") == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    assert local_instant(date(2011, 12, 30), time(10), "Pacific/Apia") == datetime(2011, 12, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", ["localtime", "Factory"])
def test_what_a_machine_is_set_to_is_no_zone(name: str) -> None:
    """A name that is another place on each machine, or none, is refused although tzdata lists it."""
    assert not is_zone(name)


def test_zone_names_are_those_of_tzdata() -> None:
    """A name is a zone only if tzdata has it; an instant keeps its place in UTC and has a local day."""
    assert is_zone("Asia/Shanghai")
    assert not is_zone("Etc/Unknown")
    late = datetime(2026, 6, 20, 17, tzinfo=UTC)
    assert in_utc(late.astimezone(zone("Asia/Shanghai"))).tzinfo is UTC
    assert local_date(late, "Asia/Shanghai") == date(2026, 6, 21)
