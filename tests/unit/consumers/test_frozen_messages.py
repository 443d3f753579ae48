"""Messages of older versions: what was published once is still understood, and still establishes what it did.

A frozen message is never made anew. Where a type must change, its new form is frozen beside the old one, in tests/messages/v2.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from consumers._decode import MODELS
from freeze_messages import FOLDER, facts_of

FROZEN = sorted(FOLDER.parent.glob("v*/*.json"))


@pytest.mark.parametrize("path", FROZEN, ids=[f"{path.parent.name}-{path.stem}" for path in FROZEN])
def test_an_old_message_still_says_what_it_said(path: Path) -> None:
    """It parses, and every fact it gave is among those it gives now; later versions may give more of them."""
    frozen = json.loads(path.read_text("utf-8"))
    given = facts_of(json.dumps(frozen["message"]).encode())
    assert not [fact for fact in frozen["facts"] if not any(_holds(now, fact) for now in given)]


def _holds(now: Any, then: Any) -> bool:
    """Whether what was said then is still said."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(name in now and _holds(now[name], value) for name, value in then.items())
    return bool(now == then)


def test_every_type_is_frozen() -> None:
    """Each event type has a message of its first version."""
    missing = MODELS.keys() - {path.stem for path in FROZEN}
    assert not missing, "run `make contract` and commit what it writes"


@pytest.mark.parametrize(
    ("now", "then", "holds"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
    ],
)
def test_more_may_be_said_and_nothing_less(now: Any, then: Any, holds: bool) -> None:
    """A field that is added changes nothing; one that is gone or different does."""
    assert _holds(now, then) is holds


def test_what_is_no_event_any_more_is_told() -> None:
    """A message that has lost a required field does not pass for one that says nothing."""
    with pytest.raises(ValueError, match=r"data\.settled_at"):
        facts_of(json.dumps({**json.loads(FROZEN[0].read_text("utf-8"))["message"], "type": "loan.settled"}).encode())
