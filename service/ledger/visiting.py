"""Visits: what else has been said of one, the refusal of one that may not be announced, and forgetting its code."""

from collections.abc import Iterable
from typing import Final

from service.ledger.engine import Transaction
from service.ledger.notices import STEP, STOPPABLE
from service.ledger.statement import INSTANT, INT, TEXT, Rows, Statement

_OF_ONE_VISIT: Final = "a.loan_id = n.loan_id AND a.kind = n.kind AND a.ref = n.ref AND a.stage IS NULL AND a.purpose = 'visit'"
#: Of a notice (a): it was handed over, and what became of that is not still to be found out.
_SAID: Final = "a.handed_at IS NOT NULL AND a.state <> 'sending' AND (a.state <> 'unknown' OR a.reason = 'cannot_tell')"
#: Of a claimed stage (n), or of a visit called off: whether it was announced (yes; not by us, so yes), may be soon, or never was.
ANNOUNCED: Final = f"""
    CASE WHEN n.kind = 'visit_appointment' AND (n.stage IS NOT NULL OR n.template = 'visit_cancelled') THEN (
        SELECT CASE WHEN count(*) = 0 OR max(CASE WHEN {_SAID} THEN 1 ELSE 0 END) = 1 THEN 'yes'
            WHEN max(CASE WHEN a.state IN ('planned', 'held', 'sending', 'unknown') THEN 1 ELSE 0 END) = 1 THEN 'soon' ELSE 'never' END
        FROM notices a WHERE {_OF_ONE_VISIT}) END
"""
#: Of any text about a visit: the sealed values of its announcement, which says who comes and by which code they are known.
ANNOUNCEMENT: Final = f"""
    CASE WHEN n.kind = 'visit_appointment' THEN (
        SELECT a.context FROM notices a WHERE {_OF_ONE_VISIT} AND a.context IS NOT NULL ORDER BY a.event_time DESC, a.key LIMIT 1) END
"""

#: Makes of a version the one that follows it: no event's can lie between them.
RIGHT_BEHIND: Final = "\x1f"
Refused = tuple[str, str, str]  #: loan, visit, reason
_VISITS = Rows(loan_id=TEXT, ref=TEXT, reason=TEXT)

#: Closes a visit as if an event had come right behind the one that set its time; a later one opens it again.
CLOSE = Statement(
    """
    UPDATE deadlines SET state = 'closed', reason = v.reason, closed_by = deadlines.set_by || :right_behind, closed_because = v.reason
    FROM {v} WHERE deadlines.loan_id = v.loan_id AND deadlines.kind = 'visit_appointment' AND deadlines.ref = v.ref
    AND deadlines.state = 'open' RETURNING deadlines.loan_id, deadlines.ref
    """,
    v=_VISITS,
    right_behind=TEXT,
)

#: Ends what else asks about a visit that was refused: its other announcements, and the stages of its ladder.
END = Statement(
    f"""
    UPDATE notices SET state = CASE WHEN notices.stage IS NULL THEN 'suppressed' ELSE 'cancelled' END, reason = v.reason,
        seq = notices.seq + 1
    FROM {{v}} WHERE notices.loan_id = v.loan_id AND notices.kind = 'visit_appointment' AND notices.ref = v.ref
    AND notices.asks AND {STOPPABLE} {STEP}
    """,
    v=_VISITS,
)

#: Forgets who was to come and the code, of visits whose time is past.
FORGET = Statement(
    """
    UPDATE notices SET context = NULL FROM (
        SELECT n.key, n.key_month FROM deadlines d
        JOIN notices n ON n.loan_id = d.loan_id AND n.kind = d.kind AND n.ref = d.ref
        WHERE d.kind = 'visit_appointment' AND d.due_at <= :before AND d.due_at > :after
        AND n.purpose = 'visit' AND n.context IS NOT NULL ORDER BY n.key LIMIT :n) AS past
    WHERE notices.key = past.key AND notices.key_month = past.key_month
    """,
    before=INSTANT,
    after=INSTANT,
    n=INT,
)


async def close(tx: Transaction, refused: Iterable[Refused]) -> set[tuple[str, str]]:
    """Closes visits whose loans are locked; gives loan and visit of those it closed."""
    rows = await tx.rows(CLOSE, v=sorted(refused), right_behind=RIGHT_BEHIND)
    return {(row.loan_id, row.ref) for row in rows}
