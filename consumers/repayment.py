"""Repaying: payments and their reversals, failed debits, new schedules, the end of the loan."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from consumers._envelope import Heading, LoanData, RepaidData
from consumers._fields import Amount, ContractError, Id, Instant, Number, Words
from consumers._parts import Part, Schedule, first_values, opened, refuse_doubles
from service.facts import DeadlinesClosed, Fact, Kind, NoticeGiven, PaymentReceived, PaymentReversed
from service.money import Money


class ScheduleReplaced(LoanData):
    """A new schedule stands in place of the old one."""

    TYPE = "loan.schedule.replaced"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "reason": "early partial repayment",
        "instalments": [
            {"no": 2, "due_on": "2026-08-10", "amount": "2040.00"},
            {"no": 3, "due_on": "2026-09-10", "amount": "2040.00"},
        ],
    }

    instalments: Schedule
    reason: Words | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes what the new schedule does not name, opens or moves what it does, and says so."""
        deadlines = opened(event.version, self.loan_id, self.instalments, self.currency or "CNY")
        yield DeadlinesClosed(event.version, self.loan_id, Kind.INSTALMENT, "replaced")
        yield from deadlines
        yield NoticeGiven(event.version, self.loan_id, "schedule_replaced", values=first_values(self.instalments, deadlines))


class Cover(Part):
    """The part of a payment that goes to one instalment."""

    no: Number
    amount: Amount


class RepaymentReceived(LoanData):
    """Money came in: for the instalments it covers, for one instalment, or for the oldest open ones."""

    TYPE = "loan.repayment.received"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "payment_id": "PAY-5001",
        "amount": "4080.00",
        "paid_at": "2026-07-03T09:12:00+08:00",
        "method": "auto_debit",
        "instalment_no": 1,
    }

    payment_id: Id
    amount: Amount
    paid_at: Instant
    method: Literal["auto_debit", "manual", "delegated"]
    payer_id: Id | None = None
    covers: Annotated[list[Cover], Field(min_length=1, max_length=1200)] | None = None
    instalment_no: Number | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Records the payment and confirms it."""
        amount = self.money(self.amount, "amount")
        ref = None if self.instalment_no is None else str(self.instalment_no)
        yield PaymentReceived(
            event.version,
            self.loan_id,
            self.payment_id,
            amount,
            self.paid_at,
            self.method,
            self.payer_id,
            self._covered(amount),
            ref,
        )
        yield NoticeGiven(
            event.version,
            self.loan_id,
            "repayment_received",
            values={"amount": amount, "paid_at": self.paid_at, "method": self.method},
            payment_id=self.payment_id,
            is_receipt=True,
        )

    def _covered(self, amount: Money) -> tuple[tuple[str, Money], ...] | None:
        """What the payment covers, as (ref, money), where the event says it.

        Raises:
            ContractError: it says so twice over, or covers more than there is.
        """
        if self.covers is None:
            return None
        if self.instalment_no is not None:
            raise ContractError("data.covers", "write either covers or instalment_no; both are there")
        refuse_doubles([cover.no for cover in self.covers], "data.covers")
        covered = tuple((str(cover.no), self.money(cover.amount, f"covers.{i}.amount")) for i, cover in enumerate(self.covers))
        if sum(part.minor for _, part in covered) > amount.minor:
            raise ContractError("data.covers", "write covers that add up to the amount at most; these add up to more")
        return covered


class RepaymentReversed(LoanData):
    """A payment was taken back."""

    TYPE = "loan.repayment.reversed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "payment_id": "PAY-5001", "reason_public": "银行退回"}

    payment_id: Id
    reason_public: Words | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Takes the payment back and says so."""
        values = {} if self.reason_public is None else {"reason_public": self.reason_public}
        yield PaymentReversed(event.version, self.loan_id, self.payment_id)
        yield NoticeGiven(event.version, self.loan_id, "repayment_reversed", values=values, payment_id=self.payment_id)


class AutoDebitFailed(LoanData):
    """The account could not be debited."""

    TYPE = "loan.auto_debit.failed"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "instalment_no": 2,
        "attempt": 1,
        "reason_public": "余额不足",
        "next_attempt_at": "2026-08-03T18:00:00+08:00",
    }

    instalment_no: Number
    attempt: Number
    reason_public: Words | None = None
    next_attempt_at: Instant | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Asks for the instalment, which ends the notice when it is paid first."""
        values: dict[str, object] = {"attempt": self.attempt}
        if self.reason_public is not None:
            values["reason_public"] = self.reason_public
        if self.next_attempt_at is not None:
            values["next_attempt_at"] = self.next_attempt_at
        yield NoticeGiven(
            event.version, self.loan_id, "auto_debit_failed", values=values, kind=Kind.INSTALMENT, ref=str(self.instalment_no)
        )


class RepaymentMethodChanged(RepaidData):
    """The loan is repaid another way from now on."""

    TYPE = "loan.repayment_method.changed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "repayment": {"method": "manual"}}

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says how."""
        values: dict[str, object] = {"method": self.repayment.method}
        if self.repayment.account_last4 is not None:
            values["account_last4"] = self.repayment.account_last4
        yield NoticeGiven(event.version, self.loan_id, "repayment_method_changed", values=values)


class Settled(LoanData):
    """Everything is repaid."""

    TYPE = "loan.settled"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "settled_at": "2026-09-03T09:00:00+08:00"}

    settled_at: Instant

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes everything and says so."""
        yield DeadlinesClosed(event.version, self.loan_id, None, "settled")
        yield NoticeGiven(event.version, self.loan_id, "loan_settled", values={"settled_at": self.settled_at})
