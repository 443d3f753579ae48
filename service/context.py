"""A notice's own values as JSON and back: money, days, instants and codes keep their types."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from service.money import Money
from service.secret import Secret

_TAG = "$"


def to_json(values: Mapping[str, object]) -> str:
    """The values of a notice as one JSON text."""
    return _ENCODER.encode({name: _out(value) for name, value in values.items()})


def from_json(text: bytes | str) -> dict[str, object]:
    """The values a text was made from."""
    values: dict[str, object] = _DECODER.decode(text if isinstance(text, str) else text.decode())
    return values


def _out(value: object) -> object:
    match value:
        case Money():
            return {_TAG: "money", "v": [value.minor, value.currency]}
        case datetime() | date():
            return {_TAG: "instant" if isinstance(value, datetime) else "day", "v": value.isoformat()}
        case Decimal() | Secret():
            return {_TAG: "secret", "v": value.value} if isinstance(value, Secret) else {_TAG: "decimal", "v": str(value)}
        case Mapping():
            return {str(name): _out(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_out(inner) for inner in value]
    return value


def _typed(found: dict[str, object]) -> object:
    value = found.get("v")
    match found.get(_TAG), value:
        case "money", [int(minor), str(currency)]:
            return Money(minor, currency)
        case "instant", str(text):
            return datetime.fromisoformat(text)
        case "day", str(text):
            return date.fromisoformat(text)
        case "decimal", str(text):
            return Decimal(text)
        case "secret", str(text):
            return Secret(text)
    return found


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_hook=_typed)
