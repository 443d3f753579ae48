"""What a batch of events did to its loans, as rows for the statements that end, revive and free notices. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service import addressing
from service.events import Event
from service.facts import LoanChange, LoanFact, NoticeGiven
from service.ledger import loans
from service.loan_rows import Deadline


@dataclass(slots=True)
class Effects:
    """What a batch did to deadlines: rows for the statements of service/ledger/notices.py."""

    ended: list[tuple[str, str, str, str | None, str]] = field(default_factory=list)
    reopened: list[tuple[str, str, str, str]] = field(default_factory=list)
    reworded: list[tuple[str, str, str, str | None, str]] = field(default_factory=list)
    explained: set[str] = field(default_factory=set)
    replan: set[str] = field(default_factory=set)
    borrowers: set[str] = field(default_factory=set)
    repaused: set[str] = field(default_factory=set)


def effects_of(loaded: Mapping[str, loans.Loaded], planned: set[str]) -> Effects:
    """Compares the loans as they were read and as they are now; on `planned` notices may speak of other deadlines than before."""
    standing = list(addressing.standing(planned, loaded))
    over: list[tuple[str, str, str, str | None, str]] = [(*row[:3], None, row.closed) for row in standing if row.closed]
    effects = Effects(
        ended=over.copy(),
        reworded=over.copy(),
        reopened=[(*row[:3], row.anchor) for row in standing if row.anchor and not row.closed],
    )
    for loan_id, entry in loaded.items():
        for deadline in entry.history.deadlines.values():
            was = entry.was(deadline.kind, deadline.ref)
            if was != (deadline.state, deadline.reason, deadline.anchor):
                _note_change(effects, loan_id, deadline, was)
        if any(p.set_by and p.reversed_by and not entry.knew(p.payment_id) for p in entry.history.payments.values()):
            effects.explained.add(loan_id)
        if entry.pauses_before and entry.history.pauses != entry.pauses_before:
            effects.repaused.add(loan_id)
        if entry.history.visits != entry.visits_before:
            effects.explained.add(loan_id)
        fields, old = entry.history.fields, entry.fields_before
        if any(fields.get(name) != old.get(name) for name in ("method", "product", "borrower_id")):
            effects.replan.add(loan_id)
        if fields.get("borrower_id") != old.get("borrower_id"):
            effects.borrowers.add(fields["borrower_id"])
    return effects


def _note_change(effects: Effects, loan_id: str, d: Deadline, was: tuple[str, str | None, str | None] | None) -> None:
    """What follows from a deadline's new state, reason or anchor."""
    before = None if was is None else was[0]
    if before in {None, "stub"}:
        effects.explained.add(loan_id)
    if d.state == "closed":
        effects.ended.append((loan_id, d.kind, d.ref, None, d.reason or "closed"))
        if before == "closed":
            effects.reworded.append(effects.ended[-1])
    elif d.state == "open" and d.anchor is not None:
        effects.replan.add(loan_id)
        if before is not None:
            effects.ended.append((loan_id, d.kind, d.ref, d.anchor, "moved"))
            effects.reopened.append((loan_id, d.kind, d.ref, d.anchor))


def with_details(events: Iterable[Event]) -> set[str]:
    """The loans whose deadlines and payments a batch touches or speaks of."""
    return {
        event.loan_id
        for event in events
        if event.loan_id
        and any(
            fact.kind is not None or fact.payment_id is not None
            if isinstance(fact, NoticeGiven)
            else isinstance(fact, LoanChange) and not isinstance(fact, LoanFact)
            for fact in event.facts
        )
    }


def already_closed(events: Iterable[Event], loaded: Mapping[str, loans.Loaded]) -> list[tuple[str, str, str, str | None, str]]:
    """Deadlines that were closed before a notice that speaks of them came."""
    return [
        (event.loan_id, fact.kind.value, fact.ref, None, deadline.reason or "closed")
        for event in events
        if event.loan_id
        for fact in event.facts
        if isinstance(fact, NoticeGiven) and fact.kind and fact.ref
        if (deadline := loaded[event.loan_id].history.deadlines.get((fact.kind.value, fact.ref))) and deadline.state == "closed"
    ]


def taken_back(events: Iterable[Event], loaded: Mapping[str, loans.Loaded]) -> list[tuple[str, str]]:
    """Payments these events speak of whose money was taken back."""
    spoken = {
        (event.loan_id, payment_id)
        for event in events
        if event.loan_id
        for fact in event.facts
        if (payment_id := getattr(fact, "payment_id", None))
    }
    return sorted(
        (loan_id, payment_id)
        for loan_id, payment_id in spoken
        if (payment := loaded[loan_id].history.payments.get(payment_id)) and payment.reversed_by
    )
