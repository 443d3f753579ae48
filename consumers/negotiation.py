"""Negotiating: a new plan in place of what was due, and the account a borrower may repay to."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from consumers._envelope import Heading, LoanData, RepaidData
from consumers._fields import Day, Id, Last4, Number, Words
from consumers._parts import Schedule, first_values, last_values, opened
from service.facts import DeadlineClosed, DeadlineOpened, Fact, Kind, NoticeGiven, PlanAgreed, PlanBroken


class NegotiationRequested(LoanData):
    """The borrower has asked for another way to repay."""

    TYPE = "loan.negotiation.requested"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "request_id": "N-3001", "reason": "收入减少", "proposed_months": 12}

    request_id: Id
    reason: Words | None = None
    proposed_months: Number | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says that the request has arrived."""
        yield NoticeGiven(event.version, self.loan_id, "negotiation_received")


class NegotiationApproved(LoanData):
    """A plan is offered; its agreement must be signed by a day."""

    TYPE = "loan.negotiation.approved"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "request_id": "N-3001", "sign_by": "2026-10-20"}

    request_id: Id
    sign_by: Day

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Opens the signing deadline and says so."""
        yield DeadlineOpened(event.version, self.loan_id, Kind.AGREEMENT_SIGNING, self.request_id, self.sign_by)
        yield NoticeGiven(
            event.version,
            self.loan_id,
            "negotiation_approved",
            values={"sign_by": self.sign_by},
            kind=Kind.AGREEMENT_SIGNING,
            ref=self.request_id,
        )


class NegotiationRejected(LoanData):
    """No plan is offered."""

    TYPE = "loan.negotiation.rejected"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "request_id": "N-3001", "reason_public": "资料不完整"}

    request_id: Id
    reason_public: Words

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the signing deadline of this request, if there is one, and says so."""
        yield DeadlineClosed(event.version, self.loan_id, Kind.AGREEMENT_SIGNING, self.request_id, "closed")
        yield NoticeGiven(event.version, self.loan_id, "negotiation_rejected", values={"reason_public": self.reason_public})


class AgreementSigned(RepaidData):
    """The borrower has signed: a plan stands in place of what was due."""

    TYPE = "loan.negotiation.agreement_signed"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "request_id": "N-3001",
        "agreement_no": "X-2026-003001",
        "repayment": {"method": "manual"},
        "instalments": [
            {"no": 1, "due_on": "2026-11-10", "amount": "1360.00"},
            {"no": 2, "due_on": "2026-12-10", "amount": "1360.00"},
            {"no": 3, "due_on": "2027-01-10", "amount": "1360.00"},
        ],
    }

    request_id: Id
    agreement_no: Id
    instalments: Schedule

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Ends what was due, opens the plan's instalments and says what was agreed."""
        currency = self.currency or "CNY"
        deadlines = opened(
            event.version, self.loan_id, self.instalments, currency, kind=Kind.PLAN_INSTALMENT, request_id=self.request_id
        )
        values: dict[str, object] = {
            "agreement_no": self.agreement_no,
            "method": self.repayment.method,
            **first_values(self.instalments, deadlines),
            **last_values(self.instalments, deadlines),
        }
        if self.repayment.account_last4 is not None:
            values["account_last4"] = self.repayment.account_last4
        yield PlanAgreed(event.version, self.loan_id, self.request_id)
        yield from deadlines
        yield NoticeGiven(event.version, self.loan_id, "negotiation_agreed", values=values)


class NegotiationBroken(LoanData):
    """The plan is over; what is owed now comes as a new schedule."""

    TYPE = "loan.negotiation.broken"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "request_id": "N-3001", "reason_public": "连续两期未还"}

    request_id: Id
    reason_public: Words

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Ends the plan's instalments and says so."""
        yield PlanBroken(event.version, self.loan_id, self.request_id)
        yield NoticeGiven(event.version, self.loan_id, "negotiation_broken", values={"reason_public": self.reason_public})


class RepaymentAccountChanged(LoanData):
    """Money is to be paid to another account. Only a verified corporate one is ever announced."""

    TYPE = "loan.repayment_account.changed"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "account_type": "corporate",
        "account_name": "星河小额贷款有限公司",
        "bank": "中国银行",
        "account_last4": "8821",
        "verified": True,
        "verified_by": "ops-17",
        "voucher_no": "V-9001",
    }

    account_type: Literal["personal", "corporate"]
    account_name: Words
    bank: Words
    account_last4: Last4
    verified: bool
    verified_by: Words | None = None
    voucher_no: Words | None = None

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Announces the account; of one that must not be announced the notice does not even know the digits."""
        fit = self.verified and self.account_type == "corporate"
        account = {"account_name": self.account_name, "bank": self.bank, "account_last4": self.account_last4}
        yield NoticeGiven(
            event.version,
            self.loan_id,
            "repayment_account_changed",
            values=account if fit else {},
            refused=None if fit else "unverified_account",
        )
