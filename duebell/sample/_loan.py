"""A loan while its story is told: its schedule, and the events that have happened to it so far."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from duebell.sample._people import Borrower
from service.zones import local_instant, zone


def decimal(minor: int) -> str:
    """An amount in hundredths, as the contract writes it."""
    return f"{minor // 100}.{minor % 100:02d}"


@dataclass(slots=True)
class Due:
    """An instalment of the story; `amount` in hundredths."""

    no: int
    on: date
    amount: int

    @property
    def said(self) -> dict[str, Any]:
        """As an event says it."""
        return {"no": self.no, "due_on": self.on.isoformat(), "amount": decimal(self.amount)}


@dataclass(slots=True)
class Loan:
    """One borrower's loan and what has been said of it, as (time, event)."""

    who: Borrower
    seed: int
    rng: Random
    schedule: list[Due] = field(default_factory=list)
    events: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    payments: int = 0

    @property
    def loan_id(self) -> str:
        """Unique among the loans of one seed."""
        return f"L{self.seed}-{self.who.index:07d}"

    def chance(self, percent: int) -> bool:
        """Whether something happens that does so many times in a hundred."""
        return self.rng.randrange(100) < percent

    def at(self, day: date, hour: int, minute: int | None = None) -> datetime:
        """An instant of the borrower's day; some minute of the hour where none is given."""
        minute = self.rng.randrange(60) if minute is None else minute
        return local_instant(day, time(hour, minute, self.rng.randrange(60)), self.who.zone).astimezone(zone(self.who.zone))

    def tell(self, kind: str, when: datetime, *, subject: str | None = None, **data: Any) -> None:
        """Adds an event; whatever is None is left out."""
        about = {"loan_id": self.loan_id, "currency": self.who.currency} if subject is None else {}
        event = {
            "specversion": "1.0",
            "id": f"{self.seed}-{self.who.index}-{len(self.events)}",
            "source": "urn:sample:lender",
            "type": kind,
            "subject": subject or self.loan_id,
            "time": when.isoformat(),
            "datacontenttype": "application/json",
            "data": about | {name: value for name, value in data.items() if value is not None},
        }
        self.events.append((when, event))

    def pay(self, when: datetime, amount: int, *, method: str, **covers: Any) -> str:
        """A payment, in hundredths; its id."""
        self.payments += 1
        payment_id = f"{self.loan_id}-PAY{self.payments:02d}"
        self.tell(
            "loan.repayment.received",
            when,
            payment_id=payment_id,
            amount=decimal(amount),
            paid_at=when.isoformat(),
            method=method,
            **covers,
        )
        return payment_id


def monthly(first: date, amounts: list[int]) -> list[Due]:
    """One instalment a month, numbered from one; the day of the month is at most the 28th."""
    dues = []
    for i, amount in enumerate(amounts):
        month = first.month - 1 + i
        dues.append(Due(i + 1, date(first.year + month // 12, month % 12 + 1, min(first.day, 28)), amount))
    return dues


def later(day: date, days: int) -> date:
    """A day some days on."""
    return day + timedelta(days=days)
