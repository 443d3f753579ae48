"""A notice's own values as JSON and back: money, days, instants and codes keep their types."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from service.money import Money
from service.secret import Secret

_TAG = "$"
_AS_THEY_ARE: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def to_json(values: Mapping[str, object]) -> bytes:
    """The values of a notice as one JSON text, UTF-8."""
    return orjson.dumps(dict(values), default=_tagged, option=_AS_THEY_ARE)


def from_json(text: bytes | str) -> dict[str, object]:
    """The values a text was made from."""
    return {name: _typed(value) for name, value in orjson.loads(text).items()}


def _tagged(value: object) -> object:
    """What JSON has no form for, with the name of its type."""
    match value:
        case Money():
            return {_TAG: "money", "v": [value.minor, value.currency]}
        case datetime() | date():
            return {_TAG: "instant" if isinstance(value, datetime) else "day", "v": value.isoformat()}
        case Decimal() | Secret():
            return {_TAG: "secret", "v": value.value} if isinstance(value, Secret) else {_TAG: "decimal", "v": str(value)}
        case Mapping():
            return dict(value)
    raise TypeError(f"a notice's value cannot be a {type(value).__name__}")


def _typed(found: object) -> object:
    """A value as it was before `_tagged`, however deep it lies."""
    if isinstance(found, list):
        return [_typed(inner) for inner in found]
    return _read(found) if isinstance(found, dict) else found


def _read(found: dict[str, Any]) -> object:
    form, read = _READ.get(found.get(_TAG, ""), (None, None))
    if read is not None and type(found.get("v")) is form:
        return read(found["v"])
    return {name: _typed(inner) for name, inner in found.items()}


#: In what form a value of a type is written, and how it is read back.
_READ: Final[dict[str, tuple[type, Callable[[Any], object]]]] = {
    "money": (list, lambda said: Money(*said)),
    "instant": (str, datetime.fromisoformat),
    "day": (str, date.fromisoformat),
    "decimal": (str, Decimal),
    "secret": (str, Secret),
}
