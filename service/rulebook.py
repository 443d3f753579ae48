"""The rulebook: contact rules as data, one YAML file per jurisdiction, each rule with an id, a version and its source."""

import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked

from service.notices import Purpose
from service.zones import is_zone

FOLDER: Final = Path(__file__).parent / "rules"
OTHER: Final = "other"  #: the rules of every jurisdiction without a file of its own

_CHECKED: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)


class RuleError(ValueError):
    """A contact rule is wrong; the text is one line that names file, rule and field."""


def _clock_time(said: object) -> time:
    if not isinstance(said, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", said):
        raise ValueError('must be a local time in quotes, as "08:00"')
    return time.fromisoformat(said)


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("is not a zone of tzdata")
    return name


_ClockTime = Annotated[time, BeforeValidator(_clock_time)]
_Number = Annotated[int, Field(strict=True, ge=1)]
_Purposes = Annotated[frozenset[Purpose], Field(min_length=1)]


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=_CHECKED)
class Window:
    """The local hours in which a purpose may reach a party; the first minute is in, the last is out.

    Attributes:
        fresh_minutes: how long after its event's time a notice goes at any hour; 0 means never.
        source: where the numbers come from, in our own words.
    """

    kind: Literal["window"]
    id: str
    version: _Number
    purposes: _Purposes
    opens: _ClockTime
    closes: _ClockTime
    fresh_minutes: Annotated[int, Field(strict=True, ge=0)] = 0
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _has_hours(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("closes: must be later than opens")
        return self

    @property
    def fresh(self) -> timedelta:
        """How long after its event's time a notice goes at any hour."""
        return timedelta(minutes=self.fresh_minutes)


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=_CHECKED)
class Cap:
    """How many texts of these purposes together one number gets in a natural day."""

    kind: Literal["cap"]
    id: str
    version: _Number
    purposes: _Purposes
    limit: _Number
    source: Annotated[str, Field(min_length=1)]


Rule = Annotated[Window | Cap, Field(discriminator="kind")]


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=_CHECKED)
class Rules:
    """What holds in one jurisdiction; `default_zone` is that of a party whose zone nobody told us."""

    jurisdiction: str
    default_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _leaves_no_doubt(self) -> Self:
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) != len(ids):
            raise ValueError("rules: an id stands twice")
        for purpose in Purpose:
            windows, caps = (
                sum(isinstance(rule, kind) and purpose in rule.purposes for rule in self.rules) for kind in (Window, Cap)
            )
            if windows > 1 or caps > 1:
                raise ValueError(f"rules: two of a kind are for {purpose}")
            if not windows and purpose is not Purpose.SECURITY:
                raise ValueError(f"rules: no window is for {purpose}")
        return self

    def window(self, purpose: Purpose) -> Window | None:
        """The window a purpose keeps to; None for security."""
        for rule in self.rules:
            if isinstance(rule, Window) and purpose in rule.purposes:
                return rule
        return None

    def cap(self, purpose: Purpose) -> Cap | None:
        """The cap a purpose counts towards, if any."""
        for rule in self.rules:
            if isinstance(rule, Cap) and purpose in rule.purposes:
                return rule
        return None


_RULES: Final = TypeAdapter(Rules)


def read_rules(text: str, file: str) -> Rules:
    """The rules that a YAML text describes; `file` is what an error calls it.

    Raises:
        RuleError: the text is wrong.
    """
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RuleError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(said, dict):
        raise RuleError(f"{file}: a rule file has jurisdiction, default_zone and rules")
    try:
        return _RULES.validate_python(said)
    except ValidationError as error:
        raise RuleError(f"{file}: {_first_mistake(error, said)}") from None


def _first_mistake(error: ValidationError, said: dict[str, Any]) -> str:
    """What is wrong first, in one line that begins with its place."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"] if part not in {"window", "cap"}]  # the discriminator is no place in the file
    if place[:1] == ["rules"] and len(place) > 1:
        rule = said["rules"][int(place[1])]
        name = rule.get("id") if isinstance(rule, dict) else None
        place[:2] = [f"rule {name or int(place[1]) + 1}"]
    told = {"unexpected_keyword_argument": "unknown field", "missing": "is missing"}
    what = str(first["ctx"]["error"]) if first["type"] == "value_error" else told.get(first["type"], first["msg"])
    return ": ".join([*place, what])


class Rulebook(dict[str, Rules]):
    """The rules by jurisdiction (lower-case code)."""

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        """The rules of a folder, one YAML file per jurisdiction and `other.yaml` for all the rest.

        Raises:
            RuleError: a file is wrong, or `other.yaml` is missing.
        """
        book = cls()
        for path in sorted(folder.glob("*.yaml")):
            rules = read_rules(path.read_text(encoding="utf-8"), path.name)
            if rules.jurisdiction != path.stem:
                raise RuleError(
                    f"{path.name}: jurisdiction: is {rules.jurisdiction}, but a file is named after its jurisdiction"
                )
            book[rules.jurisdiction] = rules
        if OTHER not in book:
            raise RuleError(f"{folder}: other.yaml is missing; it holds wherever no other file does")
        return book

    def of(self, jurisdiction: str) -> Rules:
        """The rules that hold in a jurisdiction."""
        return self.get(jurisdiction) or self[OTHER]
