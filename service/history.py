"""A loan's history, folded: facts in any order give the same deadlines, payments and coverage.

What a single fact says is kept with the version of its event, and the greater version wins. What follows from several
facts (which deadline is open, what a payment covers) is never incremented: `derive` works it out anew from all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from service import delegations
from service.covering import Covering, lasts
from service.delinquency import is_cured
from service.facts import (
    CollectionPaused,
    CollectionResumed,
    DeadlineClosed,
    DeadlineOpened,
    DeadlinesClosed,
    Kind,
    LoanChange,
    LoanCured,
    LoanFact,
    OverdueStated,
    PaymentReceived,
    PaymentReversed,
    PlanAgreed,
    PlanBroken,
    Version,
    VisitDecided,
    VisitMoved,
    VisitScheduled,
    version_time,
)
from service.loan_rows import Closing, Deadline, DeadlineKey, Payment
from service.money import Money, currency_digits
from service.notices import anchor_of
from service.pauses import PauseWord
from service.plans import PlanWord, breach, endings
from service.visits import Visit
from service.zones import in_utc, local_date

_PLAN, _INSTALMENT, _PROMISE = Kind.PLAN_INSTALMENT.value, Kind.INSTALMENT.value, Kind.PROMISE_TO_PAY.value
_VISIT = Kind.VISIT_APPOINTMENT.value
_HOME_ZONE = "Asia/Shanghai"  #: of a loan that names none


@dataclass(slots=True)
class LoanHistory:
    """Everything known of one loan. `fields` holds product, currency, timezone, borrower_id, method, account_last4."""

    loan_id: str
    fields: dict[str, str] = field(default_factory=dict)
    set_by: dict[str, Version] = field(default_factory=dict)
    closings: set[Closing] = field(default_factory=set)
    pauses: set[PauseWord] = field(default_factory=set)
    plans: set[PlanWord] = field(default_factory=set)
    cured_by: Version | None = None
    deadlines: dict[DeadlineKey, Deadline] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)

    def absorb(self, changes: Iterable[LoanChange], *, plan_from: datetime | None = None) -> None:
        """Takes in the facts of one event; call `derive` when all are in. `plan_from` is set for a backfilled event."""
        for change in changes:
            _ABSORB[type(change)](self, change)
            place = _opened_by(change)
            if plan_from is not None and place is not None and self.deadline(*place).set_by == change.version:
                self.deadline(*place).plan_from = plan_from

    def deadline(self, kind: str, ref: str) -> Deadline:
        """The deadline, or a stub that waits for it."""
        return self.deadlines.get((kind, ref)) or self.deadlines.setdefault((str(kind), ref), Deadline(str(kind), ref))

    def payment(self, payment_id: str) -> Payment:
        """The payment, or a stub that waits for it."""
        return self.payments.get(payment_id) or self.payments.setdefault(payment_id, Payment(payment_id))

    def derive(self, tolerance: Decimal = Decimal(0)) -> None:
        """Works out what each payment covers and which deadlines are open; `tolerance` as in service.pauses.PromiseTerms."""
        self.deadlines = {key: deadline for key, deadline in self.deadlines.items() if deadline.says_something}
        ends = {key: self._end_of(deadline) for key, deadline in self.deadlines.items()}
        covering = Covering(self.deadlines, ends, self.plans)
        covering.cover(self.payments.values())
        if self.plans:
            covering.pass_on_what_was_stated()
        delegations.fulfil(covering, self.payments.values())
        over = self._over()
        for key, deadline in self.deadlines.items():
            if deadline.kind == _PROMISE and deadline.set_by:
                deadline.paid = self._paid_since(version_time(deadline.set_by))
            deadline.state, deadline.reason = _standing(deadline, ends.get(key), over, tolerance)
        delegations.follow(covering)
        settled = self._over("settled") if self.visits else None
        for visit in self.visits.values():
            self._derive_visit(visit, ends, settled)

    @property
    def is_unscheduled(self) -> bool:
        """Whether the plan in force was broken and nobody has said since what is owed now."""
        broken = breach(self.plans)
        if broken is None or self._over():
            return False
        return not any(d.kind == _INSTALMENT and (d.set_by or "") > broken.version for d in self.deadlines.values())

    def _end_of(self, deadline: Deadline) -> Closing | None:
        """The first closing after the event that set the deadline; a settlement is judged apart, after the payments."""
        if deadline.set_by is None or not (self.closings or self.plans or deadline.closed_by):
            return None
        ends = [c for c in self.closings if c.kind == deadline.kind and c.version > deadline.set_by]
        for version, reason in endings(self.plans, deadline.kind, deadline.request_id):
            if version > deadline.set_by:
                ends.append(Closing(deadline.kind, version, reason))
        if deadline.closed_by and deadline.closed_by > deadline.set_by:
            ends.append(Closing(deadline.kind, deadline.closed_by, deadline.closed_because or "closed"))
        return min(ends, key=lambda c: c.version, default=None)

    def _over(self, why: str | None = None) -> Closing | None:
        """The newest closing of the whole loan, or the newest for one reason; a settlement is none if money was taken back after it."""
        taken_back = max((p.reversed_by for p in self.payments.values() if p.reversed_by and p.set_by), default="")
        whole = (c for c in self.closings if c.kind is None and (c.reason == "written_off" or c.version > taken_back))
        return max((c for c in whole if why in {None, c.reason}), key=lambda c: c.version, default=None)

    def _derive_visit(self, visit: Visit, ends: dict[DeadlineKey, Closing | None], settled: Closing | None) -> None:
        """A visit that is only spoken of waits as a stub; one with an appointment knows how late the loan was at its event."""
        appointment = self.deadlines.get((_VISIT, visit.visit_id))
        if appointment is not None and appointment.set_by:
            late = self._days_past_due(version_time(appointment.set_by), ends, settled)
            self.visits[visit.visit_id] = replace(visit, days_past_due=late)
        elif visit.moved_by:
            self.deadline(_VISIT, visit.visit_id)

    def _days_past_due(self, at: datetime, ends: dict[DeadlineKey, Closing | None], settled: Closing | None) -> int | None:
        """Of the oldest instalment that was not paid at an instant; None: no instalment is known."""
        ages = (
            self._age(deadline, at, ends.get(key), settled)
            for key, deadline in self.deadlines.items()
            if deadline.kind in {_INSTALMENT, _PLAN}
        )
        return max((age for age in ages if age is not None), default=None)

    def _age(self, deadline: Deadline, at: datetime, end: Closing | None, settled: Closing | None) -> int | None:
        """Days since the day of an instalment, in the loan's zone; 0 where it was over or paid; a write-off ends no debt."""
        zone = self.fields.get("timezone", _HOME_ZONE)
        if deadline.due_on is None:
            if deadline.stated_dpd is None or deadline.stated_by is None:
                return None
            return deadline.stated_dpd + (local_date(at, zone) - local_date(version_time(deadline.stated_by), zone)).days
        over = settled if settled and settled.version > (deadline.set_by or "") else None
        if not (lasts(end, at) and lasts(over, at)) or self._was_cured(deadline, at, zone):
            return 0
        paid = sum(
            amount for p in self.payments.values() if p.paid_at and p.paid_at <= at
            for kind, ref, amount in p.covered if (kind, ref) == (deadline.kind, deadline.ref)
        )  # fmt: skip
        return max((local_date(at, zone) - deadline.due_on).days, 0) if deadline.amount is None or paid < deadline.amount else 0

    def _was_cured(self, deadline: Deadline, at: datetime, zone: str) -> bool:
        """Whether upstream had said, after the day and after its last word on it, that nothing is past due."""
        if self.cured_by is None or version_time(self.cured_by) > at:
            return False
        return is_cured(deadline.due_on, deadline.stated_by, self.cured_by, zone)

    def _paid_since(self, at: datetime) -> int:
        """All the money that was paid from an instant on, whatever it covers."""
        return sum(p.amount or 0 for p in self.payments.values() if p.counts and p.paid_at and p.paid_at >= at)


