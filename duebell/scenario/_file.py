"""The shape of a scenario file: given people and loans, when events and deeds happen, then these texts go and these do not."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from duebell.scenario._yaml import Document, Place, read
from service.reasons import REASONS
from service.zones import is_zone

DEFAULT_ZONE: Final = "Asia/Shanghai"
DEFAULT_LOAN: Final = "L-1"

#: What a line of `then` can say: a state of a notice, or word to ops and upstream.
OUTCOMES: Final = (
    "sent", "planned", "held", "cancelled", "superseded", "suppressed", "expired", "failed", "unknown", "alert", "upstream",
)  # fmt: skip

_CHECKED: Final = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)
_OPEN: Final = ConfigDict(strict=True, extra="allow", frozen=True, hide_input_in_errors=True)


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("write a zone that tzdata knows, as Europe/Berlin")
    return name


def _day(said: object) -> object:
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        raise ValueError("write a day, as 2026-06-20") from None


def _moment(said: object) -> object:
    """A local time without a zone, or an instant with an offset."""
    try:
        found = datetime.fromisoformat(str(said))
    except ValueError:
        found = None
    if found is None or len(str(said)) < len("2026-06-20 10:00"):
        raise ValueError("write a local time, as 2026-06-20 10:00")
    return found


def _moment_or_day(said: object) -> object:
    return _day(said) if len(str(said)) == len("2026-06-20") else _moment(said)


def _texts(said: object) -> object:
    return tuple(said) if isinstance(said, list) else (said,)


def _word(said: object) -> object:
    """A name that looks like a number is still a name."""
    return str(said) if type(said) is int else said


def _reason(said: str) -> str:
    if said not in REASONS:
        raise ValueError(f"there is no reason {said!r} in service/reasons.py")
    return said


Zone = Annotated[str, AfterValidator(_zone)]
Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Reason = Annotated[str, AfterValidator(_reason)]
Words = Annotated[str, BeforeValidator(_word), Field(min_length=1)]


class LoanGiven(BaseModel):
    """A loan in short: with `disbursed` it begins with that event, otherwise its events say everything."""

    model_config = _CHECKED

    borrower: Words | None = None  #: None: the first of the people
    disbursed: Moment | None = None
    arrives: Moment | None = None  #: when that event comes, if later
    backfill: bool = False
    amount: str | None = None  #: None: the sum of the instalments
    currency: Words | None = None
    timezone: Zone | None = None
    product: Words | None = None
    method: Literal["auto_debit", "manual"] = "auto_debit"
    account: Words = "6789"
    instalments: tuple[Words, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _says_when_money_is_due(self) -> Self:
        if self.disbursed and not self.instalments:
            raise ValueError("instalments: say what must come back, as [2026-07-03 1000.00]")
        return self


class Given(BaseModel):
    """Who and what there is before anything happens."""

    model_config = _CHECKED

    people: dict[str, dict[str, Any]] = {"wang": {}}
    loan: LoanGiven | None = None
    loans: dict[str, LoanGiven] = {}

    @model_validator(mode="after")
    def _is_one_way_of_saying_it(self) -> Self:
        if self.loan and self.loans:
            raise ValueError("loans: say either loan or loans")
        if not self.people:
            raise ValueError("people: a scenario needs somebody")
        return self


class Happening(BaseModel):
    """An event upstream, and how it comes; every other field is its data."""

    model_config = _OPEN

    at: Moment
    type: Words
    id: Words | None = None
    loan: Words | None = None
    person: Words | None = None  #: whom a party.* event is about
    arrives: Moment | None = None
    again: Moment | None = None  #: comes a second time, word for word
    backfill: bool = False
    refused: Words | None = None  #: breaks the contract in this field, and must be refused


class Doing(BaseModel):
    """What somebody does to Duebell itself; see service/operations.py and _deeds.py for each."""

    model_config = _CHECKED

    at: Moment
    do: Words
    scope: Words | None = None
    name: Words | None = None
    until: Moment | None = None
    person: Words | None = None
    purpose: Words = "*"
    template: Words | None = None
    loan: Words | None = None
    text: Words | None = None
    why: Words = "the scenario says so"


class Line(BaseModel):
    """One thing that must have happened: a text that went, one that did not, or word to ops and upstream."""

    model_config = _CHECKED

    at: Annotated[datetime | date | None, BeforeValidator(_moment_or_day)] = None  #: a day alone: any time of it
    sent: Words | None = None
    planned: Words | None = None
    held: Words | None = None
    cancelled: Words | None = None
    superseded: Words | None = None
    suppressed: Words | None = None
    expired: Words | None = None
    failed: Words | None = None
    unknown: Words | None = None
    alert: Words | None = None  #: what ops are told
    upstream: Words | None = None  #: the type of a status event that is not about a notice
    reason: Reason | None = None
    held_for: Reason | None = None  #: why it was held before
    to: Words | None = None  #: a person, or borrower, or payer
    loan: Words | None = None
    about: Words | None = None  #: which deadline, by its reference: an instalment's number
    says: Texts = ()
    says_not: Texts = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = [name for name in OUTCOMES if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"say exactly one of {', '.join(OUTCOMES)}")
        return self

    @property
    def state(self) -> str:
        """What became of it."""
        return next(name for name in OUTCOMES if getattr(self, name) is not None)

    @property
    def what(self) -> str:
        """The template, the alert or the type."""
        return str(getattr(self, self.state))


class Scenario(BaseModel):
    """A whole file."""

    model_config = _CHECKED

    title: Words
    story: Words
    zone: Zone = DEFAULT_ZONE
    until: Day
    given: Given = Given()
    when: tuple[dict[str, Any], ...] = Field(default=(), strict=False)
    only: tuple[Words, ...] = Field(default=(), strict=False)
    ignore: tuple[Words, ...] = Field(default=(), strict=False)
    then: tuple[Line, ...] = Field(strict=False)

    def loans(self) -> dict[str, LoanGiven]:
        """The loans by their ids; there is always one."""
        return self.given.loans or {DEFAULT_LOAN: self.given.loan or LoanGiven()}


def open_scenario(text: str, name: str) -> tuple[Scenario, Document]:
    """The scenario that a YAML text tells; `name` is what an error calls it.

    Raises:
        ScenarioError: one line with the first mistake, its line and its field.
    """
    document = read(text, name)
    if not isinstance(document.value, dict):
        raise document.wrong((), "a scenario has title, story, until, given, when and then")
    return checked(Scenario, document.value, (), document), document


def checked(model: type[Any], said: Any, place: Place, document: Document) -> Any:
    """What stands at a place of the file, as a value of a model.

    Raises:
        ScenarioError: it does not fit.
    """
    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise document.wrong((*place, *first["loc"]), _IN_WORDS.get(first["type"]) or _own_words(first["msg"])) from None


_IN_WORDS: Final = {
    "extra_forbidden": "there is no such field here",
    "missing": "is missing",
    "string_type": "write a text; put it in quotes where it looks like a number",
    "model_type": "write a mapping, as {at: 2026-06-20 10:00, …}",
    "dict_type": "write a mapping, as {at: 2026-06-20 10:00, …}",
    "tuple_type": "write a list",
}


def _own_words(message: str) -> str:
    return message.removeprefix("Value error, ")
