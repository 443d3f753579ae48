"""The kinds of contact rules: what one row of a file under service/rules/ can say, and how it reads in words."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from service.facts import Role
from service.notices import Purpose
from service.yaml_files import CHECKED, ClockTime

#: Who contacts: the lender itself, or an agency that collects for it.
Actor = Literal["lender", "agency"]
#: How well a number is known: from the law's own text, from others who tell of it, our own choice, or not confirmed by anyone.
Evidence = Literal["primary", "secondary", "ours", "unverified"]

_UNITS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=31), "year": timedelta(days=366)}


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time as a rule says it: 24 hours, 7 days, 5 months, 3 years; a month or a year counts as its longest."""

    n: int
    unit: str

    def __str__(self) -> str:
        return f"{self.n} {self.unit}{'' if self.n == 1 else 's'}"

    @property
    def length(self) -> timedelta:
        """As a duration."""
        return self.n * _UNITS[self.unit]


def _span(said: object) -> Span:
    match = re.fullmatch(r"([1-9]\d{0,3}) (hour|day|month|year)s?", said) if isinstance(said, str) else None
    if match is None:
        raise ValueError('must be a length of time, as "24 hours", "7 days", "5 months" or "3 years"')
    return Span(int(match[1]), match[2])


_Span = Annotated[Span, BeforeValidator(_span)]
_Number = Annotated[int, Field(strict=True, ge=1)]
_Words = tuple[Annotated[str, Field(min_length=1)], ...]
_Roles = Annotated[frozenset[Role], Field(min_length=1)]
_EVERYONE: Final[frozenset[Role]] = frozenset({"borrower", "payer"})


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class _Row:
    """What every rule says.

    Attributes:
        id: permanent; the timeline names it.
        version: a later one of the same id takes over on the day it begins (`since`).
        since, until: the first and the last day it holds, by the party's local date; none means always.
        actors: whom it binds.
        source: where the numbers come from, in our own words.
        evidence: how well they are known; what is unverified holds only where `enabled` says so.
        enabled: none means: unless it is unverified.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    version: _Number
    purposes: Annotated[frozenset[Purpose], Field(min_length=1)]
    since: date | None = None
    until: date | None = None
    actors: Annotated[frozenset[Actor], Field(min_length=1)] = frozenset({"lender", "agency"})
    source: Annotated[str, Field(min_length=1)]
    evidence: Evidence = "ours"
    enabled: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.until is not None and self.until < self.begins:
            raise ValueError("until: must not be before since")
        return self

    @property
    def begins(self) -> date:
        """The first day it holds."""
        return self.since or date.min

    @property
    def is_on(self) -> bool:
        """Whether it is meant to hold at all."""
        return self.evidence != "unverified" if self.enabled is None else self.enabled

    @property
    def name(self) -> str:
        """Id and version, as the timeline shows them."""
        return f"{self.id}@{self.version}"


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Window(_Row):
    """The local hours in which a purpose may reach a party; the first minute is in, the last is out.

    Attributes:
        fresh_minutes: how long after its event's time a notice goes at any hour; 0 means never.
    """

    kind: Literal["window"]
    opens: ClockTime
    closes: ClockTime
    fresh_minutes: Annotated[int, Field(strict=True, ge=0)] = 0

    @model_validator(mode="after")
    def _has_hours(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("closes: must be later than opens")
        return self

    @property
    def fresh(self) -> timedelta:
        """How long after its event's time a notice goes at any hour."""
        return timedelta(minutes=self.fresh_minutes)

    @property
    def says(self) -> str:
        """In words."""
        hours = f"from {self.opens:%H:%M} to {self.closes:%H:%M} on the party's clock"
        return f"{hours}, or within {self.fresh_minutes} minutes of its event" if self.fresh_minutes else hours


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Cap(_Row):
    """How many texts of these purposes together a number or a person gets, over all loans and channels.

    Attributes:
        within: natural days of the party (today is one of them), or the hours just past.
        per: whose texts are counted.
    """

    kind: Literal["cap"]
    limit: _Number
    within: _Span = Span(1, "day")
    per: Literal["number", "person"] = "number"

    @model_validator(mode="after")
    def _counts_days_or_hours(self) -> Self:
        if self.within.unit not in {"day", "hour"}:
            raise ValueError('within: a cap counts days or hours, as "7 days" or "168 hours"')
        return self

    @property
    def is_daily(self) -> bool:
        """Whether it counts in one natural day, which needs a plain counter only."""
        return self.within == Span(1, "day")

    @property
    def says(self) -> str:
        """In words."""
        span = "natural day" if self.is_daily else str(self.within)
        return f"at most {self.limit} {'text' if self.limit == 1 else 'texts'} per {self.per} in {'a' if self.is_daily else 'any'} {span}"


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Content(_Row):
    """Words that a text must not hold, or of which it must hold one; case and width of letters do not matter.

    Attributes:
        roles: whose texts are looked at.
    """

    kind: Literal["content"]
    none_of: _Words = ()
    one_of: _Words = ()
    roles: _Roles = _EVERYONE

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.none_of and not self.one_of:
            raise ValueError("none_of: say what a text must not hold (none_of) or must hold (one_of)")
        return self

    def objection(self, text: str) -> Literal["content_forbidden", "content_missing"] | None:
        """The reason a text may not go, if there is one."""
        if self.none_of and _holds(text, self.none_of):
            return "content_forbidden"
        if self.one_of and not _holds(text, self.one_of):
            return "content_missing"
        return None

    @property
    def says(self) -> str:
        """In words."""
        whose = "" if self.roles == _EVERYONE else f" (to the {', '.join(sorted(self.roles))})"
        parts = ("holds none of: ", self.none_of), ("holds one of: ", self.one_of)
        return "the text " + "; ".join(how + ", ".join(words) for how, words in parts if words) + whose


