"""Questions: operations that wait for the borrower's answer by text; each gets one answer, which may be that none came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.facts import AnswerAwaited
from service.ledger.engine import Transaction
from service.ledger.notices import STEP, STOPPABLE
from service.ledger.outbox import Told
from service.ledger.statement import BYTES, INSTANT, INT, TEXT, Rows, Statement

ASKING = "operation_reply"  #: the template that asks
_ANSWERED = "RETURNING questions.loan_id, questions.operation_id, questions.answer"

#: Asked again, the newer event says how long; what has been answered stays answered.
ADD = Statement(
    """
    INSERT INTO questions (loan_id, operation_id, expires_at, set_by)
    SELECT q.loan_id, q.operation_id, q.expires_at, q.set_by FROM {q} {where_true}
    ON CONFLICT (loan_id, operation_id) DO UPDATE SET expires_at = excluded.expires_at, set_by = excluded.set_by
    WHERE excluded.set_by > questions.set_by AND questions.answer IS NULL
    """,
    q=Rows(loan_id=TEXT, operation_id=TEXT, expires_at=INSTANT, set_by=TEXT),
)

#: Ends the texts that ask what has been answered meanwhile.
END_ASKING = Statement(
    f"""
    UPDATE notices SET state = 'cancelled', reason = 'answered', seq = notices.seq + 1 FROM {{q}}
    WHERE notices.loan_id = q.loan_id AND notices.ref = q.operation_id AND notices.template = '{ASKING}' AND {STOPPABLE}
    AND EXISTS (SELECT 1 FROM questions o WHERE o.loan_id = q.loan_id AND o.operation_id = q.operation_id AND o.answer IS NOT NULL)
    {STEP}
    """,
    q=Rows(loan_id=TEXT, operation_id=TEXT),
)

#: The open questions that went to these numbers, by the moment they went, the last one first.
OPEN = Statement(
    """
    SELECT k.phone_key, q.loan_id, q.operation_id, a.at FROM {k}
    JOIN parties p ON p.phone_key = k.phone_key
    JOIN loans l ON l.borrower_id = p.party_id
    JOIN questions q ON q.loan_id = l.loan_id AND q.answer IS NULL AND q.expires_at > :now
    JOIN notices n ON n.loan_id = q.loan_id AND n.ref = q.operation_id AND n.template = 'operation_reply'
    JOIN attempts a ON a.key = n.key AND a.phone_key = k.phone_key AND (a.outcome IS NULL OR a.outcome IN ('accepted', 'unknown'))
    ORDER BY a.at DESC, q.loan_id, q.operation_id
    """,
    returns={"at": INSTANT},
    k=Rows(phone_key=BYTES),
    now=INSTANT,
)

ANSWER = Statement(
    f"""
    UPDATE questions SET answer = a.answer, answered_at = :now FROM {{a}}
    WHERE questions.loan_id = a.loan_id AND questions.operation_id = a.operation_id
    AND questions.answer IS NULL AND questions.expires_at > :now {_ANSWERED}
    """,
    a=Rows(loan_id=TEXT, operation_id=TEXT, answer=TEXT),
    now=INSTANT,
)

#: No answer is an answer, too.
EXPIRE = Statement(
    f"""
    WITH late AS MATERIALIZED (
        SELECT loan_id, operation_id FROM questions WHERE answer IS NULL AND expires_at <= :now
        ORDER BY expires_at, loan_id, operation_id LIMIT :n {{skip_locked}}
    )
    UPDATE questions SET answer = 'expired', answered_at = :now
    FROM late
    WHERE questions.loan_id = late.loan_id AND questions.operation_id = late.operation_id {_ANSWERED}
    """,
    now=INSTANT,
    n=INT,
)


async def ask(tx: Transaction, awaited: Sequence[AnswerAwaited]) -> Sequence[Any]:
    """Opens questions; gives the notices that this ends, because the question was answered before."""
    newest = {(f.loan_id, f.operation_id): f for f in sorted(awaited, key=lambda f: f.version)}
    await tx.run(ADD, q=[(*key, newest[key].until, newest[key].version) for key in sorted(newest)])
    return await tx.rows(END_ASKING, q=sorted(newest))


def told(row: Any, now: datetime) -> Told:
    """What upstream hears of an answered question."""
    about = {"loan_id": row.loan_id, "operation_id": row.operation_id, "answer": row.answer}
    return Told("operation.answered", about, now, row.loan_id)
