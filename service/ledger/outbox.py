"""The outbox: every step of every notice, alerts, and what else upstream is told; the timeline reads it, the publisher empties it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.ledger.engine import Transaction
from service.ledger.statement import INSTANT, INT, TEXT, Rows, Statement

_ADD = Statement(
    """
    INSERT INTO outbox (type, key, loan_id, seq, state, reason, rule, data, at, published_at)
    SELECT s.type, s.key, s.loan_id, s.seq, s.state, s.reason, s.rule, s.data, s.at, s.published_at FROM {s} ORDER BY s.key, s.seq
    """,
    s=Rows(type=TEXT, key=TEXT, loan_id=TEXT, seq=INT, state=TEXT, reason=TEXT, rule=TEXT, data=TEXT, at=INSTANT, published_at=INSTANT),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A notice has come to a state."""

    key: str
    loan_id: str | None
    seq: int
    state: str
    reason: str | None
    at: datetime
    rule: str | None = None


def step_of(row: Any, at: datetime) -> Step:
    """The step that a changed row of notices has taken."""
    return Step(row.key, row.loan_id, row.seq, row.state, row.reason, at)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something ops must know; `about` holds no personal data."""

    alert: str
    about: dict[str, str | int]
    at: datetime
    loan_id: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Something upstream must know that is no step of a notice; `about` holds no personal data."""

    type: str  #: as operation.answered
    about: Mapping[str, object]
    at: datetime
    loan_id: str | None = None


def states_of(steps: Iterable[Step | Alert | Told]) -> Iterator[tuple[str, str | None]]:
    """State and reason of each step that a notice took."""
    return ((step.state, step.reason) for step in steps if isinstance(step, Step))


#: States that upstream is not told: they are nobody's business but the timeline's.
_OURS = frozenset({"planned", "sending"})


async def record(tx: Transaction, steps: Sequence[Step | Alert | Told]) -> None:
    """Appends steps, alerts and what else upstream is told."""
    if steps:
        await tx.run(_ADD, s=[_row(step) for step in steps])


def _row(step: Step | Alert | Told) -> tuple[object, ...]:
    if isinstance(step, Told):
        data = json.dumps(step.about, sort_keys=True)
        return (step.type, None, step.loan_id, None, None, None, None, data, step.at, None)
    if isinstance(step, Alert):
        data = json.dumps({"alert": step.alert, **step.about}, sort_keys=True)
        return ("alert.raised", None, step.loan_id, None, None, None, None, data, step.at, None)
    done = step.at if step.state in _OURS else None
    return (f"notice.{step.state}", step.key, step.loan_id, step.seq, step.state, step.reason, step.rule, None, step.at, done)


#: The oldest status events nobody has published, with what upstream is told of the notice.
UNPUBLISHED = Statement(
    """
    SELECT outbox.id, outbox.type, outbox.key, outbox.loan_id, outbox.seq, outbox.state, outbox.reason, outbox.data, outbox.at,
        notices.template, notices.channel, notices.purpose, notices.role,
        CASE WHEN notices.role = 'borrower' THEN COALESCE(notices.party_id, loans.borrower_id) ELSE notices.party_id END AS party_id,
        notices.caused_by
    FROM outbox LEFT JOIN notices ON notices.key = outbox.key LEFT JOIN loans ON loans.loan_id = notices.loan_id
    WHERE outbox.published_at IS NULL ORDER BY outbox.id LIMIT :n
    """,
    returns={"at": INSTANT},
    n=INT,
)

AFTER = Statement(
    UNPUBLISHED.sql.replace(
        "outbox.published_at IS NULL",
        "outbox.id > :after AND (outbox.state IS NULL OR outbox.state NOT IN ('planned', 'sending'))",
    ),
    returns={"at": INSTANT},
    n=INT,
    after=INT,
)

PUBLISHED = Statement(
    "UPDATE outbox SET published_at = :now FROM {ids} WHERE outbox.id = ids.id",
    ids=Rows(id=INT),
    now=INSTANT,
)