def _standing(deadline: Deadline, end: Closing | None, over: Closing | None, tolerance: Decimal) -> tuple[str, str | None]:
    if deadline.set_by is None:
        return "stub", None
    if end is not None:
        return "closed", end.reason
    if (
        deadline.kind == _PROMISE
        and deadline.paid
        and deadline.left <= tolerance.scaleb(currency_digits(deadline.currency or ""))
    ):
        return "closed", "kept"
    if deadline.amount is not None and deadline.amount <= deadline.paid:
        return "closed", "paid"
    if over is not None and over.version > deadline.set_by:
        return "closed", over.reason
    return "open", None


# ---------------------------------------------------------------- what each fact does


def _absorb_loan(history: LoanHistory, fact: LoanFact) -> None:
    for name in ("product", "currency", "timezone", "borrower_id", "method", "account_last4"):
        value = getattr(fact, name)
        if value is not None and fact.version > history.set_by.get(name, ""):
            history.fields[name], history.set_by[name] = value, fact.version


def _absorb_opened(history: LoanHistory, fact: DeadlineOpened) -> None:
    deadline = history.deadline(fact.kind, fact.ref)
    if fact.kind is Kind.PROMISE_TO_PAY and fact.due_on:
        history.pauses.add(PauseWord(fact.version, "promised", fact.ref, fact.due_on.isoformat()))
    if fact.version <= (deadline.set_by or ""):
        return
    deadline.set_by, deadline.due_on, deadline.due_at = fact.version, fact.due_on, fact.due_at
    deadline.amount, deadline.currency = _minor(fact.amount)
    deadline.request_id, deadline.payer_id, deadline.for_ref = fact.request_id, fact.payer_id, fact.for_ref
    # what should have gone before a visit had its time has no point
    deadline.plan_from = version_time(fact.version) if fact.kind is Kind.VISIT_APPOINTMENT else None
    deadline.anchor = anchor_of(fact.due_on, fact.due_at)


