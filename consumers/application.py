"""Borrowing: from the application to the money in the borrower's account."""

from collections.abc import Iterator
from typing import ClassVar

from consumers._envelope import Heading, LoanData, RepaidData
from consumers._fields import Amount, Day, Id, Instant, Last4, Words
from consumers._parts import Schedule, first_values, opened
from service.facts import DeadlineClosed, DeadlineOpened, DeadlinesClosed, Fact, Kind, NoticeGiven


class ApplicationSubmitted(LoanData):
    """Somebody has asked for a loan."""

    TYPE = "loan.application.submitted"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "application_id": "A-1001",
        "amount": "12000.00",
        "borrower": {
            "party_id": "P-1001",
            "name": "王小雨",
            "phone": "+8613800138000",
            "locale": "zh-CN",
            "timezone": "Asia/Shanghai",
            "jurisdiction": "cn",
        },
    }

    application_id: Id
    amount: Amount

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says that the application has arrived."""
        values = {"amount": self.money(self.amount, "amount")}
        yield NoticeGiven(event.version, self.loan_id, "application_received", values=values)


class LimitAssessed(LoanData):
    """It is known how much may be lent; a limit of zero is a limit."""

    TYPE = "loan.application.limit_assessed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "application_id": "A-1001", "credit_limit": "30000.00"}

    application_id: Id
    credit_limit: Amount

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says the limit."""
        values = {"credit_limit": self.money(self.credit_limit, "credit_limit", zero=True)}
        yield NoticeGiven(event.version, self.loan_id, "credit_limit_assessed", values=values)


class ApplicationApproved(LoanData):
    """The loan is granted; the contract must be signed by a day."""

    TYPE = "loan.application.approved"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "application_id": "A-1001", "amount": "12000.00", "sign_by": "2026-06-08"}

    application_id: Id
    amount: Amount
    sign_by: Day

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Opens the signing deadline and says so."""
        values = {"amount": self.money(self.amount, "amount"), "sign_by": self.sign_by}
        yield DeadlineOpened(event.version, self.loan_id, Kind.CONTRACT_SIGNING, self.application_id, self.sign_by)
        yield NoticeGiven(
            event.version,
            self.loan_id,
            "application_approved",
            values=values,
            kind=Kind.CONTRACT_SIGNING,
            ref=self.application_id,
        )


class ApplicationRejected(LoanData):
    """The loan is not granted."""

    TYPE = "loan.application.rejected"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "application_id": "A-1001", "reason_public": "资料不完整"}

    application_id: Id
    reason_public: Words | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the signing deadline of this application, if there is one, and says so."""
        values = {} if self.reason_public is None else {"reason_public": self.reason_public}
        yield DeadlineClosed(event.version, self.loan_id, Kind.CONTRACT_SIGNING, self.application_id, "closed")
        yield NoticeGiven(event.version, self.loan_id, "application_rejected", values=values)


class ContractSigned(LoanData):
    """The borrower has signed."""

    TYPE = "loan.contract.signed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "contract_no": "C-2026-001001", "signed_at": "2026-06-02T15:04:05+08:00"}

    contract_no: Id
    signed_at: Instant

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the signing deadlines and says so."""
        values = {"contract_no": self.contract_no, "signed_at": self.signed_at}
        yield DeadlinesClosed(event.version, self.loan_id, Kind.CONTRACT_SIGNING, "closed")
        yield NoticeGiven(event.version, self.loan_id, "contract_signed", values=values)


class Disbursed(RepaidData):
    """The money is in the borrower's account, and here is when it must come back.

    `account_last4` is the account it went to; the one that is debited stands in `repayment`.
    """

    TYPE = "loan.disbursed"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "product": "consumer",
        "currency": "CNY",
        "timezone": "Asia/Shanghai",
        "amount": "12000.00",
        "disbursed_at": "2026-06-03T10:30:00+08:00",
        "account_last4": "6789",
        "repayment": {"method": "auto_debit", "account_last4": "6789"},
        "instalments": [
            {"no": 1, "due_on": "2026-07-03", "amount": "4080.00"},
            {"no": 2, "due_on": "2026-08-03", "amount": "4080.00"},
            {"no": 3, "due_on": "2026-09-03", "amount": "4080.00"},
        ],
    }

    amount: Amount
    disbursed_at: Instant
    account_last4: Last4
    instalments: Schedule

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Opens the instalments and says what was paid out and when the first is due."""
        deadlines = opened(event.version, self.loan_id, self.instalments, self.currency or "CNY")
        values = {
            "amount": self.money(self.amount, "amount"),
            "disbursed_at": self.disbursed_at,
            "account_last4": self.account_last4,
            "method": self.repayment.method,
            **first_values(self.instalments, deadlines),
        }
        yield from deadlines
        yield NoticeGiven(event.version, self.loan_id, "loan_disbursed", values=values)


class DisbursementFailed(LoanData):
    """The money did not get through."""

    TYPE = "loan.disbursement_failed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "reason_public": "收款账户状态异常"}

    reason_public: Words

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says why."""
        yield NoticeGiven(event.version, self.loan_id, "disbursement_failed", values={"reason_public": self.reason_public})
