"""The rulebook: contact rules as data, one YAML file per jurisdiction, each rule dated, versioned, and with its source."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final, Self, TypeVar, get_args

from pydantic import AfterValidator, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass as checked

from service.facts import Role
from service.notices import Purpose
from service.rule_kinds import KINDS, Actor, Cap, Consent, Content, LeadTime, OptOut, Recipient, Retain, Rule, Window
from service.yaml_files import CHECKED, Shape, read
from service.zones import is_zone

FOLDER: Final = Path(__file__).parent / "rules"
OTHER: Final = "other"  #: the rules of every jurisdiction without a file of its own

_ACTORS: Final[tuple[Actor, ...]] = ("lender", "agency")
_ONE_EACH: Final = (Window, LeadTime, Retain)
_DAY: Final = timedelta(days=1)
K = TypeVar("K", Window, Cap, Content, Recipient, Consent, LeadTime, Retain)


class RuleError(ValueError):
    """A contact rule is wrong; the text is one line that names file, rule and field."""


def _known_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("is not a zone of tzdata")
    return name


@checked(frozen=True, slots=True, eq=False, kw_only=True, config=CHECKED)
class RuleFile:
    """What one file says: the rules of a jurisdiction in all their versions.

    `default_zone` is that of a party whose zone nobody told us.
    """

    jurisdiction: str
    default_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _leaves_no_doubt(self) -> Self:
        for number, rule in enumerate(self.rules):
            _check_version(rule, self.rules[:number])
        for actor in _ACTORS:
            for day in turning_days(self.rules):
                _check_day(in_force(self.rules, actor, day), "" if day == date.min else f" on {day}")
        return self


def _check_version(rule: Rule, earlier: Iterable[Rule]) -> None:
    """Refuses a rule that is no later version of its id."""
    for other in earlier:
        if other.id != rule.id:
            continue
        if type(other) is not type(rule):
            raise ValueError(f"rule {rule.id}: kind: version {other.version} is a {other.kind}; give another kind another id")
        if rule.version <= other.version:
            raise ValueError(
                f"rule {rule.id}: version: {rule.version} stands after {other.version}; an id stands once a version"
            )
        if rule.begins <= other.begins:
            raise ValueError(f"rule {rule.id}: since: version {rule.version} must begin after version {other.version}")


def _check_day(rules: Iterable[Rule], when: str) -> None:
    """Refuses a day on which a purpose has no window, or two rules of a kind that there can be one of."""
    for purpose in Purpose:
        found = [type(rule) for rule in rules if purpose in rule.purposes]
        for kind in _ONE_EACH:
            if found.count(kind) > 1:
                raise ValueError(f"rules: two of a kind are for {purpose}{when}")
        if Window not in found and purpose is not Purpose.SECURITY:
            raise ValueError(f"rules: no window is for {purpose}{when}")


def turning_days(rules: Iterable[Rule]) -> tuple[date, ...]:
    """The days on which other rules may hold than the day before, in order; the first is the beginning of time."""
    begun = {rule.begins for rule in rules}
    over = {rule.until + _DAY for rule in rules if rule.until and rule.until < date.max}
    return tuple(sorted({date.min} | begun | over))


def in_force(rules: Iterable[Rule], actor: Actor, day: date) -> tuple[Rule, ...]:
    """The rules that bind an actor on a day: of each id the latest version that has begun, unless it is over."""
    newest = {rule.id: rule for rule in rules if rule.is_on and rule.begins <= day}  # versions stand in their order
    return tuple(rule for rule in newest.values() if actor in rule.actors and (rule.until is None or day <= rule.until))


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """The windows of one purpose over time."""

    days: tuple[date, ...]
    windows: tuple[Window | None, ...]

    def on(self, day: date) -> Window | None:
        """The window on a day; none for security."""
        return self.windows[bisect_right(self.days, day) - 1]


class Rules:
    """What holds in a jurisdiction on a day, for the house's actor."""

    def __init__(self, file: RuleFile, rules: tuple[Rule, ...], hours: Mapping[Purpose, Hours]) -> None:
        self.file, self.rules, self._hours = file, rules, hours
        self._by: dict[tuple[type, Purpose], tuple[Rule, ...]] = {
            (type(rule), purpose): tuple(r for r in rules if type(r) is type(rule) and purpose in r.purposes)
            for rule in rules
            for purpose in rule.purposes
        }

        self._contents: dict[Role, dict[Purpose, tuple[Content, ...]]] = {
            role: {purpose: tuple(r for r in self.of_kind(Content, purpose) if role in r.roles) for purpose in Purpose}
            for role in get_args(Role)
        }

    @property
    def jurisdiction(self) -> str:
        """Whose rules they are."""
        return self.file.jurisdiction

    @property
    def default_zone(self) -> str | None:
        """The zone of a party whose zone nobody told us."""
        return self.file.default_zone

    def of_kind(self, kind: type[K], purpose: Purpose) -> tuple[K, ...]:
        """The rules of a kind for a purpose."""
        return self._by.get((kind, purpose), ())  # type: ignore[return-value]

    def _one(self, kind: type[K], purpose: Purpose) -> K | None:
        return next(iter(self.of_kind(kind, purpose)), None)

    def window(self, purpose: Purpose) -> Window | None:
        """The window a purpose keeps to; None for security."""
        return self._one(Window, purpose)

    def hours(self, purpose: Purpose) -> Hours:
        """The windows a purpose keeps to, also on other days."""
        return self._hours[purpose]

    def caps(self, purpose: Purpose) -> tuple[Cap, ...]:
        """The caps a purpose counts towards."""
        return self.of_kind(Cap, purpose)

    def contents(self, purpose: Purpose, role: Role) -> tuple[Content, ...]:
        """What the texts of a purpose to a role must keep to."""
        return self._contents[role].get(purpose, ())

    def lead_time(self, purpose: Purpose) -> timedelta | None:
        """How long before its deadline a purpose must be announced, if it must."""
        rule = self._one(LeadTime, purpose)
        return None if rule is None else rule.notice.length

    def retain(self, purpose: Purpose) -> timedelta | None:
        """How long the texts of a purpose, their values and their events are kept after they were made; None: for ever."""
        rule = self._one(Retain, purpose)
        return None if rule is None else rule.keep.length

    @property
    def opt_out(self) -> frozenset[Purpose]:
        """The purposes that end for a number that opts out; where no rule says, all but security."""
        said = frozenset(purpose for kind, purpose in self._by if kind is OptOut)
        return said or frozenset(Purpose) - {Purpose.SECURITY}


