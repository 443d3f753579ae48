"""What payments cover, and which instalment a number meant: the loan's own, or that of a plan in force. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from service.facts import Kind, version_time
from service.loan_rows import Closing, Deadline, DeadlineKey, Payment
from service.plans import PlanWord, in_force

_PLAN, _INSTALMENT = Kind.PLAN_INSTALMENT.value, Kind.INSTALMENT.value


@dataclass(frozen=True, slots=True)
class Covering:
    """A loan's deadlines with what ended each of them, and the words about its plans. It makes stubs where it must."""

    deadlines: dict[DeadlineKey, Deadline]
    ends: Mapping[DeadlineKey, Closing | None]
    plans: Collection[PlanWord]

    def deadline(self, kind: str, ref: str) -> Deadline:
        """The deadline, or a stub that waits for it."""
        return self.deadlines.setdefault((kind, ref), Deadline(kind, ref))

    def cover(self, payments: Iterable[Payment]) -> None:
        """Gives each payment to what it is for, in the order in which they were made."""
        for deadline in self.deadlines.values():
            deadline.paid = 0
        for payment in in_order(payments):
            payment.covered = self._covered_by(payment) if payment.counts else ()
            for kind, ref, amount in payment.covered:
                self.deadline(kind, ref).paid += amount

    def meant(self, ref: str, at: datetime | None) -> Deadline | None:
        """What an instalment's number meant at a moment: the loan's own, or under a plan the plan's.

        Under a plan a later schedule counts too; and nothing is meant by the number of a plan that another one took the place of.
        """
        if at is None or not in_force(self.plans, at):
            return self.deadline(_INSTALMENT, ref)
        stood = [d for kind in (_PLAN, _INSTALMENT) if (d := self.deadlines.get((kind, ref))) and self.stood(d, at)]
        if stood:
            return max(stood, key=lambda d: d.set_by or "")
        plan = self.deadline(_PLAN, ref)
        return None if plan.set_by and version_time(plan.set_by) > at else plan

    def pass_on_what_was_stated(self) -> None:
        """What upstream states of an instalment under a plan is about the plan's; it is kept with the loan's own number."""
        for plan in [d for d in self.deadlines.values() if d.kind == _PLAN and d.set_by]:
            said = self.deadlines.get((_INSTALMENT, plan.ref))
            about = self.meant(plan.ref, version_time(said.stated_by)) if said and said.stated_by else None
            told = said if said and about is plan else Deadline(_PLAN, plan.ref)
            plan.stated, plan.stated_by, plan.stated_dpd = told.stated, told.stated_by, told.stated_dpd

    def _covered_by(self, payment: Payment) -> tuple[tuple[str, str, int], ...]:
        """What a payment covers: what it says exactly, the one instalment it names, or the oldest open first."""
        at = payment.paid_at
        if payment.covers is not None:
            meant = [(self.meant(ref, at), ref, amount) for ref, amount in payment.covers]
            return tuple((target.kind, ref, amount) for target, ref, amount in meant if target)
        if payment.ref is not None:
            target = self.meant(payment.ref, at)
            return _filled(payment.amount or 0, [target] if target else [])
        return _filled(payment.amount or 0, self._candidates(at))

    def _candidates(self, at: datetime | None) -> list[Deadline]:
        """The deadlines that a payment made at a moment may go to, oldest first: those that had not been replaced by then."""
        if at is not None and in_force(self.plans, at):
            found = [d for d in self.deadlines.values() if d.kind in {_PLAN, _INSTALMENT} and self.stood(d, at)]
        else:
            found = [d for d in self.deadlines.values() if d.kind == _INSTALMENT and d.set_by and self._lasted(d, at)]
        return sorted((d for d in found if d.left), key=lambda d: (d.due_on or date.max, natural(d.ref)))

    def stood(self, d: Deadline, at: datetime) -> bool:
        """Whether it was there at a moment: told of by then, and not ended."""
        return d.set_by is not None and version_time(d.set_by) <= at and self._lasted(d, at)

    def _lasted(self, d: Deadline, at: datetime | None) -> bool:
        return lasts(self.ends.get((d.kind, d.ref)), at)


def lasts(end: Closing | None, at: datetime | None) -> bool:
    """Whether a deadline with this end was still there at a moment."""
    return end is None or at is None or at < version_time(end.version)


def in_order(payments: Iterable[Payment]) -> list[Payment]:
    """Payments as they were made."""
    return sorted(payments, key=lambda p: (p.paid_at is None, p.paid_at, p.set_by or "", p.payment_id))


def natural(ref: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts instalment 2 before instalment 10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", ref) if part)


def _filled(amount: int, candidates: list[Deadline]) -> tuple[tuple[str, str, int], ...]:
    covered = []
    for deadline in candidates:
        part = min(amount, deadline.left)
        if part:
            covered.append((deadline.kind, deadline.ref, part))
            amount -= part
    return tuple(covered)
