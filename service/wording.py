"""What a text is told: the facts as they are now, under the names docs/templates.md lists; to a payer only a few. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import orjson

from service.delinquency import is_cured
from service.facts import Role, version_time
from service.money import Money
from service.notices import Purpose
from service.zones import local_date

#: All that a text to a payer may hold: what is asked, until when, by whom, under which agreement, and what became of it. Nothing
#: of the loan, of its instalments or of how late they are, and no words that others wrote.
PAYER_IS_TOLD: Final = frozenset({"role", "brand", "asker", "agreement_no", "amount", "due_at", "paid_at"})


@dataclass(frozen=True, slots=True)
class PaymentTold:
    """A payment as a text names it."""

    amount: Money
    paid_at: datetime
    method: str


@dataclass(frozen=True, slots=True)
class Around:
    """Rows about the same loan: what a payment leaves open and what comes next; what is overdue, and the last payment."""

    open_by_key: Mapping[tuple[str, str, str], Any]
    next_by_loan: Mapping[str, Any]
    overdue_by_loan: Mapping[str, Sequence[Any]]
    last_payment: Mapping[str, str]
    borrowers: Mapping[str, bytes] = field(default_factory=dict)  #: encrypted names, where payers are asked

    def older_open(self, row: Any) -> bool:
        """Whether an older deadline of the same kind on the loan is open past its day."""
        if not row.due_on:
            return False
        return any(other.kind == row.kind and other.due_on < row.due_on for other in self.overdue(row))

    def overdue(self, row: Any) -> Sequence[Any]:
        """What is past its day on the loan of a row, without what upstream said is not."""
        found = self.overdue_by_loan.get(row.loan_id, ())
        if not row.cured_by:
            return found
        return [other for other in found if not is_cured(other.due_on, other.stated_by, row.cured_by, row.zone)]


def values_of(row: Any, own: Mapping[str, object], around: Around, now: datetime) -> dict[str, object]:
    """The values of a claimed notice; what is not known is left out."""
    today = local_date(now, row.zone)
    values: dict[str, object] = {}
    if row.deadline_set_by is not None:
        values |= _about_deadline(row, today)
    if row.payment_set_by is not None:
        values |= _about_payment(row, around)
    if row.purpose == Purpose.COLLECTION:
        values |= _about_overdue(row, around)
    return told_to(row.role, {**values, **{name: value for name, value in own.items() if not _past(name, value, now)}})


def told_to(role: Role, values: Mapping[str, object]) -> dict[str, object]:
    """Of these values those that this role may be told."""
    return {name: value for name, value in values.items() if role == "borrower" or name in PAYER_IS_TOLD}


def masked(name: str) -> str:
    """A name that those who know the person recognise and others do not: 王小雨 as 王**, Anna Schmidt as A*** S***."""
    words = name.split()
    if name.isascii() or len(words) > 1:
        return " ".join(f"{word[0]}***" for word in words)
    return name[0] + "*" * min(len(name) - 1, 3)


def _past(name: str, value: object, now: datetime) -> bool:
    """A moment that was to come and has come meanwhile is not announced any more."""
    return name == "next_attempt_at" and isinstance(value, datetime) and value <= now


def _about_deadline(row: Any, today: date) -> dict[str, object]:
    values: dict[str, object] = {"ref": row.ref, "method": row.method or "manual"}
    if row.account_last4:
        values["account_last4"] = row.account_last4
    if row.due_on is not None:
        days = (row.due_on - today).days
        values |= {"due_on": row.due_on, "days_until": days, "days_past_due": max(-days, 0)}
    if row.due_at is not None:
        values["due_at"] = row.due_at
    if row.amount is not None:
        values |= {"amount": Money(row.amount, row.currency), "open": Money(max(row.amount - row.paid, 0), row.currency)}
        if row.paid > 0:
            values["paid"] = Money(row.paid, row.currency)
    return values


def _about_payment(row: Any, around: Around) -> dict[str, object]:
    values: dict[str, object] = {
        "payment": PaymentTold(Money(row.payment_amount, row.payment_currency), row.paid_at, row.payment_method)
    }
    covered = [around.open_by_key.get((row.loan_id, kind, ref)) for kind, ref, _ in orjson.loads(row.covered or "[]")]
    left = sum(other.amount - other.paid for other in covered if other is not None)
    if left > 0:
        values["left"] = Money(left, row.payment_currency)
    coming = around.next_by_loan.get(row.loan_id)
    if coming is not None:
        values |= {"next_due_on": coming.due_on, "next_amount": Money(coming.amount - coming.paid, coming.currency)}
    return values


def _about_overdue(row: Any, around: Around) -> dict[str, object]:
    """The whole overdue sum: upstream's own figures where they are newer than the last payment, else what is open."""
    overdue = around.overdue(row)
    paid = around.last_payment.get(row.loan_id, "")
    fresh = [other for other in overdue if other.stated is not None and other.stated_by > paid]
    if overdue and len(fresh) == len(overdue):
        stated_at = version_time(min(other.stated_by for other in fresh))
        return {
            "overdue_total": Money(sum(other.stated for other in fresh), row.currency or "CNY"),
            "stated_on": local_date(stated_at, row.zone),
        }
    total = sum(max(other.amount - other.paid, 0) for other in overdue)
    return {"overdue_total": Money(total, row.currency or "CNY")}
