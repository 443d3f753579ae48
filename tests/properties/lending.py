"""The lender of a random history: turns happenings into events as the contract has them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.lender import SHANGHAI, Lender
from tests.properties.happenings import Happens, What
from tests.properties.judge import UNVERIFIED
from tests.properties.model import Event
from tests.properties.people import BORROWERS, PAYERS, PEOPLE, Person

_FIRST = (1, 2, 3, 0)  #: days until the first instalment is due
_LATE = (95, 90, 91, 89)  #: days since the first instalment of a late loan was due
_LINES = ((1, 2), (2,), (1,), (2, 3))  #: what a new schedule names


@dataclass(frozen=True, slots=True)
class Told:
    """What an event is made from; `n` tells instalments, days and payments apart."""

    lender: Lender
    now: datetime
    n: int
    amounts: tuple[str, str, str]
    payments: int
    payer: dict[str, Any]

    def day(self, days: int) -> str:
        """A day from today on."""
        return (self.now.date() + timedelta(days=days)).isoformat()

    @property
    def no(self) -> int:
        """One of the first two instalments."""
        return self.n % 2 + 1

    @property
    def borrower(self) -> dict[str, Any]:
        """Who it is about."""
        return self.lender.borrower

    def paid(self, share: float = 1, **named: int) -> bytes:
        """A payment of the size of an instalment, or a share of it."""
        amount = f"{float(self.amounts[self.no - 1]) * share:.2f}"
        return self.lender.paid(self.now, amount, f"{self.lender.loan_id}-P{self.payments}", **named)

    def paid_exactly(self) -> bytes:
        """A payment that says what it covers: some of each instalment."""
        lines = [{"no": no, "amount": f"{30 * no + self.n}.00"} for no in (1, 2)]
        return self.lender.paid(self.now, "100.00", f"{self.lender.loan_id}-P{self.payments}", covers=lines)

    def disbursed(self) -> bytes:
        """Two instalments, at times on one day."""
        first = _FIRST[self.n]
        lines = [(1, self.day(first), self.amounts[0]), (2, self.day(first + self.n), self.amounts[1])]
        return self.lender.disbursed(self.now, *lines, method="auto_debit" if self.n % 2 else "manual")

    def backfilled(self) -> bytes:
        """The same of a loan that has been running."""
        return json.dumps({**json.loads(self.disbursed()), "duebellmode": "backfill"}).encode()

    def disbursed_late(self) -> bytes:
        """One instalment has been due for months, the other for a few days."""
        lines = [(1, self.day(-_LATE[self.n]), self.amounts[0]), (2, self.day(-self.n - 1), self.amounts[1])]
        return self.lender.disbursed(self.now, *lines)

    def agreed(self) -> bytes:
        """A plan of two instalments, of sums of its own."""
        first = _FIRST[self.n]
        lines = [(no, self.day(first + no - 1), f"{float(self.amounts[no - 1]) / 2 + 1:.2f}") for no in (1, 2)]
        return self.lender.agreed(self.now, *lines, borrower=self.borrower)

    def account(self) -> bytes:
        """Money is to go to another account; only the first kind is verified and a company's."""
        told = {"verified": self.n != 1, "account_type": "corporate" if self.n < 2 else "personal"}
        return self.lender.account(
            self.now, borrower=self.borrower, account_last4="8821" if self.n == 0 else UNVERIFIED, **told
        )

    def visit(self) -> bytes:
        """A visit has a time: a good one, one at night, one that is too near, or too few who come."""
        hour = 23 if self.n == 1 else 10
        at = (self.now + timedelta(days=1 if self.n == 2 else 2)).replace(hour=hour, minute=0)
        return self.lender.scheduled(self.now, at, 1 if self.n == 3 else 2, borrower=self.borrower)

    def replaced(self) -> bytes:
        """Some instalments move, others close or open."""
        return self.lender.replaced(
            self.now, *((no, self.day(_FIRST[self.n] + no), self.amounts[no - 1]) for no in _LINES[self.n])
        )

    @property
    def delegation_id(self) -> str:
        """One of two, each with a payer of its own."""
        return f"D-{self.n % 2}"

    @property
    def delegated(self) -> str:
        """What a payer is asked for: no sum that the loan knows."""
        return f"{77 + self.n}.70"

    def authorised(self) -> bytes:
        """Somebody else is asked to repay, until the evening of a day."""
        ends = (self.now + timedelta(days=self.n)).replace(hour=18, minute=0, second=0)
        pay_by = ends if ends > self.now else ends + timedelta(days=1)
        named = {"instalment_no": self.no} if self.n < 2 else {}
        told = {"delegation_id": self.delegation_id, "payer": self.payer, "borrower": self.borrower}
        return self.lender.authorised(self.now, self.delegated, pay_by, **told, **named)

    def payer_paid(self) -> bytes:
        """The payer's money comes."""
        told = {"method": "delegated", "payer_id": self.payer["party_id"]}
        return self.lender.paid(self.now, self.delegated, f"{self.lender.loan_id}-P{self.payments}", **told)

    def moved(self, who: dict[str, Any]) -> bytes:
        """A person has another number."""
        return self._about(who, "party.updated", party=who)

    def erased(self) -> bytes:
        """The borrower is to be forgotten, or the payer."""
        who = self.payer if self.n == 0 else self.borrower
        return self._about(who, "party.erased", party_id=who["party_id"])

    def consent(self) -> bytes:
        """The borrower agrees to advertising, or not."""
        told = {"party_id": self.borrower["party_id"], "purpose": "marketing", "evidence_id": "C-1"}
        return self._about(self.borrower, "party.consent_changed", granted=self.n > 1, **told)

    def _about(self, who: dict[str, Any], type_: str, **data: Any) -> bytes:
        body = json.loads(self.lender.event(type_, self.now))
        return json.dumps({**body, "subject": who["party_id"], "data": data}).encode()

    def event(self, type_: str, **data: Any) -> bytes:
        """Any other event."""
        return self.lender.event(type_, self.now, **data)


