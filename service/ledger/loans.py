"""Loans with their deadlines and payments: read under the loan's lock, folded by service/history.py, written back where changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from service.history import LoanHistory
from service.ledger.engine import Transaction
from service.ledger.statement import BOOL, DATE, INSTANT, INT, TEXT, Rows, Statement
from service.loan_rows import Closing, Deadline, Payment
from service.pauses import PauseWord, words_in
from service.pauses import as_json as pauses_json
from service.plans import words_in as plan_words_in
from service.visits import Visit, visits_in
from service.visits import as_json as visits_json

_FIELDS = ("product", "currency", "timezone", "borrower_id", "method", "account_last4")
_IDS = Rows(loan_id=TEXT)

ADD = Statement(
    "INSERT INTO loans (loan_id, created_at) SELECT ids.loan_id, :now FROM {ids} {where_true} ON CONFLICT DO NOTHING",
    ids=_IDS,
    now=INSTANT,
)

LOCK = Statement(
    """
    SELECT loans.loan_id, product, currency, timezone, borrower_id, method, account_last4, set_by, closings, pauses, visits, plans,
        cured_by, unscheduled_since
    FROM loans JOIN {ids} ON loans.loan_id = ids.loan_id ORDER BY loans.loan_id {for_update}
    """,
    returns={"unscheduled_since": INSTANT},
    ids=_IDS,
)

_DEADLINE = Rows(
    loan_id=TEXT, kind=TEXT, ref=TEXT, due_on=DATE, due_at=INSTANT, amount=INT, currency=TEXT, set_by=TEXT, closed_by=TEXT,
    closed_because=TEXT, stated=INT, stated_by=TEXT, stated_dpd=INT, request_id=TEXT, payer_id=TEXT, for_ref=TEXT,
    plan_from=INSTANT,
    anchor=TEXT, paid=INT, state=TEXT, reason=TEXT,
)  # fmt: skip
_PAYMENT = Rows(
    loan_id=TEXT, payment_id=TEXT, amount=INT, currency=TEXT, paid_at=INSTANT, method=TEXT, payer_id=TEXT, ref=TEXT, covers=TEXT,
    set_by=TEXT, reversed_by=TEXT, covered=TEXT,
)  # fmt: skip


def _columns(rows: Rows, prefix: str = "") -> str:
    return ", ".join(prefix + column for column in rows.columns)


DEADLINES = Statement(
    f"SELECT {_columns(_DEADLINE, 'deadlines.')} FROM deadlines JOIN {{ids}} ON deadlines.loan_id = ids.loan_id",
    returns=_DEADLINE.columns,
    ids=_IDS,
)
PAYMENTS = Statement(
    f"SELECT {_columns(_PAYMENT, 'payments.')} FROM payments JOIN {{ids}} ON payments.loan_id = ids.loan_id",
    returns=_PAYMENT.columns,
    ids=_IDS,
)

SAVE_LOANS = Statement(
    """
    UPDATE loans SET product = l.product, currency = l.currency, timezone = l.timezone, borrower_id = l.borrower_id,
        method = l.method, account_last4 = l.account_last4, set_by = l.set_by, closings = l.closings, pauses = l.pauses,
        visits = l.visits, plans = l.plans, cured_by = l.cured_by, unscheduled_since = l.unscheduled_since,
        unscheduled_told = loans.unscheduled_told AND l.unscheduled_since IS NOT NULL, replan = loans.replan OR l.replan
    FROM {l} WHERE loans.loan_id = l.loan_id
    """,
    l=Rows(
        loan_id=TEXT, product=TEXT, currency=TEXT, timezone=TEXT, borrower_id=TEXT, method=TEXT, account_last4=TEXT, set_by=TEXT,
        closings=TEXT, pauses=TEXT, visits=TEXT, plans=TEXT, cured_by=TEXT, unscheduled_since=INSTANT, replan=BOOL,
    ),
)  # fmt: skip


def _upsert(table: str, rows: Rows, keys: Sequence[str], stamp: str) -> Statement:
    """INSERT … ON CONFLICT DO UPDATE of whole rows; `stamp` is set at the insert only."""
    changed = ", ".join(f"{column} = excluded.{column}" for column in rows.columns if column not in keys)
    return Statement(
        f"INSERT INTO {table} ({_columns(rows)}, {stamp}) SELECT {_columns(rows, 'r.')}, :now FROM {{r}} {{where_true}} "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}",
        r=rows,
        now=INSTANT,
    )


SAVE_DEADLINES = _upsert("deadlines", _DEADLINE, ("loan_id", "kind", "ref"), "created_at")
#: What payments change of a deadline, which is most of what changes.
SAVE_PAID = Statement(
    """
    UPDATE deadlines SET paid = r.paid, state = r.state, reason = r.reason FROM {r}
    WHERE deadlines.loan_id = r.loan_id AND deadlines.kind = r.kind AND deadlines.ref = r.ref
    """,
    r=Rows(loan_id=TEXT, kind=TEXT, ref=TEXT, paid=INT, state=TEXT, reason=TEXT),
)
SAVE_PAYMENTS = _upsert("payments", _PAYMENT, ("loan_id", "payment_id"), "recorded_at")
DROP_STUBS = Statement(
    """
    DELETE FROM deadlines WHERE (loan_id, kind, ref) IN (SELECT r.loan_id, r.kind, r.ref FROM {r}) AND state = 'stub'
    """,
    r=Rows(loan_id=TEXT, kind=TEXT, ref=TEXT),
)


@dataclass(slots=True)
class Loaded:
    """A history as it was read, with what is needed to see what changed."""

    history: LoanHistory
    loan: tuple[Any, ...]
    deadlines: dict[tuple[str, str], tuple[Any, ...]]
    payments: dict[str, tuple[Any, ...]]
    unscheduled_since: datetime | None = None

    def was(self, kind: str, ref: str) -> tuple[str, str | None, str | None] | None:
        """State, reason and anchor of a deadline as they were read; None where it was not there."""
        cells = self.deadlines.get((kind, ref))
        return None if cells is None else (cells[_STATE], cells[_REASON], cells[_ANCHOR])

    def knew(self, payment_id: str) -> bool:
        """Whether the payment itself, not only its reversal, had been read."""
        return payment_id in self.payments and self.payments[payment_id][_SET_BY] is not None

    @property
    def fields_before(self) -> dict[str, str]:
        """What was known of the loan itself."""
        fields: dict[str, str] = self.loan[0]
        return fields

    @property
    def pauses_before(self) -> set[PauseWord]:
        """The words about pauses that had been read."""
        words: set[PauseWord] = self.loan[3]
        return words

    @property
    def visits_before(self) -> dict[str, Visit]:
        """The visits as they had been read."""
        visits: dict[str, Visit] = self.loan[4]
        return visits

    @property
    def has_new_plan(self) -> bool:
        """Whether a plan was agreed or broken since the loan was read."""
        return bool(self.history.plans != self.loan[5])


async def lock(tx: Transaction, loan_ids: Iterable[str], now: datetime) -> dict[str, Loaded]:
    """The loans without their deadlines and payments, locked in order of their ids; unknown ones are made."""
    ids = [(loan_id,) for loan_id in sorted(set(loan_ids))]
    if not ids:
        return {}
    await tx.run(ADD, ids=ids, now=now)
    found = {}
    for row in await tx.rows(LOCK, ids=ids):
        history = _history(row)
        found[row.loan_id] = Loaded(history, _of_loan(history), {}, {}, row.unscheduled_since)
    return found


async def load_details(tx: Transaction, loaded: Mapping[str, Loaded], loan_ids: Iterable[str]) -> None:
    """Reads deadlines and payments of these locked loans into their histories."""
    ids = [(loan_id,) for loan_id in sorted(loan_ids)]
    if not ids:
        return
    for row in await tx.rows(DEADLINES, ids=ids):
        entry, cells = loaded[row.loan_id], row[1:]
        key = cells[:2]
        entry.history.deadlines[key] = Deadline(*cells)
        entry.deadlines[key] = cells
    for row in await tx.rows(PAYMENTS, ids=ids):
        entry, payment = loaded[row.loan_id], _payment(row[1:])
        entry.history.payments[payment.payment_id] = payment
        entry.payments[payment.payment_id] = _of_payment(payment)


async def save(tx: Transaction, loaded: Mapping[str, Loaded], replan: set[str], now: datetime) -> None:
    """Writes what changed, in the order loans, deadlines, payments, each by key."""
    entries = sorted(loaded.items())
    loan_rows = [
        (*_loan_row(e.history), _unscheduled_since(e, now), i in replan)
        for i, e in entries
        if i in replan or _of_loan(e.history) != e.loan or _unscheduled_since(e, now) != e.unscheduled_since
    ]
    whole, paid = _changed_deadlines(entries)
    gone = [(i, *key) for i, e in entries for key in sorted(e.deadlines.keys() - e.history.deadlines.keys())]
    payments = [
        _payment_row(i, p)
        for i, e in entries
        for key, p in sorted(e.history.payments.items())
        if _of_payment(p) != e.payments.get(key)
    ]
    if loan_rows:
        await tx.run(SAVE_LOANS, l=loan_rows)
    if whole:
        await tx.run(SAVE_DEADLINES, r=whole, now=now)
    if paid:
        await tx.run(SAVE_PAID, r=paid)
    if gone:
        await tx.run(DROP_STUBS, r=gone)
    if payments:
        await tx.run(SAVE_PAYMENTS, r=payments, now=now)


def _changed_deadlines(entries: Iterable[tuple[str, Loaded]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows to write whole, and rows of which only what payments change is new."""
    whole, paid = [], []
    for loan_id, entry in entries:
        for key, deadline in sorted(entry.history.deadlines.items()):
            cells, old = _of_deadline(deadline), entry.deadlines.get(key)
            if cells == old:
                continue
            if old is not None and cells[:_PAID] == old[:_PAID]:
                paid.append((loan_id, *key, *cells[_PAID:]))
            else:
                whole.append((loan_id, *cells))
    return whole, paid


