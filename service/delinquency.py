"""Days past due, the bucket they fall into, and whether upstream said that there are none. Pure."""

from bisect import bisect_right
from datetime import date
from typing import Final

from service.facts import Version, version_time
from service.zones import local_date

#: The first day of each bucket. Source: common use in lending (M1, M2, M3, over 90 days), as Basel's 90 days for default.
_FIRST_DAYS: Final = (1, 31, 61, 91)
_BUCKETS: Final = ("0", "1-30", "31-60", "61-90", "90+")


def bucket(days_past_due: int) -> str:
    """The bucket of a number of days past due: 0, 1-30, 31-60, 61-90 or 90+."""
    return _BUCKETS[bisect_right(_FIRST_DAYS, days_past_due)]


def is_cured(due_on: date | None, stated_by: Version | None, cured_by: Version | None, zone: str) -> bool:
    """Whether upstream said, after an instalment's day and after its last word on it, that nothing is past due; `zone`: the day's."""
    if due_on is None or cured_by is None or (stated_by or "") > cured_by:
        return False
    return due_on < local_date(version_time(cured_by), zone)
