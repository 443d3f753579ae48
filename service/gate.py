"""The gate: may this text reach this party now? Go, hold until, or drop, each with its reason and the rule it comes from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from service.notices import Purpose
from service.rule_kinds import Cap, Window
from service.rulebook import Hours, Rulebook, Rules
from service.zones import end_of_day, is_zone, local_date, local_instant

#: UTC hours for a number that may be in zones without a common window: afternoon in the Americas, evening in Europe and Africa.
NOWHERE_OPENS: Final = time(18)
NOWHERE_CLOSES: Final = time(19)

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gate must know of a text about to go.

    Attributes:
        jurisdiction: lower-case code; one without rules of its own has those of `other`.
        zone: the party's IANA zone, None where unknown.
        country_zones: the zones of the phone number's country, asked only where `zone` is unknown.
        event_time: when what it tells happened (aware); None for a text that tells of no event.
        suppressed: this number asked not to be told of this purpose.
        count_today: texts under its cap that this number has had on `cap_day`.
    """

    purpose: Purpose
    jurisdiction: str
    zone: str | None
    country_zones: tuple[str, ...] = ()
    event_time: datetime | None = None
    suppressed: bool = False
    count_today: int = 0


@dataclass(frozen=True, slots=True)
class Go:
    """It may go now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not before `until` (UTC)."""

    until: datetime
    reason: str  #: from service/reasons.py
    rule_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Never; `rule_id` and `version` are None where the party's own wish decides."""

    reason: str  #: from service/reasons.py
    rule_id: str | None = None
    version: int | None = None


Verdict = Go | Hold | Drop
GO: Final = Go()


def decide(asked: Asked, rulebook: Rulebook, now: datetime) -> Verdict:
    """What the party's wish or the first rule that objects says; `now` is aware."""
    if asked.suppressed:
        return Drop("opted_out")
    rules = rules_of(asked.zone, asked.jurisdiction, rulebook, now)
    for check in CHECKS:
        objection = check(asked, rules, now)
        if objection is not None:
            return objection
    return GO


def rules_of(zone: str | None, jurisdiction: str, rulebook: Rulebook, now: datetime) -> Rules:
    """The rules that hold for a party now: those of its local day, or of the UTC day where the zone is unknown."""
    return rulebook.of(jurisdiction, local_date(now, zone or rulebook.default_zone(jurisdiction) or "UTC"))


def cap_of(purpose: Purpose, rules: Rules) -> Cap | None:
    """The cap a text counts towards (`id`, `version`, `limit`), if any."""
    return next(iter(rules.caps(purpose)), None)


def cap_day(zone: str | None, now: datetime) -> date:
    """The natural day a text counts in: the party's, or the UTC day where the zone is unknown."""
    return local_date(now, zone or "UTC")


def _window(asked: Asked, rules: Rules, now: datetime) -> Hold | None:
    window = rules.window(asked.purpose)
    if window is None or _is_fresh(asked, window, now):
        return None
    opening = _next_open(asked, rules, now)
    return None if opening <= now else Hold(opening, "window", window.id, window.version)


def _cap(asked: Asked, rules: Rules, now: datetime) -> Hold | None:
    cap = cap_of(asked.purpose, rules)
    if cap is None or asked.count_today < cap.limit:
        return None
    zone = asked.zone or rules.default_zone
    tomorrow = end_of_day(cap_day(zone, now), zone or "UTC")
    until = tomorrow if rules.window(asked.purpose) is None else _next_open(asked, rules, tomorrow)
    return Hold(until, "daily_cap", cap.id, cap.version)


#: Asked in this order. A new kind of rule is a model in service/rulebook.py and one function here.
CHECKS: Final[tuple[Callable[[Asked, Rules, datetime], Hold | Drop | None], ...]] = (_window, _cap)


def _is_fresh(asked: Asked, window: Window, now: datetime) -> bool:
    """Whether the window lets news go at once, and it has just happened (or lies ahead, by an upstream clock that is fast)."""
    return bool(window.fresh) and asked.event_time is not None and now - asked.event_time < window.fresh


def _next_open(asked: Asked, rules: Rules, at: datetime) -> datetime:
    """The first instant not before `at` in which the window is open: `at` itself, or an opening (UTC)."""
    zone = asked.zone or rules.default_zone
    places = asked.country_zones if zone is None else (zone,)
    hours = rules.hours(asked.purpose)
    day = at.astimezone(UTC).date() - _DAY
    while True:
        for opens, closes in _openings(places, hours, day):
            if at < closes:
                return max(at, opens)
        day += _DAY


@lru_cache(maxsize=65536)
def _openings(places: tuple[str, ...], hours: Hours, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """The spans [opens, closes) that begin on a UTC day and in which the window is open in all of these zones at once.

    Where there is no such span on this day or the days beside it, the hour that suits no one best stands in.
    """
    zones = frozenset(filter(is_zone, places))
    around = [tuple(_common_spans(zones, hours, day + n * _DAY)) for n in (-1, 0, 1)] if zones else [()]
    if any(around):
        return around[1]
    return ((local_instant(day, NOWHERE_OPENS, "UTC"), local_instant(day, NOWHERE_CLOSES, "UTC")),)


def _common_spans(zones: frozenset[str], hours: Hours, day: date) -> Iterator[tuple[datetime, datetime]]:
    """The spans that begin on a UTC day and are inside the window in every zone."""
    spans = [_local_spans(zone, hours, day) for zone in zones]
    for start in sorted({opens for zone_spans in spans for opens, _ in zone_spans}):
        ends = [closes for zone_spans in spans for opens, closes in zone_spans if opens <= start < closes]
        if start.date() == day and len(ends) == len(spans):
            yield start, min(ends)


@lru_cache(maxsize=65536)
def _local_spans(zone: str, hours: Hours, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """The window of the local days around a UTC day; a day that a clock change leaves out has none."""
    days = [day + n * _DAY for n in (-2, -1, 0, 1, 2)]
    windows = [(each, window) for each in days if (window := hours.on(each))]
    spans = [(local_instant(each, w.opens, zone), local_instant(each, w.closes, zone)) for each, w in windows]
    return tuple((opens, closes) for opens, closes in spans if opens < closes)
