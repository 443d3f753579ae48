"""The page for upstream developers says what the models say."""

import json
import re
from pathlib import Path

import pytest

from consumers._decode import MODELS, decode
from consumers._envelope import LoanData
from service.events import Event

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `((?:loan|party)\.[a-z_.]+)` \| (.*)$", PAGE.partition("## What comes back")[0], re.MULTILINE))


def test_the_page_names_the_events_that_exist() -> None:
    """No event is missing, and none is promised."""
    assert sorted(ROWS) == sorted(MODELS)


@pytest.mark.parametrize("event_type", sorted(MODELS))
def test_the_page_names_each_field(event_type: str) -> None:
    """Each field stands in the row of its event, with a star where it is required."""
    for name, field in MODELS[event_type].model_fields.items():
        if name not in LoanData.model_fields:
            assert f"`{name}`" in ROWS[event_type]
            assert (f"`{name}`\\*" in ROWS[event_type]) is field.is_required()


def test_the_example_on_the_page_is_valid() -> None:
    """What a reader copies works."""
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert isinstance(decode(json.dumps(json.loads(example)).encode()), Event)
