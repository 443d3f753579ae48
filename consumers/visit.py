"""Visits: a collector calls at the door."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from consumers._envelope import Heading, LoanData
from consumers._fields import Id, Instant, Words
from consumers._parts import Part, refuse_doubles
from service.facts import DeadlineClosed, Fact, Kind, NoticeGiven, VisitDecided, VisitMoved, VisitScheduled

_KIND = Kind.VISIT_APPOINTMENT


class VisitData(LoanData):
    """The data of an event about a visit."""

    visit_id: Id


class VisitRequested(VisitData):
    """Somebody wants a collector to call."""

    TYPE = "loan.visit.requested"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "visit_id": "V-1"}

    def facts(self, event: Heading) -> Iterator[Fact]:  # noqa: ARG002 - it is kept, and nothing follows from it
        """Nothing follows before it is approved."""
        return iter(())


class VisitApproved(VisitData):
    """A collector may call."""

    TYPE = "loan.visit.approved"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "visit_id": "V-1"}

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Without it a visit is not announced."""
        yield VisitDecided(event.version, self.loan_id, self.visit_id, approved=True)


class VisitDeclined(VisitData):
    """No collector may call."""

    TYPE = "loan.visit.declined"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "visit_id": "V-1", "reason_public": "资料不完整"}

    reason_public: Words | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Takes back an approval."""
        yield VisitDecided(event.version, self.loan_id, self.visit_id, approved=False)


class Visitor(Part):
    """Somebody who comes."""

    name: Words
    badge_no: Id


class VisitIsScheduled(VisitData):
    """It is known when a collector calls, and who comes."""

    TYPE = "loan.visit.scheduled"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "visit_id": "V-1",
        "at": "2026-12-10T10:00:00+08:00",
        "purpose": "商谈还款安排",
        "visitors": [{"name": "李强", "badge_no": "C-1024"}, {"name": "周敏", "badge_no": "C-1031"}],
        "verification_code": "4829",
    }

    at: Instant
    purpose: Words
    visitors: Annotated[list[Visitor], Field(max_length=10)]
    verification_code: Id

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Opens the appointment and announces it.

        Raises:
            ContractError: a visitor stands in the list twice.
        """
        refuse_doubles([visitor.badge_no for visitor in self.visitors], "data.visitors", "badge_no", "badge")
        visitors = [{"name": visitor.name, "badge_no": visitor.badge_no} for visitor in self.visitors]
        values = {"purpose": self.purpose, "visitors": visitors, "verification_code": self.verification_code}
        yield VisitScheduled(event.version, self.loan_id, self.visit_id, self.at, len(visitors))
        yield NoticeGiven(event.version, self.loan_id, "visit_notice", values=values, kind=_KIND, ref=self.visit_id)


class VisitRescheduled(VisitData):
    """The visit has another time."""

    TYPE = "loan.visit.rescheduled"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "visit_id": "V-1", "at": "2026-12-12T15:00:00+08:00"}

    at: Instant

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Moves the appointment and says so."""
        yield VisitMoved(event.version, self.loan_id, self.visit_id, self.at)
        yield NoticeGiven(event.version, self.loan_id, "visit_rescheduled", kind=_KIND, ref=self.visit_id)


class VisitCancelled(VisitData):
    """Nobody comes."""

    TYPE = "loan.visit.cancelled"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "visit_id": "V-1"}

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the appointment and says so."""
        yield DeadlineClosed(event.version, self.loan_id, _KIND, self.visit_id, "closed")
        yield NoticeGiven(event.version, self.loan_id, "visit_cancelled", kind=_KIND, ref=self.visit_id)


class VisitCompleted(VisitData):
    """The visit has taken place."""

    TYPE = "loan.visit.completed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "visit_id": "V-1", "outcome": "agreed", "follow_up": "三日内签署协商协议"}

    outcome: Literal["agreed", "refused", "not_home", "other"]
    follow_up: Words | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the appointment and says what follows."""
        values = {"outcome": self.outcome, **({} if self.follow_up is None else {"follow_up": self.follow_up})}
        yield DeadlineClosed(event.version, self.loan_id, _KIND, self.visit_id, "closed")
        yield NoticeGiven(event.version, self.loan_id, "visit_follow_up", values=values, kind=_KIND, ref=self.visit_id)
