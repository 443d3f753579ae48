"""How commands word what they print, and which errors are mistakes."""

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO, TextIOWrapper

import pytest

from duebell.commands._mistakes import in_words
from duebell.commands._terminal import lines, moment, span, take_any_letter
from duebell.showing import local, order
from service.ledger import LedgerAway
from service.settings import SettingError


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3661, "1h 1m"), (90061, "1d 1h"), (86400 * 400 + 5, "400d 5s")],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: int, told: str) -> None:
    """Days, hours, minutes, seconds; what is zero is left out."""
    assert span(seconds) == told


def test_a_moment_is_told_in_utc_to_the_second() -> None:
    """Whatever offset it came with."""
    assert moment(datetime(2026, 6, 17, 9, 0, 1, 999, tzinfo=timezone(timedelta(hours=8)))) == "2026-06-17 01:00:01Z"
    assert moment(None) is None


def test_a_lines_moment_is_shown_by_a_local_clock() -> None:
    """The zone's own time, to the minute."""
    assert local(datetime(2026, 1, 1, 20, tzinfo=UTC).isoformat(), "Asia/Shanghai") == "2026-01-02 04:00"


def test_moments_are_in_order_also_within_a_second() -> None:
    """Not as texts, where .5Z is before Z; a day is before its midnight, and what has no moment is first."""
    moments = [
        None, "2026-06-16T23:59:59.999999Z", "2026-06-17", "2026-06-17T00:00:00Z", "2026-06-17T00:00:00.000001Z",
        "2026-06-17T00:00:00.500000Z", "2026-06-17T00:00:01Z",
    ]  # fmt: skip
    assert sorted(moments[3:] + moments[:3], key=order) == moments


def test_only_our_own_errors_and_missing_files_are_mistakes() -> None:
    """Whatever else is raised is a defect and must show where."""
    assert in_words(SettingError("DUEBELL_X: write\nit")) == "DUEBELL_X: write; it"
    assert in_words(FileNotFoundError(2, "No such file or directory", "x.jsonl")) == "x.jsonl: No such file or directory"
    assert "DUEBELL_DATABASE_URL" in (in_words(LedgerAway("08006")) or "")
    assert in_words(KeyError("x")) is None
    assert in_words(OSError("odd")) is None


def test_json_is_escaped_as_json_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would write é with an x, and 😀 in one piece."""
    out = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(out, "ascii"))
    take_any_letter()
    lines([{"x": "é王😀"}])
    sys.stdout.flush()
    assert json.loads(out.getvalue().decode("ascii")) == {"x": "é王😀"}
