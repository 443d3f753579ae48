"""The notices there are: each folder under templates/ read once at start into a frozen `NoticeSpec`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from service import yaml_files
from service.facts import Role
from service.locales import LOCALES, Locale
from service.money import Money
from service.notices import Purpose
from service.secret import Secret

#: The texts that come with Duebell; a lender may keep its own folder of the same shape.
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

Channel = Literal["sms"]
Need = Literal["deadline", "payment"]
SUFFIXES: Mapping[Channel, str] = {"sms": "txt"}

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class CatalogueError(ValueError):
    """The templates cannot be used; `problems` holds one readable line each, naming the file and the field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class NoticeSpec:
    """What one notice.yaml says.

    Attributes:
        name: the folder's name, and the template's everywhere else.
        about: one line for people.
        to: the roles it may address; to a payer goes nothing that does not name that role.
        purpose: for an event notice; a ladder's stage may have its own.
        asks: it ends when its deadline closes, its loan settles, or a pause for its purpose holds.
        needs: facts without which the text cannot be made.
        valid: how long after the event it is worth sending; a ladder decides for its own stages.
        max_segments: parts a text may take, by locale.
        samples: believable values, for the lint and the preview.
        worst: the longest values that can come.
    """

    name: str
    about: str
    to: tuple[Role, ...]
    purpose: Purpose
    asks: bool
    needs: tuple[Need, ...]
    valid: timedelta
    max_segments: Mapping[Locale, int]
    channels: tuple[Channel, ...]
    samples: tuple[Mapping[str, object], ...]
    worst: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every notice, by name."""

    notices: Mapping[str, NoticeSpec]

    @classmethod
    def load(cls, root: Path = TEMPLATES) -> "Catalogue":
        """Reads every folder that holds a notice.yaml, and sees that each text is there in every locale and channel.

        Raises:
            CatalogueError: with every problem found, not only the first.
        """
        problems: list[str] = []
        notices: dict[str, NoticeSpec] = {}
        for folder in sorted(root.glob("[a-z]*/")):
            file = folder / "notice.yaml"
            try:
                spec = _read(file)
            except CatalogueError as error:
                problems += error.problems
                continue
            notices[spec.name] = spec
            problems += [f"{_shown(text)}: missing" for text in texts_of(root, spec) if not text.is_file()]
        if not notices and not problems:
            problems.append(f"{root}: holds no notices")
        if problems:
            raise CatalogueError(problems)
        return cls(notices)

    def __getitem__(self, name: str) -> NoticeSpec:
        """The notice of a name.

        Raises:
            CatalogueError: there is no such notice.
        """
        try:
            return self.notices[name]
        except KeyError:
            raise CatalogueError([f"no notice is called {name!r}; there are: {', '.join(self.notices)}"]) from None

    def __contains__(self, name: str) -> bool:
        return name in self.notices

    def __iter__(self) -> Iterator[NoticeSpec]:
        return iter(self.notices.values())

    def __len__(self) -> int:
        return len(self.notices)


def text_file(root: Path, name: str, locale: str, channel: Channel) -> Path:
    """Where the text of a notice stands."""
    return root / name / locale / f"{channel}.{SUFFIXES[channel]}"


def texts_of(root: Path, spec: NoticeSpec) -> list[Path]:
    """The files a notice must have: one for each locale and channel."""
    return [text_file(root, spec.name, locale, channel) for locale in LOCALES for channel in spec.channels]


def _typed(value: Any) -> object:
    """A sample value as delivery gives it; mappings and lists keep their shape.

    `{money: ["1234.56", CNY]}` becomes Money, `{secret: "482913"}` a code.
    """
    if isinstance(value, dict):
        if set(value) == {"money"}:
            return Money.of(*value["money"])
        if set(value) == {"secret"}:
            return Secret(value["secret"])
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return value


def _duration(value: object) -> object:
    """A span as ladders write it: 30m, 72h, 3d."""
    match = re.fullmatch(r"([1-9]\d*)([mhd])", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a span as 30m, 72h or 3d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class _NoticeFile(BaseModel):
    """The shape of notice.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: Annotated[str, Field(min_length=10)]
    to: Annotated[tuple[Role, ...], Field(min_length=1)] = ("borrower",)
    purpose: Purpose = Purpose.SERVICE
    asks: bool = False
    needs: tuple[Need, ...] = ()
    valid: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(hours=72)
    max_segments: dict[Locale, PositiveInt]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = ("sms",)
    samples: Annotated[list[dict[str, Any]], Field(min_length=1)]
    worst: dict[str, Any]

    @field_validator("max_segments", mode="before")
    @classmethod
    def _for_every_locale(cls, value: object) -> object:
        return dict.fromkeys(LOCALES, value) if isinstance(value, int) else value

    @field_validator("max_segments")
    @classmethod
    def _no_locale_left_out(cls, value: dict[Locale, int]) -> dict[Locale, int]:
        if left_out := [locale for locale in LOCALES if locale not in value]:
            raise ValueError(f"say it for {', '.join(left_out)} too")
        return value

    @field_validator("samples", "worst")
    @classmethod
    def _with_types(cls, value: Any, info: ValidationInfo) -> Any:
        try:
            return _typed(value)
        except (ArithmeticError, TypeError) as error:
            raise ValueError(f'{info.field_name}: write money as {{money: ["1234.56", CNY]}}') from error


def _read(file: Path) -> NoticeSpec:
    try:
        told = _NoticeFile.model_validate(yaml_files.loaded(file.read_text("utf-8")))
    except FileNotFoundError:
        raise CatalogueError([f"{_shown(file)}: missing"]) from None
    except yaml.YAMLError as error:
        raise CatalogueError([f"{_shown(file)}: not YAML: {' '.join(str(error).split())}"]) from None
    except ValidationError as error:
        raise CatalogueError([_line(file, problem["loc"], problem["msg"]) for problem in error.errors()]) from None
    return NoticeSpec(
        name=file.parent.name,
        about=told.about,
        to=told.to,
        purpose=told.purpose,
        asks=told.asks,
        needs=told.needs,
        valid=told.valid,
        max_segments=told.max_segments,
        channels=told.channels,
        samples=tuple(told.samples),
        worst={**told.samples[0], **told.worst},
    )


def _line(file: Path, where: tuple[int | str, ...], what: str) -> str:
    return f"{_shown(file)}: {'.'.join(map(str, where)) or 'the file'}: {what}"


def _shown(file: Path) -> str:
    """The path inside the templates folder, which is what an author looks for."""
    return "/".join(file.parts[-2 if file.suffix == ".yaml" else -3 :])
