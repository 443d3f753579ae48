"""Many stories in the order in which a real broker brings them: nearly right, with copies and stragglers."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any, Final

from duebell.sample._stories import story

_START: Final = date(2026, 1, 1)
_ODD: Final = 0.02  #: share of events that arrive twice, and again of those that arrive late

Told = tuple[datetime, int, dict[str, Any]]  #: arrival, a number that breaks ties, event


def generate(borrowers: int, seed: int, start: date, days: int = 365) -> Iterator[dict[str, Any]]:
    """The CloudEvents of so many borrowers over so many days, in order of arrival."""
    loans = (story(index, seed, start, days).events for index in range(borrowers))
    return _arriving((told for events in loans for told in events), seed, start, days)


def stream(events: int, seed: int, start: date = _START, days: int = 365) -> Iterator[dict[str, Any]]:
    """At least so many CloudEvents, of as many borrowers as it takes, in order of arrival."""
    return _arriving(_enough(events, seed, start, days), seed, start, days)


def retimed(events: Iterable[dict[str, Any]], first: datetime, within: timedelta) -> Iterator[dict[str, Any]]:
    """The same events, their times squeezed into a span that begins at an aware `first`: none comes too late to be told.

    The order of times and what is due when stay as they are; delays (arrivesat) go.
    """
    kept = list(events)
    times = [datetime.fromisoformat(event["time"]) for event in kept]
    begin, end = min(times, default=first), max(times, default=first)
    span = max(end - begin, timedelta(seconds=1))
    for event, at in zip(kept, times, strict=True):
        when = first + within * ((at - begin) / span)
        yield {key: value for key, value in event.items() if key != "arrivesat"} | {"time": when.isoformat()}


def _enough(events: int, seed: int, start: date, days: int) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Whole stories until there are enough events; what happens after the last day does not count."""
    end = _end(start, days)
    told = 0
    for index in count():
        if told >= events:
            return
        inside = [one for one in story(index, seed, start, days).events if one[0] < end]
        told += len(inside)
        yield from inside


def _end(start: date, days: int) -> datetime:
    return datetime.combine(start, time(), UTC) + timedelta(days=days)


def _arriving(told: Iterable[tuple[datetime, dict[str, Any]]], seed: int, start: date, days: int) -> Iterator[dict[str, Any]]:
    rng = Random(seed)  # noqa: S311 - invented data, repeatable on purpose
    end = _end(start, days)
    arrivals: list[Told] = []
    for at, event in told:
        if at < end:
            arrivals.extend(_deliveries(at, event, len(arrivals), rng))
    arrivals.sort(key=lambda one: one[:2])
    return (event for _, _, event in arrivals)


def _deliveries(at: datetime, event: dict[str, Any], number: int, rng: Random) -> Iterator[Told]:
    """One event as it arrives: mostly once and at once, sometimes late, sometimes again, word for word."""
    if rng.random() < _ODD:
        at += _delay(rng)
        event = event | {"arrivesat": at.isoformat()}
    yield at, number, event
    if rng.random() < _ODD:
        yield at + _delay(rng), number, event


def _delay(rng: Random) -> timedelta:
    """Mostly minutes, now and then hours."""
    return timedelta(seconds=rng.randrange(1, 600) if rng.randrange(5) else rng.randrange(600, 6 * 3600))
