"""Ladders: the reminder plan for each kind of deadline, when a stage goes and when it has lost its point."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationInfo, field_validator, model_validator
from pydantic.dataclasses import dataclass as checked

from service.calendars import LONGEST_RUN, Move, NamedCalendar, moved
from service.facts import Kind, Role
from service.notices import Purpose, digest_template
from service.pauses import PromiseTerms
from service.visits import VisitTerms
from service.yaml_files import CHECKED, ClockTime, Shape, read
from service.zones import end_of_day, in_utc, local_date, local_instant

DEFAULT_HOUR: Final = time(10)  #: local, of a day stage that names none
LAST_STAGE_VALID: Final = timedelta(days=3)

#: Days between a local date and the UTC date of the same moment: no zone is a whole day away from UTC.
_ZONE_SLACK: Final = 1

Due = date | datetime  #: what a stage counts from: the day as written, or an aware instant


#: Kinds of deadline whose stages may become one text.
_LISTED: Final = frozenset({Kind.INSTALMENT, Kind.PLAN_INSTALMENT})


class LadderError(ValueError):
    """A ladder is wrong; the text is one line that names file, stage and field."""


def _duration(said: object) -> timedelta:
    match = re.fullmatch(r"([1-9]\d{0,3})([dhm])", said) if isinstance(said, str) else None
    if match is None:
        raise ValueError('must be a duration, as "3d", "24h" or "30m"')
    return timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[match[2]]: int(match[1])})


def _validity(said: object) -> timedelta | str:
    return "end_of_day" if said == "end_of_day" else _duration(said)


_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Day = Annotated[int, Field(strict=True, ge=-366, le=3660)]


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Stage:
    """One rung of a ladder; exactly one of `day`, `before` and `at_end` says when it goes.

    Attributes:
        name: permanent and unique in its ladder, because it is part of keys.
        day: days after the due day (negative: before it).
        at: the party's local hour on that day.
        before: how long before the deadline's instant.
        at_end: at the deadline's instant.
        purpose: None means that of the template's notice.yaml.
        digest: stages of one borrower with the same moment, purpose and digest name become one text, digest_<name>.
        to: whom it addresses.
        method, product: only loans with this repayment method, of this product.
        min_amount: only where at least this much is open, in major units of the loan's currency.
        expires: its validity, or the local end of the day it goes; None means the ladder's own rule (see `expiry`).
        when_grace: it exists only while the ladder gives days of grace.
        holidays: its day moves off public holidays, to the nearest day: before up to the due day, after behind it; none: as
            the ladder says.
        calendar: whose holidays; none: those the ladder names.
    """

    name: _Name
    day: _Day | None = None
    at: ClockTime | None = None
    before: Annotated[timedelta, BeforeValidator(_duration)] | None = None
    at_end: bool = False
    template: _Name
    purpose: Purpose | None = None
    digest: _Name | None = None
    to: Annotated[tuple[Role, ...], Field(min_length=1)] = ("borrower",)
    method: Literal["auto_debit", "manual"] | None = None
    product: str | None = None
    min_amount: Annotated[Decimal, Field(gt=0)] | None = None
    expires: Annotated[timedelta | Literal["end_of_day"], BeforeValidator(_validity)] | None = None
    when_grace: bool = False
    holidays: Move | None = None
    calendar: NamedCalendar | None = None

    @model_validator(mode="after")
    def _is_one_moment(self) -> Self:
        if [self.day is not None, self.before is not None, self.at_end].count(True) != 1:
            raise ValueError("day: say exactly one of day, before and at_end")
        if self.at is not None and self.day is None:
            raise ValueError("at: an hour needs a day")
        if self.holidays is not None and self.day is None:
            raise ValueError("holidays: only a stage that counts days moves off them")
        if self.holidays is not None and self.calendar is None:
            raise ValueError("holidays: say whose, as calendar: CN")
        if objection := _crosses(self.day or 0, self.holidays, when_grace=self.when_grace):
            raise ValueError(f"holidays: {objection}")
        if len(set(self.to)) != len(self.to):
            raise ValueError("to: names a role twice")
        if self.digest and self.to != ("borrower",):
            raise ValueError("digest: only texts to the borrower alone become one")
        return self

    @property
    def hour(self) -> time:
        """The local hour of a day stage."""
        return self.at or DEFAULT_HOUR

    @property
    def offset(self) -> timedelta:
        """How far from the deadline (from the start of its day) it goes, clock changes aside."""
        if self.day is None:
            return -(self.before or timedelta())
        return timedelta(days=self.day, hours=self.hour.hour, minutes=self.hour.minute)

    def meets(self, other: "Stage") -> bool:
        """Whether one person may get both on one loan."""
        same_method = self.method == other.method or None in (self.method, other.method)
        same_product = self.product == other.product or None in (self.product, other.product)
        return same_method and same_product and not set(self.to).isdisjoint(other.to)

    def covers(self, other: "Stage") -> bool:
        """Whether everybody who may get the other on a loan may get this one too."""
        same_loans = self.method in {None, other.method} and self.product in {None, other.product}
        return same_loans and set(self.to) >= set(other.to)


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Ladder:
    """The stages of one kind of deadline, in their order; without days of grace those for grace are left out.

    Attributes:
        grace_days: days after the due day that do not count yet; of a promise to pay, those on which collection keeps silent.
        holidays, calendar: for its stages that count days and do not say it themselves.
        tolerance: what may be missing when a promise to pay counts as kept, in major units of the loan's currency.
        min_days_past_due, min_visitors: what a visit must meet to be announced.
    """

    kind: Kind
    grace_days: Annotated[int, Field(strict=True, ge=0, le=60)] = 0
    tolerance: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    holidays: Move | None = None
    calendar: NamedCalendar | None = None
    min_days_past_due: Annotated[int, Field(strict=True, ge=0)] = 90
    min_visitors: Annotated[int, Field(strict=True, ge=1)] = 2
    stages: tuple[Stage, ...]

    @field_validator("stages", mode="before")
    @classmethod
    def _inherit(cls, stages: Any, info: ValidationInfo) -> Any:
        """Stages that count days have what the ladder says of holidays, unless they say it themselves."""
        said = {name: info.data[name] for name in ("holidays", "calendar") if info.data.get(name)}
        if not said or not isinstance(stages, list):
            return stages
        return [{**said, **stage} if isinstance(stage, dict) and "day" in stage else stage for stage in stages]

    @field_validator("stages")
    @classmethod
    def _climbs(cls, stages: tuple[Stage, ...], info: ValidationInfo) -> tuple[Stage, ...]:
        if not stages:
            raise ValueError("stages: a ladder needs at least one stage")
        for number, stage in enumerate(stages):
            _check_place(stage, stages[:number])
            if stage.digest and info.data.get("kind") not in _LISTED:
                raise ValueError(f"stage {stage.name}: digest: a digest lists amounts with their days, which this kind has not")
        return tuple(stage for stage in stages if info.data.get("grace_days") or not stage.when_grace)

    @field_validator("tolerance")
    @classmethod
    def _is_of_a_promise(cls, tolerance: Decimal, info: ValidationInfo) -> Decimal:
        if tolerance and info.data.get("kind") is not Kind.PROMISE_TO_PAY:
            raise ValueError("only a ladder of promise_to_pay has one")
        return tolerance

    def stage(self, name: str) -> Stage | None:
        """The stage of this name, if the ladder has it."""
        return next((stage for stage in self.stages if stage.name == name), None)


def _crosses(day: int, move: Move | None, *, when_grace: bool) -> str | None:
    """Why a stage this many days after the due day may not move so: what it says would not be true where it may land."""
    if move and when_grace:
        return "what is said of the days of grace is said within them, and does not move"
    if move == "after" and day <= 0:
        return "a stage up to the due day moves before; after a holiday that day may be over"
    if move == "before" and day > 0:
        return "a stage after the due day moves after; before a holiday nothing may be overdue yet"
    return None


def _check_place(stage: Stage, earlier: tuple[Stage, ...]) -> None:
    """Refuses a stage that cannot stand behind the earlier ones."""
    for other in earlier:
        if stage.name == other.name:
            raise ValueError(f"stage {stage.name}: name: there is a stage of this name already")
        field = "before" if stage.day is None else "day"
        if (stage.day is None) != (other.day is None):
            raise ValueError(f"stage {stage.name}: {field}: a ladder counts days or counts from an instant, not both")
        if stage.offset < other.offset:
            raise ValueError(f"stage {stage.name}: {field}: out of order, it goes earlier than {other.name}")
        if stage.offset == other.offset and stage.meets(other):
            raise ValueError(f"stage {stage.name}: {field}: goes at the same moment as {other.name}")


_LADDER: Final = TypeAdapter(Ladder)
_SHAPE: Final = Shape("a ladder has kind, grace_days and stages", "stages", "stage", "name", LadderError)


def read_ladder(text: str, file: str) -> Ladder:
    """The ladder that a YAML text describes; `file` is what an error calls it.

    Raises:
        LadderError: the text is wrong.
    """
    return read(_LADDER, text, file, _SHAPE)


class Ladders(dict[Kind, Ladder]):
    """The ladders by the kind of deadline they are for."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The ladders of a folder, one YAML file each, named after its kind.

        Raises:
            LadderError: a file is wrong, or there is none.
        """
        ladders = cls()
        for path in sorted(folder.glob("*.yaml")):
            ladder = read_ladder(path.read_text(encoding="utf-8"), path.name)
            if ladder.kind != path.stem:
                raise LadderError(f"{path.name}: kind: is {ladder.kind}, but a file is named after its kind")
            ladders[ladder.kind] = ladder
        if not ladders:
            raise LadderError(f"{folder}: there are no ladders (*.yaml) here")
        return ladders

    @property
    def visit_terms(self) -> VisitTerms:
        """What a visit must meet to be announced."""
        ladder = self.get(Kind.VISIT_APPOINTMENT)
        return VisitTerms(ladder.min_days_past_due, ladder.min_visitors) if ladder else VisitTerms()

    @property
    def promise_terms(self) -> PromiseTerms:
        """How promises to pay are judged."""
        ladder = self.get(Kind.PROMISE_TO_PAY)
        return PromiseTerms(ladder.grace_days, ladder.tolerance) if ladder else PromiseTerms()


def check(ladders: Ladders, addressed: Mapping[str, Collection[Role]]) -> list[str]:
    """One line for each stage whose template, or that of its digest, does not exist or is not for whom the stage goes to.

    `addressed` gives the roles that each template may address.
    """
    wanted = [
        (f"{ladder.kind}.yaml: stage {stage.name}: ", field, name, stage.to)
        for ladder in ladders.values()
        for stage in ladder.stages
        for field, name in (("template", stage.template), ("digest", stage.digest and digest_template(stage.digest)))
        if name
    ]
    missing = [f"{place}{field}: there is no {name}" for place, field, name, _ in wanted if name not in addressed]
    return missing + [
        f"{place}to: {name} is not for a {role}"
        for place, _, name, roles in wanted
        for role in roles
        if role not in addressed.get(name, roles)
    ]


def uncertain_holidays(ladders: Ladders, day: date) -> list[str]:
    """One line for each calendar whose holidays are not certain for this year, or for one that begins within two months."""
    years = {day.year, (day + timedelta(days=61)).year}
    calendars = {
        (ladder.kind, stage.calendar)
        for ladder in ladders.values()
        for stage in ladder.stages
        if stage.holidays and stage.calendar
    }
    return sorted(
        f"{kind}.yaml: calendar {calendar.code}: the public holidays of {year} are not certain yet; "
        "what is announced later is not moved off until the package holidays is upgraded"
        for kind, calendar in calendars
        for year in years
        if not calendar.year(year).is_certain
    )


def moment(stage: Stage, due: Due, zone: str) -> datetime:
    """The UTC instant at which a stage goes to a party in an IANA zone.

    Raises:
        ValueError: the stage counts days and the deadline is an instant, or the reverse.
    """
    if isinstance(due, datetime):
        if stage.day is not None:
            raise ValueError(f"stage {stage.name} counts days, but the deadline is an instant")
        return in_utc(due) - (stage.before or timedelta())
    if stage.day is None:
        raise ValueError(f"stage {stage.name} counts from an instant, but the deadline is a day")
    day = due + timedelta(days=stage.day)
    if stage.holidays and stage.calendar:  # never the one without the other
        day = moved(day, stage.holidays, stage.calendar)
    return local_instant(day, stage.hour, zone)


@lru_cache(maxsize=65536)
def expiry(ladder: Ladder, stage: Stage, due: Due, zone: str) -> datetime:
    """The UTC instant from which a stage is not worth sending; always after its moment.

    Days -1 and 0 end with the local day; any other stage ends with the next one this party may get, one before an instant
    with that instant at the latest, the last one after three days. `expires` overrules.
    """
    start = moment(stage, due, zone)
    if isinstance(stage.expires, timedelta):
        return start + stage.expires
    if stage.expires == "end_of_day" or (stage.expires is None and stage.day in {-1, 0}):
        return end_of_day(local_date(start, zone), zone)
    later = [at for other in ladder.stages if stage.meets(other) and (at := moment(other, due, zone)) > start]
    if isinstance(due, datetime) and stage.before is not None:
        later.append(in_utc(due))
    return min(later, default=start + LAST_STAGE_VALID)


def is_passed(ladder: Ladder, stage: Stage, due: Due, zone: str) -> bool:
    """Whether holidays bring a later stage that goes to all whom this one is for to its moment, or before it."""
    later = ladder.stages[ladder.stages.index(stage) + 1 :]
    return any(
        moment(other, due, zone) <= moment(stage, due, zone)
        for other in later
        if (other.holidays or stage.holidays) and other.covers(stage)
    )


@dataclass(frozen=True, slots=True)
class StageMoment:
    """When a stage of the deadlines due on one day goes in one zone, and until when it is worth sending (both UTC)."""

    stage: Stage
    due_on: date
    zone: str
    moment: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DueSpan:
    """The deadlines whose instant is after `after` and not after `until` are those whose stage goes in the slice asked for."""

    stage: Stage
    after: datetime
    until: datetime


def moments_between(ladder: Ladder, after: datetime, until: datetime, zones: Collection[str]) -> list[StageMoment]:
    """Every moment of the ladder's day stages with after < moment <= until, for each zone, whatever the due day.

    Of stages that public holidays bring together only the last one is a stage of that due day.
    """
    return [
        found
        for stage in ladder.stages
        if stage.day is not None
        for due_on in _candidates(stage, after, until)
        for zone in zones
        if after < (found := _stage_moment(ladder, stage, due_on, zone)).moment <= until
        and not is_passed(ladder, stage, due_on, zone)
    ]


def _candidates(stage: Stage, after: datetime, until: datetime) -> Iterator[date]:
    """The due days whose stage may go in the slice in some zone."""
    first, last = in_utc(after).date(), in_utc(until).date()
    slack = _ZONE_SLACK + (LONGEST_RUN.days if stage.holidays else 0)
    for offset in range(-slack, (last - first).days + slack + 1):
        yield first + timedelta(days=offset - (stage.day or 0))


@lru_cache(maxsize=65536)
def _stage_moment(ladder: Ladder, stage: Stage, due_on: date, zone: str) -> StageMoment:
    return StageMoment(stage, due_on, zone, moment(stage, due_on, zone), expiry(ladder, stage, due_on, zone))


def spans_between(ladder: Ladder, after: datetime, until: datetime) -> list[DueSpan]:
    """For each stage that counts from an instant: which instants have its moment in (after, until]."""
    reach = [(stage, stage.before or timedelta()) for stage in ladder.stages if stage.day is None]
    return [DueSpan(stage, in_utc(after) + before, in_utc(until) + before) for stage, before in reach]
