"""Visits: what is known of a collector's call at the door, and why it may not be announced. Pure."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Final

from service.facts import DeadlineOpened, Kind, Version, VisitDecided, VisitMoved, VisitScheduled
from service.zones import in_utc, zone

NO_VISITS: Final = "[]"  #: what the ledger keeps of a loan without any
#: How long a notice waits for the approval of its visit, which may come behind it.
APPROVAL_COMES_WITHIN: Final = timedelta(minutes=10)
#: Why a visit is not announced; from service/reasons.py.
REFUSALS: Final = frozenset({"visit_not_allowed", "visit_visitors", "visit_window", "visit_lead_time"})


@dataclass(frozen=True, slots=True)
class Visit:
    """What events say of one visit; of each thing the newest.

    Attributes:
        decided_by, approved: the newest approval or refusal by the lender's own people.
        scheduled_by, scheduled_for, visitors: the appointment, an instant in ISO form, and how many come.
        moved_by, moved_to: the newest other time, which may be known before the appointment.
        days_past_due: of the loan at the time of the event that set the appointment's time; derived. None: nobody knows.
    """

    visit_id: str
    decided_by: Version | None = None
    approved: bool = False
    scheduled_by: Version | None = None
    scheduled_for: str | None = None
    visitors: int = 0
    moved_by: Version | None = None
    moved_to: str | None = None
    days_past_due: int | None = None

    def after(self, fact: VisitDecided | VisitScheduled | VisitMoved) -> "Visit":
        """The visit when this has been heard too; order does not matter."""
        match fact:
            case VisitDecided() if fact.version > (self.decided_by or ""):
                return replace(self, decided_by=fact.version, approved=fact.approved)
            case VisitScheduled() if fact.version > (self.scheduled_by or ""):
                at = in_utc(fact.at).isoformat()
                return replace(self, scheduled_by=fact.version, scheduled_for=at, visitors=fact.visitors)
            case VisitMoved() if fact.version > (self.moved_by or ""):
                return replace(self, moved_by=fact.version, moved_to=in_utc(fact.at).isoformat())
        return self

    def opening(self, loan_id: str) -> DeadlineOpened | None:
        """The appointment as a deadline, at its newest time; None as long as there is none."""
        if self.scheduled_by is None:
            return None
        moved = (self.moved_by or "") > self.scheduled_by
        version, at = (self.moved_by, self.moved_to) if moved else (self.scheduled_by, self.scheduled_for)
        due_at = datetime.fromisoformat(at or "")
        return DeadlineOpened(version or "", loan_id, Kind.VISIT_APPOINTMENT, self.visit_id, due_at=due_at)


@dataclass(frozen=True, slots=True)
class VisitTerms:
    """What a visit must meet to be announced, whatever the jurisdiction."""

    min_days_past_due: int = 90
    min_visitors: int = 2


@dataclass(frozen=True, slots=True)
class VisitHours:
    """What the jurisdiction asks: the local hours of a visit (the last minute is out), and the least notice of it."""

    opens: time
    closes: time
    lead_time: timedelta


def as_json(visits: Iterable[Visit]) -> str:
    """The visits as the ledger keeps them, by their ids."""
    return json.dumps(sorted((astuple(visit) for visit in visits), key=lambda cells: cells[0]), separators=(",", ":"))


@lru_cache(maxsize=4096)
def visits_in(text: str) -> dict[str, Visit]:
    """The visits that `as_json` wrote, by their ids; not to be changed."""
    return {cells[0]: Visit(*cells) for cells in json.loads(text)}


def awaits_approval(visit: Visit, since: datetime, now: datetime) -> bool:
    """Whether approval, or a first word about what is overdue, may still come for a notice made at `since`."""
    return (not visit.approved or visit.days_past_due is None) and now < since + APPROVAL_COMES_WITHIN


def refusal(
    visit: Visit, at: datetime, terms: VisitTerms, hours: VisitHours, zone_name: str, *, now: datetime, told: bool = False
) -> str | None:
    """Why a visit at an instant may not be announced now; `told`: it was announced before, and the notice's length is no matter."""
    overdue = visit.days_past_due
    local = at.astimezone(zone(zone_name)).time()
    if not visit.approved or overdue is None or overdue < terms.min_days_past_due:
        return "visit_not_allowed"
    if visit.visitors < terms.min_visitors:
        return "visit_visitors"
    if not hours.opens <= local < hours.closes:
        return "visit_window"
    if not told and at - now < hours.lead_time:
        return "visit_lead_time"
    return None
