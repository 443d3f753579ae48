"""The rulebook: the shipped numbers, and one readable line for each mistake."""

from datetime import time
from pathlib import Path

import pytest

from service.notices import Purpose
from service.rulebook import Rulebook, RuleError, Window, read_rules

BOOK = Rulebook.load()
SHIPPED = {"cn": (8, 22), "us": (8, 21), "in": (8, 19), "gb": (8, 21), "other": (9, 19)}

WINDOW = """\
  - id: x-window-1
    version: 1
    kind: window
    purposes: [service, reminder, collection, payer, visit, marketing]
    opens: "08:00"
    closes: "20:00"
    source: Ours.
"""
CAP = "  - {id: x-cap-1, version: 1, kind: cap, purposes: [reminder], limit: 5, source: Ours.}\n"


@pytest.mark.parametrize(("jurisdiction", "hours"), SHIPPED.items())
def test_shipped_windows(jurisdiction: str, hours: tuple[int, int]) -> None:
    """Every purpose but security has its jurisdiction's hours; only news of an event may go while it is fresh."""
    rules = BOOK[jurisdiction]
    windows = {purpose: rules.window(purpose) for purpose in Purpose}
    assert windows.pop(Purpose.SECURITY) is None
    for purpose, window in windows.items():
        assert isinstance(window, Window)
        assert (window.opens, window.closes) == (time(hours[0]), time(hours[1]))
        assert window.fresh_minutes == (30 if purpose is Purpose.SERVICE else 0)


@pytest.mark.parametrize("jurisdiction", SHIPPED)
def test_shipped_cap(jurisdiction: str) -> None:
    """Five texts a day, counted over the purposes that ask."""
    caps = {purpose: BOOK[jurisdiction].cap(purpose) for purpose in Purpose}
    capped = {purpose: cap.limit for purpose, cap in caps.items() if cap}
    assert capped == dict.fromkeys((Purpose.REMINDER, Purpose.COLLECTION, Purpose.PAYER, Purpose.VISIT), 5)


def test_rules_of_elsewhere() -> None:
    """A jurisdiction without a file has the rules of `other`; only China has a default zone; ids are unique."""
    assert set(BOOK) == set(SHIPPED)
    assert BOOK.of("fr") is BOOK["other"]
    assert {name: rules.default_zone for name, rules in BOOK.items() if rules.default_zone} == {"cn": "Asia/Shanghai"}
    ids = [rule.id for rules in BOOK.values() for rule in rules.rules]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "x.yaml: a rule file has jurisdiction, default_zone and rules"),
        ("rules: [", "x.yaml: not YAML: "),
        ("jurisdiction: x", "x.yaml: rules: is missing"),
        ("jurisdiction: x\nrules: [3]", "x.yaml: rule 1: "),
        (f"jurisdiction: x\ndefault_zone: Mars/Base\nrules:\n{WINDOW}", "x.yaml: default_zone: is not a zone of tzdata"),
        (f"jurisdiction: x\nrules:\n{CAP}", "x.yaml: rules: no window is for service"),
        (f"jurisdiction: x\nrules:\n{WINDOW}{WINDOW}", "x.yaml: rules: an id stands twice"),
        (f"jurisdiction: x\nrules:\n{WINDOW}{WINDOW.replace('-1', '-2')}", "x.yaml: rules: two of a kind are for service"),
        (f"jurisdiction: x\nrules:\n{WINDOW}{CAP}{CAP.replace('-1', '-2')}", "x.yaml: rules: two of a kind are for reminder"),
        (
            f"jurisdiction: x\nrules:\n{WINDOW.replace('20:00', '07:00')}",
            "x.yaml: rule x-window-1: closes: must be later than opens",
        ),
        (
            f"jurisdiction: x\nrules:\n{WINDOW.replace('20:00', '24:00')}",
            "x.yaml: rule x-window-1: closes: must be a local time",
        ),
        (f"jurisdiction: x\nrules:\n{WINDOW.replace('source', 'origin')}", "x.yaml: rule x-window-1: "),
        (f"jurisdiction: x\nrules:\n{WINDOW}{CAP.replace('limit: 5', 'limit: 0')}", "x.yaml: rule x-cap-1: limit: "),
        (f"jurisdiction: x\nrules:\n{WINDOW}{CAP.replace('cap,', 'quota,')}", "x.yaml: rule x-cap-1: "),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(text: str, line: str) -> None:
    """A wrong rule stops the load with one line that names file, rule and field."""
    with pytest.raises(RuleError) as caught:
        read_rules(text, "x.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_folder_has_one_file_per_jurisdiction(tmp_path: Path) -> None:
    """`other.yaml` must be there, and a file is named after its jurisdiction."""
    with pytest.raises(RuleError, match=r"other\.yaml is missing"):
        Rulebook.load(tmp_path)
    (tmp_path / "y.yaml").write_text(f"jurisdiction: x\nrules:\n{WINDOW}")
    with pytest.raises(RuleError, match=r"y\.yaml: jurisdiction: is x, but a file is named after its jurisdiction"):
        Rulebook.load(tmp_path)
