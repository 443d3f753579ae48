"""A YAML text as a checked value, or one line that says what is wrong with it: file, entry, field."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Any, Final, TypeVar

import yaml
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

#: How the classes of such files are checked: no field but the known ones, and no value of the file in an error.
CHECKED: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)

_TOLD: Final = {"unexpected_keyword_argument": "unknown field", "missing": "is missing"}
T = TypeVar("T")
#: libyaml's own, where the package has it: ten times as fast.
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def loaded(text: str) -> Any:
    """What a YAML text says, in plain types.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader, either way


def _clock_time(said: object) -> time:
    if not isinstance(said, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", said):
        raise ValueError('must be a local time in quotes, as "09:00"')
    return time.fromisoformat(said)


ClockTime = Annotated[time, BeforeValidator(_clock_time)]


@dataclass(frozen=True, slots=True)
class Shape:
    """How such files are spoken of in an error.

    Attributes:
        told: what a file has, said where it has nothing of it.
        entries: the field that holds the list of entries.
        entry, name: what one of them is called, and the field with its name.
        kinds: words that pydantic puts into a place and that are none in the file.
        error: what is raised; its text is the line.
    """

    told: str
    entries: str
    entry: str
    name: str
    error: type[ValueError]
    kinds: Collection[str] = ()


def read(adapter: TypeAdapter[T], text: str, file: str, shape: Shape) -> T:
    """The value that a YAML text describes; `file` is what an error calls it.

    Raises:
        ValueError: the text is wrong; of the class that `shape` names.
    """
    try:
        said = loaded(text)
    except yaml.YAMLError as error:
        raise shape.error(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(said, dict):
        raise shape.error(f"{file}: {shape.told}")
    try:
        return adapter.validate_python(said)
    except ValidationError as error:
        raise shape.error(f"{file}: {_first_mistake(error, said, shape)}") from None


def _first_mistake(error: ValidationError, said: dict[str, Any], shape: Shape) -> str:
    """What is wrong first, in one line that begins with its place."""
    first = error.errors(include_url=False)[0]
    is_ours = first["type"] == "value_error"
    place = [part for part in first["loc"] if part not in shape.kinds]
    if place[:1] == [shape.entries] and len(place) > 1:
        entry = said[shape.entries][place[1]]
        name = entry.get(shape.name) if isinstance(entry, dict) else None
        place[:2] = [f"{shape.entry} {name or int(place[1]) + 1}"]
    elif place == [shape.entries] and is_ours:
        place = []  # what is wrong with the entries together names its place itself
    what = str(first["ctx"]["error"]) if is_ours else _TOLD.get(first["type"], first["msg"])
    return ": ".join([*map(str, place), what])
