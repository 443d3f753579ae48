"""Which deadline and which person the notices of a batch are about, where only the loan's other facts tell. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from service.events import Event
from service.facts import Kind, NoticeGiven
from service.ledger.loans import Loaded
from service.ledger.outbox import Alert
from service.notices import NoticeKey, event_key
from service.plans import spans

_OWED = frozenset({Kind.INSTALMENT.value, Kind.PLAN_INSTALMENT.value})


class Standing(NamedTuple):
    """How one deadline stands; `closed` is why it is over, if it is."""

    loan_id: str
    kind: str
    ref: str
    anchor: str | None
    closed: str | None


def with_plans(events: Iterable[Event], loaded: Mapping[str, Loaded]) -> set[str]:
    """The loans on which an instalment's number of some notice may mean another one now: a plan was agreed, broken or is there."""
    new = {loan_id for loan_id, entry in loaded.items() if entry.history.plans and entry.has_new_plan}
    return new | {
        loan_id for loan_id, kind, _ in _spoken_of(events) if kind == Kind.INSTALMENT and loaded[loan_id].history.plans
    }


def aims(loan_ids: Iterable[str], loaded: Mapping[str, Loaded]) -> list[tuple[str, str, datetime, datetime]]:
    """For event notices of these loans: (loan, kind of the deadline they speak of, from, until which event time)."""
    return [(loan_id, *span) for loan_id in sorted(loan_ids) for span in spans(loaded[loan_id].history.plans)]


def standing(loan_ids: Iterable[str], loaded: Mapping[str, Loaded]) -> Iterator[Standing]:
    """Everything owed on these loans."""
    for loan_id in sorted(loan_ids):
        for deadline in loaded[loan_id].history.deadlines.values():
            if deadline.kind in _OWED and deadline.state != "stub":
                closed = (deadline.reason or "closed") if deadline.state == "closed" else None
                yield Standing(loan_id, deadline.kind, deadline.ref, deadline.anchor, closed)


def payers(events: Iterable[Event], loaded: Mapping[str, Loaded]) -> list[tuple[str, str, str]]:
    """Whom the delegations that a batch speaks of ask: (loan, delegation, party), as far as it is known."""
    delegations = {(loan_id, ref) for loan_id, kind, ref in _spoken_of(events) if kind == Kind.DELEGATION}
    return sorted(
        (loan_id, ref, deadline.payer_id)
        for loan_id, ref in delegations
        if (deadline := loaded[loan_id].history.deadlines.get((Kind.DELEGATION.value, ref))) and deadline.payer_id
    )


def refusals(events: Iterable[Event]) -> Iterator[tuple[NoticeKey, str, NoticeGiven]]:
    """The notices of a batch that must not go, with the reason."""
    for event in events:
        for fact in event.facts:
            if isinstance(fact, NoticeGiven) and fact.refused and not event.mode_backfill:
                yield event_key(event.source, event.id, event.time, fact.template, fact.role), fact.refused, fact


def alert_of(key: NoticeKey, reason: str, fact: NoticeGiven, now: datetime) -> Alert:
    """What ops are told of a notice that must not go."""
    return Alert(reason, {"template": fact.template, "key": key.key}, now, fact.loan_id)


def _spoken_of(events: Iterable[Event]) -> Iterator[tuple[str, Kind, str]]:
    """Each deadline that a notice of a batch speaks of: (loan, kind, ref)."""
    for event in events:
        for fact in event.facts:
            if isinstance(fact, NoticeGiven) and fact.loan_id and fact.kind and fact.ref:
                yield fact.loan_id, fact.kind, fact.ref
