"""The events of one loan, as a lender's systems publish them; written from the contract."""

import json
from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    """A local time, as in 2026-06-20 10:00."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


class Lender:
    """Publishes the events of one loan of one borrower; ids count up from 1."""

    def __init__(self, loan_id: str = "L-1", phone: str | None = "+8613800138000", **borrower: Any) -> None:
        self.loan_id = loan_id
        number = {} if phone is None else {"phone": phone}
        self.borrower = {"party_id": f"B-{loan_id}", "name": "王小雨", "locale": "zh-CN", **number, **borrower}
        self._ids = count(1)

    def event(
        self, type_: str, time: datetime, *, id_: str | None = None, envelope: dict[str, Any] | None = None, **data: Any
    ) -> bytes:
        """Any event of the loan; `envelope` adds or replaces attributes."""
        whole = {
            "specversion": "1.0", "id": id_ or f"{self.loan_id}-{next(self._ids)}", "source": "urn:test", "type": type_,
            "subject": self.loan_id, "time": time.isoformat(), "data": {"loan_id": self.loan_id, **data},
        }  # fmt: skip
        return json.dumps({**whole, **(envelope or {})}, ensure_ascii=False).encode()

    def disbursed(self, time: datetime, *lines: tuple[int, str, str], method: str = "manual", **more: Any) -> bytes:
        """The money is out; each line is (number, day, amount)."""
        return self.event(
            "loan.disbursed", time, borrower=self.borrower, amount="12000.00", disbursed_at=time.isoformat(),
            account_last4="6789", instalments=_lines(lines), repayment={"method": method, "account_last4": "6789"}, **more,
        )  # fmt: skip

    def replaced(self, time: datetime, *lines: tuple[int, str, str]) -> bytes:
        """A new schedule."""
        return self.event("loan.schedule.replaced", time, instalments=_lines(lines))

    def paid(self, time: datetime, amount: str, payment_id: str = "PAY-1", **more: Any) -> bytes:
        """Money came in."""
        told = {"paid_at": time.isoformat(), "method": "manual", **more}
        return self.event("loan.repayment.received", time, payment_id=payment_id, amount=amount, **told)

    def took_back(self, time: datetime, payment_id: str = "PAY-1") -> bytes:
        """The money was taken back."""
        return self.event("loan.repayment.reversed", time, payment_id=payment_id)

    def debit_failed(self, time: datetime, no: int) -> bytes:
        """A debit did not go through."""
        return self.event("loan.auto_debit.failed", time, instalment_no=no, attempt=1)

    def settled(self, time: datetime) -> bytes:
        """Everything is repaid."""
        return self.event("loan.settled", time, settled_at=time.isoformat())

    def cured(self, time: datetime) -> bytes:
        """Nothing is past due any more."""
        return self.event("loan.overdue.cured", time, cured_at=time.isoformat())

    def overdue(self, time: datetime, no: int, amount: str) -> bytes:
        """The lender's own figure."""
        return self.event("loan.overdue.entered", time, instalment_no=no, days_past_due=3, amount_due=amount)

    def paused(self, time: datetime, reason: str = "dispute", until: datetime | None = None) -> bytes:
        """Collection keeps silent."""
        more = {} if until is None else {"until": until.isoformat()}
        return self.event("loan.collection.paused", time, reason=reason, **more)

    def resumed(self, time: datetime, reason: str | None = None) -> bytes:
        """Collection goes on."""
        return self.event("loan.collection.resumed", time, **({} if reason is None else {"reason": reason}))

    def promised(self, time: datetime, amount: str, pay_by: str, promise_id: str = "PTP-1") -> bytes:
        """The borrower promises to pay."""
        return self.event("loan.promise_to_pay.made", time, promise_id=promise_id, amount=amount, pay_by=pay_by)

    def visit(self, what: str, time: datetime, visit_id: str = "V-1", **more: Any) -> bytes:
        """Anything about a visit."""
        return self.event(f"loan.visit.{what}", time, visit_id=visit_id, **more)

    def scheduled(self, time: datetime, at_: datetime, visitors: int = 2, **more: Any) -> bytes:
        """A visit has an appointment."""
        people = [{"name": f"李{'强敏伟'[i]}", "badge_no": f"C-{i}"} for i in range(visitors)]
        told = {"at": at_.isoformat(), "purpose": "商谈还款安排", "visitors": people, "verification_code": "4829", **more}
        return self.visit("scheduled", time, **told)

    def approved_plan(self, time: datetime, sign_by: str, request_id: str = "N-1") -> bytes:
        """Another way to repay is offered."""
        return self.event("loan.negotiation.approved", time, request_id=request_id, sign_by=sign_by)

    def agreed(
        self, time: datetime, *lines: tuple[int, str, str], request_id: str = "N-1", method: str = "manual", **more: Any
    ) -> bytes:
        """A plan is signed."""
        return self.event(
            "loan.negotiation.agreement_signed", time, request_id=request_id, agreement_no="X-2026-0001",
            instalments=_lines(lines), repayment={"method": method, "account_last4": "6789"}, **more,
        )  # fmt: skip

    def broke(self, time: datetime, request_id: str = "N-1") -> bytes:
        """The plan is over."""
        return self.event("loan.negotiation.broken", time, request_id=request_id, reason_public="未按约定还款")

    def account(self, time: datetime, **more: Any) -> bytes:
        """Money is to be paid to another account."""
        told = {
            "account_type": "corporate",
            "account_name": "星河公司",
            "bank": "中国银行",
            "account_last4": "8821",
            "verified": True,
        }
        return self.event("loan.repayment_account.changed", time, **(told | more))

    def authorised(self, time: datetime, amount: str, pay_by: datetime, **more: Any) -> bytes:
        """Somebody else is asked to repay."""
        payer = {"party_id": "X-1", "phone": "+8613900139000", **more.pop("payer", {})}
        told = {"delegation_id": "D-1", "agreement_no": "DA-0042", **more}
        return self.event("loan.delegation.authorised", time, amount=amount, pay_by=pay_by.isoformat(), payer=payer, **told)

    def completed(self, time: datetime, amount: str, delegation_id: str = "D-1", payment_id: str = "PAY-1") -> bytes:
        """The payer has paid."""
        told = {"delegation_id": delegation_id, "payment_id": payment_id, "amount": amount, "paid_at": time.isoformat()}
        return self.event("loan.delegation.completed", time, **told)

    def revoked(self, time: datetime, delegation_id: str = "D-1") -> bytes:
        """Nobody else is to repay."""
        return self.event("loan.delegation.revoked", time, delegation_id=delegation_id)

    def failed(self, time: datetime, delegation_id: str = "D-1") -> bytes:
        """The payer's money did not come through."""
        return self.event("loan.delegation.failed", time, delegation_id=delegation_id, reason_public="余额不足")

    def submitted(self, time: datetime, **more: Any) -> bytes:
        """Somebody has asked for the loan."""
        return self.event("loan.application.submitted", time, application_id="A-1", amount="12000.00", **more)

    def operation(self, time: datetime, expires_at: datetime, operation_id: str = "OP-1", **said: Any) -> bytes:
        """An operation to be confirmed by an answer, or by a code where one is given."""
        mode = "code" if "code" in said else "reply"
        told = {"operation_id": operation_id, "operation": "更换还款账户", "mode": mode, "expires_at": expires_at.isoformat()}
        return self.event("loan.operation.confirmation_requested", time, **told, **said)

    def about_party(self, type_: str, time: datetime, **fields: Any) -> bytes:
        """An event of the borrower."""
        party_id = self.borrower["party_id"]
        whole = json.loads(self.event(type_, time))
        return json.dumps({**whole, "subject": party_id, "data": {"party_id": party_id, **fields}}, ensure_ascii=False).encode()

    def party(self, time: datetime, **fields: Any) -> bytes:
        """The borrower's contact data."""
        party_id = self.borrower["party_id"]
        data = {"party": {"party_id": party_id, **fields}}
        whole = json.loads(self.event("party.updated", time))
        return json.dumps({**whole, "subject": party_id, "data": data}, ensure_ascii=False).encode()


def _lines(lines: tuple[tuple[int, str, str], ...]) -> list[dict[str, Any]]:
    return [{"no": no, "due_on": due_on, "amount": amount} for no, due_on, amount in lines]
