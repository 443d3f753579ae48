"""The buckets of days past due, and what upstream's word that there are none is about."""

from datetime import date

import pytest

from service.delinquency import bucket, is_cured
from service.facts import version_of
from tests.lender import at


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "0"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, "90+"),
        (900, "90+"),
    ],
)
def test_each_day_has_its_bucket(days: int, name: str) -> None:
    """The first day of a bucket is in it, and the last one too."""
    assert bucket(days) == name


@pytest.mark.parametrize(
    ("due_on", "stated", "cured", "expected"),
    [
        (date(2026, 6, 20), None, "2026-06-21 00:00", True),
        (date(2026, 6, 20), None, "2026-06-20 23:59", False),
        (date(2026, 6, 20), "2026-06-24 08:00", "2026-06-28 08:00", True),
        (date(2026, 6, 20), "2026-06-29 08:00", "2026-06-28 08:00", False),
        (date(2026, 6, 20), None, None, False),
        (None, None, "2026-06-28 08:00", False),
    ],
)
def test_a_cure_is_about_what_was_due_before_it(
    due_on: date | None, stated: str | None, cured: str | None, expected: bool
) -> None:
    """About days that were over in their zone, unless upstream stated more since."""
    said = [moment and version_of(at(moment), "test", "e") for moment in (stated, cured)]
    assert is_cured(due_on, said[0], said[1], "Asia/Shanghai") is expected
