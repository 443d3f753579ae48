"""What the contract says of a collector's visit, folded by hand: may it be announced, moved and reminded of?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tests.properties.model import Event, Loan, place
from tests.properties.people import Person

_LATE_ENOUGH: Final = 90  #: days past due
_NOTICE: Final = timedelta(hours=24)


def objections(loan: Loan, ref: str, template: str, now: datetime, person: Person) -> Iterator[str]:
    """What speaks against a text about a visit."""
    events = [event for event in loan.events if event["data"].get("visit_id") == ref]
    scheduled = _last(events, "scheduled")
    if scheduled is None:
        yield "no visit has a time"
        return
    moved = _last(events, "rescheduled")
    word = moved if moved and place(moved) > place(scheduled) else scheduled
    decided, off = _last(events, "approved", "declined"), _last(events, "cancelled", "completed")
    if decided is None or decided["type"] != "loan.visit.approved":
        yield "the visit is not approved"
    if off and place(off) > place(word):
        yield "the visit is off"
    if len(scheduled["data"]["visitors"]) < 2:
        yield "one visitor is too few"
    at = datetime.fromisoformat(word["data"]["at"])
    if not person.is_decent(at):
        yield f"a visit at {person.local(at):%H:%M}"
    if at - now < (timedelta() if template == "visit_reminder" else _NOTICE):
        yield "a visit too soon"
    if (late := loan.days_past_due(word["time"])) < _LATE_ENOUGH:
        yield f"a visit, and the loan was {late} days past due"


def _last(events: list[Event], *names: str) -> Event | None:
    found = [event for event in events if event["type"] in {f"loan.visit.{name}" for name in names}]
    return found[-1] if found else None
