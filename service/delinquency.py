"""Days past due, and the bucket they fall into. Pure."""

from bisect import bisect_right
from typing import Final

#: The first day of each bucket. Source: common use in lending (M1, M2, M3, over 90 days), as Basel's 90 days for default.
_FIRST_DAYS: Final = (1, 31, 61, 91)
_BUCKETS: Final = ("0", "1-30", "31-60", "61-90", "90+")


def bucket(days_past_due: int) -> str:
    """The bucket of a number of days past due: 0, 1-30, 31-60, 61-90 or 90+."""
    return _BUCKETS[bisect_right(_FIRST_DAYS, days_past_due)]