def _holds(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text holds one of the words; one of Latin letters only as a whole word: `court` is not in `courtesy`."""
    said = text.lower()
    return any(word in said and (not word.isascii() or _whole(word).search(said)) for word in _lowered(words))


@lru_cache(maxsize=256)
def _lowered(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)


@lru_cache(maxsize=1024)
def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(word)}\b")


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Recipient(_Row):
    """Who may be addressed.

    Attributes:
        roles: nobody else.
        number_seen_within: only numbers that an event named in this time; none means any.
    """

    kind: Literal["recipient"]
    roles: _Roles = _EVERYONE
    number_seen_within: _Span | None = None

    @property
    def says(self) -> str:
        """In words."""
        who = "anyone" if self.roles == _EVERYONE else f"only the {' or the '.join(sorted(self.roles))}"
        return f"{who}, at a number named within {self.number_seen_within}" if self.number_seen_within else who


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Consent(_Row):
    """Only to those who agreed."""

    kind: Literal["consent"]

    @model_validator(mode="after")
    def _is_for_marketing(self) -> Self:
        if self.purposes != {Purpose.MARKETING}:
            raise ValueError("purposes: consent is asked for marketing only; what a loan needs to be told is told")
        return self

    @property
    def says(self) -> str:
        """In words."""
        return "only to a party who agreed to it"


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class LeadTime(_Row):
    """The least time between the announcement and what it announces."""

    kind: Literal["lead_time"]
    notice: _Span

    @property
    def says(self) -> str:
        """In words."""
        return f"announced at least {self.notice} before"


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class Retain(_Row):
    """How long texts, their values and the events they came from are kept."""

    kind: Literal["retain"]
    keep: _Span

    @property
    def says(self) -> str:
        """In words."""
        return f"kept for {self.keep}"


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class OptOut(_Row):
    """What a person who answers STOP hears no more of."""

    kind: Literal["opt_out"]

    @model_validator(mode="after")
    def _spares_security(self) -> Self:
        if Purpose.SECURITY in self.purposes:
            raise ValueError("purposes: security texts go to every number")
        return self

    @property
    def says(self) -> str:
        """In words."""
        return "not to a number that has opted out"


Rule = Annotated[Window | Cap | Content | Recipient | Consent | LeadTime | Retain | OptOut, Field(discriminator="kind")]
KINDS: Final = ("window", "cap", "content", "recipient", "consent", "lead_time", "retain", "opt_out")