_FILE: Final = TypeAdapter(RuleFile)
_SHAPE: Final = Shape(
    "a rule file has jurisdiction, default_zone and rules", "rules", "rule", "id", RuleError, frozenset(KINDS)
)


def read_rules(text: str, file: str) -> RuleFile:
    """The rules that a YAML text describes; `file` is what an error calls it.

    Raises:
        RuleError: the text is wrong.
    """
    return read(_FILE, text, file, _SHAPE)


class Rulebook:
    """The rules of every jurisdiction (lower-case code) as they bind one actor."""

    def __init__(self, files: Mapping[str, RuleFile], actor: Actor = "lender") -> None:
        self.files, self.actor = files, actor
        self._over_time = {name: _over_time(file, actor) for name, file in files.items()}
        rules = [rule for file in files.values() for rule in file.rules if rule.is_on and actor in rule.actors]
        #: Whether any rule wants to know when a number was last named.
        self.asks_number_age = any(isinstance(rule, Recipient) and rule.number_seen_within for rule in rules)

    @classmethod
    def load(cls, folder: Path = FOLDER, actor: Actor = "lender") -> Self:
        """The rules of a folder, one YAML file per jurisdiction and `other.yaml` for all the rest.

        Raises:
            RuleError: a file is wrong, or `other.yaml` is missing.
        """
        files: dict[str, RuleFile] = {}
        for path in sorted(folder.glob("*.yaml")):
            file = read_rules(path.read_text(encoding="utf-8"), path.name)
            if file.jurisdiction != path.stem:
                raise RuleError(
                    f"{path.name}: jurisdiction: is {file.jurisdiction}, but a file is named after its jurisdiction"
                )
            files[file.jurisdiction] = file
        if OTHER not in files:
            raise RuleError(f"{folder}: other.yaml is missing; it holds wherever no other file does")
        return cls(files, actor)

    def default_zone(self, jurisdiction: str) -> str | None:
        """The zone of a party whose zone nobody told us."""
        return (self.files.get(jurisdiction) or self.files[OTHER]).default_zone

    def of(self, jurisdiction: str, day: date) -> Rules:
        """The rules that hold in a jurisdiction on a local day."""
        days, rules = self._over_time.get(jurisdiction) or self._over_time[OTHER]
        return rules[bisect_right(days, day) - 1]


def _over_time(file: RuleFile, actor: Actor) -> tuple[tuple[date, ...], tuple[Rules, ...]]:
    """The days on which rules change, and the rules from each of them on."""
    days = turning_days(file.rules)
    sets = [in_force(file.rules, actor, day) for day in days]
    hours = {purpose: Hours(days, tuple(_window(rules, purpose) for rules in sets)) for purpose in Purpose}
    return days, tuple(Rules(file, rules, hours) for rules in sets)


def _window(rules: Iterable[Rule], purpose: Purpose) -> Window | None:
    return next((rule for rule in rules if isinstance(rule, Window) and purpose in rule.purposes), None)
