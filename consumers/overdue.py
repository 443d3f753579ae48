"""Being late: stated, paused, promised to end, cured or written off."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from consumers._envelope import Heading, LoanData
from consumers._fields import Amount, Day, Id, Instant, Number
from service.facts import (
    CollectionPaused,
    CollectionResumed,
    DeadlineOpened,
    DeadlinesClosed,
    Fact,
    Kind,
    LoanCured,
    NoticeGiven,
    OverdueStated,
)

PauseReason = Literal["dispute", "hardship", "disaster", "deceased", "bankruptcy", "complaint", "other"]


class OverdueEntered(LoanData):
    """The lender's own figure of what is due on an overdue instalment, penalty interest included."""

    TYPE = "loan.overdue.entered"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "instalment_no": 2, "days_past_due": 3, "amount_due": "4092.24"}

    instalment_no: Number
    days_past_due: Number
    amount_due: Amount

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Records the figure; the ladder, not this event, makes the texts."""
        due = self.money(self.amount_due, "amount_due")
        yield OverdueStated(event.version, self.loan_id, str(self.instalment_no), self.days_past_due, due)


class OverdueCured(LoanData):
    """Everything past due has been cleared."""

    TYPE = "loan.overdue.cured"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "cured_at": "2026-08-12T11:20:00+08:00"}

    cured_at: Instant

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Ends waiting collection notices and says so."""
        yield LoanCured(event.version, self.loan_id)
        yield NoticeGiven(event.version, self.loan_id, "overdue_cured", values={"cured_at": self.cured_at})


class CollectionIsPaused(LoanData):
    """Nobody is asked for overdue money for a while; where somebody has died or is bankrupt, for none at all."""

    TYPE = "loan.collection.paused"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "reason": "hardship", "until": "2026-09-01T00:00:00+08:00"}

    reason: PauseReason
    until: Instant | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Silences the stages whose moment lies in it."""
        yield CollectionPaused(event.version, self.loan_id, self.reason, self.until)


class CollectionIsResumed(LoanData):
    """Collection goes on."""

    TYPE = "loan.collection.resumed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "reason": "hardship"}

    reason: PauseReason | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Ends the open pauses that began before: those of this reason, or all."""
        yield CollectionResumed(event.version, self.loan_id, self.reason)


class PromiseMade(LoanData):
    """The borrower has promised to pay by a day."""

    TYPE = "loan.promise_to_pay.made"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "promise_id": "PTP-1", "amount": "2000.00", "pay_by": "2026-08-20"}

    promise_id: Id
    amount: Amount
    pay_by: Day

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Waits for the money, with collection silent meanwhile, and says what was recorded."""
        amount = self.money(self.amount, "amount")
        yield DeadlineOpened(event.version, self.loan_id, Kind.PROMISE_TO_PAY, self.promise_id, self.pay_by, amount=amount)
        yield NoticeGiven(event.version, self.loan_id, "promise_recorded", values={"amount": amount, "pay_by": self.pay_by})


class WrittenOff(LoanData):
    """The lender has written the loan off. The debt remains, the reminders end."""

    TYPE = "loan.written_off"
    EXAMPLE: ClassVar = {"loan_id": "L-1001"}

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes everything."""
        yield DeadlinesClosed(event.version, self.loan_id, None, "written_off")