#: What is stored of a deadline, in the order of its columns, which is that of its fields.
_of_deadline = attrgetter(*(name for name in _DEADLINE.columns if name != "loan_id"))
_of_payment = attrgetter(*(name for name in _PAYMENT.columns if name != "loan_id"))


def _of_loan(history: LoanHistory) -> tuple[Any, ...]:
    """What is stored of a loan, as a value to compare."""
    return (
        dict(history.fields),
        dict(history.set_by),
        set(history.closings),
        set(history.pauses),
        dict(history.visits),
        set(history.plans),
        history.cured_by,
    )


def _unscheduled_since(entry: Loaded, now: datetime) -> datetime | None:
    """Since when we wait for a schedule after a broken plan, if we do; known only where deadlines were read."""
    if not entry.history.plans or not entry.history.deadlines:
        return entry.unscheduled_since
    return (entry.unscheduled_since or now) if entry.history.is_unscheduled else None


def _history(row: Any) -> LoanHistory:
    return LoanHistory(
        row.loan_id,
        fields={name: value for name in _FIELDS if (value := getattr(row, name)) is not None},
        set_by=_from_json(row.set_by),
        closings={Closing(*closing) for closing in _from_json(row.closings)},
        pauses=set(words_in(row.pauses)),
        visits=dict(visits_in(row.visits)),
        plans=set(plan_words_in(row.plans)),
        cured_by=row.cured_by,
    )


