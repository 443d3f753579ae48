"""Keys are permanent and never meet; states follow each other as the design says; every reason is in the catalogue."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.notices import (
    TRANSITIONS,
    WAITING,
    WITHOUT_REASON,
    Lane,
    Purpose,
    State,
    anchor_of,
    event_key,
    lane_of,
    quoted,
    stage_key,
)
from service.reasons import REASONS, check_reason

AT = datetime(2026, 6, 20, 7, 0, tzinfo=UTC)


def test_a_key_reads_as_the_design_says() -> None:
    """Event and stage keys, with the month of the event or of the anchor."""
    event = event_key("urn:a", "1%2", AT, "loan_settled", "borrower")
    assert (event.key, event.month) == ("event:urn%3Aa:1%252:loan_settled:borrower", 202606)
    stage = stage_key("L:1", "instalment", "3", anchor_of(date(2026, 7, 1), None), "due_today", "payer")
    assert (stage.key, stage.month) == ("stage:L%3A1:instalment:3:2026-07-01:due_today:payer", 202607)
    assert stage_key("L", "delegation", "D", anchor_of(None, AT), "closing", "payer").month == 202606


def test_an_anchor_is_a_day_or_an_instant() -> None:
    """The day as written, or the instant to the minute in UTC; a deadline without either has none."""
    assert anchor_of(date(2026, 6, 20), None) == "2026-06-20"
    assert anchor_of(None, AT) == "20260620T0700Z"
    with pytest.raises(ValueError, match="no anchor"):
        anchor_of(None, None)


@given(parts=st.lists(st.text(st.sampled_from(":%a3A2"), max_size=6), min_size=2, max_size=2), others=st.data())
def test_parts_of_a_key_cannot_run_into_each_other(parts: list[str], others: st.DataObject) -> None:
    """Two different pairs of parts never give the same key, and quoting can be undone."""
    other = others.draw(st.lists(st.text(st.sampled_from(":%a3A2"), max_size=6), min_size=2, max_size=2))
    assert (":".join(map(quoted, parts)) == ":".join(map(quoted, other))) == (parts == other)
    assert [quoted(part).replace("%3A", ":").replace("%25", "%") for part in parts] == parts


def test_lanes() -> None:
    """Security is critical, other events normal, stages of ladders bulk."""
    assert lane_of(Purpose.SECURITY, is_stage=True) is Lane.CRITICAL
    assert lane_of(Purpose.SERVICE, is_stage=False) is Lane.NORMAL
    assert lane_of(Purpose.REMINDER, is_stage=False) is Lane.NORMAL
    assert lane_of(Purpose.PAYER, is_stage=True) is Lane.BULK


def test_every_state_has_its_followers() -> None:
    """What has gone waits again only by a receipt or a settled unknown; what ended unsaid only if its pause or its digest is void."""
    assert set(TRANSITIONS) == set(State)
    assert {state for state, after in TRANSITIONS.items() if State.SENDING in after} == WAITING
    assert {state for state, after in TRANSITIONS.items() if not after} == {
        State.DELIVERED,
        State.UNDELIVERED,
        State.FAILED,
        State.EXPIRED,
    }
    assert State.SENT in WITHOUT_REASON


def test_reasons_are_in_one_catalogue() -> None:
    """A reason that is not there is a mistake of ours."""
    assert all(check_reason(reason) == reason for reason in REASONS)
    with pytest.raises(KeyError, match="is not in service"):
        check_reason("because")
