"""Delegating: someone else repays, by an agreement, within a window."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from consumers._envelope import Heading, LoanData
from consumers._fields import Amount, Id, Instant, Number, Words
from consumers._parts import Party
from service.facts import DeadlineClosed, DeadlineOpened, Fact, Kind, NoticeGiven, Role, Version


class DelegationData(LoanData):
    """The data of an event about one delegation."""

    delegation_id: Id

    def closed(self, version: Version, reason: str) -> DeadlineClosed:
        """The delegation is over; `reason` from service/reasons.py."""
        return DeadlineClosed(version, self.loan_id, Kind.DELEGATION, self.delegation_id, reason)

    def told_to_both(self, version: Version, template: str, values: Mapping[str, object]) -> Iterator[NoticeGiven]:
        """A notice to the borrower and one to the payer, whom only the delegation knows."""
        yield self.told(version, template, "borrower", values)
        yield self.told(version, template, "payer", values)

    def told(self, version: Version, template: str, role: Role, values: Mapping[str, object]) -> NoticeGiven:
        """A notice that speaks of the delegation."""
        return NoticeGiven(version, self.loan_id, template, role, values=values, kind=Kind.DELEGATION, ref=self.delegation_id)


class DelegationAuthorised(DelegationData):
    """The borrower has asked somebody to repay, who has agreed to be asked."""

    TYPE = "loan.delegation.authorised"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "delegation_id": "D-4001",
        "agreement_no": "DA-2026-004001",
        "payer": {"party_id": "P-2002", "name": "李明", "phone": "+8613900139000", "locale": "zh-CN"},
        "amount": "4080.00",
        "pay_by": "2026-08-05T18:00:00+08:00",
        "instalment_no": 2,
    }

    agreement_no: Id
    payer: Party
    amount: Amount
    pay_by: Instant
    instalment_no: Number | None = None

    def about(self, event: Heading) -> Iterator[Fact]:
        """As for every loan, and the payer, a party of their own."""
        yield from super().about(event)
        yield self.payer.fact(event.version, "data.payer")

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Opens the window, tells the borrower, and asks the payer as long as it is open."""
        amount = self.money(self.amount, "amount")
        yield DeadlineOpened(
            event.version,
            self.loan_id,
            Kind.DELEGATION,
            self.delegation_id,
            due_at=self.pay_by,
            amount=amount,
            payer_id=self.payer.party_id,
            for_ref=None if self.instalment_no is None else str(self.instalment_no),
        )
        values: dict[str, object] = {"agreement_no": self.agreement_no, "amount": amount, "due_at": self.pay_by}
        yield self.told(event.version, "delegation_authorised", "borrower", values)
        yield NoticeGiven(
            event.version,
            self.loan_id,
            "delegation_request",
            "payer",
            self.payer.party_id,
            values={"agreement_no": self.agreement_no},
            kind=Kind.DELEGATION,
            ref=self.delegation_id,
            not_later_than=self.pay_by,
        )


class DelegationCompleted(DelegationData):
    """The payer has paid; the payment itself comes as loan.repayment.received."""

    TYPE = "loan.delegation.completed"
    EXAMPLE: ClassVar = {
        "loan_id": "L-1001",
        "delegation_id": "D-4001",
        "payment_id": "PAY-5002",
        "amount": "4080.00",
        "paid_at": "2026-08-04T20:15:00+08:00",
    }

    payment_id: Id
    amount: Amount
    paid_at: Instant

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the window and thanks both."""
        values = {"amount": self.money(self.amount, "amount"), "paid_at": self.paid_at}
        yield self.closed(event.version, "paid")
        yield from self.told_to_both(event.version, "delegation_completed", values)


class DelegationRevoked(DelegationData):
    """Nobody is to repay for the borrower any more."""

    TYPE = "loan.delegation.revoked"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "delegation_id": "D-4001"}

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Closes the window and says so to both; nothing else goes to the payer."""
        yield self.closed(event.version, "revoked")
        yield from self.told_to_both(event.version, "delegation_revoked", {})


class DelegationFailed(DelegationData):
    """A payment by the payer did not go through; the window stays as it is."""

    TYPE = "loan.delegation.failed"
    EXAMPLE: ClassVar = {"loan_id": "L-1001", "delegation_id": "D-4001", "reason_public": "代还账户余额不足"}

    reason_public: Words

    def facts(self, event: Heading) -> Iterator[Fact]:
        """Says so to both."""
        yield from self.told_to_both(event.version, "delegation_failed", {"reason_public": self.reason_public})