def _absorb_closed(history: LoanHistory, fact: DeadlineClosed) -> None:
    deadline = history.deadline(fact.kind, fact.ref)
    if fact.version > (deadline.closed_by or ""):
        deadline.closed_by, deadline.closed_because = fact.version, fact.reason


def _absorb_all_closed(history: LoanHistory, fact: DeadlinesClosed) -> None:
    history.closings.add(Closing(fact.kind.value if fact.kind else None, fact.version, fact.reason))


def _absorb_received(history: LoanHistory, fact: PaymentReceived) -> None:
    payment = history.payment(fact.payment_id)
    if fact.version <= (payment.set_by or ""):
        return
    payment.set_by, payment.paid_at, payment.method, payment.payer_id = fact.version, fact.paid_at, fact.method, fact.payer_id
    payment.amount, payment.currency = _minor(fact.amount)
    payment.ref = fact.ref
    payment.covers = tuple((ref, money.minor) for ref, money in fact.covers) if fact.covers is not None else None


def _absorb_reversed(history: LoanHistory, fact: PaymentReversed) -> None:
    payment = history.payment(fact.payment_id)
    payment.reversed_by = max(fact.version, payment.reversed_by or "")


def _absorb_stated(history: LoanHistory, fact: OverdueStated) -> None:
    deadline = history.deadline(Kind.INSTALMENT, fact.ref)
    if fact.version > (deadline.stated_by or ""):
        deadline.stated_by, deadline.stated, deadline.stated_dpd = fact.version, fact.amount_due.minor, fact.days_past_due


def _absorb_cured(history: LoanHistory, fact: LoanCured) -> None:
    history.cured_by = max(fact.version, history.cured_by or "")


def _absorb_agreed(history: LoanHistory, fact: PlanAgreed) -> None:
    history.plans.add(PlanWord(fact.version, fact.request_id, "agreed"))


def _absorb_broken(history: LoanHistory, fact: PlanBroken) -> None:
    history.plans.add(PlanWord(fact.version, fact.request_id, "broken"))


def _absorb_paused(history: LoanHistory, fact: CollectionPaused) -> None:
    until = in_utc(fact.until).isoformat() if fact.until else None
    history.pauses.add(PauseWord(fact.version, "paused", fact.reason, until))


def _absorb_resumed(history: LoanHistory, fact: CollectionResumed) -> None:
    history.pauses.add(PauseWord(fact.version, "resumed", fact.reason))


def _absorb_visit(history: LoanHistory, fact: VisitDecided | VisitScheduled | VisitMoved) -> None:
    known = history.visits.get(fact.visit_id) or Visit(fact.visit_id)
    visit = history.visits[fact.visit_id] = known.after(fact)
    opening = visit.opening(history.loan_id)
    if opening is not None:
        _absorb_opened(history, opening)


def _opened_by(change: LoanChange) -> DeadlineKey | None:
    """The deadline that a fact opens or moves."""
    if isinstance(change, DeadlineOpened):
        return change.kind, change.ref
    return (_VISIT, change.visit_id) if isinstance(change, VisitScheduled | VisitMoved) else None


def _minor(money: Money | None) -> tuple[int | None, str | None]:
    return (money.minor, money.currency) if money else (None, None)


_ABSORB: dict[type, Callable[[LoanHistory, Any], None]] = {
    LoanFact: _absorb_loan,
    DeadlineOpened: _absorb_opened,
    DeadlineClosed: _absorb_closed,
    DeadlinesClosed: _absorb_all_closed,
    PaymentReceived: _absorb_received,
    PaymentReversed: _absorb_reversed,
    OverdueStated: _absorb_stated,
    LoanCured: _absorb_cured,
    CollectionPaused: _absorb_paused,
    CollectionResumed: _absorb_resumed,
    PlanAgreed: _absorb_agreed,
    PlanBroken: _absorb_broken,
    VisitDecided: _absorb_visit,
    VisitScheduled: _absorb_visit,
    VisitMoved: _absorb_visit,
}
