"""Events to decode: one valid example of every type, changed at a path where a test needs it."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from consumers._decode import MODELS, decode
from consumers._envelope import example
from service.events import Decoded, Event

GONE = object()  #: the field is left out


def with_changes(event: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of an event with other values at dotted paths; numbers in a path are places in a list."""
    event = deepcopy(event)
    for path, value in changes.items():
        *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        inside: Any = event
        for step in above:
            inside = inside[step]
        if value is GONE:
            del inside[last]
        else:
            inside[last] = value
    return event


Decode = Callable[..., Decoded]


@pytest.fixture
def outcome_of() -> Decode:
    """Decodes the example of a type, with changes at dotted paths."""

    def outcome(event_type: str, changes: dict[str, Any] | None = None) -> Decoded:
        return decode(json.dumps(with_changes(example(MODELS[event_type]), changes or {})).encode())

    return outcome


@pytest.fixture
def event_of(outcome_of: Decode) -> Callable[..., Event]:
    """The same, for what must keep the contract."""

    def event(event_type: str, changes: dict[str, Any] | None = None) -> Event:
        found = outcome_of(event_type, changes)
        assert isinstance(found, Event), found
        return found

    return event


@pytest.fixture
def gone() -> object:
    """As a changed value: the field is left out."""
    return GONE
