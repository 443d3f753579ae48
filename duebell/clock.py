"""The clock the doors read: the system's, or for tests one that starts at a given instant and runs from there."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from service.settings import SettingError, Settings


def door_clock(settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> Callable[[], datetime]:
    """A clock that gives the instant in UTC.

    Raises:
        SettingError: DUEBELL_CLOCK_START is set outside a test, or is not an instant.
    """
    if settings.clock_start is None:
        return lambda: datetime.now(UTC)
    if not settings.test:
        raise SettingError("DUEBELL_CLOCK_START is for tests only: unset it, or set DUEBELL_TEST=1 too")
    start, begun = _instant(settings.clock_start), monotonic()
    return lambda: start + timedelta(seconds=monotonic() - begun)


def _instant(text: str) -> datetime:
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    raise SettingError("DUEBELL_CLOCK_START is not an instant of RFC 3339, as 2026-06-17T09:00:00+08:00")
