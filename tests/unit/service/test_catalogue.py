"""Reading notice.yaml: what it gives, and what a mistake in it says."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from service.catalogue import Catalogue, CatalogueError
from service.locales import LOCALES
from service.money import Money
from service.notices import Purpose

GOOD = """
about: One line for people.
purpose: reminder
asks: true
needs: [deadline]
valid: 12h
max_segments: 2
samples:
  - amount: {money: ["1234.56", CNY]}
    due_on: 2026-06-20
    paid: {at: 2026-06-20T09:30:00+08:00, parts: [{money: ["1", JPY]}]}
worst:
  due_on: 2026-12-31
"""


def write(root: Path, yaml: str, name: str = "a_notice", leave_out: str = "") -> Path:
    """A templates folder with one notice."""
    for locale in LOCALES:
        (root / name / locale).mkdir(parents=True)
        if locale != leave_out:
            (root / name / locale / "sms.txt").write_text("text", "utf-8")
    (root / name / "notice.yaml").write_text(yaml, "utf-8")
    return root


def problem(root: Path) -> str:
    """What loading a folder complains of."""
    with pytest.raises(CatalogueError) as error:
        Catalogue.load(root)
    return str(error.value)


def test_what_a_notice_says(tmp_path: Path) -> None:
    """Every field arrives with its type, money and instants in samples too; worst takes the rest from the first sample."""
    spec = Catalogue.load(write(tmp_path, GOOD))["a_notice"]
    assert (spec.name, spec.about, spec.purpose, spec.asks) == ("a_notice", "One line for people.", Purpose.REMINDER, True)
    assert (spec.needs, spec.valid, spec.channels) == (("deadline",), timedelta(hours=12), ("sms",))
    assert spec.max_segments == {"zh-CN": 2, "zh-TW": 2, "en": 2}
    sample = {
        "amount": Money(123456, "CNY"),
        "due_on": date(2026, 6, 20),
        "paid": {"at": datetime(2026, 6, 20, 1, 30, tzinfo=UTC), "parts": [Money(1, "JPY")]},
    }
    assert spec.samples == (sample,)
    assert spec.worst == {**sample, "due_on": date(2026, 12, 31)}


def test_what_is_not_said(tmp_path: Path) -> None:
    """Without a word on them a notice is service, tells, needs nothing and is valid for 72 hours."""
    yaml = "about: One line for people.\nmax_segments: {zh-CN: 1, zh-TW: 1, en: 2}\nsamples: [{}]\nworst: {}\n"
    spec = Catalogue.load(write(tmp_path, yaml))["a_notice"]
    assert (spec.purpose, spec.asks, spec.needs, spec.valid) == (Purpose.SERVICE, False, (), timedelta(hours=72))
    assert spec.max_segments["en"] == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("asks: true", "ask: true", "a_notice/notice.yaml: ask: Extra inputs are not permitted"),
        ("purpose: reminder", "purpose: nagging", "a_notice/notice.yaml: purpose: Input should be 'security'"),
        ("needs: [deadline]", "needs: [loan]", "a_notice/notice.yaml: needs.0: "),
        ("valid: 12h", "valid: 12", "a_notice/notice.yaml: valid: Value error, write a span as 30m, 72h or 3d"),
        ("max_segments: 2", "max_segments: {zh-CN: 0, zh-TW: 1, en: 1}", "a_notice/notice.yaml: max_segments.zh-CN: "),
        ("max_segments: 2", "max_segments: {en: 2}", "max_segments: Value error, say it for zh-CN, zh-TW too"),
        ('"1234.56"', '"1234.567"', "samples: Value error, an amount in CNY has at most 2 digits"),
        ('"1234.56"', '"a lot"', "samples: Value error, samples: write money as"),
        ("about: One", "about: [One", "a_notice/notice.yaml: not YAML: "),
        ("worst:\n  due_on: 2026-12-31", "", "a_notice/notice.yaml: worst: Field required"),
    ],
)
def test_a_mistake_names_the_file_and_the_field(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """One readable line each."""
    said = problem(write(tmp_path, GOOD.replace(old, new)))
    assert expected in said
    assert "\n" not in said


def test_a_file_that_is_no_mapping(tmp_path: Path) -> None:
    """An empty notice.yaml is named as a whole."""
    assert problem(write(tmp_path, "")).startswith("a_notice/notice.yaml: the file: ")


def test_a_missing_language_stops_the_start(tmp_path: Path) -> None:
    """Every notice has every locale, and all problems are told at once."""
    root = write(tmp_path, GOOD, leave_out="zh-TW")
    write(root, GOOD.replace("asks", "ask"), name="b_notice")
    assert problem(root).splitlines() == [
        "a_notice/zh-TW/sms.txt: missing",
        "b_notice/notice.yaml: ask: Extra inputs are not permitted",
    ]


def test_a_folder_without_a_notice_is_a_mistake(tmp_path: Path) -> None:
    """A folder that somebody forgot to finish is not passed over."""
    (write(tmp_path, GOOD) / "half_done").mkdir()
    assert problem(tmp_path) == "half_done/notice.yaml: missing"


def test_an_empty_folder(tmp_path: Path) -> None:
    """A templates folder with nothing in it is not what anyone meant."""
    assert "holds no notices" in problem(tmp_path)


def test_an_unknown_name_says_what_there_is(tmp_path: Path) -> None:
    """The error lists the names that exist."""
    catalogue = Catalogue.load(write(tmp_path, GOOD))
    assert "a_notice" in catalogue
    assert [spec.name for spec in catalogue] == ["a_notice"]
    assert len(catalogue) == 1
    with pytest.raises(CatalogueError, match="no notice is called 'b_notice'; there are: a_notice"):
        catalogue["b_notice"]
