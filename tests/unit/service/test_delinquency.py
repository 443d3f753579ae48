"""The buckets of days past due."""

import pytest

from service.delinquency import bucket


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
