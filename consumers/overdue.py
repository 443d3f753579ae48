"""Being late, and being late no longer."""

from collections.abc import Iterator
from typing import ClassVar

from consumers._envelope import Heading, LoanData
from consumers._fields import Amount, Instant, Number
from service.facts import Fact, LoanCured, NoticeGiven, OverdueStated


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
