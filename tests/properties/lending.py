"""The lender of a random history: turns happenings into events as the contract has them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.lender import SHANGHAI, Lender
from tests.properties.happenings import BORROWERS, Happens, What
from tests.properties.model import PEOPLE, Event

_FIRST = (1, 2, 3, 0)  #: days until the first instalment is due
_LINES = ((1, 2), (2,), (1,), (2, 3))  #: what a new schedule names


@dataclass(frozen=True, slots=True)
class Told:
    """What an event is made from; `n` tells instalments, days and payments apart."""

    lender: Lender
    now: datetime
    n: int
    amounts: tuple[str, str, str]
    payments: int

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

    def disbursed(self) -> bytes:
        """Two instalments, at times on one day."""
        first = _FIRST[self.n]
        lines = [(1, self.day(first), self.amounts[0]), (2, self.day(first + self.n), self.amounts[1])]
        return self.lender.disbursed(self.now, *lines, method="auto_debit" if self.n % 2 else "manual")

    def replaced(self) -> bytes:
        """Some instalments move, others close or open."""
        return self.lender.replaced(
            self.now, *((no, self.day(_FIRST[self.n] + no), self.amounts[no - 1]) for no in _LINES[self.n])
        )

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
    "signed": lambda t: t.event("loan.contract.signed", contract_no="C-1", signed_at=t.now.isoformat()),
}  # fmt: skip


class Lending:
    """Publishes the events of three loans, each with its own id and time."""

    def __init__(self) -> None:
        self._lenders = {loan: _lender(loan, who) for loan, who in BORROWERS.items()}
        self._payments = dict.fromkeys(BORROWERS, 0)

    def event(self, happens: Happens, now: datetime) -> Event:
        """The event of a happening."""
        loan = happens.loan
        self._payments[loan] += happens.what.startswith("paid")
        told = Told(self._lenders[loan], now.astimezone(SHANGHAI), happens.n, _amounts(loan), self._payments[loan])
        event: Event = json.loads(_EVENTS[happens.what](told))
        return event


def _lender(loan: str, who: str) -> Lender:
    person = PEOPLE[who]
    said = {"locale": person.locale, "timezone": person.zone, "jurisdiction": person.jurisdiction}
    return Lender(loan, person.phone, party_id=person.party_id, **said)


def _amounts(loan: str) -> tuple[str, str, str]:
    """The amounts of a loan's instalments, all different."""
    base = 100 + int(loan[-1])
    return f"{base}.00", f"{base + 20}.00", f"{base + 40}.00"