_EVENTS: dict[What, Callable[[Told], bytes]] = {
    "disbursed": Told.disbursed,
    "replaced": Told.replaced,
    "paid one": lambda t: t.paid(instalment_no=t.no),
    "paid half": lambda t: t.paid(0.5, instalment_no=t.no),
    "paid some": lambda t: t.paid(),
    "reversed": lambda t: t.lender.took_back(t.now, f"{t.lender.loan_id}-P{t.n + 1}"),
    "settled": lambda t: t.lender.settled(t.now),
    "written off": lambda t: t.event("loan.written_off"),
    "cured": lambda t: t.lender.cured(t.now),
    "overdue": lambda t: t.lender.overdue(t.now, t.no, t.amounts[0]),
    "debit failed": lambda t: t.lender.debit_failed(t.now, t.no),
    "paused": lambda t: t.event("loan.collection.paused", reason="hardship"),
    "deceased": lambda t: t.event("loan.collection.paused", reason="deceased"),
    "resumed": lambda t: t.event("loan.collection.resumed"),
    "promised": lambda t: t.event(
        "loan.promise_to_pay.made", promise_id=f"PTP-{t.n}", amount=t.amounts[0], pay_by=t.day(t.n), borrower=t.borrower
    ),
    "code": lambda t: t.event(
        "loan.operation.confirmation_requested", borrower=t.borrower, operation_id=f"OP-{t.n}", operation="login", mode="code",
        code="482913", expires_at=(t.now + timedelta(minutes=5)).isoformat(),
    ),
    "approved": lambda t: t.event(
        "loan.application.approved", borrower=t.borrower, application_id="A-1", amount="1.00", sign_by=t.day(1)
    ),
    "authorised": Told.authorised,
    "payer paid": Told.payer_paid,
    "completed": lambda t: t.lender.completed(t.now, t.delegated, t.delegation_id, f"{t.lender.loan_id}-P{t.payments}"),
    "revoked": lambda t: t.lender.revoked(t.now, t.delegation_id),
    "payer failed": lambda t: t.lender.failed(t.now, t.delegation_id),
    "moved": lambda t: t.moved(t.borrower),
    "payer moved": lambda t: t.moved(t.payer),
    "offered": lambda t: t.lender.approved_plan(t.now, t.day(t.n)),
    "agreed": Told.agreed,
    "broke": lambda t: t.lender.broke(t.now),
    "account": Told.account,
    "question": lambda t: t.lender.operation(t.now, t.now + timedelta(minutes=5), f"OP-{t.n}", borrower=t.borrower),
    "disbursed late": Told.disbursed_late,
    "visit approved": lambda t: t.lender.visit("approved", t.now),
    "visit declined": lambda t: t.lender.visit("declined", t.now),
    "visit": Told.visit,
    "visit moved": lambda t: t.lender.visit("rescheduled", t.now, at=(t.now + timedelta(days=t.n + 1)).isoformat()),
    "visit cancelled": lambda t: t.lender.visit("cancelled", t.now),
    "visit completed": lambda t: t.lender.visit("completed", t.now, outcome="not_home"),
    "visit wanted": lambda t: t.lender.visit("requested", t.now),
    "paid exactly": Told.paid_exactly,
    "paused a day": lambda t: t.lender.paused(t.now, until=t.now + timedelta(days=1)),
    "resumed hardship": lambda t: t.lender.resumed(t.now, "hardship"),
    "rejected": lambda t: t.event("loan.application.rejected", application_id="A-1"),
    "plan rejected": lambda t: t.event("loan.negotiation.rejected", request_id="N-1", reason_public="资料不完整"),
    "plan wanted": lambda t: t.event("loan.negotiation.requested", request_id="N-1"),
    "submitted": lambda t: t.lender.submitted(t.now, borrower=t.borrower),
    "limit": lambda t: t.event("loan.application.limit_assessed", application_id="A-1", credit_limit="30000.00"),
    "not paid out": lambda t: t.event("loan.disbursement_failed", reason_public="收款账户状态异常"),
    "method": lambda t: t.event("loan.repayment_method.changed", repayment={"method": "auto_debit", "account_last4": "6789"}),
    "anomaly": lambda t: t.event("loan.security.anomaly_detected", what="异地登录", at=t.now.isoformat(), hotline="95384"),
    "erased": Told.erased,
    "backfilled": Told.backfilled,
    "consent": Told.consent,
    "signed": lambda t: t.event("loan.contract.signed", contract_no="C-1", signed_at=t.now.isoformat()),
}  # fmt: skip


