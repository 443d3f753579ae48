"""Says what is wrong with a body, for a person to act on: where, what to write instead, and the shape of what stood there.

Never a value: dead letters are read by more people than the payloads they hold.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

_OBJECT: Final = "write a JSON object"
WHOLE: Final = "body"  #: the path of a fault that lies in no single field

#: pydantic's error types → what to do. Scalars say it themselves (consumers/_fields.py).
_WORDS: Final = {
    "missing": "required, and missing",
    "union_tag_not_found": "required, and missing",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "list_type": "write a JSON array",
    "too_short": "write at least one entry",
    "too_long": "write fewer entries",
    "string_type": "write a string",
    "string_pattern_mismatch": "write application/json, or leave it out",
}
_WITHOUT_SHAPE: Final = frozenset({"missing", "union_tag_not_found", "json_invalid"})
_SHAPES: Final = {type(None): "null", bool: "true or false", int: "a number", float: "a number"}
_KEY: Final = re.compile(r"[A-Za-z_]{1,40}")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")


class Refused(NamedTuple):
    """The path of a field, and what to do about it."""

    field: str
    reason: str


def shape(value: object) -> str:
    """What a value looks like, without saying it."""
    if isinstance(value, str):
        return "a string of 1 character" if len(value) == 1 else f"a string of {len(value)} characters"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    return _SHAPES.get(type(value), "an object")


def refusal(error: ValidationError, *, tagged: bool) -> Refused:
    """The first fault that pydantic found; `tagged`: its paths begin with the event type."""
    first, *more = error.errors(include_url=False, include_context=False)
    path = first["loc"][1:] if tagged else first["loc"]
    reason = _WORDS.get(first["type"]) or _own_words(first["msg"])
    if first["type"] not in _WITHOUT_SHAPE:
        reason = f"{reason}; this is {shape(first['input'])}"
    if more:
        reason = f"{reason} ({len(more)} more {'field is' if len(more) == 1 else 'fields are'} wrong)"
    return Refused(".".join(str(step) for step in path) or WHOLE, reason)


def _own_words(message: str) -> str:
    """What a scalar says of itself; for JSON that cannot be read and for a choice of words, pydantic's text put our way."""
    message = message.replace("Invalid JSON: ", "write one JSON object in UTF-8; reading failed with: ")
    return message.replace("Input should be ", "write ")


def names_in(body: bytes) -> tuple[str | None, str | None, str | None]:
    """Source, id and type as far as they can be read, also from a body that breaks off."""
    try:
        found = from_json(body, allow_partial=True)
    except ValueError:
        return None, None, None
    if not isinstance(found, dict):
        return None, None, None
    source, event_id, event_type = (_name(found.get(key)) for key in ("source", "id", "type"))
    return source, event_id, event_type


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


class _Twice(list[tuple[str, Any]]):
    """An object as its pairs, so that a key that stands there twice can be seen."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands there twice")


def _refuse(name: str) -> float:
    raise ValueError(name)


_PLAIN: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
_PAIRS: Final = json.JSONDecoder(object_pairs_hook=_Twice)


def not_plain(body: bytes) -> Refused | None:
    """What readers of JSON do not agree on, in a body that pydantic could read: NaN, Infinity, a key twice in one object."""
    try:
        _PLAIN.raw_decode(body.decode().lstrip())
    except ValueError:
        return next(_oddities(_PAIRS.decode(body.decode()), ()), Refused(WHOLE, "write numbers of fewer digits"))
    return None


def _oddities(value: object, path: tuple[str, ...]) -> Iterator[Refused]:
    """Every key that stands twice and every number that is not finite, with its path."""
    if isinstance(value, _Twice):
        seen: set[str] = set()
        for key, inner in value:
            here = (*path, key if _KEY.fullmatch(key) else "?")
            if key in seen:
                yield Refused(".".join(here), "write each key once in an object; this one stands there twice")
            seen.add(key)
            yield from _oddities(inner, here)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _oddities(inner, (*path, str(i)))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Refused(".".join(path), "NaN and Infinity are not JSON; leave the field out")