def _loan_row(history: LoanHistory) -> tuple[Any, ...]:
    closings = sorted(([c.kind, c.version, c.reason] for c in history.closings), key=lambda c: (c[1], c[0] or ""))
    fields = (history.fields.get(name) for name in _FIELDS)
    pauses, visits = pauses_json(history.pauses), visits_json(history.visits.values())
    plans = _to_json(sorted([w.version, w.request_id, w.word] for w in history.plans))
    said = (_to_json(history.set_by), _to_json(closings), pauses, visits, plans)
    return (history.loan_id, *fields, *said, history.cured_by)


def _payment(cells: Sequence[Any]) -> Payment:
    payment = Payment(*cells)
    if cells[_COVERS] is not None:
        payment.covers = tuple((ref, amount) for ref, amount in _from_json(cells[_COVERS]))
    payment.covered = tuple((kind, ref, amount) for kind, ref, amount in _from_json(cells[_COVERED]))
    return payment


_from_json = orjson.loads


def _to_json(value: Any) -> str:
    """JSON whose text depends on nothing but the value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


#: Places of columns behind the loan's id; paid, state and reason are the last three.
_PAID, _STATE, _REASON, _ANCHOR = (list(_DEADLINE.columns).index(name) - 1 for name in ("paid", "state", "reason", "anchor"))
_COVERS, _COVERED, _SET_BY = (list(_PAYMENT.columns).index(name) - 1 for name in ("covers", "covered", "set_by"))


def _payment_row(loan_id: str, p: Payment) -> tuple[Any, ...]:
    covers = None if p.covers is None else _to_json(p.covers)
    return (
        loan_id, p.payment_id, p.amount, p.currency, p.paid_at, p.method, p.payer_id, p.ref, covers, p.set_by, p.reversed_by,
        _to_json(p.covered),
    )  # fmt: skip