class Lending:
    """Publishes the events of three loans, each with its own id and time."""

    def __init__(self) -> None:
        self._people = {who: _said(person) for who, person in PEOPLE.items()}
        self._lenders = {loan: Lender(loan) for loan in BORROWERS}
        self._payments = dict.fromkeys(BORROWERS, 0)
        for loan, who in BORROWERS.items():
            self._lenders[loan].borrower = self._people[who]

    def number(self, who: str) -> str:
        """The number that a person has by now."""
        return str(self._people[who]["phone"])

    def event(self, happens: Happens, now: datetime) -> Event:
        """The event of a happening."""
        loan, payer = happens.loan, PAYERS[f"D-{happens.n % 2}"]
        self._payments[loan] += "paid" in happens.what
        if happens.what in {"moved", "payer moved"}:
            self._move(BORROWERS[loan] if happens.what == "moved" else payer)
        told = Told(
            self._lenders[loan], now.astimezone(SHANGHAI), happens.n, _amounts(loan), self._payments[loan], self._people[payer]
        )
        event: Event = json.loads(_EVENTS[happens.what](told))
        return event

    def _move(self, who: str) -> None:
        first, second = PEOPLE[who].numbers
        self._people[who]["phone"] = second if self.number(who) == first else first


def _said(person: Person) -> dict[str, Any]:
    """What a lender says of a person."""
    return {
        "party_id": person.party_id, "name": "王小雨", "phone": person.numbers[0], "locale": person.locale, "timezone": person.zone,
        "jurisdiction": person.jurisdiction,
    }  # fmt: skip


def _amounts(loan: str) -> tuple[str, str, str]:
    """The amounts of a loan's instalments, all different."""
    base = 100 + int(loan[-1])
    return f"{base}.00", f"{base + 20}.00", f"{base + 40}.00"
