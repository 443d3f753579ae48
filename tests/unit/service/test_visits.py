"""Visits: the newest of each thing counts, and each condition has its refusal."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import permutations

import pytest

from service.facts import VisitDecided, VisitMoved, VisitScheduled, version_of
from service.reasons import REASONS
from service.visits import NO_VISITS, REFUSALS, Visit, VisitHours, VisitTerms, as_json, awaits_approval, refusal, visits_in
from tests.lender import at

NOW = at("2026-09-20 12:00")
VISIT_AT = at("2026-09-23 15:00")
ALLOWED = Visit("V-1", "v", approved=True, scheduled_by="v", scheduled_for=VISIT_AT.isoformat(), visitors=2, days_past_due=90)
HOURS = VisitHours(time(8), time(22), timedelta(hours=24))


def v(day: int) -> str:
    """The version of an event on a day of September."""
    return version_of(at(f"2026-09-{day:02} 12:00"), "t", str(day))


def refused(visit: Visit = ALLOWED, visit_at: datetime = VISIT_AT, *, now: datetime = NOW, told: bool = False) -> str | None:
    """Why it is refused."""
    return refusal(visit, visit_at, VisitTerms(), HOURS, "Asia/Shanghai", now=now, told=told)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"approved": False}, "visit_not_allowed"),
        ({"days_past_due": 89}, "visit_not_allowed"),
        ({"days_past_due": None}, "visit_not_allowed"),
        ({"visitors": 1}, "visit_visitors"),
        ({"visitors": 0, "approved": False}, "visit_not_allowed"),
    ],
)
def test_what_a_visit_must_meet(changes: dict[str, int], reason: str | None) -> None:
    """Approved, ninety days past due, two who come."""
    assert refused(replace(ALLOWED, **changes)) == reason


@pytest.mark.parametrize(
    ("clock", "reason"), [("07:59", "visit_window"), ("08:00", None), ("21:59", None), ("22:00", "visit_window")]
)
def test_the_hours_of_a_visit(clock: str, reason: str | None) -> None:
    """The first minute is in, the last is out, on the party's clock."""
    assert refused(visit_at=at(f"2026-09-23 {clock}")) == reason


def test_the_least_notice_of_a_visit() -> None:
    """A day ahead is enough, a second less is not; what was announced in time may be reminded of later."""
    day_before = VISIT_AT - timedelta(days=1)
    late = day_before + timedelta(seconds=1)
    assert [refused(now=day_before), refused(now=late), refused(now=late, told=True)] == [None, "visit_lead_time", None]


def test_an_approval_is_waited_for() -> None:
    """Ten minutes from when the notice was made; so is a first word of what is due; what is known to be too little is not."""
    soon = NOW + timedelta(minutes=10)
    unheard = replace(ALLOWED, approved=False)
    instants = (NOW, soon - timedelta(seconds=1), soon)
    assert [awaits_approval(unheard, NOW, now) for now in instants] == [True, True, False]
    assert awaits_approval(replace(ALLOWED, days_past_due=None), NOW, NOW)
    assert not awaits_approval(replace(ALLOWED, days_past_due=3), NOW, NOW)


def test_the_newest_word_counts_in_any_order() -> None:
    """Of two decisions, two appointments and two moves the later; a move older than the appointment changes nothing."""
    facts = [
        VisitDecided(v(1), "L-1", "V-1", approved=False), VisitDecided(v(2), "L-1", "V-1", approved=True),
        VisitScheduled(v(3), "L-1", "V-1", VISIT_AT, 3), VisitScheduled(v(2), "L-1", "V-1", NOW, 1), VisitMoved(v(1), "L-1", "V-1", NOW),
    ]  # fmt: skip
    for order in permutations(facts):
        visit = Visit("V-1")
        for fact in order:
            visit = visit.after(fact)
        opening = visit.opening("L-1")
        assert opening is not None
        assert (visit.approved, visit.visitors, opening.due_at, opening.version) == (True, 3, VISIT_AT, v(3))


def test_a_visit_without_an_appointment_opens_nothing() -> None:
    """Approved or moved, it is not known when the visit is until it has been scheduled."""
    visit = Visit("V-1").after(VisitDecided(v(1), "L-1", "V-1", approved=True)).after(VisitMoved(v(2), "L-1", "V-1", NOW))
    assert visit.opening("L-1") is None
    moved = visit.after(VisitScheduled(v(1), "L-1", "V-1", VISIT_AT, 2)).opening("L-1")
    assert moved is not None
    assert (moved.due_at, moved.version) == (NOW, v(2))


def test_visits_are_kept_as_they_are() -> None:
    """What the ledger keeps gives them back, whatever their order."""
    other = Visit("V-0", moved_by="v", moved_to=NOW.isoformat())
    assert as_json([ALLOWED, other]) == as_json([other, ALLOWED])
    assert visits_in(as_json([ALLOWED, other])) == {"V-0": other, "V-1": ALLOWED}
    assert as_json([]) == NO_VISITS


def test_each_refusal_is_a_reason() -> None:
    """What operators read stands in the one catalogue."""
    assert set(REASONS) >= REFUSALS
