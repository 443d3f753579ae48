"""The gate: may this text reach this party now? Go, hold until, or drop, each with its reason and the rule it comes from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final

from service.facts import Role
from service.notices import Purpose
from service.rule_kinds import Cap, Consent, Recipient, Rule, Window
from service.rulebook import Hours, Rulebook, Rules
from service.zones import end_of_day, in_utc, is_zone, local_date, local_instant

#: UTC hours for a number that may be in zones without a common window: afternoon in the Americas, evening in Europe and Africa.
NOWHERE_OPENS: Final = time(18)
NOWHERE_CLOSES: Final = time(19)

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Contacts:
    """What a counter has counted; `oldest` of them, where it counts more than one natural day."""

    n: int = 0
    oldest: datetime | None = None

    def one_more(self, now: datetime) -> "Contacts":
        """With a contact that is made now."""
        return Contacts(self.n + 1, self.oldest or now)


NO_CONTACTS: Final = Contacts()


@dataclass(frozen=True, slots=True)
class Counter:
    """What a text takes from when it goes: at most `most` on a natural day, or after an instant.

    Attributes:
        name: the rule's id, and whose contacts it counts.
        since: contacts after it count; None: those of `day`, which otherwise means nothing.
    """

    name: str
    day: date
    most: int
    since: datetime | None = None

    @property
    def rule_id(self) -> str:
        """The cap it belongs to."""
        return self.name.partition(":")[0]

    @property
    def place(self) -> tuple[str, date]:
        """Where it is kept."""
        return self.name, self.day


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gate must know of a text about to go.

    Attributes:
        jurisdiction: lower-case code; one without rules of its own has those of `other`.
        zone: the party's IANA zone, None where unknown.
        role: whom it addresses.
        country_zones: the zones of the phone number's country, asked only where `zone` is unknown.
        event_time: when what it tells happened (aware); None for a text that tells of no event.
        suppressed: this number asked not to be told of this purpose.
        consented: this party agreed to be told of this purpose.
        number_seen: when an event last named the number; None where nobody looked.
        contacts: by the ids of its caps, what they have counted.
    """

    purpose: Purpose
    jurisdiction: str
    zone: str | None
    role: Role = "borrower"
    country_zones: tuple[str, ...] = ()
    event_time: datetime | None = None
    suppressed: bool = False
    consented: bool = False
    number_seen: datetime | None = None
    contacts: Mapping[str, Contacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Go:
    """It may go now, and until an instant (UTC): then the window closes, or the day its contacts are counted in is over."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Not before `until` (UTC)."""

    until: datetime
    reason: str  #: from service/reasons.py
    rule: str  #: id and version


@dataclass(frozen=True, slots=True)
class Drop:
    """Never; `rule` is None where the party's own wish decides."""

    reason: str  #: from service/reasons.py
    rule: str | None = None


Verdict = Go | Hold | Drop
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


def decide(asked: Asked, rulebook: Rulebook, now: datetime) -> Verdict:
    """What the party's wish or the first kind of rule that objects says, the longest of its rules; `now` is aware."""
    if asked.suppressed:
        return Drop("opted_out")
    rules = rules_of(asked.zone, asked.jurisdiction, rulebook, now)
    for kind in CHECKS:
        for rule in rules.of_kind(kind, asked.purpose):
            if objection(asked, rules, rule, now) is not None:
                return _longest(asked, rules, kind, now)
    return Go(_goes_until(asked, rules, now))


def objection(asked: Asked, rules: Rules, rule: Rule, now: datetime) -> Hold | Drop | None:
    """What one of the rules in force says against a text, if it is a rule that a text is judged by before it is made."""
    check = CHECKS.get(type(rule))
    return None if check is None else check(asked, rules, rule, now)


def _longest(asked: Asked, rules: Rules, kind: type[Any], now: datetime) -> Hold | Drop:
    """Of the objections of one kind, of which there is at least one, that which lasts longest."""
    found = (objection(asked, rules, rule, now) for rule in rules.of_kind(kind, asked.purpose))
    return max((each for each in found if each is not None), key=_lasts)


def _lasts(objection: Hold | Drop) -> datetime:
    return objection.until if isinstance(objection, Hold) else _FOR_EVER


@lru_cache(maxsize=1024)
def rules_of(zone: str | None, jurisdiction: str, rulebook: Rulebook, now: datetime) -> Rules:
    """The rules that hold for a party now: those of its local day, or of the UTC day where the zone is unknown."""
    return rulebook.of(jurisdiction, cap_day(zone or rulebook.default_zone(jurisdiction), now))


def cap_day(zone: str | None, now: datetime) -> date:
    """The natural day a text counts in: the party's, or the UTC day where the zone is unknown."""
    return local_date(now, zone or "UTC")


def counters_of(
    purpose: Purpose, rules: Rules, zone: str | None, now: datetime, *, number: str | None, person: str | None
) -> tuple[Counter, ...]:
    """What a text takes from: one counter for each cap of its purpose. `number`, `person`: whose it is, where known."""
    zone = zone or rules.default_zone
    holders = {"number": number, "person": person}
    return tuple(_counter(cap, holder, zone, now) for cap in rules.caps(purpose) if (holder := holders[cap.per]) is not None)


def _counter(cap: Cap, holder: str, zone: str | None, now: datetime) -> Counter:
    name = f"{cap.id}:{holder}"
    if cap.is_daily:
        return Counter(name, cap_day(zone, now), cap.limit)
    if cap.within.unit == "hour":
        return Counter(name, date.min, cap.limit, in_utc(now) - cap.within.length)
    midnight = local_instant(cap_day(zone, now) - (cap.within.n - 1) * _DAY, time(), zone or "UTC")
    return Counter(name, date.min, cap.limit, midnight - timedelta.resolution)


def _recipient(asked: Asked, _rules: Rules, rule: Recipient, now: datetime) -> Drop | None:
    if asked.role not in rule.roles:
        return Drop("not_for_role", rule.name)
    if rule.number_seen_within and asked.number_seen and now - asked.number_seen > rule.number_seen_within.length:
        return Drop("stale_number", rule.name)
    return None


def _consent(asked: Asked, _rules: Rules, rule: Consent, _now: datetime) -> Drop | None:
    return None if asked.consented else Drop("no_consent", rule.name)


def _window(asked: Asked, rules: Rules, window: Window, now: datetime) -> Hold | None:
    if is_fresh(asked, window, now):
        return None
    opens = opening(asked, rules, now)[0]
    return None if opens <= now else Hold(opens, "window", window.name)


def _cap(asked: Asked, rules: Rules, cap: Cap, now: datetime) -> Hold | None:
    found = asked.contacts.get(cap.id, NO_CONTACTS)
    if found.n < cap.limit:
        return None
    room = _room_from(cap, found.oldest or now, asked.zone or rules.default_zone, now)
    until = room if rules.window(asked.purpose) is None else opening(asked, rules, room)[0]
    return Hold(until, "daily_cap" if cap.is_daily else "cap", cap.name)


def _room_from(cap: Cap, oldest: datetime, zone: str | None, now: datetime) -> datetime:
    """When a full cap has room again, if nothing more is counted: when its oldest contact is out of it."""
    if cap.within.unit == "hour":
        return in_utc(oldest) + cap.within.length
    first = cap_day(zone, now) if cap.is_daily else cap_day(zone, oldest)
    return end_of_day(first + (cap.within.n - 1) * _DAY, zone or "UTC")


def _goes_until(asked: Asked, rules: Rules, now: datetime) -> datetime:
    window, zone = rules.window(asked.purpose), asked.zone or rules.default_zone
    if window is None:
        return _FOR_EVER
    over = end_of_day(cap_day(zone, now), zone or "UTC")
    if asked.event_time is not None and is_fresh(asked, window, now):
        return min(over, in_utc(asked.event_time) + window.fresh)
    return min(over, opening(asked, rules, now)[1])


#: Kinds of rules a text is judged by, in the order in which they are asked. A new kind is a model in service/rule_kinds.py
#: and a function here.
CHECKS: Final[dict[type, Callable[[Asked, Rules, Any, datetime], Hold | Drop | None]]] = {
    Recipient: _recipient,
    Consent: _consent,
    Window: _window,
    Cap: _cap,
}


def is_fresh(asked: Asked, window: Window, now: datetime) -> bool:
    """Whether the window lets news go at once, and it has just happened (or lies ahead, by an upstream clock that is fast)."""
    minutes = window.fresh_minutes
    return minutes > 0 and asked.event_time is not None and (now - asked.event_time).total_seconds() < 60 * minutes


def opening(asked: Asked, rules: Rules, at: datetime) -> tuple[datetime, datetime]:
    """The first span in which the window is open and `at` has not passed it: from `at` itself or an opening, to the closing (UTC)."""
    zone = asked.zone or rules.default_zone
    return _opening_at(asked.country_zones if zone is None else (zone,), rules.hours(asked.purpose), at)


@lru_cache(maxsize=4096)  # a batch asks the same for each of its texts
def _opening_at(places: tuple[str, ...], hours: Hours, at: datetime) -> tuple[datetime, datetime]:
    day = at.astimezone(UTC).date() - _DAY
    while True:
        for opens, closes in _openings(places, hours, day):
            if at < closes:
                return max(at, opens), closes
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
