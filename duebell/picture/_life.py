"""What is drawn of a loan: marks at moments and spans between two, each in its lane, with the words that explain it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from consumers._decode import Event, decode
from duebell.simulation import Simulation
from service.facts import version_time
from service.history import LoanHistory
from service.ledger import Transaction, loans, reading
from service.loan_rows import Deadline, Payment
from service.money import Money
from service.pauses import PauseWord
from service.reasons import REASONS
from service.zones import end_of_day, local_instant

UPSTREAM: Final = "upstream"
PAYMENTS: Final = "payments"
DUE: Final = "due"
PAUSES: Final = "pauses"
NOT_SENT: Final = "not sent"
_GONE: Final = frozenset({"sent", "delivered", "undelivered"})
_OVERDUE: Final = frozenset({"instalment", "plan_instalment"})  #: what days past due are counted of
_MIDNIGHT: Final = datetime.min.time()


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a moment.

    Attributes:
        at: aware, UTC.
        shape: what became of it; see `_shapes.py`.
        tone: its colour, by purpose or kind.
        label: a few words beside it.
        since: from when it was in the making: a text that was held, a debt that was overdue.
        told: (name, value) pairs that explain it.
        text: what the borrower read.
    """

    at: datetime
    lane: str
    shape: str
    tone: str
    label: str
    since: datetime | None = None
    told: tuple[tuple[str, str | datetime], ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """A loan with everything that is drawn of it, in time order."""

    loan_id: str
    marks: tuple[Mark, ...]


async def lives(simulation: Simulation, zone: str, until: datetime) -> list[Life]:
    """Every loan of a simulation; days are those of `zone`, what is still open stays so until the aware `until`."""
    told = await simulation.told()
    async with simulation.ledger.transaction() as tx:
        ids = [row.loan_id for row in await tx.rows(reading.LOANS)]
        loaded = await loans.lock(tx, ids, until)
        await loans.load_details(tx, loaded, set(ids))
        found = []
        for loan_id in ids:
            history = loaded[loan_id].history
            marks = [
                *await _said(tx, simulation, loan_id),
                *_payments(history.payments.values()),
                *_dues(history, zone, until),
                *_pauses(history, zone, until),
                *(await _alerts(tx, loan_id)),
                *await _notices(tx, [(row, line) for row, line in told if row.loan_id == loan_id]),
            ]
            found.append(Life(loan_id, tuple(sorted(marks, key=lambda mark: mark.at))))
    return found


async def _said(tx: Transaction, simulation: Simulation, loan_id: str) -> list[Mark]:
    """What upstream said, but for payments, which have a lane of their own."""
    marks = []
    for row in await tx.rows(reading.EVENTS, loan=loan_id):
        event = decode(simulation.engine.vault.decrypt(row.payload)) if row.payload else None
        if not isinstance(event, Event) or event.type in {"loan.repayment.received", "loan.repayment.reversed"}:
            continue
        late = row.received_at if row.received_at > event.time else None
        told: list[tuple[str, str | datetime]] = [("event", event.type), *([("happened", event.time)] if late else [])]
        label = event.type.removeprefix("loan.")
        marks.append(Mark(late or event.time, UPSTREAM, "said", "said", label, event.time if late else None, tuple(told)))
    return marks


def _payments(payments: Iterable[Payment]) -> Iterator[Mark]:
    """The money as it came, and as it went back."""
    for payment in payments:
        if payment.paid_at is None:
            continue
        amount = _money(payment.amount, payment.currency)
        covered = ", ".join(f"{kind} {ref}: {_money(part, payment.currency)}" for kind, ref, part in payment.covered)
        told = (
            ("payment", payment.payment_id), ("amount", amount), ("method", payment.method or ""), ("covers", covered or "nothing"),
        )  # fmt: skip
        yield Mark(payment.paid_at, PAYMENTS, "paid", "paid", amount, told=told)
        if payment.reversed_by:
            back = version_time(payment.reversed_by)
            yield Mark(back, PAYMENTS, "taken_back", "paid", f"{amount} back", payment.paid_at, told)


def _dues(history: LoanHistory, zone: str, until: datetime) -> Iterator[Mark]:
    """What is due by the end, at the start of its day or at its instant, and the time for which money was overdue."""
    for deadline in history.deadlines.values():
        due = _due(deadline, zone)
        if due is None or due[0] > until:
            continue
        start, end = due
        amount = _money(deadline.amount, deadline.currency) if deadline.amount else ""
        name = f"{deadline.kind.replace('_', ' ')} {deadline.ref}"
        state = deadline.state + (f": {deadline.reason}" if deadline.reason else "")
        told = tuple((what, value) for what, value in (("deadline", name), ("amount", amount), ("became", state)) if value)
        yield Mark(start, DUE, "due", deadline.state, f"{name} {amount}".strip(), told=told)
        over = _closed(deadline, history) or until
        if over > end and deadline.kind in _OVERDUE:
            days = (over - end).days + 1
            yield Mark(
                over, DUE, "overdue", "overdue", f"overdue {days} {'day' if days == 1 else 'days'}", since=end, told=told
            )


def _due(deadline: Deadline, zone: str) -> tuple[datetime, datetime] | None:
    """From when to when a deadline is due."""
    if deadline.due_on:
        return local_instant(deadline.due_on, _MIDNIGHT, zone), end_of_day(deadline.due_on, zone)
    return (deadline.due_at, deadline.due_at) if deadline.due_at else None


def _closed(deadline: Deadline, history: LoanHistory) -> datetime | None:
    """When a deadline was over: by the last payment for it, by its own closing, or by one of its kind."""
    if deadline.state != "closed":
        return None
    paid = [p.paid_at for p in history.payments.values() if p.paid_at and p.counts and _covers(p, deadline)]
    closings = [c.version for c in history.closings if c.kind in {None, deadline.kind} and c.version > (deadline.set_by or "")]
    words = [deadline.closed_by] if deadline.closed_by else closings
    if deadline.reason == "paid" and paid:
        return max(paid)
    return version_time(min(words)) if words else None


def _covers(payment: Payment, deadline: Deadline) -> bool:
    return any((kind, ref) == (deadline.kind, deadline.ref) for kind, ref, _ in payment.covered)


def _pauses(history: LoanHistory, zone: str, until: datetime) -> Iterator[Mark]:
    """Spans in which collection keeps silent."""
    words = sorted(history.pauses, key=lambda word: word.version)
    for word in words:
        if word.said == "resumed":
            continue
        begun, over = version_time(word.version), _resumed(word, words, zone) or until
        what = "promise" if word.said == "promised" else "pause"
        told = ((what, word.about or ""), ("from", begun), ("until", over if over < until else "further notice"))
        yield Mark(over, PAUSES, "pause", "pause", f"{what} {word.about or ''}".strip(), since=begun, told=told)


def _resumed(pause: PauseWord, words: Sequence[PauseWord], zone: str) -> datetime | None:
    """When a pause ended: by itself, or by the first later word that ends it."""
    ends = [
        version_time(word.version)
        for word in words
        if word.said == "resumed"
        and pause.said == "paused"
        and word.version > pause.version
        and word.about in {None, pause.about}
    ]
    if pause.until and pause.said == "paused":
        ends.append(datetime.fromisoformat(pause.until))
    elif pause.until:
        ends.append(end_of_day(datetime.fromisoformat(pause.until).date() + timedelta(days=1), zone))
    return min(ends, default=None)


async def _alerts(tx: Transaction, loan_id: str) -> list[Mark]:
    """Word to ops."""
    marks = []
    for row in await tx.rows(reading.WORDS):
        if row.loan_id == loan_id:
            data = json.loads(row.data)
            told = tuple((name, str(value)) for name, value in data.items())
            marks.append(Mark(row.at, UPSTREAM, "alert", "alert", data.get("alert", row.type), told=told))
    return marks


async def _notices(tx: Transaction, told: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Mark]:
    """Every notice: where it went, or where it ended."""
    held: dict[str, list[Any]] = {}
    for row in await tx.rows(reading.HELD):
        held.setdefault(row.key, []).append(row)
    return [_notice(row, line, held.get(row.key, [])) for row, line in told]


def _notice(row: Any, line: Mapping[str, Any], held: Sequence[Any]) -> Mark:
    went = row.state in _GONE
    details: list[tuple[str, str | datetime]] = [
        ("template", row.template),
        ("to", f"{row.role} {row.party_id or ''}".strip()),
        ("purpose", row.purpose),
    ]
    details.append(("became", row.state + (f": {row.reason}" if row.reason else "")))
    if row.reason:
        details.append(("because", REASONS[row.reason]))
    if held:
        details += [("held since", held[0].at), ("held for", ", ".join(dict.fromkeys(step.reason for step in held)))]
    if row.ref:
        details.append(("about", f"{row.kind} {row.ref}"))
    details.append(("key", row.key))
    return Mark(
        datetime.fromisoformat(line["at"]),
        f"texts to the {row.role}" if went else NOT_SENT,
        row.state,
        row.purpose,
        row.template,
        held[0].at if held else None,
        tuple(details),
        line["body"],
    )


def _money(minor: int | None, currency: str | None) -> str:
    return "" if minor is None else f"{Money(minor, currency or 'CNY').amount:,} {currency or 'CNY'}"
